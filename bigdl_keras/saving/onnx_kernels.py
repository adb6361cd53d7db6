"""What each kernel is in ONNX: one function or one line of a table per kernel, found by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class Graph(Protocol):
    """What a translation may ask of the graph that is being written (operators as of opset 18)."""

    def add(self, operator: str, inputs: list[str], outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; the name of what it makes, or a list of names."""

    def constant(self, value: Any, dtype: str) -> str:
        """The name of an array."""

    def array(self, name: str) -> np.ndarray:
        """The numbers of a weight.

        Raises:
            Gap: it is computed.
        """

    def shape(self, name: str) -> tuple[int | None, ...]:
        """The shape of what has this name."""


class Gap(Exception):
    """Why a step cannot be said in ONNX."""


Translation = Callable[[Graph, list[str], dict[str, Any]], Any]
TRANSLATIONS: dict[str, Translation] = {}
"""Kernel name -> function (graph, names of inputs, attributes) -> name of the output, or a list of names."""


def translates(*kernels: str) -> Callable[[Translation], Translation]:
    """File a function in TRANSLATIONS."""
    def file(function: Translation) -> Translation:
        TRANSLATIONS.update(dict.fromkeys(kernels, function))
        return function

    return file


def _same(operator: str, **fixed: Any) -> Translation:
    """A kernel that ONNX has under another name."""
    def translate(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
        return graph.add(operator, names, **fixed)

    return translate


_SAME = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow", "maximum": "Max",
    "minimum": "Min", "negative": "Neg", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal",
    "abs": "Abs", "sin": "Sin", "cos": "Cos", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "round": "Round",
    "erf": "Erf", "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign",
    "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater",
    "greater_equal": "GreaterOrEqual", "logical_and": "And", "logical_or": "Or", "logical_not": "Not",
    "where": "Where", "stop_gradient": "Identity", "matmul": "MatMul", "mish": "Mish", "selu": "Selu",
    "hard_silu": "HardSwish",
}
TRANSLATIONS.update({kernel: _same(operator) for kernel, operator in _SAME.items()})


# ---- activations

@translates("relu", "relu6", "leaky_relu")
def _relu(graph: Graph, names: list[str], attributes: dict[str, Any]) -> str:
    slope = attributes.get("negative_slope", 0.0)
    y: str = graph.add("LeakyRelu", names, alpha=float(slope)) if slope else graph.add("Relu", names)
    most = attributes.get("max_value")
    return y if most is None else graph.add("Min", [y, graph.constant(most, "float32")])


@translates("elu")
def _elu(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    alpha = float(attributes.get("alpha", 1.0))
    return graph.add("Elu", names, alpha=alpha)


@translates("hard_sigmoid")
def _hard_sigmoid(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("HardSigmoid", names, alpha=float(attributes.get("slope", 1 / 6)),
                     beta=float(attributes.get("offset", 0.5)))


@translates("thresholded_relu")
def _thresholded_relu(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    """x above the threshold, else slope * (x - threshold)."""
    limit = graph.constant(attributes.get("threshold", 0.0), "float32")
    slope = graph.constant(attributes.get("negative_slope", 0.0), "float32")
    below = graph.add("Mul", [graph.add("Sub", [names[0], limit]), slope])
    y = graph.add("Where", [graph.add("Greater", [names[0], limit]), names[0], below])
    most = attributes.get("max_value")
    return y if most is None else graph.add("Min", [y, graph.constant(most, "float32")])


@translates("threshold")
def _threshold(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    above = graph.add("Greater", [names[0], graph.constant(attributes["threshold"], "float32")])
    return graph.add("Where", [above, names[0], graph.constant(attributes["default_value"], "float32")])


@translates("hard_shrink")
def _hard_shrink(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Shrink", names, lambd=float(attributes.get("threshold", 0.5)), bias=0.0)


@translates("soft_shrink")
def _soft_shrink(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    limit = float(attributes.get("threshold", 0.5))
    return graph.add("Shrink", names, lambd=limit, bias=limit)


@translates("silu")
def _silu(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Mul", [names[0], graph.add("Sigmoid", names)])


@translates("gelu")
def _gelu(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    """x / 2 * (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) in place of erf."""
    def number(value: float) -> str:
        return graph.constant(value, "float32")

    x = names[0]
    if attributes.get("approximate", True):
        cube = graph.add("Mul", [graph.add("Pow", [x, number(3.0)]), number(0.044715)])
        inner = graph.add("Tanh", [graph.add("Mul", [graph.add("Add", [x, cube]), number((2 / np.pi) ** 0.5)])])
    else:
        inner = graph.add("Erf", [graph.add("Mul", [x, number(0.5**0.5)])])
    return graph.add("Mul", [graph.add("Mul", [x, number(0.5)]), graph.add("Add", [inner, number(1.0)])])


def _along_axis(operator: str) -> Translation:
    def translate(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
        axis = attributes.get("axis", -1)
        if not isinstance(axis, int):
            raise Gap("several axes")
        return graph.add(operator, names, axis=axis)

    return translate


TRANSLATIONS |= {"log_softmax": _along_axis("LogSoftmax"),
                 "concatenate": _along_axis("Concat")}


@translates("square")
def _square(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Mul", [names[0], names[0]])


@translates("rsqrt")
def _rsqrt(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Reciprocal", [graph.add("Sqrt", names)])


@translates("clip")
def _clip(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    limits = [attributes.get(name) for name in ("min", "max")]
    return graph.add("Clip", [names[0], *("" if one is None else graph.constant(one, "float32") for one in limits)])


@translates("cast")
def _cast(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Cast", names, to=attributes["dtype"])


# ---- products

@translates("dense")
def _dense(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    x, kernel, bias = names
    return graph.add("Add", [graph.add("MatMul", [x, kernel]), bias])


@translates("embedding")
def _embedding(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    return graph.add("Gather", [names[0], graph.add("Cast", [names[1]], to="int64")], axis=0)


def channels_first(graph: Graph, x: str, attributes: dict[str, Any]) -> tuple[str, Callable[[str], str]]:
    """(x with the channels in front, what puts them back)"""
    if attributes.get("data_format", "channels_last") == "channels_first":
        return x, lambda y: y
    rank = len(graph.shape(x))
    back = [0, *range(2, rank), 1]
    return (graph.add("Transpose", [x], perm=[0, rank - 1, *range(1, rank - 1)]),
            lambda y: str(graph.add("Transpose", [y], perm=back)))


def _padding(attributes: dict[str, Any]) -> str:
    known = {"same": "SAME_UPPER", "valid": "VALID"}
    if attributes.get("padding", "valid") not in known:
        raise Gap(f"padding {attributes['padding']!r}")
    return known[attributes.get("padding", "valid")]


@translates("conv")
def _conv(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    x, kernel, *bias = names
    rank = len(graph.shape(kernel))
    weights = graph.add("Transpose", [kernel], perm=[rank - 1, rank - 2, *range(rank - 2)])  # (out, in, *window)
    return _convolved(graph, x, kernel, weights, bias, attributes.get("groups", 1), attributes)


@translates("depthwise_conv")
def _depthwise_conv(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    """(*window, channels, multiplier) are the weights (channels * multiplier, 1, *window) of as many groups."""
    x, kernel, *bias = names
    *window, channels, multiplier = (int(size or 0) for size in graph.shape(kernel))
    rank = len(window) + 2
    weights = graph.add("Transpose", [kernel], perm=[rank - 2, rank - 1, *range(rank - 2)])
    weights = graph.add("Reshape", [weights, graph.constant([channels * multiplier, 1, *window], "int64")])
    flat = [graph.add("Reshape", [one, graph.constant([-1], "int64")]) for one in bias]
    return _convolved(graph, x, kernel, weights, flat, channels, attributes)


def _convolved(graph: Graph, x: str, kernel: str, weights: str, bias: list[str], groups: int,
               attributes: dict[str, Any]) -> str:
    front, back = channels_first(graph, x, attributes)
    dilation = list(attributes["dilation"])
    if attributes["padding"] == "causal":
        before = (int(graph.shape(kernel)[0] or 0) - 1) * dilation[0]
        front = graph.add("Pad", [front, graph.constant([0, 0, before, 0, 0, 0], "int64")])
        attributes = {**attributes, "padding": "valid"}
    return back(graph.add("Conv", [front, weights, *bias], group=int(groups), dilations=dilation,
                          strides=list(attributes["strides"]), auto_pad=_padding(attributes)))


def _pool(operator: str) -> Translation:
    def translate(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
        front, back = channels_first(graph, names[0], attributes)
        return back(graph.add(operator, [front], kernel_shape=list(attributes["window"]),
                              strides=list(attributes["strides"]), auto_pad=_padding(attributes)))

    return translate


TRANSLATIONS |= {"max_pool": _pool("MaxPool"), "average_pool": _pool("AveragePool")}


# ---- normalization

@translates("batch_norm_inference")
def _batch_norm(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    x, *rest = names
    gamma = rest.pop(0) if attributes.get("scale", True) else None
    beta = rest.pop(0) if attributes.get("center", True) else None
    mean, variance = rest
    rank = len(graph.shape(x))
    axis = attributes.get("axis", -1) % rank
    spread = graph.constant([-1, *[1] * (rank - 1 - axis)], "int64")

    def by_channel(name: str) -> Any:
        return name if axis == rank - 1 else graph.add("Reshape", [name, spread])

    deviation = graph.add("Sqrt", [graph.add("Add", [variance, graph.constant(attributes["epsilon"], "float32")])])
    y = graph.add("Div", [graph.add("Sub", [x, by_channel(mean)]), by_channel(deviation)])
    y = y if gamma is None else graph.add("Mul", [y, by_channel(gamma)])
    return y if beta is None else graph.add("Add", [y, by_channel(beta)])


@translates("layer_norm")
def _layer_norm(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    x, *rest = names
    trailing = attributes.get("trailing", 1)
    size = [int(one or 0) for one in graph.shape(x)[-trailing:]]
    if 0 in size:
        raise Gap("normalized axes of unknown size")
    gamma = rest.pop(0) if attributes.get("scale", True) else graph.constant(np.ones(size), "float32")
    return graph.add("LayerNormalization", [x, gamma, *rest], axis=-trailing, epsilon=float(attributes["epsilon"]))


@translates("rms_norm")
def _rms_norm(graph: Graph, names: list[str], attributes: dict[str, Any]) -> Any:
    axes = graph.constant(list(range(-attributes.get("trailing", 1), 0)), "int64")
    square = graph.add("ReduceMean", [graph.add("Mul", [names[0], names[0]]), axes], keepdims=1)
    root = graph.add("Sqrt", [graph.add("Add", [square, graph.constant(attributes["epsilon"], "float32")])])
    y = graph.add("Div", [names[0], root])
    return graph.add("Mul", [y, names[1]]) if attributes.get("scale", True) else y
