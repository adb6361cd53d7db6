"""Activation kernels: each formula beside its derivative, written to stay finite in float32 at any input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.kernels.elementwise import unary
from bigdl_keras.kernels.special import erf, in_pieces
from bigdl_keras.kernels.table import KERNELS, Kernel, each, same_shape

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
_GELU_SLOPE = float(np.sqrt(2 / np.pi))
_SQRT_HALF = float(np.sqrt(0.5))
_SQRT_2_PI = float(np.sqrt(2 * np.pi))


def activation(name: str, forward: Callable[..., Any], gradient: Callable[..., Any], *needs: str) -> None:
    """File an elementwise activation with attributes."""
    KERNELS[name] = Kernel(forward, each(gradient), same_shape, needs or ("inputs",), elementwise=True)


# Rectifiers: max(x, negative_slope * x), never more than max_value


def relu(x: Any, *, negative_slope: float = 0.0, max_value: float | None = None, out: Any = None) -> Any:
    if negative_slope == 0:
        return np.maximum(x, 0, out=out) if max_value is None else np.clip(x, 0, max_value, out=out)
    y = np.where(x > 0, x, negative_slope * x)
    return y if max_value is None else np.minimum(y, max_value, out=out)


def relu_gradient(
    dy: Any, y: Any, *, negative_slope: float = 0.0, max_value: float | None = None, out: Any = None
) -> Any:
    passed = np.greater(y, 0)
    if max_value is not None:
        passed = passed & (y < max_value)
    if negative_slope == 0:
        return np.multiply(dy, passed, out=out)
    slope = passed.astype(dy.dtype)
    slope += negative_slope * (y < 0)
    return np.multiply(dy, slope.astype(dy.dtype, copy=False), out=out)


def thresholded_relu(
    x: Any, *, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0, out: Any = None
) -> Any:
    """x where x > threshold, else negative_slope * (x - threshold)."""
    y = np.where(x > threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else np.minimum(y, max_value, out=out)


def thresholded_relu_gradient(
    dy: Any,
    x: Any,
    *,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
    out: Any = None,
) -> Any:
    slope = np.where(x > threshold, np.ones_like(x), np.full_like(x, negative_slope))
    if max_value is not None:
        slope *= x < max_value
    return np.multiply(dy, slope, out=out)


@in_pieces
def leaky_relu(x: Any, *, negative_slope: float = 0.2, out: Any = None) -> Any:
    return (
        np.maximum(x, negative_slope * x, out=out)
        if 0 <= negative_slope <= 1
        else np.where(x >= 0, x, negative_slope * x)
    )


@in_pieces
def leaky_relu_gradient(dy: Any, x: Any, *, negative_slope: float = 0.2, out: Any = None) -> Any:
    return np.multiply(dy, np.where(x > 0, np.ones_like(x), np.full_like(x, negative_slope)), out=out)


def relu6(x: Any, *, out: Any = None) -> Any:
    return np.clip(x, 0, 6, out=out)


def relu6_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, (y > 0) & (y < 6), out=out)


@in_pieces
def elu(x: Any, *, alpha: float = 1.0, out: Any = None) -> Any:
    below = np.asarray(np.minimum(x, 0))
    np.exp(below, out=below)
    below -= 1
    below *= alpha
    return np.add(np.maximum(x, 0), below, out=out)


@in_pieces
def elu_gradient(dy: Any, x: Any, *, alpha: float = 1.0, out: Any = None) -> Any:
    slope = np.asarray(np.minimum(x, 0))
    np.exp(slope, out=slope)
    if alpha != 1:
        slope = np.where(x > 0, 1, alpha * slope)
    return np.multiply(dy, slope, out=out)


@in_pieces
def selu(x: Any, *, out: Any = None) -> Any:
    return np.multiply(elu(x, alpha=SELU_ALPHA), SELU_SCALE, out=out)


@in_pieces
def selu_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(elu_gradient(dy, x, alpha=SELU_ALPHA), SELU_SCALE, out=out)


@in_pieces
def celu(x: Any, *, alpha: float = 1.0, out: Any = None) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


@in_pieces
def celu_gradient(dy: Any, x: Any, *, alpha: float = 1.0, out: Any = None) -> Any:
    return np.multiply(dy, np.exp(np.minimum(x, 0) / alpha), out=out)


activation("relu", relu, relu_gradient, "output")
activation("thresholded_relu", thresholded_relu, thresholded_relu_gradient)
activation("leaky_relu", leaky_relu, leaky_relu_gradient)
activation("relu6", relu6, relu6_gradient, "output")
activation("elu", elu, elu_gradient)
activation("selu", selu, selu_gradient)
activation("celu", celu, celu_gradient)


# Sigmoids


@in_pieces
def sigmoid(x: Any, *, out: Any = None) -> Any:
    """1 / (1 + exp(-x)); where exp overflows the quotient is 0, which is right."""
    y = np.asarray(np.negative(x, out=out))
    with np.errstate(over="ignore"):
        np.exp(y, out=y)
    y += 1
    return np.reciprocal(y, out=y)


@in_pieces
def sigmoid_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    slope = np.asarray(np.subtract(1, y))
    slope *= y
    return np.multiply(dy, slope, out=out)


@in_pieces
def tanh_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    slope = np.asarray(np.multiply(y, y))
    np.subtract(1, slope, out=slope)
    return np.multiply(dy, slope, out=out)


@in_pieces
def hard_sigmoid(x: Any, *, slope: float = 1 / 6, offset: float = 0.5, out: Any = None) -> Any:
    """clip(slope * x + offset, 0, 1). Keras 3 has slope 1/6, Keras 1 and 2 had 0.2."""
    y = np.asarray(np.multiply(x, slope, out=out))
    y += offset
    return np.clip(y, 0, 1, out=y)


@in_pieces
def hard_sigmoid_gradient(dy: Any, y: Any, *, slope: float = 1 / 6, offset: float = 0.5, out: Any = None) -> Any:
    inside = (y > 0) & (y < 1)
    return np.multiply(np.multiply(dy, slope), inside, out=out)


def hard_tanh(x: Any, *, min_value: float = -1.0, max_value: float = 1.0, out: Any = None) -> Any:
    return np.clip(x, min_value, max_value, out=out)


def hard_tanh_gradient(dy: Any, x: Any, *, min_value: float = -1.0, max_value: float = 1.0, out: Any = None) -> Any:
    return np.multiply(dy, (x > min_value) & (x < max_value), out=out)


@in_pieces
def softplus(x: Any, *, out: Any = None) -> Any:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))."""
    rest = np.log1p(np.exp(-np.absolute(x)))
    return np.add(np.maximum(x, 0), rest, out=out)


@in_pieces
def softplus_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, sigmoid(x), out=out)


@in_pieces
def log_sigmoid(x: Any, *, out: Any = None) -> Any:
    return np.negative(softplus(np.negative(x)), out=out)


@in_pieces
def log_sigmoid_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, sigmoid(np.negative(x)), out=out)


@in_pieces
def softsign(x: Any, *, out: Any = None) -> Any:
    return np.divide(x, np.absolute(x) + 1, out=out)


@in_pieces
def softsign_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.square(1 - np.absolute(y)), out=out)


unary("sigmoid", sigmoid, sigmoid_gradient, "output")
unary("tanh", np.tanh, tanh_gradient, "output")
activation("hard_sigmoid", hard_sigmoid, hard_sigmoid_gradient, "output")
activation("hard_tanh", hard_tanh, hard_tanh_gradient)
unary("softplus", softplus, softplus_gradient)
unary("log_sigmoid", log_sigmoid, log_sigmoid_gradient)
unary("softsign", softsign, softsign_gradient, "output")


# x times something between 0 and 1


@in_pieces
def silu(x: Any, *, out: Any = None) -> Any:
    return np.multiply(x, sigmoid(x), out=out)


@in_pieces
def silu_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    gate = np.asarray(sigmoid(x))
    return np.multiply(dy, gate * (1 + x * (1 - gate)), out=out)


@in_pieces
def hard_silu(x: Any, *, out: Any = None) -> Any:
    return np.multiply(x, hard_sigmoid(x), out=out)


@in_pieces
def hard_silu_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    gate = hard_sigmoid(x)
    return np.multiply(dy, gate + x * ((gate > 0) & (gate < 1)) * (1 / 6), out=out)


@in_pieces
def mish(x: Any, *, out: Any = None) -> Any:
    return np.multiply(x, np.tanh(softplus(x)), out=out)


@in_pieces
def mish_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    gate = np.tanh(softplus(x))
    return np.multiply(dy, gate + x * (1 - gate * gate) * sigmoid(x), out=out)


@in_pieces
def gelu(x: Any, *, approximate: bool = True, out: Any = None) -> Any:
    """x * P(Z <= x): with erf, or tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)) where `approximate`."""
    if approximate:
        gate = np.tanh(_GELU_SLOPE * (x + 0.044715 * x * x * x))
    else:
        gate = erf(x * _SQRT_HALF)
    return np.multiply(x, 0.5 * (gate + 1), out=out)


@in_pieces
def gelu_gradient(dy: Any, x: Any, *, approximate: bool = True, out: Any = None) -> Any:
    if approximate:
        square = x * x
        gate = np.tanh(_GELU_SLOPE * x * (1 + 0.044715 * square))
        density = 0.5 * x * (1 - gate * gate) * (_GELU_SLOPE * (1 + 3 * 0.044715 * square))
    else:
        gate = erf(x * _SQRT_HALF)
        density = x * np.exp(-0.5 * x * x) / _SQRT_2_PI
    return np.multiply(dy, 0.5 * (gate + 1) + density, out=out)


@in_pieces
def tanh_shrink(x: Any, *, out: Any = None) -> Any:
    return np.subtract(x, np.tanh(x), out=out)


@in_pieces
def tanh_shrink_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.square(np.tanh(x)), out=out)


unary("silu", silu, silu_gradient)
unary("hard_silu", hard_silu, hard_silu_gradient)
unary("mish", mish, mish_gradient)
activation("gelu", gelu, gelu_gradient)
unary("tanh_shrink", tanh_shrink, tanh_shrink_gradient)


# Shrinking and thresholds


def soft_shrink(x: Any, *, threshold: float = 0.5, out: Any = None) -> Any:
    return np.subtract(x, np.clip(x, -threshold, threshold), out=out)


def soft_shrink_gradient(dy: Any, x: Any, *, threshold: float = 0.5, out: Any = None) -> Any:
    return np.multiply(dy, np.absolute(x) > threshold, out=out)


def hard_shrink(x: Any, *, threshold: float = 0.5, out: Any = None) -> Any:
    return np.multiply(x, np.absolute(x) > threshold, out=out)


def threshold(x: Any, *, threshold: float, default_value: float, out: Any = None) -> Any:
    return np.where(x > threshold, x, np.full_like(x, default_value))


def threshold_gradient(dy: Any, x: Any, *, threshold: float, default_value: float, out: Any = None) -> Any:
    return np.multiply(dy, x > threshold, out=out)


activation("soft_shrink", soft_shrink, soft_shrink_gradient)
activation("hard_shrink", hard_shrink, soft_shrink_gradient)
activation("threshold", threshold, threshold_gradient)


# Algebraic softplus, and its sparse kin


@in_pieces
def squareplus(x: Any, *, b: float = 4.0, out: Any = None) -> Any:
    return np.multiply(x + np.sqrt(x * x + b), 0.5, out=out)


@in_pieces
def squareplus_gradient(dy: Any, x: Any, *, b: float = 4.0, out: Any = None) -> Any:
    return np.multiply(dy, 0.5 * (1 + x / np.sqrt(x * x + b)), out=out)


def sparse_plus(x: Any, *, out: Any = None) -> Any:
    """0 below -1, (x + 1) ** 2 / 4 between -1 and 1, x above."""
    return np.where(x >= 1, x, 0.25 * np.square(np.maximum(x, -1) + 1))


def sparse_sigmoid(x: Any, *, out: Any = None) -> Any:
    return np.clip(0.5 * (x + 1), 0, 1, out=out)


def sparse_plus_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, sparse_sigmoid(x), out=out)


def sparse_sigmoid_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, 0.5 * ((x > -1) & (x < 1)).astype(x.dtype), out=out)


activation("squareplus", squareplus, squareplus_gradient)
unary("sparse_plus", sparse_plus, sparse_plus_gradient)
unary("sparse_sigmoid", sparse_sigmoid, sparse_sigmoid_gradient)
