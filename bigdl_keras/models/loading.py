"""Files become models and models become files; what a file holds is read by `saving`, built here."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from bigdl_keras import losses, metrics, optimizers, registry, saving
from bigdl_keras.layers.base import Layer
from bigdl_keras.models.model import FILE_FUNCTIONS, Model
from bigdl_keras.models.runtime import Spec
from bigdl_keras.models.sequential import Sequential
from bigdl_keras.models.spec import model_from_spec, operations, refused_layers, spec_of
from bigdl_keras.parameters import Variable


def known_layers(custom_objects: Mapping[str, Any] | None = None) -> set[str]:
    """Class names that a file may contain."""
    return {
        *registry.names("layer"),
        *registry.custom_names(),
        *(custom_objects or {}),
        "Sequential",
        "Functional",
        "Model",
        *(f"ops.{name}" for name in operations()),
    }


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """A model from a whole-model file of any Keras: `.keras`, or `.h5` of Keras 1.2, 2 and 3.

    Args:
        filepath: the file; a local path, or a URI (hdfs://, s3://, gs://, file://, dbfs:/...).
        custom_objects: the user's layers, losses and functions by name.
        compile: also restore optimizer, loss, metrics and the optimizer's state, where the file has them.
        safe_mode: refuse Lambda layers with Python bytecode in the file. Bytecode is never executed.

    Returns:
        The model, compiled if the file says how.

    Raises:
        ValueError: no such file, a damaged one, or one with layers that are not known; all gaps are listed.
    """
    with saving.fetched(filepath) as path:
        return _load(path, custom_objects, compile, safe_mode)


def _load(path: str, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Model:
    file = saving.read_file(path, known_layers=known_layers(custom_objects), safe_mode=safe_mode)
    if file.spec is None:
        raise ValueError(
            f"{path} holds weights only. Build the model (model_from_json or your own code), then "
            "call model.load_weights() on it."
        )
    with _building(f"The model in {path}"):
        model = _built(file.spec, custom_objects)
        store = Store(model)
    root = store.root
    _put(model, file.read_weights(root))
    _remember(model, store, file.original_layout(root), file.spec.version)
    if compile and file.spec.compile:
        with _building(f"What the model in {path} was compiled with"), registry.custom_objects(custom_objects or {}):
            _compile(model, file.spec.compile)
        state = file.read_optimizer(root)
        if state is not None:
            _put_optimizer(model, state)
    return model


def _built(spec: saving.ModelSpec, custom_objects: Mapping[str, Any] | None) -> Model:
    """The model of a spec; where layers refuse their arguments, one error tells of all that do."""
    try:
        return model_from_spec(spec, custom_objects)
    except (ValueError, TypeError) as error:
        problems = refused_layers(spec, custom_objects)
        if len(problems) < 2:
            raise
        told = "".join(f"\n  - {problem}" for problem in problems)
        raise ValueError(f"This {spec.version} model has layers that refuse their arguments:{told}") from error


@contextmanager
def _building(what: str) -> Iterator[None]:
    """Constructors do not foresee all that a damaged file may hand them: whatever goes wrong is told as a refusal."""
    try:
        yield
    except (ValueError, TypeError):
        raise
    except saving.DAMAGE as error:
        raise ValueError(
            f"{what} cannot be built: {type(error).__name__}: {error}. The file is damaged, or an argument in it is "
            "not what its layer expects."
        ) from error


def load_weights(
    model: Model, filepath: str | os.PathLike[str], by_name: bool = False, skip_mismatch: bool = False
) -> Any:
    """Fill a model's weights from a file of any Keras.

    Returns:
        A report of what was matched, skipped, missing and unused.
    """
    if not model.built:
        raise ValueError(
            f"The model '{model.name}' has no weights yet: give its first layer an Input, or call it on data, before "
            "load_weights()."
        )
    with saving.fetched(filepath) as path:
        file = saving.read_file(path)
        store = Store(model)
        _refuse_other_padding(model, file.version, filepath)
        report = file.read_weights(store.root, by_name=by_name, skip_mismatch=skip_mismatch)
        _put(model, report)
        if model._origin is not None and file.version.major < 3 and not (by_name or skip_mismatch):
            layout = file.original_layout(store.root)  # the file tells the backend, which JSON does not
            _remember(model, store, layout, file.version)
    return report


def _refuse_other_padding(model: Model, version: saving.Version, filepath: Any) -> None:
    """Keras 1's JSON does not tell its backend, and Theano pads some convolutions in its own way."""
    if (model._keras_version or "").startswith("1") and version.major == 1 and version.backend == "theano":
        names = saving.padded_otherwise_by_theano(spec_of(model))
        if names:
            raise ValueError(
                f"{filepath} was written by Keras on Theano, whose padding='same' differs for the layers {names}; "
                "model_from_json could not know. Give both files at once: Model.load_keras(json_path=..., "
                "hdf5_path=...), or load_model() on a whole-model file."
            )


def save(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write architecture, weights and training state as `.keras` (or legacy `.h5`)."""
    path = os.fspath(filepath)
    _refuse_overwriting(path, overwrite)
    if saving.without_query(path).endswith((".h5", ".hdf5")):
        write = saving.write_h5
    elif saving.without_query(path).endswith(".keras"):
        write = saving.write_keras
    else:
        raise ValueError(f"A model is saved to a file ending in '.keras' (or '.h5'). Received {path!r}.")
    store = Store(model)
    with saving.delivered(path) as place:
        write(place, spec_with_compile(model), store.root, _optimizer_state(model, store))


def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights alone as `.weights.h5`."""
    path = os.fspath(filepath)
    if not saving.without_query(path).endswith(".weights.h5"):
        raise ValueError(f"Weights are saved to a file ending in '.weights.h5'. Received {path!r}.")
    _refuse_overwriting(path, overwrite)
    store = Store(model)
    with saving.delivered(path) as place:
        saving.write_weights(place, store.root, _optimizer_state(model, store))


def export_onnx(model: Model, filepath: str | os.PathLike[str]) -> None:
    """See `Model.export_onnx`."""
    columns = [Spec(tensor.shape[1:], tensor.dtype, name)
               for tensor, name in zip(model.inputs, model._need_graph().input_names, strict=True)]
    program = model.runtime.predict_program(columns)
    names = [f"output_{name}" for name in model.output_names]
    with saving.delivered(filepath) as place:
        saving.write_onnx(place, program.plan, model.runtime.vector.values, model.name, names)


def _refuse_overwriting(path: str, overwrite: bool) -> None:
    if not overwrite and saving.exists(path):
        raise FileExistsError(f"{path} exists. Pass overwrite=True to replace it.")


def load_keras(
    json_path: str | os.PathLike[str] | None = None,
    hdf5_path: str | os.PathLike[str] | None = None,
    by_name: bool = False,
    custom_objects: Mapping[str, Any] | None = None,
) -> Model:
    """See `Model.load_keras`."""
    if json_path is None:
        if hdf5_path is None:
            raise ValueError("load_keras() needs a json_path, an hdf5_path, or both. Received neither.")
        return load_model(hdf5_path, custom_objects)
    model = model_beside(json_path, hdf5_path, custom_objects)
    if hdf5_path is not None:
        load_weights(model, hdf5_path, by_name)
    return model


def model_beside(
    json_path: str | os.PathLike[str],
    hdf5_path: str | os.PathLike[str] | None,
    custom_objects: Mapping[str, Any] | None = None,
) -> Model:
    """The model of a JSON file with fresh weights, built for the backend that the file of weights beside it names."""
    with saving.fetched(json_path) as path:
        text = saving.read_text(path)
    backend = None
    if hdf5_path is not None:
        with saving.fetched(hdf5_path) as path:
            backend = saving.read_file(path).version.backend
    with saving.reading(os.fspath(json_path)):
        return _from_json(text, custom_objects, backend)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model with fresh weights from what `to_json()` of any Keras wrote."""
    return _from_json(json_string, custom_objects, None)


def _from_json(json_string: str, custom_objects: Mapping[str, Any] | None, backend: str | None) -> Model:
    spec = saving.read_json(json_string, known_layers=known_layers(custom_objects), backend=backend)
    with _building("The model of this JSON"):
        model = _built(spec, custom_objects)
    if model.built:
        store = Store(model)
        _remember(model, store, saving.original_layout(store.root, spec.version), spec.version)
    return model


def spec_with_compile(model: Model) -> Any:
    """The architecture, and the arguments of `compile` where they are plain data."""
    spec = spec_of(model)
    if not model.compiled:
        return spec
    arguments = model._compile_arguments
    compiled = {
        "optimizer": optimizers.serialize(model.optimizer),
        "loss": _plain(arguments["loss"], losses.serialize),
        "loss_weights": arguments["loss_weights"],
        "metrics": _plain(arguments["metrics"], metrics.serialize),
        "weighted_metrics": _plain(arguments["weighted_metrics"], metrics.serialize),
    }
    return dataclasses.replace(spec, compile=compiled)


def _plain(value: Any, serialize: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, serialize) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, serialize) for item in value]
    return value if value is None or isinstance(value, str) else serialize(value)


def _compile(model: Model, compiled: Mapping[str, Any]) -> None:
    arguments = {key: compiled.get(key) for key in ("loss", "loss_weights", "metrics", "weighted_metrics")}
    model.compile(optimizer=optimizers.get(compiled.get("optimizer") or "rmsprop"), **arguments)


def _put(model: Model, report: Any) -> None:
    for variable, array in zip(Store(model).variables, report.arrays, strict=True):
        if array is not None:
            variable.assign(array)


def to_json(model: Model) -> str:
    """The architecture in Keras 3's JSON."""
    return json.dumps(saving.to_keras_json(spec_of(model)))


def model_config(model: Model) -> dict[str, Any]:
    """The `config` part of a model's JSON."""
    config: dict[str, Any] = saving.to_keras_json(spec_of(model))["config"]
    return config


def model_from_config(
    model_class: type, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Any:
    """A model from what `get_config` answered; a subclass with its own `call` is made from its arguments."""
    if "layers" not in config:
        return model_class(**config)
    class_name = "Sequential" if issubclass(model_class, Sequential) else "Functional"
    spec = saving.read_json(
        {"class_name": class_name, "config": config, "module": "keras"}, known_layers=known_layers(custom_objects)
    )
    return model_from_spec(spec, custom_objects)


FILE_FUNCTIONS.update(
    {
        function.__name__: function
        for function in (
            save, save_weights, export_onnx, load_weights, load_keras, to_json, model_config, model_from_config
        )
    }
)


class Store:
    """The tree of objects that own arrays, as files lay them out, over a model's variables.

    Attributes:
        root: the tree, with the present values.
        variables: the model's variables in the order of `root.flat()`.
    """

    def __init__(self, model: Model) -> None:
        self._nodes: dict[int, saving.StoreNode] = {}
        self._stored: dict[Variable, saving.StoreVariable] = {}
        self.root = self._node(model, True)
        owners = {id(stored): variable for variable, stored in self._stored.items()}
        self.variables = [owners[id(stored)] for stored in self.root.flat()]

    def _node(self, layer: Layer, trainable: bool) -> saving.StoreNode:
        if id(layer) not in self._nodes:
            trainable = trainable and layer.trainable
            own = sorted(layer._variables, key=lambda variable: not variable.trainable)
            children = self._children(layer, trainable)
            config = layer.get_config() if not isinstance(layer, Model) else {}
            class_name = "Functional" if type(layer) is Model else type(layer).__name__
            self._nodes[id(layer)] = saving.StoreNode(
                class_name, layer.name, self._variables(own, trainable), children, config
            )
        return self._nodes[id(layer)]

    def _variables(self, variables: Any, trainable: bool) -> tuple[saving.StoreVariable, ...]:
        for variable in variables:
            if variable not in self._stored:
                self._stored[variable] = saving.StoreVariable(
                    variable.name, variable.shape, trainable and variable.trainable, variable.value
                )
        return tuple(self._stored[variable] for variable in variables)

    def _children(self, layer: Layer, trainable: bool) -> dict[str, Any]:
        if isinstance(layer, Model) and (layer.graph is not None or isinstance(layer, Sequential)):
            return {"layers": tuple(self._node(inner, trainable) for inner in layer.layers)}
        inner = set(layer._children())
        children: dict[str, Any] = {}
        for attribute, value in vars(layer).items():
            if attribute.startswith("__") or attribute in ("_layers", "_containers"):
                continue
            if isinstance(value, Layer) and value in inner:
                children[attribute] = self._node(value, trainable)
            elif (
                isinstance(value, (list, tuple))
                and value
                and all(isinstance(item, Layer) and item in inner for item in value)
            ):
                children[attribute] = tuple(self._node(item, trainable) for item in value)
        return children


class Origin:
    """The list of weights as the Keras that a model was imported from gives and takes it.

    Args:
        layout: how our arrays lie in that list.
        variables: the model's variables in the order of the layout.
    """

    def __init__(self, layout: saving.Layout, variables: list[Variable]) -> None:
        self._layout = layout
        self._variables = variables

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights."""
        arrays = self._layout.to_file([variable.numpy() for variable in self._variables])
        return [np.array(array, order="C") for array in arrays]

    def set_weights(self, weights: Any) -> None:
        """Overwrite all weights."""
        if len(weights) != self._layout.count:
            raise ValueError(f"The model has {self._layout.count} weights. Received {len(weights)} arrays.")
        arrays = self._layout.from_file([np.asarray(array) for array in weights])
        for variable, array in zip(self._variables, arrays, strict=True):
            variable.assign(array)


def _remember(model: Model, store: Store, layout: saving.Layout | None, version: saving.Version) -> None:
    """Let an imported model list its weights, and train, as the Keras that made it."""
    model._origin = None if layout is None else Origin(layout, store.variables)
    model._keras_version = version.full or str(version.major)


def _optimizer_state(model: Model, store: Store) -> Any:
    """Iterations and slots, one array per trainable variable in file order; None before the first update."""
    optimizer = model.optimizer
    if optimizer is None:
        return None
    vector = model.runtime.vector
    trained = [variable for variable in store.variables if variable in set(vector.trainable)]
    state = optimizer.state
    if state is None:
        state = optimizer.create_state(vector.values[: vector.trainable_size])
    slots = {
        slot: [values[slice(*vector.spans[variable])].reshape(variable.shape) for variable in trained]
        for slot, values in state.items()
    }
    return saving.OptimizerState(type(optimizer).__name__, optimizer.iterations, float(optimizer.learning_rate), slots)


def _put_optimizer(model: Model, state: Any) -> None:
    optimizer, vector = model.optimizer, model.runtime.vector
    optimizer.resume(state.iterations)
    fresh = optimizer.create_state(vector.values[: vector.trainable_size])
    trained = [variable for variable in Store(model).variables if variable in set(vector.trainable)]
    for slot, arrays in state.slots.items():
        if slot in fresh:
            for variable, array in zip(trained, arrays, strict=True):
                fresh[slot][slice(*vector.spans[variable])] = np.ravel(array)
    optimizer.state = fresh
