"""Pooling: the largest or the mean number of each window, taken position by position over strided views."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bigdl_keras.kernels.channels import slices
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.kernels.windows import (
    at_offset,
    channels_last,
    checked_sizes,
    join_shape,
    output_sizes,
    padded,
    pads_of,
    restore,
    split_shape,
    unpadded,
)


def pool_shape(
    shape: Any, *, window: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last"
) -> Any:
    """Shape rule of pooling."""
    sizes, channels = split_shape(shape, data_format)
    counts = checked_sizes("pooling", shape, sizes, output_sizes(sizes, window, strides, padding, (1,) * len(window)))
    return join_shape(shape[0], counts, channels, data_format)


def _opened(x: Any, window: Any, strides: Any, padding: str, data_format: str, value: float) -> tuple[Any, Any, Any]:
    """x padded with channels last, the number of windows, and the pads."""
    x = channels_last(x, data_format)
    ones = (1,) * len(window)
    pads = pads_of(padding, x.shape[1:-1], window, strides, ones)
    counts = output_sizes(x.shape[1:-1], window, strides, padding, ones)
    checked_sizes("pooling", x.shape, x.shape[1:-1], counts)
    return padded(x, pads, value), counts, pads


def max_pool(
    x: Any, *, window: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last", out: Any = None
) -> Any:
    """The largest number of each window; saves which position it had, the first where several are equal."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    whole, counts, _ = _opened(x, window, strides, padding, data_format, lowest)
    shape = (len(whole), *counts, whole.shape[-1])
    y = np.empty(shape, x.dtype) if out is None or data_format != "channels_last" else out
    which = np.zeros(shape, np.uint8 if prod(window) < 256 else np.int32)
    for images in slices(len(whole), prod(shape[1:])):
        _largest(whole[images], y[images], which[images], window, strides)
    return restore(y, data_format), which


def _largest(x: Any, y: Any, which: Any, window: Any, strides: Any) -> None:
    """Fill y and which for some images: contiguous copies of the strided views make all that follows quick."""
    view, better, place = np.empty_like(y), np.empty(y.shape, bool), np.empty_like(which)
    for number, offset in enumerate(np.ndindex(*window)):
        np.copyto(view if number else y, at_offset(x, offset, y.shape[1:-1], strides, (1,) * len(window)))
        if number:
            np.greater(view, y, out=better)
            np.multiply(better, which.dtype.type(number), out=place)
            np.maximum(which, place, out=which)
            np.maximum(y, view, out=y)


def max_pool_gradient(
    dy: Any,
    which: Any,
    shapes: Any,
    *,
    wanted: Any,
    out: Any,
    window: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> tuple[Any, ...]:
    """Each number flows back to where the largest was."""
    dy = channels_last(dy, data_format)
    sizes, channels = split_shape(shapes[0], data_format)
    ones = (1,) * len(window)
    pads = pads_of(padding, tuple(sizes), window, strides, ones)
    total = np.zeros((len(dy), *(size + a + b for size, (a, b) in zip(sizes, pads, strict=True)), channels), dy.dtype)
    apart = all(s >= k for s, k in zip(strides, window, strict=True))
    for place, offset in enumerate(np.ndindex(*window)):
        view = at_offset(total, offset, dy.shape[1:-1], strides, ones)
        chosen = which == place
        if apart:
            np.multiply(dy, chosen, out=view)
        else:
            view += dy * chosen
    return (restore(unpadded(total, sizes, pads), data_format),)


def average_pool(
    x: Any, *, window: Any, strides: Any, padding: str = "valid", data_format: str = "channels_last", out: Any = None
) -> Any:
    """The mean of each window; zeros added by 'same' do not count."""
    whole, counts, pads = _opened(x, window, strides, padding, data_format, 0.0)
    ones = (1,) * len(window)
    y = np.zeros((len(whole), *counts, whole.shape[-1]), x.dtype)
    for offset in np.ndindex(*window):
        y += at_offset(whole, offset, counts, strides, ones)
    y *= _shares(channels_last(x, data_format).shape[1:-1], counts, window, strides, pads, x.dtype)
    return restore(y, data_format)


def _shares(sizes: Any, counts: Any, window: Any, strides: Any, pads: Any, dtype: Any) -> Any:
    """1 / number of real inputs of each window, of shape (*counts, 1)."""
    if not any(map(any, pads)):
        return np.asarray(1 / prod(window), dtype)
    share = np.ones((*counts, 1), np.float64)
    for axis, (size, count, k, s, (before, _)) in enumerate(zip(sizes, counts, window, strides, pads, strict=True)):
        starts = np.arange(count) * s - before
        real = np.minimum(starts + k, size) - np.maximum(starts, 0)
        share /= real.reshape((1,) * axis + (count,) + (1,) * (len(counts) - axis))
    return share.astype(dtype)


def average_pool_gradient(
    dy: Any,
    shapes: Any,
    *,
    wanted: Any,
    out: Any,
    window: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> tuple[Any, ...]:
    dy = channels_last(dy, data_format)
    sizes, channels = split_shape(shapes[0], data_format)
    ones = (1,) * len(window)
    pads = pads_of(padding, tuple(sizes), window, strides, ones)
    share = dy * _shares(sizes, dy.shape[1:-1], window, strides, pads, dy.dtype)
    total = np.zeros((len(dy), *(size + a + b for size, (a, b) in zip(sizes, pads, strict=True)), channels), dy.dtype)
    for offset in np.ndindex(*window):
        view = at_offset(total, offset, dy.shape[1:-1], strides, ones)
        view += share
    return (restore(unpadded(total, sizes, pads), data_format),)


KERNELS["max_pool"] = Kernel(max_pool, max_pool_gradient, pool_shape, ("saved", "shapes"), saves=True)
KERNELS["average_pool"] = Kernel(average_pool, average_pool_gradient, pool_shape, ("shapes",))
