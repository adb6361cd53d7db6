"""Elementwise kernels: one number in, one number out, with numpy's broadcasting; gradients are summed back over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each, same_shape, sum_to_shape
from bigdl_keras.shapes import broadcast


def broadcast_shape(*shapes: Any, **attributes: Any) -> Any:
    """Shape rule of kernels that broadcast their inputs."""
    return broadcast(*shapes)


def of_ufunc(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    """A forward function that only calls `ufunc`."""

    def forward(*inputs: Any, out: Any = None) -> Any:
        return ufunc(*inputs, out=out)

    return forward


def unary(
    name: str, ufunc: Callable[..., Any], gradient: Callable[..., Any] | None, *needs: str, dtype: Any = None
) -> None:
    """File a ufunc of one input, with the gradient function of that input."""
    joint = None if gradient is None else each(gradient)
    KERNELS[name] = Kernel(of_ufunc(ufunc), joint, same_shape, needs or ("inputs",), elementwise=True, dtype=dtype)


def binary(
    name: str,
    ufunc: Callable[..., Any],
    *gradients: Callable[..., Any],
    needs: tuple[str, ...] = ("inputs",),
    dtype: Any = None,
) -> None:
    """File a ufunc of two broadcast inputs, with one gradient function each."""
    joint = each(*gradients) if gradients else None
    KERNELS[name] = Kernel(of_ufunc(ufunc), joint, broadcast_shape, needs, elementwise=True, dtype=dtype)


# Arithmetic: x + y, x - y, x * y, x / y


def add_gradient_x(dy: Any, shapes: Any, *, out: Any = None) -> Any:
    return sum_to_shape(dy, shapes[0], out)


def add_gradient_y(dy: Any, shapes: Any, *, out: Any = None) -> Any:
    return sum_to_shape(dy, shapes[1], out)


def subtract_gradient_y(dy: Any, shapes: Any, *, out: Any = None) -> Any:
    total = sum_to_shape(dy, shapes[1], out)
    return np.negative(total, out=out)


def product_to_shape(dy: Any, factor: Any, shape: tuple[int, ...], out: Any) -> Any:
    """`dy * factor`, summed over the axes along which an input of `shape` was repeated."""
    if dy.shape == shape:
        return np.multiply(dy, factor, out=out)
    return sum_to_shape(np.multiply(dy, factor), shape, out)


def multiply_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, y, x.shape, out)


def multiply_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, x, y.shape, out)


def divide_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    if dy.shape == x.shape:
        return np.divide(dy, y, out=out)
    return sum_to_shape(np.divide(dy, y), x.shape, out)


def divide_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    factor = np.asarray(np.divide(x, y))
    np.divide(factor, y, out=factor)
    np.negative(factor, out=factor)
    return product_to_shape(dy, factor, y.shape, out)


binary("add", np.add, add_gradient_x, add_gradient_y, needs=("shapes",))
binary("subtract", np.subtract, add_gradient_x, subtract_gradient_y, needs=("shapes",))
binary("multiply", np.multiply, multiply_gradient_x, multiply_gradient_y)
binary("divide", np.divide, divide_gradient_x, divide_gradient_y)


# Extrema: where both inputs are equal the gradient is shared, half to each


def _chosen(x: Any, y: Any, better: Callable[..., Any], dtype: Any) -> Any:
    return better(x, y).astype(dtype) + 0.5 * np.equal(x, y).astype(dtype)


def maximum_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, _chosen(x, y, np.greater, dy.dtype), x.shape, out)


def maximum_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, _chosen(y, x, np.greater, dy.dtype), y.shape, out)


def minimum_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, _chosen(x, y, np.less, dy.dtype), x.shape, out)


def minimum_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, _chosen(y, x, np.less, dy.dtype), y.shape, out)


binary("maximum", np.maximum, maximum_gradient_x, maximum_gradient_y)
binary("minimum", np.minimum, minimum_gradient_x, minimum_gradient_y)


# x ** y: dx = y * x ** (y - 1), zero where y is 0; dy = x ** y * log(x), zero where x is 0


def power_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    exponent = np.where(np.equal(y, 0), 1, y) if isinstance(y, np.ndarray) else y or 1  # a Python number stays weak
    return product_to_shape(dy, y * np.power(x, exponent - 1), x.shape, out)


def power_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    safe = np.log(np.where(np.greater(x, 0), x, 1)).astype(dy.dtype, copy=False)
    return product_to_shape(dy, np.power(x, y) * safe, y.shape, out)


def arctan2_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, y / (x * x + y * y), x.shape, out)


def arctan2_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, -x / (x * x + y * y), y.shape, out)


def mod_gradient_y(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, -np.floor(x / y), y.shape, out)


def mod_gradient_x(dy: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return sum_to_shape(dy, x.shape, out)


def logaddexp_gradient_x(dy: Any, x: Any, y: Any, z: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, np.exp(x - z), x.shape, out)


def logaddexp_gradient_y(dy: Any, x: Any, y: Any, z: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, np.exp(y - z), y.shape, out)


binary("power", np.power, power_gradient_x, power_gradient_y)
binary("arctan2", np.arctan2, arctan2_gradient_x, arctan2_gradient_y)
binary("mod", np.mod, mod_gradient_x, mod_gradient_y)
binary("logaddexp", np.logaddexp, logaddexp_gradient_x, logaddexp_gradient_y, needs=("inputs", "output"))
binary("floor_divide", np.floor_divide)


# Functions of one number


def negative_gradient(dy: Any, shapes: Any, *, out: Any = None) -> Any:
    return np.negative(dy, out=out)


def exp_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, y, out=out)


def expm1_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, y + 1, out=out)


def log_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, x, out=out)


def log1p_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, x + 1, out=out)


def log2_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, x * float(np.log(2.0)), out=out)


def log10_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, x * float(np.log(10.0)), out=out)


def sqrt_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.divide(dy, 2 * y, out=out)


def rsqrt(x: Any, *, out: Any = None) -> Any:
    return np.divide(1, np.sqrt(x), out=out)


def rsqrt_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, -0.5 * y * y * y, out=out)


def square_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, 2 * x, out=out)


def reciprocal_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, -y * y, out=out)


def abs_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.sign(x), out=out)


def sin_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.cos(x), out=out)


def cos_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, -np.sin(x), out=out)


def tan_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, y * y + 1, out=out)


def arcsin_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, np.sqrt(1 - x * x), out=out)


def arccos_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, -np.sqrt(1 - x * x), out=out)


def arctan_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, x * x + 1, out=out)


def sinh_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.cosh(x), out=out)


def cosh_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.sinh(x), out=out)


def arcsinh_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, np.sqrt(x * x + 1), out=out)


def arccosh_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, np.sqrt(x * x - 1), out=out)


def arctanh_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.divide(dy, 1 - x * x, out=out)


unary("negative", np.negative, negative_gradient, "shapes")
unary("exp", np.exp, exp_gradient, "output")
unary("expm1", np.expm1, expm1_gradient, "output")
unary("log", np.log, log_gradient)
unary("log1p", np.log1p, log1p_gradient)
unary("log2", np.log2, log2_gradient)
unary("log10", np.log10, log10_gradient)
unary("sqrt", np.sqrt, sqrt_gradient, "output")
unary("rsqrt", rsqrt, rsqrt_gradient, "output")
unary("square", np.square, square_gradient)
unary("reciprocal", np.reciprocal, reciprocal_gradient, "output")
unary("abs", np.absolute, abs_gradient)
unary("sin", np.sin, sin_gradient)
unary("cos", np.cos, cos_gradient)
unary("tan", np.tan, tan_gradient, "output")
unary("arcsin", np.arcsin, arcsin_gradient)
unary("arccos", np.arccos, arccos_gradient)
unary("arctan", np.arctan, arctan_gradient)
unary("sinh", np.sinh, sinh_gradient)
unary("cosh", np.cosh, cosh_gradient)
unary("arcsinh", np.arcsinh, arcsinh_gradient)
unary("arccosh", np.arccosh, arccosh_gradient)
unary("arctanh", np.arctanh, arctanh_gradient)
for _name, _ufunc in {"sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc}.items():
    unary(_name, _ufunc, None)


# Answers yes or no: no gradient

for _name in (
    "equal",
    "not_equal",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
):
    binary(_name, getattr(np, _name), dtype="bool")
for _name in ("logical_not", "isnan", "isinf", "isfinite"):
    unary(_name, getattr(np, _name), None, dtype="bool")


# Choice, bounds and dtypes


def where(condition: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    result = np.where(condition, x, y)
    if out is None:
        return result
    np.copyto(out, result)
    return out


def where_gradient_x(dy: Any, condition: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, np.not_equal(condition, 0), x.shape, out)


def where_gradient_y(dy: Any, condition: Any, x: Any, y: Any, *, out: Any = None) -> Any:
    return product_to_shape(dy, np.equal(condition, 0), y.shape, out)


def _where_dtype(condition: Any, x: Any, y: Any, **attributes: Any) -> str:
    return np.result_type(x, y).name


def clip(x: Any, *, min: float | None, max: float | None, out: Any = None) -> Any:
    return np.clip(x, min, max, out=out)


def clip_gradient(dy: Any, x: Any, *, min: float | None, max: float | None, out: Any = None) -> Any:
    inside = np.ones(x.shape, dtype=bool)
    if min is not None:
        inside &= x >= min
    if max is not None:
        inside &= x <= max
    return np.multiply(dy, inside, out=out)


def cast(x: Any, *, dtype: str, out: Any = None) -> Any:
    if out is None:
        return np.asarray(x, dtype=dtype).reshape(np.shape(x))
    np.copyto(out, x, casting="unsafe")
    return out


def cast_gradient(dy: Any, x: Any, *, dtype: str, out: Any = None) -> Any:
    if not np.issubdtype(x.dtype, np.floating) or not np.issubdtype(dy.dtype, np.floating):
        return None
    return cast(dy, dtype=x.dtype, out=out)


def cast_like(x: Any, like: Any, *, out: Any = None) -> Any:
    return cast(x, dtype=like.dtype, out=out)


def cast_like_gradient(dy: Any, x: Any, like: Any, *, out: Any = None) -> Any:
    return cast_gradient(dy, x, dtype=like.dtype, out=out)


def _dtype_attribute(*dtypes: Any, dtype: str, **attributes: Any) -> str:
    return dtype


def _dtype_of_second(first: Any, second: Any, **attributes: Any) -> str:
    return np.dtype(second).name


KERNELS["where"] = Kernel(where, each(None, where_gradient_x, where_gradient_y), broadcast_shape, dtype=_where_dtype)
KERNELS["clip"] = Kernel(clip, each(clip_gradient), same_shape, elementwise=True)
KERNELS["cast"] = Kernel(cast, each(cast_gradient), same_shape, view=True, dtype=_dtype_attribute)
KERNELS["cast_like"] = Kernel(cast_like, each(cast_like_gradient, None), same_shape, view=True, dtype=_dtype_of_second)
