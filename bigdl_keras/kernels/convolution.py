"""Convolutions as one GEMM a tile: windows are copied side by side into a tile that stays in cache, and never stored.

A window covers `block` neighbouring outputs of the last spatial axis at once. Its kernel is then a band matrix (with
zeros), which multiplies more but copies less and gives BLAS wider matrices: much faster where channels are few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from bigdl_keras.kernels.channels import by_channel, channel_sums
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.kernels.windows import (
    Pads,
    channels_last,
    checked_sizes,
    inner,
    join_shape,
    output_sizes,
    pads_of,
    restore,
    span,
    split_shape,
    window_view,
)

TILE = 1 << 18  # numbers in a tile of columns
COPY, RUN, FLOP, NARROW = (
    0.35,
    8.0,
    1 / 130,
    24.0,
)  # measured costs, in nanoseconds; NARROW: columns at half of BLAS's speed


@dataclass(frozen=True)
class Geometry:
    """All that one group of a convolution needs to know; spatial tuples have one entry an axis.

    Args:
        sizes: spatial sizes of x, before padding.
        counts: spatial sizes of y.
        block: neighbouring outputs of the last axis that one row of columns gives.
    """

    sizes: tuple[int, ...]
    counts: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: Pads
    channels: int
    filters: int
    block: int

    @property
    def taps(self) -> tuple[int, ...]:
        """Positions per axis that a row of columns holds."""
        if self.block == 1:
            return self.window
        return (*self.window[:-1], (self.block - 1) * self.strides[-1] + span(self.window[-1], self.dilation[-1]))

    @property
    def tap_strides(self) -> tuple[int, ...]:
        """Distance between these positions."""
        return self.dilation if self.block == 1 else (*self.dilation[:-1], 1)

    @property
    def steps(self) -> tuple[int, ...]:
        """Distance between the starts of neighbouring rows of columns."""
        return (*self.strides[:-1], self.strides[-1] * self.block)

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of columns per image, along each axis."""
        return (*self.counts[:-1], self.counts[-1] // self.block)

    @property
    def width(self) -> int:
        """Numbers in a row of columns."""
        return prod(self.taps) * self.channels

    @property
    def plain(self) -> bool:
        """True where x itself is the matrix of columns."""
        return prod(self.window) == 1 and prod(self.strides) == 1 and not any(map(any, self.pads))


@lru_cache(maxsize=4096)
def best_block(
    counts: tuple[int, ...], window: tuple[int, ...], stride: int, dilation: int, channels: int, filters: int
) -> int:
    """The block that promises the least time, by a model fitted to measurements."""

    def cost(block: int) -> float:
        reach = window[-1] if block == 1 else (block - 1) * stride + span(window[-1], dilation)
        lines = prod(window[:-1])
        columns = block * filters
        copied = lines * (reach * channels * COPY + RUN)
        multiplied = 2 * lines * reach * channels * columns * FLOP * (1 + NARROW / columns)
        return (copied + multiplied) / block

    size = counts[-1]
    allowed = [block for block in range(1, size + 1) if size % block == 0 and (block == 1 or block * filters <= 512)]
    return min(allowed, key=cost, default=1)


@lru_cache(maxsize=4096)
def geometry(
    sizes: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: Pads,
    channels: int,
    filters: int,
) -> Geometry:
    """The geometry of a convolution over `sizes`, with its block chosen."""
    counts = tuple(
        (size + before + after - span(k, d)) // s + 1
        for size, k, s, d, (before, after) in zip(sizes, window, strides, dilation, pads, strict=True)
    )
    block = best_block(counts, window, strides[-1], dilation[-1], channels, filters)
    return Geometry(sizes, counts, window, strides, dilation, pads, channels, filters, block)


# Kernels as band matrices, and back


def band(kernel: Any, g: Geometry) -> Any:
    """Matrix (width, block * filters) of a kernel (*window, channels, filters)."""
    if g.block == 1:
        return kernel.reshape(g.width, g.filters)
    matrix = np.zeros((*g.taps, g.channels, g.block, g.filters), kernel.dtype)
    for place, at in enumerate(_diagonals(g)):
        matrix[..., at, :, place, :] = kernel
    return matrix.reshape(g.width, g.block * g.filters)


def unband(matrix: Any, g: Geometry, out: Any = None) -> Any:
    """Gradient of `band`: the sum of the diagonals."""
    shape = (*g.window, g.channels, g.filters)
    if g.block == 1:
        return matrix.reshape(shape)
    parts = matrix.reshape(*g.taps, g.channels, g.block, g.filters)
    kernel = np.zeros(shape, matrix.dtype)
    for place, at in enumerate(_diagonals(g)):
        kernel += parts[..., at, :, place, :]
    return kernel


def _diagonals(g: Geometry) -> list[slice]:
    reach = span(g.window[-1], g.dilation[-1])
    return [slice(place * g.strides[-1], place * g.strides[-1] + reach, g.dilation[-1]) for place in range(g.block)]


# Columns


def tiles(x: Any, g: Geometry) -> Iterator[tuple[slice, slice, Any]]:
    """Columns of x (batch, *sizes, channels), tile by tile: images, rows along the first axis, matrix (rows, width)."""
    batch = x.shape[0]
    if g.plain:
        if batch:
            yield slice(0, batch), slice(0, g.rows[0]), x.reshape(-1, g.width)
        return
    image = prod(g.rows) * g.width
    images = max(min(TILE // max(image, 1), batch), 1)
    lines = g.rows[0] if image <= TILE else max(TILE // max(prod(g.rows[1:]) * g.width, 1), 1)
    buffer = np.empty(images * lines * prod(g.rows[1:]) * g.width, x.dtype)
    around = _Padding(g, images, x.dtype)
    for start in range(0, batch, images):
        stop = min(start + images, batch)
        view = window_view(around.of(x[start:stop]), g.rows, g.steps, g.taps, g.tap_strides)
        for first in range(0, g.rows[0], lines):
            last = min(first + lines, g.rows[0])
            piece = view[:, first:last]
            columns = buffer[: piece.size].reshape(piece.shape)
            np.copyto(columns, piece)
            yield slice(start, stop), slice(first, last), columns.reshape(-1, g.width)


class _Padding:
    """A buffer of some images with zeros around them, which stay there while images come and go."""

    def __init__(self, g: Geometry, images: int, dtype: Any) -> None:
        self._inner = inner(g.sizes, g.pads)
        shape = (images, *(size + a + b for size, (a, b) in zip(g.sizes, g.pads, strict=True)), g.channels)
        self._buffer = np.zeros(shape, dtype) if any(map(any, g.pads)) else None

    def of(self, x: Any) -> Any:
        if self._buffer is None:
            return x
        self._buffer[self._inner][: len(x)] = x
        return self._buffer[: len(x)]


def _part(y: Any, images: slice, rows: slice, g: Geometry) -> Any:
    """The part of y (batch, *counts, filters) that a tile makes."""
    return y[images, slice(rows.start * g.block, rows.stop * g.block) if len(g.rows) == 1 else rows]


def correlate(x: Any, kernel: Any, bias: Any, g: Geometry, y: Any) -> Any:
    """Fill y (batch, *counts, filters) with the sum over windows of x times kernel, plus bias."""
    matrix = band(kernel, g)
    wide_bias = None if bias is None else np.tile(bias, g.block)
    for images, rows, columns in tiles(x, g):
        part = _part(y, images, rows, g)
        lined = part.flags.c_contiguous
        result = np.matmul(columns, matrix, out=part.reshape(-1, matrix.shape[1]) if lined else None)
        if wide_bias is not None:
            by_channel(np.add, result, wide_bias, result)
        if not lined:
            np.copyto(part, result.reshape(part.shape))
    return y


def correlate_kernel(x: Any, dy: Any, g: Geometry) -> Any:
    """Gradient of `correlate` for its kernel."""
    total = np.zeros((g.width, g.block * g.filters), x.dtype)
    for images, rows, columns in tiles(x, g):
        total += np.matmul(columns.T, _part(dy, images, rows, g).reshape(len(columns), -1))
    return unband(total, g)


def spread(dy: Any, kernel: Any, g: Geometry, dx: Any) -> Any:
    """Fill dx (batch, *sizes, channels): each number of dy flows back to its window. The transpose of `correlate`."""
    if prod(g.strides) > 1 or g.filters > 2 * g.channels:  # measured: with few channels, adding costs less than copying
        return _scatter(dy, kernel, g, dx)
    rank = len(g.sizes)
    flipped = np.swapaxes(kernel[(slice(None, None, -1),) * rank], -1, -2)
    before = [span(k, d) - 1 - pad[0] for k, d, pad in zip(g.window, g.dilation, g.pads, strict=True)]
    pads = tuple(
        (left, size + span(k, d) - 1 - count - left)
        for left, size, count, k, d in zip(before, g.sizes, g.counts, g.window, g.dilation, strict=True)
    )
    back = geometry(g.counts, g.window, g.strides, g.dilation, pads, g.filters, g.channels)
    return correlate(dy, flipped, None, back, dx)


def _scatter(dy: Any, kernel: Any, g: Geometry, dx: Any) -> Any:
    """`spread` for any stride: columns of gradients, added window position by window position."""
    matrix = band(kernel, g).T
    batch = len(dy)
    images = max(min(TILE // max(prod(g.rows) * g.width, 1), batch), 1)
    room = [
        max(size + before + after, (row - 1) * step + _whole(taps, step))
        for size, (before, after), row, step, taps in zip(g.sizes, g.pads, g.rows, g.steps, _reach(g), strict=True)
    ]
    buffer = np.empty((images, *room, g.channels), dx.dtype)
    for start in range(0, batch, images):
        flow = dy[start : start + images]
        total = buffer[: len(flow)]
        total.fill(0)
        columns = np.matmul(flow.reshape(-1, g.block * g.filters), matrix)
        _add_columns(columns.reshape(len(flow), *g.rows, *g.taps, g.channels), g, total)
        np.copyto(dx[start : start + images], total[inner(g.sizes, g.pads)])
    return dx


def _reach(g: Geometry) -> tuple[int, ...]:
    return tuple(span(taps, stride) for taps, stride in zip(g.taps, g.tap_strides, strict=True))


def _whole(taps: int, step: int) -> int:
    """`taps`, rounded up to whole steps."""
    return -(-taps // step) * step


def _add_columns(columns: Any, g: Geometry, total: Any) -> None:
    """Add columns (images, *rows, *taps, channels) where they came from."""
    rank = len(g.rows)
    step = g.steps[-1]
    length = 1 if g.block == 1 else step  # neighbours of the last axis that are added at once
    for offset in np.ndindex(*g.taps[:-1], -(-g.taps[-1] // length)):
        first = offset[-1] * length
        count = min(length, g.taps[-1] - first)
        lines = tuple(
            slice(o * d, o * d + (n - 1) * s + 1, s)
            for o, d, n, s in zip(offset[:-1], g.tap_strides, g.rows, g.steps, strict=False)
        )
        at = first * g.tap_strides[-1]
        if g.block == 1:
            target = total[(slice(None), *lines, slice(at, at + (g.rows[-1] - 1) * step + 1, step))]
            target += columns[(slice(None),) * (rank + 1) + (*offset[:-1], first)]
        else:
            region = total[(slice(None), *lines, slice(at, at + g.rows[-1] * step))]
            target = region.reshape(*region.shape[:-2], g.rows[-1], step, g.channels)[..., :count, :]
            piece = columns[(slice(None),) * (rank + 1) + (*offset[:-1], slice(first, first + count))]
            target += piece


# The kernels: x (batch, *sizes, channels), kernel (*window, channels / groups, filters), bias (filters)


def conv_shape(
    shape: Any,
    kernel: Any,
    *bias: Any,
    strides: Any,
    padding: str,
    dilation: Any,
    groups: int = 1,
    data_format: str = "channels_last",
) -> Any:
    """Shape rule of `conv`."""
    sizes, channels = split_shape(shape, data_format)
    if channels is not None and channels != kernel[-2] * groups:
        raise ValueError(
            f"A convolution with a kernel of shape {kernel} and {groups} groups needs {kernel[-2] * groups} "
            f"channels ({data_format}). Received an input of shape {shape}."
        )
    counts = checked_sizes("convolution", shape, sizes, output_sizes(sizes, kernel[:-2], strides, padding, dilation))
    return join_shape(shape[0], counts, kernel[-1], data_format)


def _groups(x: Any, kernel: Any, strides: Any, padding: str, dilation: Any, groups: int) -> tuple[Geometry, list[Any]]:
    """The geometry of one group, and the slices of channels and filters of each."""
    sizes, window = x.shape[1:-1], kernel.shape[:-2]
    channels, filters = kernel.shape[-2], kernel.shape[-1] // groups
    pads = pads_of(padding, sizes, window, strides, dilation)
    g = geometry(sizes, window, strides, dilation, pads, channels, filters)
    checked_sizes("convolution", x.shape, sizes, g.counts)
    return g, [(slice(i * channels, (i + 1) * channels), slice(i * filters, (i + 1) * filters)) for i in range(groups)]


def conv(
    x: Any,
    kernel: Any,
    *bias: Any,
    strides: Any,
    padding: str,
    dilation: Any,
    groups: int = 1,
    data_format: str = "channels_last",
    out: Any = None,
) -> Any:
    x = channels_last(x, data_format)
    g, parts = _groups(x, kernel, strides, padding, dilation, groups)
    usable = out is not None and data_format == "channels_last"
    y = out if usable else np.empty((len(x), *g.counts, kernel.shape[-1]), x.dtype)
    for channels, filters in parts:
        correlate(x[..., channels], kernel[..., filters], bias[0][filters] if bias else None, g, y[..., filters])
    return restore(y, data_format)


def bias_gradient(dy: Any) -> Any:
    return channel_sums(dy.reshape(-1, dy.shape[-1]) if dy.size else dy.reshape(0, dy.shape[-1]))


def conv_gradient(
    dy: Any,
    x: Any,
    kernel: Any,
    *bias: Any,
    wanted: Any,
    out: Any,
    strides: Any,
    padding: str,
    dilation: Any,
    groups: int = 1,
    data_format: str = "channels_last",
) -> tuple[Any, ...]:
    x, dy = channels_last(x, data_format), np.ascontiguousarray(channels_last(dy, data_format))
    g, parts = _groups(x, kernel, strides, padding, dilation, groups)
    dx = dkernel = None
    if wanted[0]:
        usable = out[0] is not None and data_format == "channels_last"
        dx = out[0] if usable else np.empty(x.shape, dy.dtype)
        for channels, filters in parts:
            spread(dy[..., filters], kernel[..., filters], g, dx[..., channels])
        dx = restore(dx, data_format)
    if wanted[1]:
        pieces = [correlate_kernel(x[..., channels], dy[..., filters], g) for channels, filters in parts]
        dkernel = pieces[0] if groups == 1 else np.concatenate(pieces, axis=-1)
    return (dx, dkernel, *(bias_gradient(dy) if want else None for want in wanted[2:]))


KERNELS["conv"] = Kernel(conv, conv_gradient, conv_shape)
