"""Models as plain data and back: the one door for JSON, files and cloning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigdl_keras import ops, registry
from bigdl_keras.graph import nest
from bigdl_keras.graph.node import Node, caller
from bigdl_keras.graph.tensor import OPERATIONS, KerasTensor
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.input_layer import InputLayer
from bigdl_keras.models import tensorflow_functions
from bigdl_keras.models.functional import Graph
from bigdl_keras.models.model import Model
from bigdl_keras.models.sequential import Sequential
from bigdl_keras.saving.json_config import read_json
from bigdl_keras.saving.spec import Call, LayerSpec, ModelSpec, TensorRef, map_tensors

Made = Mapping[str, Layer]
Shared = dict[tuple[str, str], Layer]
"""By class and name, the layers made for the models of a file that are nested in each other."""

# ---- model -> spec


def spec_of(model: Model, shared: Mapping[int, int] | None = None) -> ModelSpec:
    """The architecture of a model.

    Args:
        model: what to describe.
        shared: numbers of the layers that several models have, by `id`; found where `model` is the outermost one.

    Raises:
        ValueError: the model is a subclass with its own `call`, which only its class can rebuild.
    """
    shared = _shared_layers(model) if shared is None else shared
    if isinstance(model, Sequential) and model.is_chain:
        layers = ([model._entry] if model._entry is not None else []) + model.layers
        specs = tuple(_layer_spec(layer, (), shared) for layer in layers)
        return ModelSpec("Sequential", model.name, specs, trainable=model.trainable)
    if model.graph is None:
        raise ValueError(
            f"The model '{model.name}' is a subclass of Model with its own call(): only its class can describe it. "
            "Save its weights with save_weights(), or build it with Model(inputs, outputs)."
        )
    return _Describer(model.graph, shared).describe(model)


def _shared_layers(model: Model) -> dict[int, int]:
    """Numbers for the layers, or models, that stand in more than one of the models nested in `model`."""
    parents: dict[int, int] = {}
    models: dict[int, Model] = {id(model): model}
    waiting = [model]
    while waiting:
        for layer in waiting.pop().layers:
            parents[id(layer)] = parents.get(id(layer), 0) + 1
            if isinstance(layer, Model) and id(layer) not in models:
                models[id(layer)] = layer
                waiting.append(layer)
    several = [key for key, count in parents.items() if count > 1]
    return {key: number for number, key in enumerate(several, start=1)}


def _layer_spec(layer: Layer, inbound: tuple[Call, ...], shared: Mapping[int, int]) -> LayerSpec:
    if isinstance(layer, Model):
        return LayerSpec(
            type(layer).__name__ if isinstance(layer, Sequential) else "Functional",
            layer.name,
            {"name": layer.name, "trainable": layer.trainable},
            inbound,
            spec_of(layer, shared),
            shared=shared.get(id(layer)),
        )
    shape = _build_shape(layer)
    return LayerSpec(
        type(layer).__name__,
        layer.name,
        {key: _with_spec(value) for key, value in layer.get_config().items()},
        inbound,
        build_shape=shape,
        registered_name=registered_name(type(layer)),
        shared=shared.get(id(layer)),
    )


def _with_spec(value: Any) -> Any:
    """A model inside a wrapper, as `get_config` describes it, becomes what the reader of a file would answer."""
    if not isinstance(value, dict) or "layers" not in (value.get("config") or ()):
        return value
    spec = read_json(value if "input_layers" in value["config"] else {**value, "class_name": "Sequential"})
    return {"class_name": spec.class_name, "config": {"name": spec.name}, "model": spec}


def _build_shape(layer: Layer) -> Any:
    """The shape, or list of shapes, that the layer was built for; None where it takes more than one argument."""
    if not layer._inbound_nodes:
        return None
    node = layer._inbound_nodes[0]
    first = nest.flatten(node.args[0]) if node.args else []
    if not first or len(first) != len(node.input_tensors) or not all(isinstance(leaf, KerasTensor) for leaf in first):
        return None
    return nest.map_leaves(lambda tensor: tensor.shape, node.args[0])


def registered_name(layer_class: type) -> str | None:
    """The name under which a user's class is found again; None for classes of this library."""
    return None if layer_class.__module__.startswith("bigdl_keras.") else layer_class.__name__


def _free_name(base: str, taken: set[str]) -> str:
    """`base`, or `base`_1, `base`_2, ... where another entry of the graph has that name."""
    name, number = base, 0
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


class _Describer:
    """Names the tensors of a graph: layer, number of the call among those in this graph, number of the output."""

    def __init__(self, graph: Graph, shared: Mapping[int, int]) -> None:
        self.graph = graph
        self.shared = shared
        self.references: dict[int, TensorRef] = {}
        self.names: dict[int, str] = {}
        self.calls: dict[int, list[Node]] = {}
        for tensor in graph.input_tensors:
            name = tensor.node.operation.name if tensor.node is not None else tensor.name
            self.references[id(tensor)] = TensorRef(str(name), shape=tensor.shape, dtype=tensor.dtype)
        taken = {node.operation.name for node in graph.nodes if isinstance(node.operation, Layer)}
        taken |= {reference.layer for reference in self.references.values()}
        for node in graph.nodes:
            key = id(caller(node))
            if isinstance(node.operation, Layer):
                self.names[key] = node.operation.name
            else:
                self.names[key] = _free_name(node.operation.__name__, taken)
                taken.add(self.names[key])
            nodes = self.calls.setdefault(key, [])
            for number, tensor in enumerate(node.output_tensors):
                self.references[id(tensor)] = TensorRef(self.names[key], len(nodes), number, tensor.shape, tensor.dtype)
            nodes.append(node)

    def describe(self, model: Model) -> ModelSpec:
        entries = [entry for entry in self.graph.entries if id(entry) in self.calls]
        layers = [self._input_spec(tensor) for tensor in self._inputs_by_depth()]
        layers += [self._entry_spec(entry) for entry in entries]
        return ModelSpec(
            "Functional",
            model.name,
            tuple(layers),
            nest.map_leaves(self._refer, self.graph.inputs),
            nest.map_leaves(self._refer, self.graph.outputs),
            trainable=model.trainable,
        )

    def _inputs_by_depth(self) -> list[KerasTensor]:
        places = {id(entry): place for place, entry in enumerate(self.graph.entries)}

        def place(tensor: KerasTensor) -> int:
            return -1 if tensor.node is None else places.get(id(caller(tensor.node)), -1)

        return sorted(self.graph.input_tensors, key=place)

    def _input_spec(self, tensor: KerasTensor) -> LayerSpec:
        entry = tensor.node.operation if tensor.node is not None else None
        name = self.references[id(tensor)].layer
        if isinstance(entry, InputLayer):
            return LayerSpec("InputLayer", name, entry.get_config())
        return LayerSpec("InputLayer", name, {"batch_shape": tensor.shape, "dtype": tensor.dtype, "name": name})

    def _entry_spec(self, entry: Any) -> LayerSpec:
        nodes = self.calls[id(entry)]
        inbound = tuple(
            Call(nest.map_leaves(self._refer, node.args), nest.map_leaves(self._refer, node.kwargs)) for node in nodes
        )
        if isinstance(entry, Layer):
            return _layer_spec(entry, inbound, self.shared)
        return LayerSpec(f"ops.{entry.operation.__name__}", self.names[id(entry)], {}, inbound)

    def _refer(self, leaf: Any) -> Any:
        return self.references[id(leaf)] if isinstance(leaf, KerasTensor) else leaf


# ---- spec -> model


def model_from_spec(
    spec: ModelSpec, custom_objects: Mapping[str, Any] | None = None, made: dict[str, Layer] | None = None
) -> Model:
    """Build the model that a spec describes, with fresh weights.

    Args:
        spec: architecture.
        custom_objects: classes and functions by name, for what this library does not know.
        made: layers to use instead of making them, by name (cloning).
    """
    return _model(spec, dict(custom_objects or {}), made or {}, {})


def _model(spec: ModelSpec, custom: dict[str, Any], made: Made, shared: Shared) -> Model:
    model: Model
    if spec.class_name == "Sequential":
        model = Sequential([_make_layer(layer, custom, made, shared) for layer in spec.layers], name=spec.name)
    else:
        model = _functional(spec, custom, made, shared)
    if not spec.trainable:
        model.trainable = False
    return model


def refused_layers(spec: ModelSpec, custom_objects: Mapping[str, Any] | None = None) -> list[str]:
    """Why layers of a spec, or of models in it, cannot be made from their arguments: one text each."""
    problems: list[str] = []
    for layer in spec.layers:
        if layer.model is not None:
            problems += refused_layers(layer.model, custom_objects)
        elif not layer.class_name.startswith("ops."):
            try:
                _make_layer(layer, dict(custom_objects or {}), {}, {})
            except (ValueError, TypeError) as error:
                problems.append(f"'{layer.name}': {error}")
    return problems


def _make_layer(spec: LayerSpec, custom: dict[str, Any], made: Made, shared: Shared) -> Layer:
    if spec.name in made:
        return made[spec.name]
    key = spec.class_name, spec.name  # Keras writes the number from the second time on: the first entry has none
    if spec.shared is None or key not in shared:
        shared[key] = _new_layer(spec, custom, shared)
    return shared[key]


def _new_layer(spec: LayerSpec, custom: dict[str, Any], shared: Shared) -> Layer:
    if spec.model is not None:
        layer: Layer = _model(spec.model, custom, {}, shared)
        if spec.config.get("trainable") is False:
            layer.trainable = False
        return layer
    name = spec.registered_name or spec.class_name
    found = custom.get(name) or custom.get(name.rpartition(">")[2])
    layer_class = found if found is not None else registry.find("layer", spec.class_name, custom)
    config = {
        key: model_from_spec(value["model"], custom) if isinstance(value, dict) and "model" in value else value
        for key, value in spec.config.items()
    }
    return from_config(layer_class, config, custom)


def from_config(layer_class: Any, config: dict[str, Any], custom: dict[str, Any]) -> Layer:
    """Rebuild one layer; custom objects stand ready for the names in its config."""
    with registry.custom_objects(custom):
        layer: Layer = layer_class.from_config(config)
    return layer


def operations() -> dict[str, Any]:
    """The operations that a graph in a file may contain, by all of their names: `true_divide` is `divide`."""
    aliases = {name: getattr(place, name) for place in (ops, ops.nn) for name in place.__all__}
    known = {id(function) for function in OPERATIONS.values()}
    composed = {f"tf.{name}": function for name, function in tensorflow_functions.FUNCTIONS.items()}
    return {**{name: function for name, function in aliases.items() if id(function) in known}, **OPERATIONS, **composed}


def _functional(spec: ModelSpec, custom: dict[str, Any], made: Made, shared: Shared) -> Model:
    """Call the layers in any order in which their inputs are ready: files may list a layer before what feeds it."""
    tensors: dict[tuple[str, int, int], Any] = {}
    layers: dict[str, Any] = {}
    waiting: list[tuple[LayerSpec, int]] = []
    known_operations = operations()
    for layer_spec in spec.layers:
        if layer_spec.class_name == "InputLayer" and not layer_spec.inbound:
            layers[layer_spec.name] = entry = _make_layer(layer_spec, custom, made, shared)
            tensors[layer_spec.name, 0, 0] = entry.tensor  # type: ignore[attr-defined]
            continue
        operator = layer_spec.class_name.startswith("ops.")
        layers[layer_spec.name] = (
            known_operations[layer_spec.class_name[4:]] if operator else _make_layer(layer_spec, custom, made, shared)
        )
        waiting.extend((layer_spec, number) for number in range(len(layer_spec.inbound)))
    while waiting:
        later = [item for item in waiting if not _call_if_ready(*item, layers, tensors)]
        if len(later) == len(waiting):
            raise ValueError(
                f"The layer '{later[0][0].name}' of model '{spec.name}' can never be called: its inputs "
                f"{later[0][0].inbound[later[0][1]]} are made by no layer."
            )
        waiting = later

    def tensor_of(reference: TensorRef) -> Any:
        return tensors[reference.layer, reference.node_index, reference.tensor_index]

    return Model(map_tensors(tensor_of, spec.inputs), map_tensors(tensor_of, spec.outputs), name=spec.name)


class _NotReady(Exception):
    """An input of the call does not exist yet."""


def _call_if_ready(
    spec: LayerSpec, number: int, layers: dict[str, Any], tensors: dict[tuple[str, int, int], Any]
) -> bool:
    call = spec.inbound[number]
    if number and (spec.name, number - 1, 0) not in tensors:
        return False  # calls of one layer keep their order

    def tensor_of(reference: TensorRef) -> Any:
        key = (reference.layer, reference.node_index, reference.tensor_index)
        if key not in tensors:
            raise _NotReady
        return tensors[key]

    try:
        args, kwargs = map_tensors(tensor_of, call.args), map_tensors(tensor_of, dict(call.kwargs))
    except _NotReady:
        return False
    fixed = spec.config if spec.class_name.startswith("ops.") else {}
    outputs = layers[spec.name](*args, **kwargs, **{key: value for key, value in fixed.items() if key != "name"})
    for index, tensor in enumerate(nest.flatten(outputs)):
        tensors[spec.name, number, index] = tensor
    return True


def clone_model(model: Model, input_tensors: Any = None, clone_function: Any = None) -> Model:
    """A model with the same architecture and fresh weights.

    Args:
        model: what to copy.
        input_tensors: unused inputs are made anew; given for Keras's signature.
        clone_function: makes the copy of each layer; default from its config.
    """
    made = None
    if clone_function is not None:
        made = {layer.name: clone_function(layer) for layer in model.layers if not isinstance(layer, InputLayer)}
    if input_tensors is not None:
        raise ValueError("clone_model makes new inputs; call the clone on `input_tensors` instead.")
    return model_from_spec(spec_of(model), custom_objects=_classes_of(model), made=made)


def _classes_of(model: Model) -> dict[str, Any]:
    """The user's layer classes in a model, by name, so that it can be cloned without registering them."""
    classes: dict[str, Any] = {}
    for layer in model._layers:
        if isinstance(layer, Model):
            classes |= _classes_of(layer)
        if registered_name(type(layer)):
            classes[type(layer).__name__] = type(layer)
    return classes
