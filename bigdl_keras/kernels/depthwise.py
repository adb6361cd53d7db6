"""Depthwise convolution: each channel has its own kernels: no product of matrices, only sums over strided views."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from bigdl_keras.kernels.channels import by_channel, channel_sums
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.kernels.windows import (
    channels_last,
    checked_sizes,
    join_shape,
    output_sizes,
    padded,
    pads_of,
    restore,
    span,
    split_shape,
    window_view,
)

# x (batch, *sizes, channels), kernel (*window, channels, multiplier), bias (channels * multiplier);
# filter c * multiplier + j is kernel [..., c, j]


def depthwise_conv_shape(
    shape: Any, kernel: Any, *bias: Any, strides: Any, padding: str, dilation: Any, data_format: str = "channels_last"
) -> Any:
    """Shape rule of `depthwise_conv`."""
    sizes, channels = split_shape(shape, data_format)
    if channels is not None and channels != kernel[-2]:
        raise ValueError(
            f"A depthwise convolution with a kernel of shape {kernel} needs {kernel[-2]} channels "
            f"({data_format}). Received an input of shape {shape}."
        )
    counts = checked_sizes("convolution", shape, sizes, output_sizes(sizes, kernel[:-2], strides, padding, dilation))
    return join_shape(shape[0], counts, kernel[-2] * kernel[-1], data_format)


def _view(x: Any, counts: Any, window: Any, strides: Any, dilation: Any) -> tuple[Any, str, str, int]:
    """Windows of x (batch, *sizes, channels) for einsum, its labels for places and taps, and how often channels repeat.

    Where windows are neighbours, the last axis and the channels become one, so that inner loops are long.
    """
    rank = len(counts)
    places, taps = "abc"[:rank], "rst"[:rank]
    if strides[-1] != 1:
        return window_view(x, counts, strides, window, dilation), places, taps, 1
    view = window_view(x, counts, strides, window, dilation)
    shape = (*view.shape[:rank], *window, counts[-1] * x.shape[-1])
    steps = (*view.strides[:rank], *view.strides[rank + 1 : -1], view.strides[-1])
    return as_strided(x, shape, steps, writeable=False), places[:-1], taps, counts[-1]


def _correlate(x: Any, kernel: Any, counts: Any, strides: Any, dilation: Any) -> Any:
    """Sum over taps of padded x (batch, *sizes, channels) times kernel (*window, channels)."""
    view, places, taps, repeats = _view(x, counts, kernel.shape[:-1], strides, dilation)
    wide = np.tile(kernel, repeats)
    y = np.einsum(f"n{places}{taps}x,{taps}x->n{places}x", view, wide)
    return y.reshape(len(x), *counts, kernel.shape[-1])


def _correlate_kernel(x: Any, dy: Any, window: Any, strides: Any, dilation: Any) -> Any:
    """Gradient of `_correlate` for its kernel."""
    view, places, taps, repeats = _view(x, dy.shape[1:-1], window, strides, dilation)
    flow = dy.reshape(*view.shape[: 1 + len(places)], view.shape[-1])
    sums = np.einsum(f"n{places}{taps}x,n{places}x->{taps}x", view, flow)
    return np.add.reduce(sums.reshape(*window, repeats, x.shape[-1]), axis=-2)


def _spread(dy: Any, kernel: Any, sizes: Any, strides: Any, dilation: Any, pads: Any) -> Any:
    """Gradient of `_correlate` for x: correlate dy, with zeros between its numbers and around them."""
    window = kernel.shape[:-1]
    reach = [span(k, d) for k, d in zip(window, dilation, strict=True)]
    room = tuple(size + r - 1 for size, r in zip(sizes, reach, strict=True))
    opened = np.zeros((len(dy), *room, dy.shape[-1]), dy.dtype)
    before = [r - 1 - left for r, (left, _) in zip(reach, pads, strict=True)]
    places = zip(before, dy.shape[1:-1], strides, strict=True)
    opened[(slice(None), *(slice(b, b + (n - 1) * s + 1, s) for b, n, s in places))] = dy
    flipped = kernel[(slice(None, None, -1),) * len(window)]
    return _correlate(opened, flipped, sizes, (1,) * len(window), dilation)


def depthwise_conv(
    x: Any,
    kernel: Any,
    *bias: Any,
    strides: Any,
    padding: str,
    dilation: Any,
    data_format: str = "channels_last",
    out: Any = None,
) -> Any:
    x = np.ascontiguousarray(channels_last(x, data_format))
    sizes, (channels, multiplier) = x.shape[1:-1], kernel.shape[-2:]
    counts = output_sizes(sizes, kernel.shape[:-2], strides, padding, dilation)
    checked_sizes("convolution", x.shape, sizes, counts)
    whole = padded(x, pads_of(padding, sizes, kernel.shape[:-2], strides, dilation))
    parts = [_correlate(whole, kernel[..., j], counts, strides, dilation) for j in range(multiplier)]
    y = parts[0] if multiplier == 1 else np.stack(parts, axis=-1)
    y = y.reshape(len(x), *counts, channels * multiplier)
    if bias:
        matrix = y.reshape(len(x) * prod(counts), channels * multiplier)
        by_channel(np.add, matrix, bias[0], matrix)
    return restore(y, data_format)


def depthwise_conv_gradient(
    dy: Any,
    x: Any,
    kernel: Any,
    *bias: Any,
    wanted: Any,
    out: Any,
    strides: Any,
    padding: str,
    dilation: Any,
    data_format: str = "channels_last",
) -> tuple[Any, ...]:
    x, dy = np.ascontiguousarray(channels_last(x, data_format)), np.ascontiguousarray(channels_last(dy, data_format))
    sizes, window, (channels, multiplier) = x.shape[1:-1], kernel.shape[:-2], kernel.shape[-2:]
    pads = pads_of(padding, sizes, window, strides, dilation)
    parted = dy.reshape(*dy.shape[:-1], channels, multiplier)
    flows = [np.ascontiguousarray(parted[..., j]) for j in range(multiplier)]
    dx = dkernel = None
    if wanted[0]:
        dx = _spread(flows[0], kernel[..., 0], sizes, strides, dilation, pads)
        for j in range(1, multiplier):
            dx += _spread(flows[j], kernel[..., j], sizes, strides, dilation, pads)
        dx = restore(dx, data_format)
    if wanted[1]:
        whole = padded(x, pads)
        dkernel = np.stack([_correlate_kernel(whole, flow, window, strides, dilation) for flow in flows], axis=-1)
    rows = dy.reshape(len(x) * prod(dy.shape[1:-1]), channels * multiplier)
    return (dx, dkernel, *(channel_sums(rows) if want else None for want in wanted[2:]))


KERNELS["depthwise_conv"] = Kernel(depthwise_conv, depthwise_conv_gradient, depthwise_conv_shape)
