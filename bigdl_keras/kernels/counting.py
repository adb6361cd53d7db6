"""Kernels that count and add up by number: rows of a batch, members of classes, bins and segments."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.indexing import checked_indices, scatter_add_rows
from bigdl_keras.kernels.table import KERNELS, Kernel, each, same_shape


def row_count(x: Any, *, out: Any = None) -> Any:
    """Size of axis 0 as a float scalar: the rows this worker holds of the batch."""
    return np.array(len(x), dtype=np.float32)


def class_labels(labels: Any, scores: Any, *, axis: int = -1, out: Any = None) -> Any:
    """`labels` as integers, each of which must name one of the classes along `axis` of `scores`."""
    classes = scores.shape[axis]
    return checked_indices(np.asarray(labels), classes, f"Labels for {classes} classes").astype(np.int32, copy=False)


def bincount(x: Any, weights: Any, *, bins: int, out: Any = None) -> Any:
    """Sum of the weights of the elements that equal 0, 1, ... bins - 1; others count nowhere."""
    flat = np.asarray(x).reshape(-1)
    weight = np.broadcast_to(weights, np.shape(x)).reshape(-1)
    inside = (flat >= 0) & (flat < bins)
    counts = np.bincount(flat[inside].astype(np.int64, copy=False), weight[inside], minlength=bins)
    return counts.astype(np.asarray(weights).dtype)


def bincount_shape(x: Any, weights: Any, *, bins: int) -> Any:
    """Shape rule of `bincount`."""
    return (bins,)


def searchsorted(sorted_sequence: Any, values: Any, *, side: str = "left", out: Any = None) -> Any:
    """How many elements of the ascending sequence are less ('left') or not greater ('right') than each value."""
    return np.searchsorted(sorted_sequence, values, side=side).astype(np.int32)  # type: ignore[call-overload]


def searchsorted_shape(sorted_sequence: Any, values: Any, *, side: str = "left") -> Any:
    """Shape rule of `searchsorted`."""
    return values


def segment_sum(data: Any, ids: Any, *, segments: int, out: Any = None) -> Any:
    """Sums of the rows that share a number; rows with a number outside 0 .. segments - 1 count nowhere."""
    ids = np.asarray(ids)
    inside = (ids >= 0) & (ids < segments)
    rows = data.reshape(len(ids), int(np.prod(data.shape[1:])))
    total = scatter_add_rows(rows[inside], ids[inside].astype(np.int64, copy=False), segments)
    return total.reshape(segments, *data.shape[1:])


def segment_sum_gradient(dy: Any, data: Any, ids: Any, *, segments: int, out: Any = None) -> Any:
    ids = np.asarray(ids)
    inside = (ids >= 0) & (ids < segments)
    rows = dy[np.where(inside, ids, 0)]
    return rows * inside.reshape(-1, *(1,) * (dy.ndim - 1)).astype(dy.dtype)


def segment_sum_shape(data: Any, ids: Any, *, segments: int) -> Any:
    """Shape rule of `segment_sum`."""
    return (segments, *data[1:])


def equalize(x: Any, *, bins: int, out: Any = None) -> Any:
    """Values from 0 to 255 of each channel of images (batch, rows, columns, channels), spread by how many lie below.

    A channel whose values are all in one of the `bins` stays as it is.
    """
    batch, rows, columns, channels = x.shape
    flat = x.transpose(0, 3, 1, 2).reshape(batch * channels, rows * columns)
    places = np.clip(flat * ((bins - 1) / 255), 0, bins - 1).astype(np.int64)
    offsets = places + np.arange(len(flat))[:, None] * bins
    counts = np.bincount(offsets.reshape(-1), minlength=len(flat) * bins).reshape(len(flat), bins)
    below = np.cumsum(counts, axis=1)
    least = np.take_along_axis(below, np.argmax(below > 0, axis=1)[:, None], axis=1)
    spread = rows * columns - least
    table = np.clip(np.round((below - least) * 255 / np.maximum(spread, 1)), 0, 255)
    y = np.where(spread > 0, np.take_along_axis(table, places, axis=1), flat).astype(x.dtype)
    return y.reshape(batch, channels, rows, columns).transpose(0, 2, 3, 1)


KERNELS["equalize"] = Kernel(equalize, None, same_shape)
KERNELS["segment_sum"] = Kernel(
    segment_sum, each(segment_sum_gradient, None), segment_sum_shape, dtype=lambda data, ids, segments: data
)
KERNELS["row_count"] = Kernel(row_count, None, lambda shape: (), dtype="float32")
KERNELS["class_labels"] = Kernel(class_labels, None, same_shape, dtype="int32")
KERNELS["bincount"] = Kernel(bincount, None, bincount_shape, dtype=lambda x, weights, bins: weights)
KERNELS["searchsorted"] = Kernel(searchsorted, None, searchsorted_shape, dtype="int32")
