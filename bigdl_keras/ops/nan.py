"""Reductions that leave out what is not a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_float, as_tensor, cast, divide, isnan, logical_not, square, subtract, where
from bigdl_keras.ops.ordered import cumprod, cumsum
from bigdl_keras.ops.reduction import Axis, all, max, min, prod, sum

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]


def _without(x: Any, value: float) -> Any:
    """`x` with `value` in place of NaN; whole numbers have none."""
    x = as_tensor(x)
    is_float = hasattr(x, "dtype") and np.dtype(x.dtype).kind == "f"
    return where(isnan(x), value, x) if is_float else x


@operation
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum along `axis` of what is not NaN."""
    return sum(_without(x, 0.0), axis, keepdims)


@operation
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product along `axis` of what is not NaN."""
    return prod(_without(x, 1.0), axis, keepdims)


@operation
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean along `axis` of what is not NaN; NaN where nothing is."""
    x = as_float(x)
    count = sum(cast(logical_not(isnan(x)), str(x.dtype)), axis, keepdims)
    return divide(nansum(x, axis, keepdims), count)


@operation
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Variance along `axis` (divided by the count) of what is not NaN; NaN where nothing is."""
    return nanmean(square(subtract(x, nanmean(x, axis, True))), axis, keepdims)


@operation
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Standard deviation along `axis` (divided by the count) of what is not NaN; NaN where nothing is."""
    return apply("sqrt", nanvar(x, axis, keepdims))


def _extremum(name: str, reduce: Callable[..., Any], worst: float, meaning: str) -> Callable[..., Any]:
    def compute(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        best = reduce(_without(x, worst), axis, keepdims)
        if np.dtype(best.dtype).kind != "f":
            return best
        return where(all(isnan(x), axis, keepdims), np.nan, best)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning} element along `axis` that is not NaN; NaN where all are."
    return operation(compute)


nanmax = _extremum("nanmax", max, -np.inf, "Largest")
nanmin = _extremum("nanmin", min, np.inf, "Smallest")


def _place(name: str, kernel: str, worst: float, meaning: str) -> Callable[..., Any]:
    def compute(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        place = apply(kernel, _without(x, worst), axis=axis, keepdims=keepdims)
        return cast(where(all(isnan(x), axis, keepdims), -1, place), "int32")

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"Place of the {meaning} element along `axis` that is not NaN; -1 where all are."
    return operation(compute)


nanargmax = _place("nanargmax", "argmax", -np.inf, "largest")
nanargmin = _place("nanargmin", "argmin", np.inf, "smallest")


@operation
def nancumsum(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Running sum along `axis` of what is not NaN."""
    return cumsum(_without(x, 0.0), axis, dtype)


@operation
def nancumprod(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Running product along `axis` of what is not NaN."""
    return cumprod(_without(x, 1.0), axis, dtype)
