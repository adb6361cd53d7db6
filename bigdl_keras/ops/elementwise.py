"""Operations on each element, with numpy's broadcasting; integers meet floats as Keras does (float32 wins)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import apply, operation

__all__ = [
    "abs",
    "absolute",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "cast",
    "ceil",
    "clip",
    "cos",
    "cosh",
    "divide",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "not_equal",
    "power",
    "reciprocal",
    "round",
    "rsqrt",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "true_divide",
    "where",
]


def as_tensor(x: Any) -> Any:
    """Tensors, weights, arrays and Python numbers as they are; numpy scalars and lists as in Keras (float32)."""
    if isinstance(x, np.generic):
        return x.item() if isinstance(x, (np.float64, np.integer, np.bool_)) else np.asarray(x)
    if isinstance(x, (KerasTensor, Weight, np.ndarray, bool, int, float)):
        return x
    array = np.asarray(x)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def as_float(x: Any, default: str = "float32") -> Any:
    """`x` with a floating dtype."""
    x = as_tensor(x)
    if isinstance(x, (bool, int)):
        return float(x)
    if isinstance(x, float) or np.dtype(x.dtype).kind == "f":
        return x
    return apply("cast", x, dtype=default)


def align(*values: Any) -> tuple[Any, ...]:
    """Operands in one dtype where a float meets integers or booleans: numpy alone would answer in float64."""
    values = tuple(as_tensor(value) for value in values)
    dtypes = [np.dtype(value.dtype) for value in values if hasattr(value, "dtype")]
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    if not floats and not any(isinstance(value, float) for value in values):
        return values
    target = str(max(floats, key=lambda dtype: dtype.itemsize)) if floats else "float32"
    return tuple(
        apply("cast", value, dtype=target) if hasattr(value, "dtype") and np.dtype(value.dtype).kind != "f" else value
        for value in values
    )


def aligned_tensors(*values: Any) -> tuple[Any, ...]:
    """`align`, and Python numbers as arrays in the dtype of the tensors beside them."""
    values = align(*values)
    known = [value.dtype for value in values if hasattr(value, "dtype")]
    if any(isinstance(value, float) for value in values) and not any(np.dtype(dtype).kind == "f" for dtype in known):
        known = ["float32"]
    return tuple(
        value if hasattr(value, "dtype") else np.asarray(value, dtype=str(known[0]) if known else None)
        for value in values
    )


def _unary(name: str, meaning: str, floating: bool = True) -> Callable[..., Any]:
    def compute(x: Any) -> Any:
        return apply(name, as_float(x) if floating else as_tensor(x))

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning}, element by element. Any shape; returns the same shape."
    return operation(compute)


def _binary(name: str, meaning: str, floating: bool = False) -> Callable[..., Any]:
    def compute(x1: Any, x2: Any) -> Any:
        x1, x2 = align(x1, x2)
        return apply(name, as_float(x1), as_float(x2)) if floating else apply(name, x1, x2)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning}, element by element, with broadcasting."
    return operation(compute)


add = _binary("add", "x1 + x2")
subtract = _binary("subtract", "x1 - x2")
multiply = _binary("multiply", "x1 * x2")
divide = _binary("divide", "x1 / x2", floating=True)
true_divide = divide
maximum = _binary("maximum", "The larger of x1 and x2")
minimum = _binary("minimum", "The smaller of x1 and x2")
power = _binary("power", "x1 to the power of x2")
mod = _binary("mod", "Remainder of x1 / x2, with the sign of x2")
floor_divide = _binary("floor_divide", "x1 / x2 rounded down")
arctan2 = _binary("arctan2", "The angle of the point (x2, x1)", floating=True)
logaddexp = _binary("logaddexp", "log(exp(x1) + exp(x2))", floating=True)
equal = _binary("equal", "Whether x1 equals x2")
not_equal = _binary("not_equal", "Whether x1 differs from x2")
less = _binary("less", "Whether x1 < x2")
less_equal = _binary("less_equal", "Whether x1 <= x2")
greater = _binary("greater", "Whether x1 > x2")
greater_equal = _binary("greater_equal", "Whether x1 >= x2")
logical_and = _binary("logical_and", "Whether both x1 and x2 are true")
logical_or = _binary("logical_or", "Whether x1 or x2 is true")
logical_xor = _binary("logical_xor", "Whether exactly one of x1 and x2 is true")

negative = _unary("negative", "-x", floating=False)
abs = _unary("abs", "Absolute value", floating=False)
absolute = abs
sign = _unary("sign", "-1, 0 or 1", floating=False)
square = _unary("square", "x * x", floating=False)
logical_not = _unary("logical_not", "Whether x is false", floating=False)
isnan = _unary("isnan", "Whether x is not a number", floating=False)
isfinite = _unary("isfinite", "Whether x is neither infinite nor NaN", floating=False)
isinf = _unary("isinf", "Whether x is infinite", floating=False)
floor = _unary("floor", "The largest integer not above x")
ceil = _unary("ceil", "The smallest integer not below x")
exp = _unary("exp", "e to the power of x")
expm1 = _unary("expm1", "exp(x) - 1, exact near 0")
log = _unary("log", "Natural logarithm")
log1p = _unary("log1p", "log(1 + x), exact near 0")
log2 = _unary("log2", "Logarithm to base 2")
log10 = _unary("log10", "Logarithm to base 10")
sqrt = _unary("sqrt", "Square root")
rsqrt = _unary("rsqrt", "1 / sqrt(x)")
reciprocal = _unary("reciprocal", "1 / x")
sin = _unary("sin", "Sine")
cos = _unary("cos", "Cosine")
tan = _unary("tan", "Tangent")
arcsin = _unary("arcsin", "Inverse sine")
arccos = _unary("arccos", "Inverse cosine")
arctan = _unary("arctan", "Inverse tangent")
sinh = _unary("sinh", "Hyperbolic sine")
cosh = _unary("cosh", "Hyperbolic cosine")
tanh = _unary("tanh", "Hyperbolic tangent")
arcsinh = _unary("arcsinh", "Inverse hyperbolic sine")
arccosh = _unary("arccosh", "Inverse hyperbolic cosine")
arctanh = _unary("arctanh", "Inverse hyperbolic tangent")
erf = _unary("erf", "Error function")


@operation
def round(x: Any, decimals: int = 0) -> Any:
    """`x` rounded to the nearest number with so many decimals, halves to the even one."""
    x = as_tensor(x)
    if not decimals:
        return apply("round", x)
    return apply("divide", apply("round", apply("multiply", as_float(x), 10.0**decimals)), 10.0**decimals)


@operation
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """min(max(x, x_min), x_max), element by element; the bounds are numbers, or tensors that broadcast."""
    if isinstance(x_min, (int, float)) and isinstance(x_max, (int, float)):
        return apply("clip", as_tensor(x), min=x_min, max=x_max)
    return minimum(maximum(x, x_min), x_max)


@operation
def where(condition: Any, x1: Any, x2: Any) -> Any:
    """x1 where `condition` is true, x2 elsewhere, with broadcasting."""
    x1, x2 = aligned_tensors(x1, x2)
    return apply("where", as_tensor(condition), x1, x2)


@operation
def cast(x: Any, dtype: str) -> Any:
    """`x` in another dtype; the gradient is cast back."""
    x, dtype = as_tensor(x), str(np.dtype(dtype))
    return x if str(getattr(x, "dtype", "")) == dtype else apply("cast", x, dtype=dtype)
