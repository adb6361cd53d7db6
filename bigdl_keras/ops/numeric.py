"""Elementwise functions composed of simpler ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import (
    align,
    as_float,
    as_tensor,
    cast,
    divide,
    equal,
    exp,
    greater,
    isnan,
    less,
    logaddexp,
    logical_and,
    logical_or,
    maximum,
    minimum,
    multiply,
    sign,
    sqrt,
    square,
    subtract,
    where,
)

__all__ = [
    "allclose",
    "cbrt",
    "deg2rad",
    "divide_no_nan",
    "erfc",
    "erfinv",
    "exp2",
    "fabs",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "hypot",
    "i0",
    "isclose",
    "isneginf",
    "isposinf",
    "ldexp",
    "logaddexp2",
    "logit",
    "nan_to_num",
    "rad2deg",
    "saturate_cast",
    "sinc",
    "trunc",
]


@operation
def trunc(x: Any) -> Any:
    """`x` without what stands behind the decimal point."""
    return apply("trunc", as_float(x))


@operation
def erfc(x: Any) -> Any:
    """1 - erf(x), exact also where it is small."""
    return apply("erfc", as_float(x))


@operation
def erfinv(x: Any) -> Any:
    """The y with erf(y) = x, for x between -1 and 1."""
    return apply("erfinv", as_float(x))


@operation
def i0(x: Any) -> Any:
    """Bessel's modified function of order 0."""
    return apply("i0", as_float(x))


@operation
def fabs(x: Any) -> Any:
    """Absolute value, as a float."""
    return apply("abs", as_float(x))


@operation
def ldexp(x1: Any, x2: Any) -> Any:
    """x1 * 2 ** x2, for whole numbers x2.

    Raises:
        TypeError: x2 is not whole.
    """
    x1, x2 = as_float(x1), as_tensor(x2)
    if isinstance(x2, float) or (hasattr(x2, "dtype") and np.dtype(x2.dtype).kind not in "iu"):
        raise TypeError(f"ldexp needs whole numbers as `x2`. Received {getattr(x2, 'dtype', x2)!r}.")
    return multiply(x1, apply("power", 2.0, as_float(x2)))


@operation
def fmax(x1: Any, x2: Any) -> Any:
    """The larger of x1 and x2; where one is NaN, the other."""
    x1, x2 = as_float(x1), as_float(x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, maximum(x1, x2)))


@operation
def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of x1 and x2; where one is NaN, the other."""
    x1, x2 = as_float(x1), as_float(x2)
    return where(isnan(x1), x2, where(isnan(x2), x1, minimum(x1, x2)))


@operation
def exp2(x: Any) -> Any:
    """2 to the power of x."""
    return exp(multiply(x, math.log(2.0)))


@operation
def cbrt(x: Any) -> Any:
    """Cube root, of negative numbers too."""
    x = as_float(x)
    return multiply(sign(x), apply("power", apply("abs", x), 1 / 3))


@operation
def deg2rad(x: Any) -> Any:
    """Degrees as radians."""
    return multiply(as_float(x), math.pi / 180)


@operation
def rad2deg(x: Any) -> Any:
    """Radians as degrees."""
    return multiply(as_float(x), 180 / math.pi)


@operation
def hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1^2 + x2^2), without overflow on the way."""
    x1, x2 = apply("abs", as_float(x1)), apply("abs", as_float(x2))
    larger, smaller = maximum(x1, x2), apply("minimum", x1, x2)
    share = divide_no_nan(smaller, larger)
    return multiply(larger, sqrt(apply("add", square(share), 1.0)))


@operation
def logaddexp2(x1: Any, x2: Any) -> Any:
    """log2(2^x1 + 2^x2)."""
    factor = math.log(2.0)
    return divide(logaddexp(multiply(x1, factor), multiply(x2, factor)), factor)


@operation
def logit(x: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid; `eps` keeps x away from 0 and 1."""
    x = as_float(x)
    if eps is not None:
        x = apply("clip", x, min=eps, max=1 - eps)
    return subtract(apply("log", x), apply("log", subtract(1.0, x)))


@operation
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), 1 at 0."""
    angle = multiply(as_float(x), math.pi)
    zero = equal(angle, 0.0)
    safe = where(zero, 1.0, angle)
    return where(zero, 1.0, divide(apply("sin", safe), safe))


@operation
def heaviside(x1: Any, x2: Any) -> Any:
    """0 below 0, 1 above, x2 at 0."""
    x1, x2 = align(x1, x2)
    return where(equal(x1, 0), x2, cast(greater(x1, 0), str(as_float(x1).dtype)))


@operation
def fmod(x1: Any, x2: Any) -> Any:
    """Remainder of x1 / x2, with the sign of x1."""
    x1, x2 = align(x1, x2)
    return subtract(x1, multiply(x2, trunc(divide(x1, x2))))


@operation
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, 0 where x2 is 0."""
    x1, x2 = align(x1, x2)
    zero = equal(x2, 0)
    return where(zero, 0.0, divide(x1, where(zero, 1.0, x2)))


@operation
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |x1 - x2| <= atol + rtol * |x2|; with `equal_nan` NaN is close to NaN."""
    x1, x2 = align(x1, x2)
    bound = apply("add", multiply(apply("abs", x2), rtol), atol)
    near = logical_or(equal(x1, x2), apply("less_equal", apply("abs", subtract(x1, x2)), bound))
    near = logical_and(near, logical_or(equal(x1, x2), apply("isfinite", subtract(x1, x2))))
    return logical_or(near, logical_and(isnan(x1), isnan(x2))) if equal_nan else near


@operation
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether `isclose` holds for all elements."""
    return apply("all", isclose(x1, x2, rtol, atol, equal_nan), axis=None)


@operation
def isposinf(x: Any) -> Any:
    """Whether x is infinite and positive."""
    return logical_and(apply("isinf", as_tensor(x)), greater(x, 0))


@operation
def isneginf(x: Any) -> Any:
    """Whether x is infinite and negative."""
    return logical_and(apply("isinf", as_tensor(x)), less(x, 0))


@operation
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """`x` with NaN and infinities replaced; infinities by the largest numbers of the dtype where nothing is given."""
    x = as_float(x)
    limits = np.finfo(str(x.dtype))
    x = where(isnan(x), nan, x)
    x = where(isposinf(x), float(limits.max) if posinf is None else posinf, x)
    return where(isneginf(x), float(limits.min) if neginf is None else neginf, x)


@operation
def saturate_cast(x: Any, dtype: str) -> Any:
    """`x` in another dtype; what is outside its range becomes its smallest or largest number."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return cast(x, dtype)
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    low, high = float(limits.min), float(limits.max)
    if kind.kind != "f" and float(np.float32(high)) > limits.max:  # int32 and wider: the largest float32 they can hold
        high = float(np.nextafter(np.float32(high), np.float32(0)))
    return cast(apply("clip", as_float(x), min=low, max=high), dtype)
