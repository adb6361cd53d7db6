"""Activation functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_float

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_sigmoid_legacy",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh_shrink",
    "threshold",
]


def _activation(name: str, formula: str) -> Callable[..., Any]:
    def compute(x: Any) -> Any:
        return apply(name, as_float(x))

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{formula}, element by element."
    return operation(compute)


sigmoid = _activation("sigmoid", "1 / (1 + exp(-x))")
softplus = _activation("softplus", "log(1 + exp(x))")
softsign = _activation("softsign", "x / (1 + |x|)")
silu = swish = _activation("silu", "x * sigmoid(x)")
hard_silu = hard_swish = _activation("hard_silu", "x * relu6(x + 3) / 6")
log_sigmoid = _activation("log_sigmoid", "log(sigmoid(x))")
mish = _activation("mish", "x * tanh(softplus(x))")
selu = _activation("selu", "1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1))")
relu6 = _activation("relu6", "min(max(x, 0), 6)")
tanh_shrink = _activation("tanh_shrink", "x - tanh(x)")
sparse_plus = _activation("sparse_plus", "0 below -1, (x + 1)^2 / 4 up to 1, x above")
sparse_sigmoid = _activation("sparse_sigmoid", "0 below -1, (x + 1) / 2 up to 1, 1 above")


@operation
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0); with the arguments of Keras's ReLU layer: slope below `threshold`, ceiling `max_value`."""
    x = as_float(x)
    if threshold:
        return apply("thresholded_relu", x, negative_slope=negative_slope, max_value=max_value, threshold=threshold)
    return apply("relu", x, negative_slope=negative_slope, max_value=max_value)


@operation
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, negative_slope * x elsewhere."""
    return apply("leaky_relu", as_float(x), negative_slope=negative_slope)


@operation
def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6 (Keras 3)."""
    return apply("hard_sigmoid", as_float(x))


@operation
def hard_sigmoid_legacy(x: Any) -> Any:
    """clip(0.2 x + 0.5, 0, 1): the hard_sigmoid of Keras 1 and 2."""
    return apply("hard_sigmoid", as_float(x), slope=0.2, offset=0.5)


@operation
def hard_tanh(x: Any) -> Any:
    """min(max(x, -1), 1)."""
    return apply("hard_tanh", as_float(x))


@operation
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    return apply("elu", as_float(x), alpha=alpha)


@operation
def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere."""
    return apply("celu", as_float(x), alpha=alpha)


@operation
def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution function of x; `approximate` uses tanh (Hendrycks and Gimpel, 2016)."""
    return apply("gelu", as_float(x), approximate=approximate)


@operation
def glu(x: Any, axis: int = -1) -> Any:
    """One half of `x` along `axis` times the sigmoid of the other half."""
    return apply("glu", as_float(x), axis=axis)


@operation
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x drawn towards 0 by `threshold`, 0 within it."""
    return apply("soft_shrink", as_float(x), threshold=threshold)


@operation
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x outside [-threshold, threshold], 0 within."""
    return apply("hard_shrink", as_float(x), threshold=threshold)


@operation
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where above `threshold`, `default_value` elsewhere."""
    return apply("threshold", as_float(x), threshold=threshold, default_value=default_value)


@operation
def squareplus(x: Any, b: float = 4.0) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    return apply("squareplus", as_float(x), b=b)


@operation
def softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`."""
    return apply("softmax", as_float(x), axis=axis)


@operation
def log_softmax(x: Any, axis: int | tuple[int, ...] = -1) -> Any:
    """log(softmax(x)) along `axis`."""
    return apply("log_softmax", as_float(x), axis=axis)


@operation
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Projection of `x` onto the simplex along `axis` (Martins and Astudillo, 2016)."""
    return apply("sparsemax", as_float(x), axis=axis)
