"""How layers are called: the inbound nodes of three generations become `Call`s with calls counted from 0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .layer_configs import nested_layer
from .objects import Reading, plain
from .spec import Call, LayerSpec, TensorRef, map_tensors, tensors_of

_TAKES_A_LIST = frozenset(
    {
        "Add",
        "Subtract",
        "Multiply",
        "Average",
        "Maximum",
        "Minimum",
        "Concatenate",
        "Dot",
        "Merge",
        "Attention",
        "AdditiveAttention",
    }
)
_TAKES_POSITIONS = frozenset({"MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"})
_TAKES_STATES = frozenset(
    {"RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional"}
)
_IMPLIED_KWARGS = ("mask", "initial_state", "constants", "name")


def calls_of(class_name: str, nodes: Any, layer_names: frozenset[str], reading: Reading) -> tuple[Call, ...]:
    """The calls of one layer.

    Args:
        class_name: canonical class of the layer.
        nodes: its `inbound_nodes`.
        layer_names: names of all layers of the model, by which a tensor in Keras 2 arguments is recognised.
        reading: what is known of the file.
    """
    if not isinstance(nodes, list):
        raise ValueError(f"inbound_nodes must be a list. Found {str(nodes)[:80]!r}.")
    return tuple(
        _call_of_keras_3(node, reading)
        if isinstance(node, dict)
        else _call_of_keras_2(class_name, node, layer_names, reading)
        for node in nodes
    )


def _call_of_keras_3(node: dict[str, Any], reading: Reading) -> Call:
    args, kwargs = node.get("args", []), node.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ValueError(f"A node needs a list 'args' and a dict 'kwargs'. Found {str(node)[:80]!r}.")
    # Keras 3 stores training=False for recurrent layers and overrides it whenever the model runs.
    kept = {
        key: value
        for key, value in kwargs.items()
        if key != "training" and not (value is None and key in _IMPLIED_KWARGS)
    }
    return Call(
        tuple(_tensors_of_keras_3(item, reading) for item in args),
        {key: _tensors_of_keras_3(value, reading) for key, value in kept.items()},
    )


def _tensors_of_keras_3(value: Any, reading: Reading) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return _keras_tensor(value.get("config"))
        if value.get("class_name") == "__tuple__":
            return tuple(_tensors_of_keras_3(item, reading) for item in value.get("items", ()))
        if "class_name" not in value:
            return {key: _tensors_of_keras_3(item, reading) for key, item in value.items()}
        return plain(value, reading, nested_layer)
    if isinstance(value, list):
        return [_tensors_of_keras_3(item, reading) for item in value]
    return value


def _keras_tensor(config: Any) -> TensorRef:
    if not isinstance(config, dict):
        raise ValueError(f"A tensor needs a config with its history. Found {str(config)[:80]!r}.")
    ref = reference(config.get("keras_history"))
    shape, dtype = config.get("shape"), config.get("dtype")
    return replace(
        ref, shape=tuple(shape) if isinstance(shape, list) else None, dtype=dtype if isinstance(dtype, str) else None
    )


def _call_of_keras_2(class_name: str, node: Any, layer_names: frozenset[str], reading: Reading) -> Call:
    if not isinstance(node, list) or not node:
        raise ValueError(f"A node must be a list of [layer, call, tensor]. Found {str(node)[:80]!r}.")
    entries = [node] if isinstance(node[0], str) else node
    refs, kwargs = [], {}
    for entry in entries:
        if not isinstance(entry, list) or len(entry) not in (3, 4):
            raise ValueError(f"A node must be a list of [layer, call, tensor]. Found {str(entry)[:80]!r}.")
        refs.append(entry[2] if entry[0] == "_CONSTANT_VALUE" else reference(entry))
        if len(entry) == 4 and isinstance(entry[3], dict):
            kwargs.update(entry[3])
    kept = {
        key: _tensors_of_keras_2(plain(value, reading, nested_layer), layer_names)
        for key, value in kwargs.items()
        if not (value is None and key in (*_IMPLIED_KWARGS, "training"))
    }
    if len(refs) == 1 or class_name in _TAKES_POSITIONS:
        return Call(tuple(refs), kept)
    if class_name in _TAKES_STATES:
        return Call((refs[0],), {"initial_state": refs[1:], **kept})
    return Call((refs,), kept)


def _tensors_of_keras_2(value: Any, layer_names: frozenset[str]) -> Any:
    """Tensors in Keras 2 arguments are bare [layer, call, tensor] lists."""
    if isinstance(value, list):
        if (
            len(value) in (3, 4)
            and isinstance(value[0], str)
            and value[0] in layer_names
            and all(type(item) is int for item in value[1:3])
        ):
            return reference(value)
        if len(value) >= 3 and value[0] == "_CONSTANT_VALUE":
            return value[2]
        return [_tensors_of_keras_2(item, layer_names) for item in value]
    if isinstance(value, dict):
        return {key: _tensors_of_keras_2(item, layer_names) for key, item in value.items()}
    return value


def reference(history: Any) -> TensorRef:
    """A `TensorRef` from [layer, call, tensor]."""
    if (
        not isinstance(history, list | tuple)
        or len(history) < 3
        or not isinstance(history[0], str)
        or not all(type(item) is int and item >= 0 for item in history[1:3])
    ):
        raise ValueError(f"Expected a tensor as [layer name, call, tensor]. Found {str(history)[:80]!r}.")
    return TensorRef(history[0], history[1], history[2])


def endpoints(nest: Any, unwrap_single: bool) -> Any:
    """The model's inputs or outputs with their structure.

    Args:
        nest: [layer, call, tensor], or lists or dicts of them.
        unwrap_single: a list of one means the tensor itself (Keras 1 and 2).
    """
    if isinstance(nest, dict):
        return {key: endpoints(value, unwrap_single) for key, value in nest.items()}
    if not isinstance(nest, list):
        raise ValueError(
            f"Expected model inputs or outputs as lists of [layer, call, tensor]. Found {str(nest)[:80]!r}."
        )
    if len(nest) == 3 and isinstance(nest[0], str) and type(nest[1]) is int:
        return reference(nest)
    items = [endpoints(item, unwrap_single) for item in nest]
    return items[0] if unwrap_single and len(items) == 1 else items


def count_calls_from_zero(
    layers: Iterable[LayerSpec], inputs: Any, outputs: Any
) -> tuple[tuple[LayerSpec, ...], Any, Any]:
    """Undo the extra node 0 that Keras 1 and 2 count for a nested model (its own construction).

    Every call of a layer is used by somebody, so the smallest index used tells where counting starts.
    """
    layers = tuple(layers)
    used: dict[str, int] = {}
    for nest in (inputs, outputs, *((call.args, call.kwargs) for layer in layers for call in layer.inbound)):
        for ref in tensors_of(nest):
            used[ref.layer] = min(ref.node_index, used.get(ref.layer, ref.node_index))
    shifted = {layer.name for layer in layers if layer.model is not None and used.get(layer.name, 0) == 1}

    def shift(ref: TensorRef) -> TensorRef:
        return replace(ref, node_index=ref.node_index - 1) if ref.layer in shifted else ref

    moved = tuple(
        replace(
            layer,
            inbound=tuple(
                Call(map_tensors(shift, call.args), map_tensors(shift, call.kwargs)) for call in layer.inbound
            ),
        )
        for layer in layers
    )
    return moved, map_tensors(shift, inputs), map_tensors(shift, outputs)


def check_graph(name: str, layers: tuple[LayerSpec, ...], inputs: Any, outputs: Any) -> None:
    """Raise unless every tensor that is used is produced by a call that can run (layers may stand in any order)."""
    calls = {layer.name: max(len(layer.inbound), 1 if layer.class_name == "InputLayer" else 0) for layer in layers}
    if len(calls) < len(layers):
        raise ValueError(f"Model '{name}' has several layers with one name.")
    for ref in [
        ref
        for nest in (inputs, outputs, *((call.args, call.kwargs) for layer in layers for call in layer.inbound))
        for ref in tensors_of(nest)
    ]:
        if calls.get(ref.layer, 0) <= ref.node_index:
            raise ValueError(
                f"Model '{name}' uses the result of call {ref.node_index} of layer '{ref.layer}', "
                + (f"which is called {calls[ref.layer]} times." if ref.layer in calls else "which does not exist.")
            )
    inputs_of_model = frozenset(layer.name for layer in layers if layer.class_name == "InputLayer")
    needs: dict[tuple[str, int], set[tuple[str, int]]] = {}
    users: dict[tuple[str, int], list[tuple[str, int]]] = {}
    for layer in layers:
        for index, call in enumerate(layer.inbound):
            sources = {(ref.layer, ref.node_index) for ref in tensors_of((call.args, call.kwargs))}
            needs[layer.name, index] = {source for source in sources if source[0] not in inputs_of_model}
            for source in needs[layer.name, index]:
                users.setdefault(source, []).append((layer.name, index))
    ready = [call for call, sources in needs.items() if not sources]
    while ready:
        done = ready.pop()
        del needs[done]
        for user in users.get(done, ()):
            needs[user].discard(done)
            if not needs[user]:
                ready.append(user)
    if needs:
        raise ValueError(
            f"Model '{name}' has layers that wait for each other in a circle: "
            f"{', '.join(sorted({layer for layer, _ in needs})[:8])}."
        )
