"""A whole model becomes one legacy `.h5` file for Keras 3, and for Keras 2.15 where it has words for the model."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import h5py
import numpy as np

from .keras2_json import in_keras_2, without_idle_arguments
from .keras_json import to_keras_json
from .optimizer_state import OptimizerState, array_names, to_arrays
from .spec import ModelSpec, StoreNode, StoreVariable

_ATTRIBUTE_LIMIT = 64512  # HDF5 keeps attributes in the object header, which holds 64 KB
_BACKEND = "numpy"
_SHORT_NAMES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
}


def legacy_bytes(spec: ModelSpec, root: StoreNode, optimizer: OptimizerState | None, keras_version: str) -> bytes:
    """The bytes of a whole-model file.

    Args:
        spec: the architecture, with `compile` if the model is compiled.
        root: the arrays.
        optimizer: what the optimizer remembers, or None.
        keras_version: the version whose layout this is.
    """
    entry = to_keras_json(spec)
    training = entry.pop("compile_config", None)
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = keras_version, _BACKEND
        file.attrs["model_config"] = json.dumps(in_keras_2(entry) or _without_modules(entry))
        if training is not None:
            described = training.pop("optimizer", None) or {}
            training = {key: _in_full(value) for key, value in training.items()}
            config = without_idle_arguments(described.get("config") or {})
            training["optimizer_config"] = {"class_name": described.get("class_name"), "config": config}
            file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs["backend"], group.attrs["keras_version"] = _BACKEND, keras_version
        _write_layers(group, spec, root)
        if optimizer is not None:
            _write_optimizer(file, spec, root, optimizer)
    return content.getvalue()


def _in_full(value: Any) -> Any:
    """Losses and metrics by their full names: Keras 3 does not know the short ones in this layout."""
    if isinstance(value, str):
        return _SHORT_NAMES.get(value.lower(), value)
    if isinstance(value, list):
        return [_in_full(item) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _in_full(item) for key, item in value.items()}
    return value


def _without_modules(entry: dict[str, Any]) -> dict[str, Any]:
    """Legacy configs name Keras's own layers by class alone, in the model and in models inside it."""
    kept = {key: value for key, value in entry.items() if key != "build_config"}
    module = str(entry.get("module"))
    if module in ("keras", "keras.layers") or module.startswith("keras.src.models"):
        kept = {key: value for key, value in kept.items() if key not in ("module", "registered_name")}
    config = kept["config"]
    if entry["class_name"] in ("Sequential", "Functional"):
        kept["config"] = {**config, "layers": [_without_modules(layer) for layer in config["layers"]]}
    return kept


def _write_layers(group: h5py.Group, spec: ModelSpec, root: StoreNode) -> None:
    paths = variable_paths(spec, root)
    nodes = {part.name: part for part in root.parts()}
    names = [
        layer.name
        for layer in spec.layers
        if not layer.class_name.startswith("ops.")
        and (spec.class_name == "Functional" or layer.class_name != "InputLayer")
    ]
    _write_names(group, "layer_names", names)
    for name in sorted(names):
        place = group.create_group(name)
        variables = sorted(nodes[name].flat(), key=lambda variable: not variable.trainable) if name in nodes else []
        _write_arrays(
            place, [paths[id(variable)] for variable in variables], [_value(variable) for variable in variables]
        )
    _write_arrays(group.create_group("top_level_model_weights"), [], [])


def _value(variable: StoreVariable) -> np.ndarray:
    if variable.value is None:
        raise ValueError(f"Variable '{variable.name}' has no value to write.")
    return variable.value


def _write_optimizer(file: h5py.File, spec: ModelSpec, root: StoreNode, state: OptimizerState) -> None:
    paths = variable_paths(spec, root)
    trainable = [paths[id(variable)] for variable in root.flat() if variable.trainable]
    config = optimizer_config(spec)
    names, arrays = array_names(state, config, trainable), to_arrays(state, config, len(trainable))
    _write_arrays(file.create_group("optimizer_weights"), names, arrays)


def optimizer_config(spec: ModelSpec) -> dict[str, Any]:
    """The config of the optimizer that a model was compiled with; empty where there is none."""
    described = (spec.compile or {}).get("optimizer")
    return dict(described.get("config") or {}) if isinstance(described, dict) else {}


def _write_arrays(group: h5py.Group, names: Sequence[str], arrays: Sequence[np.ndarray]) -> None:
    _write_names(group, "weight_names", list(names))
    for name, array in zip(names, arrays, strict=True):
        group.create_dataset(name, data=np.asarray(array))


def _write_names(group: h5py.Group, attribute: str, names: list[str]) -> None:
    """One attribute, or as many numbered ones as it takes to stay below HDF5's limit."""
    if not names:
        group.attrs[attribute] = np.zeros(0)
        return
    array = np.asarray([name.encode() for name in names])
    count = -(-array.nbytes // _ATTRIBUTE_LIMIT)
    if count == 1:
        group.attrs[attribute] = array
        return
    while any(part.nbytes > _ATTRIBUTE_LIMIT for part in np.array_split(array, count)):
        count += 1
    for number, part in enumerate(np.array_split(array, count)):
        group.attrs[f"{attribute}{number}"] = part


def variable_paths(spec: ModelSpec, root: StoreNode) -> dict[int, str]:
    """id of a variable -> its path in Keras 3: model/layer/cell/kernel (a Functional model's name is left out)."""
    taken: set[str] = set()
    paths: dict[int, str] = {}

    def walk(node: StoreNode, prefix: str) -> Iterator[tuple[StoreVariable, str]]:
        for variable in node.variables:
            yield variable, f"{prefix}{variable.name.rpartition('/')[2]}"
        for part in node.parts():
            yield from walk(part, f"{prefix}{part.name}/")

    for variable, path in walk(root, f"{spec.name}/" if spec.class_name == "Sequential" else ""):
        if id(variable) in paths:
            continue
        number = 1
        unique = path
        while unique in taken:
            unique = f"{path}_{number}"
            number += 1
        taken.add(unique)
        paths[id(variable)] = unique
    return paths
