"""Depthwise convolution: each channel has its own kernels: no product of matrices, only shifted multiply-adds."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from bigdl_keras.kernels.channels import by_channel, channel_sums, slices
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.kernels.windows import (
    at_offset,
    channels_last,
    checked_sizes,
    inner,
    join_shape,
    output_sizes,
    padded,
    pads_of,
    restore,
    split_shape,
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


def _lined(x: Any) -> Any:
    """x with its last spatial axis and channels as one axis, where that needs no copy."""
    return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])


def _views(x: Any, kernel: Any, counts: Any, strides: Any, dilation: Any, lined: bool) -> Iterator[tuple[Any, Any]]:
    """For each position in the window: what of x stands there, and its index in the kernel.

    `lined` joins the last axis and the channels, so that numpy's inner loops are long.
    """
    channels = x.shape[-1]
    for offset in np.ndindex(*kernel.shape[:-2]):
        if not lined:
            yield offset, at_offset(x, offset, counts, strides, dilation)
            continue
        first = offset[-1] * dilation[-1] * channels
        rows = at_offset(x, offset[:-1], counts[:-1], strides[:-1], dilation[:-1])
        yield offset, _lined(rows)[..., first : first + counts[-1] * channels]


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
    pads = pads_of(padding, sizes, kernel.shape[:-2], strides, dilation)
    y = np.empty((len(x), *counts, channels, multiplier), x.dtype)
    lined = strides[-1] == 1
    repeats = counts[-1] if lined else 1
    for images in slices(len(x), prod(counts) * channels):
        piece = padded(x[images], pads)
        for j in range(multiplier):
            total: Any = None
            product: Any = None
            for offset, view in _views(piece, kernel, counts, strides, dilation, lined):
                weight = np.tile(kernel[(*offset, slice(None), j)], repeats)
                if total is None:
                    total = np.multiply(view, weight)
                    product = np.empty_like(total)
                    continue
                total += np.multiply(view, weight, out=product)
            y[images, ..., j] = total.reshape(total.shape[0], *counts, channels)
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
    sizes, (channels, multiplier) = x.shape[1:-1], kernel.shape[-2:]
    counts = dy.shape[1:-1]
    pads = pads_of(padding, sizes, kernel.shape[:-2], strides, dilation)
    parted = dy.reshape(*dy.shape[:-1], channels, multiplier)
    dx = np.empty_like(x) if wanted[0] else None
    dkernel = np.zeros_like(kernel) if wanted[1] else None
    lined = strides[-1] == 1
    for images in slices(len(x), prod(counts) * channels):
        piece = padded(x[images], pads)
        back = np.zeros_like(piece)
        for j in range(multiplier):
            flow = np.ascontiguousarray(parted[images, ..., j])
            flow = _lined(flow) if lined else flow
            if dkernel is not None:
                _add_kernel_gradient(piece, flow, dkernel[..., j], counts, strides, dilation, lined)
            if dx is not None:
                for offset, view in _views(back, kernel, counts, strides, dilation, lined):
                    view += flow * np.tile(kernel[(*offset, slice(None), j)], counts[-1] if lined else 1)
        if dx is not None:
            dx[images] = back[inner(sizes, pads)]
    dbias = channel_sums(dy.reshape(len(x) * prod(counts), channels * multiplier)) if any(wanted[2:]) else None
    return (None if dx is None else restore(dx, data_format), dkernel, *([dbias] if bias else []))


def _add_kernel_gradient(
    x: Any, flow: Any, dkernel: Any, counts: Any, strides: Any, dilation: Any, lined: bool
) -> None:
    """Add the sum over images and places of x times the flow back to dkernel (*window, channels)."""
    channels = dkernel.shape[-1]
    product = np.empty_like(flow)
    for offset, view in _views(x, dkernel[..., None], counts, strides, dilation, lined):
        np.multiply(view, flow, out=product)
        sums = channel_sums(product.reshape(-1, product.shape[-1]))
        dkernel[offset] += np.add.reduce(sums.reshape(-1, channels), axis=0)


KERNELS["depthwise_conv"] = Kernel(depthwise_conv, depthwise_conv_gradient, depthwise_conv_shape)
