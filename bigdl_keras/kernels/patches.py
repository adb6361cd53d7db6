"""Windows laid side by side, and added back where they came from: each of the two is the gradient of the other."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each
from bigdl_keras.kernels.windows import (
    at_offset,
    checked_sizes,
    output_sizes,
    padded,
    pads_of,
    unpadded,
    window_view,
)

# x (batch, *sizes, channels), y (batch, *counts, prod(window) * channels): the numbers of a window in its own order


def patches_shape(shape: Any, *, window: Any, strides: Any, padding: str = "valid", dilation: Any) -> Any:
    """Shape rule of `patches`."""
    counts = checked_sizes("patch", shape, shape[1:-1], output_sizes(shape[1:-1], window, strides, padding, dilation))
    return (shape[0], *counts, None if shape[-1] is None else prod(window) * shape[-1])


def patches(x: Any, *, window: Any, strides: Any, padding: str = "valid", dilation: Any, out: Any = None) -> Any:
    sizes = x.shape[1:-1]
    counts = checked_sizes("patch", x.shape, sizes, output_sizes(sizes, window, strides, padding, dilation))
    whole = padded(x, pads_of(padding, sizes, window, strides, dilation))
    view = window_view(whole, counts, strides, window, dilation)
    return np.ascontiguousarray(view).reshape(len(x), *counts, prod(window) * x.shape[-1])


def patches_gradient(dy: Any, shapes: Any, *, out: Any = None, **attributes: Any) -> Any:
    return overlap_add(dy, sizes=tuple(shapes[0][1:-1]), **attributes)


def overlap_add_shape(shape: Any, *, sizes: Any, window: Any, **attributes: Any) -> Any:
    """Shape rule of `overlap_add`."""
    return (shape[0], *sizes, None if shape[-1] is None else shape[-1] // prod(window))


def overlap_add(
    x: Any, *, sizes: Any, window: Any, strides: Any, padding: str = "valid", dilation: Any, out: Any = None
) -> Any:
    """The windows that `patches` cut from an array of `sizes`, each added at its place."""
    counts, channels = x.shape[1:-1], x.shape[-1] // prod(window)
    pads = pads_of(padding, sizes, window, strides, dilation)
    total = np.zeros((len(x), *(size + a + b for size, (a, b) in zip(sizes, pads, strict=True)), channels), x.dtype)
    pieces = x.reshape(len(x), *counts, prod(window), channels)
    for place, offset in enumerate(np.ndindex(*window)):
        view = at_offset(total, offset, counts, strides, dilation)
        view += pieces[..., place, :]
    return np.ascontiguousarray(unpadded(total, sizes, pads))


def overlap_add_gradient(dy: Any, shapes: Any, *, sizes: Any, out: Any = None, **attributes: Any) -> Any:
    return patches(dy, **attributes)


KERNELS["patches"] = Kernel(patches, each(patches_gradient), patches_shape, ("shapes",))
KERNELS["overlap_add"] = Kernel(overlap_add, each(overlap_add_gradient), overlap_add_shape, ("shapes",))
