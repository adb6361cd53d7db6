"""Many numbers become one along `axis`: an int, a tuple, or None for all axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import (
    align,
    aligned_tensors,
    as_float,
    as_tensor,
    cast,
    divide,
    maximum,
    minimum,
    multiply,
    not_equal,
)
from bigdl_keras.shapes import normalize_axis

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


def _reduction(
    name: str, meaning: str, floating: bool = False, boolean: bool = False, kernel: str | None = None
) -> Callable[..., Any]:
    def compute(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        (x,) = aligned_tensors(as_float(x) if floating else x)
        if boolean:
            x = cast(x, "bool")
        return apply(kernel or name, x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning} along `axis` (None: all axes); `keepdims` leaves them with size 1."
    return operation(compute)


sum = _reduction("sum", "Sum")
mean = _reduction("mean", "Mean", floating=True)
amax = _reduction("amax", "Largest element", kernel="max")
amin = _reduction("amin", "Smallest element", kernel="min")
var = _reduction("var", "Variance (divided by the count)", floating=True)
std = _reduction("std", "Standard deviation (divided by the count)", floating=True)
any = _reduction("any", "Whether any element is true", boolean=True)
all = _reduction("all", "Whether all elements are true", boolean=True)
logsumexp = _reduction("logsumexp", "log(sum(exp(x)))", floating=True)


@operation
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Any:
    """Largest element along `axis` (None: all axes), and of `initial`; `keepdims` leaves the axes with size 1."""
    largest = amax(x, axis, keepdims)
    return largest if initial is None else maximum(largest, initial)


@operation
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Any:
    """Smallest element along `axis` (None: all axes), and of `initial`; `keepdims` leaves the axes with size 1."""
    smallest = amin(x, axis, keepdims)
    return smallest if initial is None else minimum(smallest, initial)


@operation
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: str | None = None) -> Any:
    """Product along `axis` (None: all axes), in `dtype`; `keepdims` leaves the axes with size 1."""
    (x,) = aligned_tensors(x if dtype is None else cast(x, dtype))
    return apply("prod", x, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=keepdims)


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
    """Norm of vectors along one axis, or of matrices along two (None: all axes).

    Args:
        x: a tensor.
        ord: None or "fro" for the root of the sum of squares. Of vectors a number p, for sum(|x|^p)^(1/p), inf or -inf
            for the largest or smallest size, 0 for how many are not 0. Of matrices 1 or -1 for the largest or smallest
            sum of sizes of a column, inf or -inf of a row, 2 or -2 for the largest or smallest singular value, "nuc"
            for their sum.
        axis: of the vectors, or two axes of matrices.
        keepdims: leave the axes with size 1.

    Raises:
        ValueError: an order that is not known.
    """
    x = as_float(x)
    matrix = _is_matrix(x, axis)
    if ord in (None, "fro") or (ord == 2 and not matrix):
        return apply("sqrt", sum(apply("square", x), axis=axis, keepdims=keepdims))
    if matrix:
        return _matrix_norm(x, ord, axis, keepdims)
    if isinstance(ord, str):
        raise ValueError(f"norm of vectors knows numbers, None and 'fro' as `ord`. Received {ord!r}.")
    size = apply("abs", x)
    if ord in (np.inf, -np.inf):
        return (max if ord == np.inf else min)(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return sum(apply("cast", not_equal(x, 0), dtype=str(x.dtype)), axis=axis, keepdims=keepdims)
    power = float(ord)
    return apply("power", sum(apply("power", size, power), axis=axis, keepdims=keepdims), 1 / power)


def _matrix_norm(x: Any, ord: Any, axis: Axis, keepdims: bool) -> Any:
    rank = len(x.shape)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    places = [normalize_axis(item, rank) for item in axes]
    if len(places) != 2 or ord not in (1, -1, 2, -2, np.inf, -np.inf, "nuc"):
        raise ValueError(
            f"norm of matrices knows `ord` None, 'fro', 'nuc', 1, 2 and inf with both signs. "
            f"Received {ord!r} for axes {list(axes)}."
        )
    rest = [item for item in range(rank) if item not in places]
    matrices = apply("transpose", x, axes=(*rest, *places))
    if ord in (1, -1, np.inf, -np.inf):
        found = sum(apply("abs", matrices), axis=-2 if ord in (1, -1) else -1)
    else:
        found = apply("svd", matrices, full_matrices=False)[1]
    reduce = sum if ord == "nuc" else max if ord > 0 else min
    result = reduce(found, axis=-1)
    return apply("expand_dims", result, axis=tuple(sorted(places))) if keepdims else result


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
