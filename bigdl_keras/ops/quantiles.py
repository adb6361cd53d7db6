"""The number below which a share of the others lies: of all numbers, or of those that are numbers at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import add, as_float, cast, isnan, maximum, multiply, subtract, where
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import normalize_axis

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@operation
def quantile(
    x: Any, q: Any, axis: int | Sequence[int] | None = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """The number below which the share `q` of the elements along `axis` lies.

    Args:
        x: a tensor; where a NaN is among the elements the answer is NaN.
        q: a number between 0 and 1, or several: then the first axis of the answer has one entry for each.
        axis: one axis, several, or None for all.
        method: between two neighbours "linear", "midpoint", or one of them: "lower", "higher", "nearest".
        keepdims: leave the axes with size 1.

    Raises:
        ValueError: a share is not between 0 and 1, an unknown method, or the size of the axis is unknown.
    """
    return _quantiles(x, q, axis, method, keepdims, "quantile", _of_all)


@operation
def nanquantile(
    x: Any, q: Any, axis: int | Sequence[int] | None = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """`quantile` of the elements that are not NaN; NaN where all are."""
    return _quantiles(x, q, axis, method, keepdims, "nanquantile", _of_numbers)


@operation
def percentile(
    x: Any, q: Any, axis: int | Sequence[int] | None = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """`quantile` of the share q / 100."""
    return _quantiles(x, np.true_divide(q, 100), axis, method, keepdims, "percentile", _of_all)


@operation
def nanpercentile(
    x: Any, q: Any, axis: int | Sequence[int] | None = None, method: str = "linear", keepdims: bool = False
) -> Any:
    """`quantile` of the share q / 100 of the elements that are not NaN; NaN where all are."""
    return _quantiles(x, np.true_divide(q, 100), axis, method, keepdims, "nanpercentile", _of_numbers)


@operation
def median(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The middle element along `axis`, or the mean of the two in the middle."""
    return _quantiles(x, 0.5, axis, "linear", keepdims, "median", _of_all)


@operation
def nanmedian(x: Any, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """The median of the elements that are not NaN; NaN where all are."""
    return _quantiles(x, 0.5, axis, "linear", keepdims, "nanmedian", _of_numbers)


def _quantiles(x: Any, q: Any, axis: Any, method: str, keepdims: bool, name: str, of: Callable[..., Any]) -> Any:
    shares = np.asarray(q, np.float64)
    if np.any((shares < 0) | (shares > 1)):
        raise ValueError(f"`q` must be between 0 and 1 (0 and 100 for percentiles). Received {q!r}.")
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {', '.join(map(repr, _METHODS))}. Received {method!r}.")
    x = as_float(x)
    rank = len(x.shape)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    gone = sorted(normalize_axis(item, rank) for item in axes)
    kept = [item for item in range(rank) if item not in gone]
    line = apply("transpose", x, axes=(*kept, *gone))
    line = apply("reshape", line, shape=(*(None for _ in kept), -1))
    found = [of(apply("sort", line, axis=-1), float(share), method, name) for share in shares.reshape(-1)]
    if keepdims:
        found = [apply("expand_dims", item, axis=tuple(gone)) for item in found]
    if not shares.ndim:
        return found[0]
    return apply("stack", *found, axis=0)


def _of_all(ordered: Any, share: float, method: str, name: str) -> Any:
    """Of sorted rows of a known length; NaNs come last."""
    count = ordered.shape[-1]
    if count is None:
        raise ValueError(f"{name} needs a known size of the axes it reduces. Received one that is unknown.")
    place = share * (count - 1)
    lower, upper = int(np.floor(place)), int(np.ceil(place))
    neighbours = (get_item(ordered, (..., lower)), get_item(ordered, (..., upper)))
    found = _between(*neighbours, place - lower, int(np.rint(place)) == upper, method)
    return where(isnan(get_item(ordered, (..., -1))), np.nan, found)


def _of_numbers(ordered: Any, share: float, method: str, name: str) -> Any:
    """Of sorted rows, each up to its first NaN."""
    numbers = apply(
        "sum", apply("cast", apply("logical_not", isnan(ordered)), dtype=str(ordered.dtype)), axis=-1, keepdims=True
    )
    place = multiply(maximum(subtract(numbers, 1.0), 0.0), share)
    lower, upper = apply("floor", place), apply("ceil", place)
    below, above = (apply("take_along_axis", ordered, cast(item, "int32"), axis=-1) for item in (lower, upper))
    nearest = apply("equal", apply("round", place), upper)
    found = _between(below, above, subtract(place, lower), nearest, method)
    return apply("squeeze", found, axis=-1)


def _between(lower: Any, upper: Any, part: Any, upper_is_nearest: Any, method: str) -> Any:
    """What lies at `part` of the way between two neighbours."""
    if method == "linear":
        return add(lower, multiply(subtract(upper, lower), part))
    if method == "midpoint":
        return multiply(add(lower, upper), 0.5)
    if method == "nearest":
        return where(upper_is_nearest, upper, lower)
    return lower if method == "lower" else upper
