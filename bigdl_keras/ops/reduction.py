"""Many numbers become one along `axis`: an int, a tuple, or None for all axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, aligned_tensors, as_float, as_tensor, cast, divide, multiply, not_equal

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "average",
    "corrcoef",
    "count_nonzero",
    "isin",
    "logsumexp",
    "max",
    "mean",
    "min",
    "norm",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]

Axis = int | tuple[int, ...] | list[int] | None


def _reduction(name: str, meaning: str, floating: bool = False, boolean: bool = False) -> Callable[..., Any]:
    def compute(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        (x,) = aligned_tensors(as_float(x) if floating else x)
        if boolean:
            x = cast(x, "bool")
        return apply(name, x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning} along `axis` (None: all axes); `keepdims` leaves them with size 1."
    return operation(compute)


sum = _reduction("sum", "Sum")
mean = _reduction("mean", "Mean", floating=True)
max = _reduction("max", "Largest element")
amax = max
min = _reduction("min", "Smallest element")
amin = min
prod = _reduction("prod", "Product")
var = _reduction("var", "Variance (divided by the count)", floating=True)
std = _reduction("std", "Standard deviation (divided by the count)", floating=True)
any = _reduction("any", "Whether any element is true", boolean=True)
all = _reduction("all", "Whether all elements are true", boolean=True)
logsumexp = _reduction("logsumexp", "log(sum(exp(x)))", floating=True)


@operation
def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """Mean along `axis`, weighted by `weights` of the shape of `x` or of the one axis."""
    if weights is None:
        return mean(x, axis=axis)
    x, weights = align(as_float(x), as_tensor(weights))
    if isinstance(axis, int) and len(weights.shape) == 1 and len(x.shape) > 1:
        shape = [1] * len(x.shape)
        shape[axis] = -1
        weights = apply("reshape", weights, shape=tuple(shape))
    weights = apply("broadcast_like", weights, x)
    return divide(sum(multiply(x, weights), axis=axis), sum(weights, axis=axis))


@operation
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many elements along `axis` are not 0."""
    return sum(apply("cast", not_equal(x, 0), dtype="int32"), axis=axis)


@operation
def norm(x: Any, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """Norm of vectors along one axis (`ord` a number, inf or -inf), or the root of the sum of squares (None, 'fro')."""
    x = as_float(x)
    if ord in (None, "fro", 2) and not (ord == 2 and _is_matrix(x, axis)):
        return apply("sqrt", sum(apply("square", x), axis=axis, keepdims=keepdims))
    if _is_matrix(x, axis) or isinstance(ord, str):
        raise ValueError(f"norm of matrices knows `ord` None and 'fro'. Received {ord!r}.")
    size = apply("abs", x)
    if ord == np.inf:
        return max(size, axis=axis, keepdims=keepdims)
    if ord == -np.inf:
        return min(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return sum(apply("cast", not_equal(x, 0), dtype=str(x.dtype)), axis=axis, keepdims=keepdims)
    power = float(ord)
    return apply("power", sum(apply("power", size, power), axis=axis, keepdims=keepdims), 1 / power)


def _is_matrix(x: Any, axis: Axis) -> bool:
    return len(x.shape) > 1 if axis is None else not isinstance(axis, int) and len(axis) > 1


@operation
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """From the smallest to the largest element along `axis`: their difference."""
    return apply("subtract", max(x, axis, keepdims), min(x, axis, keepdims))


@operation
def corrcoef(x: Any) -> Any:
    """Correlations of the rows of a matrix with each other."""
    x = as_float(x)
    centred = apply("subtract", x, mean(x, axis=-1, keepdims=True))
    covariance = apply("matmul", centred, apply("transpose", centred, axes=(1, 0)))
    spread = apply("sqrt", sum(apply("square", centred), axis=-1, keepdims=True))
    return divide(covariance, multiply(spread, apply("transpose", spread, axes=(1, 0))))


@operation
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each element of x1 is one of the elements of x2; with `invert` whether it is none of them."""
    x1, x2 = align(x1, x2)
    known = apply("reshape", x2, shape=(-1,))
    found = apply("any", apply("equal", apply("expand_dims", x1, axis=-1), known), axis=-1)
    return apply("logical_not", found) if invert else found
