"""Architectures as JSON, of Keras 1, 2 and 3, become one `ModelSpec`; nothing is imported and nothing runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from . import keras1_configs, keras1_models, operations
from .graph_config import calls_of, check_graph, count_calls_from_zero, endpoints
from .layer_configs import canonical_layer, is_model, nested_layer
from .limits import DEFAULT_LIMITS, Limits, check_depth, parse_json
from .objects import Reading, plain
from .spec import LayerSpec, ModelSpec, TensorRef, Version
from .training_config import canonical_compile


def read_json(
    text: str | bytes | Mapping[str, Any],
    *,
    known_layers: Collection[str] | None = None,
    safe_mode: bool = True,
    version: Version | None = None,
    backend: str | None = None,
    image_data_format: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> ModelSpec:
    """Read a model's architecture.

    Args:
        text: JSON written by `to_json` of Keras 1.2.2, 2.x or 3.x, or the parsed dict.
        known_layers: class names that can be built ('ops.<function>' for operators); others are gaps. None accepts all.
        safe_mode: with False, Lambda layers whose Python code is in the file are read without it.
        version: the Keras that wrote it, where the caller knows (a file says it outside the JSON).
        backend: what that Keras ran on ('theano', 'tensorflow'), where JSON does not tell and the caller knows.
        image_data_format: for Keras 1 layers that do not store it ('channels_first' or 'channels_last').
        limits: caps on size and depth.

    Returns:
        The model, in Keras 3 terms.

    Raises:
        ValueError: not JSON, not a model, damaged, or with gaps; one message lists all gaps.
    """
    what = "The model's JSON"
    if isinstance(text, str | bytes):
        entry = parse_json(text, what, limits)
    else:
        check_depth(text, what, limits)
        entry = text
    if not isinstance(entry, dict) or not is_model(entry):
        raise ValueError(
            "Expected the JSON of a Sequential or Functional model: an object with 'class_name' and 'config'. "
            f"Found {str(entry)[:120]!r}. A subclassed model cannot be rebuilt from a file: build it in code and "
            "use load_weights."
        )
    version = version or version_of(entry)
    reading = Reading(
        replace(version, backend=version.backend or backend),
        parse_model,
        None if known_layers is None else frozenset(known_layers),
        safe_mode,
        image_data_format,
        limits,
    )
    if reading.version.major < 3:
        entry = _renamed(entry, {name: name.replace("/", "_") for name in _names_with_slash(entry)})
    if reading.version.major == 1 and reading.image_data_format is None:
        reading.image_data_format = keras1_configs.find_data_format(entry, reading.version.backend)
    try:
        spec = parse_model(entry, reading)
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"{what} is damaged: {type(error).__name__}: {error}.") from error
    reading.raise_gaps()
    return spec


def _names_with_slash(value: Any) -> set[str]:
    """Names of layers that hold a '/', which ends a part of a path in Keras 3 and here."""
    if isinstance(value, list):
        return set().union(*map(_names_with_slash, value))
    if not isinstance(value, dict):
        return set()
    inside = set().union(*map(_names_with_slash, value.values()))
    config = value.get("config")
    name = config.get("name") if "class_name" in value and isinstance(config, dict) else None
    return {*inside, name} if isinstance(name, str) and "/" in name else inside


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A serialized model in which layers have other names, wherever these are told."""
    if not names:
        return value
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    return names.get(value, value) if isinstance(value, str) else value


def version_of(entry: Mapping[str, Any]) -> Version:
    """The Keras that wrote a JSON text: its 'keras_version', else what its form shows."""
    full = entry.get("keras_version")
    backend = entry.get("backend")
    if isinstance(full, str) and full[:1].isdigit():
        return Version(int(full.split(".")[0]), full, backend if isinstance(backend, str) else None)
    config = entry.get("config")
    layers = config if isinstance(config, list) else config.get("layers", []) if isinstance(config, dict) else []
    for layer in layers:
        inner = layer.get("config") if isinstance(layer, dict) else None
        if isinstance(inner, dict):
            if "batch_shape" in inner:
                return Version(3)
            if (
                {"output_dim", "nb_filter", "input_dtype"} & set(inner)
                and "units" not in inner
                and "dtype" not in inner
            ):
                return Version(1)
            if "batch_input_shape" in inner:
                return Version(2)
    return Version(3 if "module" in entry else 2)


def parse_model(entry: dict[str, Any], reading: Reading) -> ModelSpec:
    """Read a serialized model; nested models call this again."""
    config = entry["config"]
    if reading.version.major == 1:
        entry = keras1_models.prepare(entry, reading)
        config = entry["config"]
    compiled = entry.get("compile_config")
    compile_arguments = canonical_compile(compiled, reading) if isinstance(compiled, dict) and compiled else None
    if entry["class_name"] == "Sequential" or "input_layers" not in config:
        return _sequential(config, compile_arguments, reading)
    return _functional(entry, compile_arguments, reading)


def _entries(config: Any) -> list[dict[str, Any]]:
    entries = config if isinstance(config, list) else config["layers"]
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
            raise ValueError(f"Expected a layer as {{'class_name', 'config'}}. Found {str(entry)[:80]!r}.")
    return list(entries)


def _layer(entry: dict[str, Any], nodes: Any, layer_names: frozenset[str], reading: Reading) -> LayerSpec:
    layer, shared = _layer_alone(entry, nodes, layer_names, reading), entry.get("shared_object_id")
    return replace(layer, shared=shared) if type(shared) is int and layer.class_name != "InputLayer" else layer


def _layer_alone(entry: dict[str, Any], nodes: Any, layer_names: frozenset[str], reading: Reading) -> LayerSpec:
    config = entry.get("config")
    module, registered = entry.get("module"), entry.get("registered_name")
    build = entry.get("build_config")
    build_shape = (
        next((build[key] for key in ("input_shape", "shapes_dict") if build.get(key)), None)
        if isinstance(build, dict)
        else None
    )
    if is_model(entry):
        model = parse_model(entry, reading)
        name = str(entry.get("name") or model.name)
        model = replace(model, name=name)
        calls = calls_of("Functional", nodes, layer_names, reading)
        return LayerSpec(
            model.class_name,
            name,
            {"name": name, "trainable": model.trainable},
            calls,
            model,
            module,
            registered,
            build_shape,
        )
    if not isinstance(config, dict):
        raise ValueError(f"Layer of class {entry['class_name']!r} has no config. Found {str(config)[:80]!r}.")
    name = str(entry.get("name") or config.get("name") or entry["class_name"].lower())
    if operations.is_operation(entry["class_name"], module, config, nodes):
        calls = calls_of("Lambda", nodes, layer_names, reading)
        fixed = plain(config, reading, nested_layer)
        class_name, config, calls = operations.translate(entry["class_name"], fixed, calls, reading)
        return LayerSpec(class_name, name, config, calls, None, module, registered, build_shape)
    class_name, canonical = canonical_layer(entry["class_name"], config, reading, registered)
    canonical["name"] = name
    return LayerSpec(
        class_name,
        name,
        canonical,
        calls_of(class_name, nodes, layer_names, reading),
        None,
        module,
        registered,
        build_shape,
    )


def _sequential(config: Any, compile_arguments: dict[str, Any] | None, reading: Reading) -> ModelSpec:
    entries = _entries(config)
    facts = config if isinstance(config, dict) else {}
    layers = [_layer(entry, [], frozenset(), reading) for entry in entries]
    if reading.version.major == 1:
        layers = list(keras1_models.finish(tuple(layers), False, reading))
    if layers and layers[0].class_name != "InputLayer":
        shape, dtype = _first_shape(entries[0], layers[0])
        shape = (
            shape
            or facts.get("build_input_shape")
            or (layers[0].build_shape if isinstance(layers[0].build_shape, list) else None)
        )
        if shape:
            name = f"{layers[0].name}_input"
            layers.insert(0, LayerSpec("InputLayer", name, {"batch_shape": shape, "dtype": dtype, "name": name}))
    name = facts.get("name") or "sequential"
    return ModelSpec(
        "Sequential",
        str(name),
        tuple(layers),
        compile=compile_arguments,
        version=reading.version,
        trainable=facts.get("trainable", True) is not False,
    )


def _first_shape(entry: dict[str, Any], layer: LayerSpec) -> tuple[Any, str]:
    """The batch shape (or None) and dtype of what goes into a Sequential that has no InputLayer entry."""
    if layer.model is not None:
        heads = [inner for inner in layer.model.layers if inner.class_name == "InputLayer"]
        return (
            (heads[0].config.get("batch_shape"), str(heads[0].config.get("dtype")))
            if len(heads) == 1
            else (None, "float32")
        )
    config = entry["config"]
    for place in (config, (config.get("layer") or {}).get("config") if isinstance(config.get("layer"), dict) else None):
        if isinstance(place, dict):
            shape = place.get("batch_input_shape") or place.get("batch_shape")
            if shape:
                dtype = place.get("input_dtype") or place.get("dtype")
                return shape, "int32" if layer.class_name == "Embedding" else dtype if isinstance(
                    dtype, str
                ) else "float32"
    return None, "float32"


def _functional(entry: dict[str, Any], compile_arguments: dict[str, Any] | None, reading: Reading) -> ModelSpec:
    config = entry["config"]
    entries = _entries(config)
    names = frozenset(str(item.get("name") or item.get("config", {}).get("name")) for item in entries)
    layers: tuple[LayerSpec, ...] = tuple(
        _layer(item, item.get("inbound_nodes", []), names, reading) for item in entries
    )
    old = reading.version.major < 3
    heads = config["input_layers"]
    if reading.version.major == 1:
        heads = [keras1_models.through_identities(entries, head) for head in heads]
    inputs, outputs = endpoints(heads, old), endpoints(config["output_layers"], old)
    if old:
        layers, inputs, outputs = count_calls_from_zero(layers, inputs, outputs)
    if reading.version.major == 1:
        layers = keras1_models.finish(layers, True, reading)
    name = str(config.get("name") or "functional")
    check_graph(name, layers, inputs, outputs)
    _check_inputs(name, layers, inputs)
    return ModelSpec(
        "Functional",
        name,
        layers,
        inputs,
        outputs,
        compile_arguments,
        reading.version,
        config.get("trainable", True) is not False,
    )


def _check_inputs(name: str, layers: tuple[LayerSpec, ...], inputs: Any) -> None:
    heads = {layer.name for layer in layers if layer.class_name == "InputLayer"}

    def check(nest: Any) -> None:
        if isinstance(nest, TensorRef):
            if nest.layer not in heads:
                raise ValueError(f"Model '{name}' says its input is layer '{nest.layer}', which is not an InputLayer.")
            return
        for item in nest.values() if isinstance(nest, dict) else nest:
            check(item)

    check(inputs)
