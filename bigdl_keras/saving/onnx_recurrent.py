"""Recurrent layers in ONNX: its own operators where they do what ours do, else the steps written out one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from .onnx_kernels import TRANSLATIONS, Gap, Graph
from .onnx_shapes import reversed_along

_STATES = {"lstm": 2, "gru": 1, "simple_rnn": 1}
_OPERATORS = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}
_GATES = {"lstm": [0, 3, 1, 2], "gru": [0, 1, 2], "simple_rnn": [0]}
"""Where the gates of ONNX (i, o, f, c; z, r, h) stand among ours."""


@dataclass
class _Layer:
    """The inputs of a recurrent kernel by name; x and the mask in the order of processing."""

    kind: str
    x: str
    states: list[str]
    kernel: str
    recurrent: str
    bias: str | None
    mask: str | None
    attributes: dict[str, Any]


def _layer(kind: str, graph: Graph, names: list[str], attributes: dict[str, Any]) -> _Layer:
    if attributes.get("dropped"):
        raise Gap("dropout")
    x, *rest = names
    states = [rest.pop(0) for _ in range(_STATES[kind])] if attributes.get("stated") else []
    kernel, recurrent = rest.pop(0), rest.pop(0)
    bias = rest.pop(0) if attributes.get("use_bias", True) else None
    mask = rest.pop(0) if attributes.get("masked") else None
    if attributes.get("go_backwards"):
        x, mask = reversed_along(graph, x, [1]), mask and reversed_along(graph, mask, [1])
    return _Layer(kind, x, states, kernel, recurrent, bias, mask, attributes)


def _recurrent(kind: str, graph: Graph, names: list[str], attributes: dict[str, Any]) -> list[str]:
    layer = _layer(kind, graph, names, attributes)
    usual = attributes["activation"] == "tanh" and attributes.get("recurrent_activation", "sigmoid") == "sigmoid"
    if usual and layer.mask is None:
        return _by_operator(graph, layer)
    steps = graph.shape(names[0])[1]
    if steps is None:
        raise Gap("a mask, or activations other than tanh and sigmoid, over an unknown number of steps")
    return _step_by_step(graph, layer, steps)


TRANSLATIONS |= {kind: partial(_recurrent, kind) for kind in _OPERATORS}


def _by_operator(graph: Graph, layer: _Layer) -> list[str]:
    """Weights of ONNX: (1, gates * units, in)."""
    units, order = graph.array(layer.recurrent).shape[0], _GATES[layer.kind]

    def by_gate(array: np.ndarray) -> np.ndarray:
        pieces = np.split(array, len(order), axis=-1)
        return np.concatenate([pieces[gate] for gate in order], axis=-1)

    inputs = [graph.constant(by_gate(graph.array(name)).T[np.newaxis], "float32")
              for name in (layer.kernel, layer.recurrent)]
    if layer.bias is not None:
        given = graph.array(layer.bias)
        both = given if given.ndim == 2 else np.stack([given, np.zeros_like(given)])
        inputs.append(graph.constant(by_gate(both).reshape(1, -1), "float32"))
    front = graph.constant([0], "int64")
    if layer.states:
        inputs += [""] * (4 - len(inputs)) + [graph.add("Unsqueeze", [state, front]) for state in layer.states]
    extra = {"linear_before_reset": int(layer.attributes["reset_after"])} if layer.kind == "gru" else {}
    whole, *states = graph.add(_OPERATORS[layer.kind], [graph.add("Transpose", [layer.x], perm=[1, 0, 2]), *inputs],
                               outputs=1 + _STATES[layer.kind], hidden_size=int(units), **extra)
    states = [graph.add("Squeeze", [state, front]) for state in states]
    if layer.attributes.get("return_sequences"):
        sequence = graph.add("Squeeze", [whole, graph.constant([1], "int64")])
        return [graph.add("Transpose", [sequence], perm=[1, 0, 2]), *states]
    return [states[0], *states]


# ---- step by step


def _step_by_step(graph: Graph, layer: _Layer, steps: int) -> list[str]:
    """A masked step keeps the states; its output is the one before, or 0."""
    units = int(graph.shape(layer.recurrent)[0] or 0)
    rows = graph.add("Slice", [graph.add("Shape", [layer.x]), *(graph.constant([end], "int64") for end in (0, 1))])
    shape = graph.add("Concat", [rows, graph.constant([units], "int64")], axis=0)
    zeros = graph.add("Expand", [graph.constant(0.0, "float32"), shape])
    states = layer.states or [zeros] * _STATES[layer.kind]
    bias, recurrent_bias = _biases(graph, layer)
    given = graph.add("MatMul", [layer.x, layer.kernel])
    given = given if bias is None else graph.add("Add", [given, bias])
    shown, sequence = zeros, []
    for step in range(steps):
        after = _CELLS[layer.kind](graph, layer, _part(graph, given, step, 1), states, recurrent_bias)
        if layer.mask is None:
            states, shown = after, after[0]
        else:
            counts = graph.add("Gather", [layer.mask, graph.constant([step], "int64")], axis=1)
            otherwise = zeros if layer.attributes.get("zero_output_for_mask") else shown
            shown = graph.add("Where", [counts, after[0], otherwise])
            states = [graph.add("Where", [counts, new, old]) for new, old in zip(after, states, strict=True)]
        sequence.append(shown)
    if not layer.attributes.get("return_sequences"):
        return [shown, *states]
    axis = graph.constant([1], "int64")
    return [graph.add("Concat", [graph.add("Unsqueeze", [one, axis]) for one in sequence], axis=1), *states]


def _biases(graph: Graph, layer: _Layer) -> tuple[str | None, str | None]:
    """That of the inputs, and that of the recurrent product, which GRU with `reset_after` has."""
    if layer.bias is None or len(graph.shape(layer.bias)) == 1:
        return layer.bias, None
    return _part(graph, layer.bias, 0, 0), _part(graph, layer.bias, 1, 0)


def _part(graph: Graph, x: str, place: int, axis: int) -> str:
    part = graph.add("Gather", [x, graph.constant([place], "int64")], axis=axis)
    return str(graph.add("Squeeze", [part, graph.constant([axis], "int64")]))


def _activated(graph: Graph, layer: _Layer, argument: str, x: str) -> Any:
    activation = layer.attributes[argument]
    name, pairs = (activation, ()) if isinstance(activation, str) else activation
    if name == "linear":
        return x
    if name not in TRANSLATIONS:
        raise Gap(f"the activation {name!r}")
    return TRANSLATIONS[name](graph, [x], dict(pairs))


def _simple(graph: Graph, layer: _Layer, x: str, states: list[str], bias: str | None) -> list[str]:
    return [_activated(graph, layer, "activation",
                       graph.add("Add", [x, graph.add("MatMul", [states[0], layer.recurrent])]))]


def _lstm(graph: Graph, layer: _Layer, x: str, states: list[str], bias: str | None) -> list[str]:
    """c = f * c + i * activation(.), h = o * activation(c)."""
    z = graph.add("Add", [x, graph.add("MatMul", [states[0], layer.recurrent])])
    parts = graph.add("Split", [z], outputs=4, axis=-1, num_outputs=4)
    i, f, o = (_activated(graph, layer, "recurrent_activation", parts[place]) for place in (0, 1, 3))
    new = _activated(graph, layer, "activation", parts[2])
    c = graph.add("Add", [graph.add("Mul", [f, states[1]]), graph.add("Mul", [i, new])])
    return [graph.add("Mul", [o, _activated(graph, layer, "activation", c)]), c]


def _gru(graph: Graph, layer: _Layer, x: str, states: list[str], bias: str | None) -> list[str]:
    """h = z * h + (1 - z) * activation(.), the reset gate before or after the recurrent product."""
    (h,) = states
    x_z, x_r, x_h = graph.add("Split", [x], outputs=3, axis=-1, num_outputs=3)
    if layer.attributes.get("reset_after", True):
        product = graph.add("MatMul", [h, layer.recurrent])
        product = product if bias is None else graph.add("Add", [product, bias])
        h_z, h_r, h_h = graph.add("Split", [product], outputs=3, axis=-1, num_outputs=3)
    else:
        to_z, to_r, to_h = graph.add("Split", [layer.recurrent], outputs=3, axis=-1, num_outputs=3)
        h_z, h_r = graph.add("MatMul", [h, to_z]), graph.add("MatMul", [h, to_r])
    z = _activated(graph, layer, "recurrent_activation", graph.add("Add", [x_z, h_z]))
    r = _activated(graph, layer, "recurrent_activation", graph.add("Add", [x_r, h_r]))
    if layer.attributes.get("reset_after", True):
        h_h = graph.add("Mul", [r, h_h])
    else:
        h_h = graph.add("MatMul", [graph.add("Mul", [r, h]), to_h])
    new = _activated(graph, layer, "activation", graph.add("Add", [x_h, h_h]))
    return [graph.add("Add", [graph.add("Mul", [z, graph.add("Sub", [h, new])]), new])]


_CELLS = {"lstm": _lstm, "gru": _gru, "simple_rnn": _simple}
