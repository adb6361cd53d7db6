"""Rows that share a number become one row: their largest, their smallest, their product."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.counting import segment_sum, segment_sum_shape
from bigdl_keras.kernels.table import KERNELS, Kernel, each

# data (rows, ...), ids (rows): rows with a number outside 0 .. segments - 1 count nowhere


def _gathered(ufunc: Any, data: Any, ids: Any, segments: int, start: Any) -> Any:
    """Per segment `start` and all its rows, joined by `ufunc`."""
    ids = np.asarray(ids)
    inside = (ids >= 0) & (ids < segments)
    y = np.full((segments, *data.shape[1:]), start, data.dtype)
    ufunc.at(y, ids[inside], data[inside])
    return y


def _limit(dtype: Any, side: str) -> Any:
    """The number that no number of the dtype is beyond, below ('min') or above ('max')."""
    if dtype.kind == "f":
        return -np.inf if side == "min" else np.inf
    return getattr(np.iinfo(dtype), side)


def segment_max(data: Any, ids: Any, *, segments: int, out: Any = None) -> Any:
    return _gathered(np.maximum, data, ids, segments, _limit(data.dtype, "min"))


def segment_min(data: Any, ids: Any, *, segments: int, out: Any = None) -> Any:
    return _gathered(np.minimum, data, ids, segments, _limit(data.dtype, "max"))


def segment_prod(data: Any, ids: Any, *, segments: int, out: Any = None) -> Any:
    return _gathered(np.multiply, data, ids, segments, 1)


def _spread(values: Any, ids: Any) -> Any:
    """For each row what belongs to its segment; zeros for rows of no segment."""
    inside = (ids >= 0) & (ids < len(values))
    rows = values[np.where(inside, ids, 0)]
    return rows * inside.reshape(-1, *(1,) * (values.ndim - 1)).astype(values.dtype)


def segment_extremum_gradient(dy: Any, data: Any, ids: Any, y: Any, *, segments: int, out: Any = None) -> Any:
    """The gradient flows to the row that was chosen, in equal parts where several rows are equal."""
    chosen = (data == _spread(y, ids)).astype(dy.dtype)
    count = segment_sum(chosen, ids, segments=segments)
    return chosen * _spread(dy / np.maximum(count, 1), ids)


def segment_prod_gradient(dy: Any, data: Any, ids: Any, y: Any, *, segments: int, out: Any = None) -> Any:
    """dy times the product of the others, where zeros are counted rather than divided by."""
    zero = data == 0
    zeros = _spread(segment_sum(zero.astype(dy.dtype), ids, segments=segments), ids)
    filled = np.where(zero, 1, data)
    product = _spread(segment_prod(filled, ids, segments=segments) * dy, ids) / filled
    return np.where(zeros - zero == 0, product, 0).astype(dy.dtype, copy=False)


_OF_DATA: dict[str, Any] = {"needs": ("inputs", "output"), "dtype": lambda data, ids, segments: data}
KERNELS["segment_max"] = Kernel(segment_max, each(segment_extremum_gradient, None), segment_sum_shape, **_OF_DATA)
KERNELS["segment_min"] = Kernel(segment_min, each(segment_extremum_gradient, None), segment_sum_shape, **_OF_DATA)
KERNELS["segment_prod"] = Kernel(segment_prod, each(segment_prod_gradient, None), segment_sum_shape, **_OF_DATA)
