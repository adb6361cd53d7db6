"""Transposed convolution: the way back of a convolution taken forth; y is what that convolution would have read."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.channels import by_channel
from bigdl_keras.kernels.convolution import Geometry, bias_gradient, correlate, correlate_kernel, geometry, spread
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.kernels.windows import channels_last, join_shape, restore, span, split_shape

# x (batch, *sizes, channels), kernel (*window, filters, channels), bias (filters)


def transposed_size(
    size: int | None, window: int, stride: int, padding: str, extra: int | None, dilation: int
) -> int | None:
    """Output length along one axis."""
    if size is None:
        return None
    reach = span(window, dilation)
    if padding == "valid":
        return (size - 1) * stride + reach + (max(stride - reach, 0) if extra is None else extra)
    return size * stride if extra is None else (size - 1) * stride + reach % 2 + extra


def cropped(window: int, stride: int, padding: str, extra: int | None, dilation: int) -> int:
    """How much of the full result is cut off before its start."""
    if padding == "valid":
        return 0
    reach = span(window, dilation)
    total = stride + reach - 2 if extra is None else reach + reach % 2 - 2 + extra
    return reach - 1 - min(total - total // 2, reach - 1)


def conv_transpose_shape(
    shape: Any,
    kernel: Any,
    *bias: Any,
    strides: Any,
    padding: str,
    output_padding: Any = None,
    dilation: Any,
    data_format: str = "channels_last",
) -> Any:
    """Shape rule of `conv_transpose`."""
    sizes, channels = split_shape(shape, data_format)
    if channels is not None and channels != kernel[-1]:
        raise ValueError(
            f"A transposed convolution with a kernel of shape {kernel} needs {kernel[-1]} channels "
            f"({data_format}). Received an input of shape {shape}."
        )
    extra = output_padding or (None,) * len(sizes)
    counts = tuple(
        transposed_size(size, k, s, padding, e, d)
        for size, k, s, e, d in zip(sizes, kernel, strides, extra, dilation, strict=False)
    )
    return join_shape(shape[0], counts, kernel[-2], data_format)


def _transposed_geometry(
    x: Any, kernel: Any, strides: Any, padding: str, output_padding: Any, dilation: Any
) -> Geometry:
    counts, window = x.shape[1:-1], kernel.shape[:-2]
    extra = output_padding or (None,) * len(counts)
    axes = list(zip(counts, window, strides, extra, dilation, strict=True))
    sizes = tuple(transposed_size(n, k, s, padding, e, d) or 0 for n, k, s, e, d in axes)
    before = [cropped(k, s, padding, e, d) for _, k, s, e, d in axes]
    pads = tuple(
        (cut, max((n - 1) * s + span(k, d) - size - cut, 0))
        for cut, size, (n, k, s, _, d) in zip(before, sizes, axes, strict=True)
    )
    return geometry(sizes, window, strides, dilation, pads, kernel.shape[-2], kernel.shape[-1])


def conv_transpose(
    x: Any,
    kernel: Any,
    *bias: Any,
    strides: Any,
    padding: str,
    output_padding: Any = None,
    dilation: Any,
    data_format: str = "channels_last",
    out: Any = None,
) -> Any:
    x = np.ascontiguousarray(channels_last(x, data_format))
    g = _transposed_geometry(x, kernel, strides, padding, output_padding, dilation)
    usable = out is not None and data_format == "channels_last"
    y = out if usable else np.empty((len(x), *g.sizes, g.channels), x.dtype)
    spread(x, kernel, g, y)
    if bias:
        matrix = y.reshape(y.size // g.channels, g.channels)
        by_channel(np.add, matrix, bias[0], matrix)
    return restore(y, data_format)


def conv_transpose_gradient(
    dy: Any,
    x: Any,
    kernel: Any,
    *bias: Any,
    wanted: Any,
    out: Any,
    strides: Any,
    padding: str,
    output_padding: Any = None,
    dilation: Any,
    data_format: str = "channels_last",
) -> tuple[Any, ...]:
    x, dy = np.ascontiguousarray(channels_last(x, data_format)), np.ascontiguousarray(channels_last(dy, data_format))
    g = _transposed_geometry(x, kernel, strides, padding, output_padding, dilation)
    dx = dkernel = None
    if wanted[0]:
        dx = restore(correlate(dy, kernel, None, g, np.empty(x.shape, dy.dtype)), data_format)
    if wanted[1]:
        dkernel = correlate_kernel(dy, x, g)
    return (dx, dkernel, *(bias_gradient(dy) if want else None for want in wanted[2:]))


KERNELS["conv_transpose"] = Kernel(conv_transpose, conv_transpose_gradient, conv_transpose_shape)
