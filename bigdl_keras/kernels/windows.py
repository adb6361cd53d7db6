"""Geometry of windows that slide over spatial axes: padding, sizes and strided views, for convolution and pooling."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from bigdl_keras.shapes import window_size

Pads = tuple[tuple[int, int], ...]


def span(window: int, dilation: int) -> int:
    """How many neighbours a dilated window covers."""
    return (window - 1) * dilation + 1


@lru_cache(maxsize=4096)
def pads_of(
    padding: str, sizes: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Pads:
    """Zeros before and after each spatial axis ('same' puts the odd one after, 'causal' puts all before)."""
    if padding == "valid":
        return ((0, 0),) * len(sizes)
    if padding == "causal":
        return tuple((span(k, d) - 1, 0) for k, d in zip(window, dilation, strict=True))
    if padding != "same":
        raise ValueError(f"`padding` must be 'valid', 'same' or 'causal'. Received {padding!r}.")
    totals = [
        max((-(-size // s) - 1) * s + span(k, d) - size, 0)
        for size, k, s, d in zip(sizes, window, strides, dilation, strict=True)
    ]
    return tuple((total // 2, total - total // 2) for total in totals)


def output_sizes(sizes: Any, window: Any, strides: Any, padding: str, dilation: Any) -> Any:
    """Number of windows along each spatial axis."""
    axes = zip(sizes, window, strides, dilation, strict=True)
    return tuple(window_size(size, k, s, padding, d) for size, k, s, d in axes)


def checked_sizes(name: str, shape: Any, sizes: Any, results: Any) -> Any:
    """`results`, or an error where a window is larger than what it slides over."""
    if any(result is not None and result <= 0 and size != 0 for size, result in zip(sizes, results, strict=True)):
        raise ValueError(
            f"The window of this {name} is larger than its input of shape {shape}: the output would have "
            f"the sizes {tuple(results)}. Use padding='same', a smaller window, or fewer layers before it."
        )
    return results


def channels_last(x: Any, data_format: str) -> Any:
    """A view of x with its channels last."""
    return x if data_format == "channels_last" else np.moveaxis(x, 1, -1)


def restore(y: Any, data_format: str) -> Any:
    """Undo `channels_last` on a result."""
    return y if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(y, -1, 1))


def split_shape(shape: Any, data_format: str) -> tuple[Any, Any]:
    """Spatial sizes and channels of a shape."""
    return (shape[1:-1], shape[-1]) if data_format == "channels_last" else (shape[2:], shape[1])


def join_shape(batch: Any, sizes: Any, channels: Any, data_format: str) -> Any:
    """The shape that `split_shape` takes apart."""
    return (batch, *sizes, channels) if data_format == "channels_last" else (batch, channels, *sizes)


def padded(x: Any, pads: Pads, value: float = 0.0) -> Any:
    """x (batch, *sizes, channels) with `value` around its spatial axes; x itself where nothing is added."""
    if not any(before or after for before, after in pads):
        return x
    y = np.full(
        (x.shape[0], *(size + a + b for size, (a, b) in zip(x.shape[1:-1], pads, strict=True)), x.shape[-1]),
        value,
        x.dtype,
    )
    y[inner(x.shape[1:-1], pads)] = x
    return y


def unpadded(x: Any, sizes: Any, pads: Pads) -> Any:
    """Undo `padded`."""
    return x[inner(sizes, pads)] if any(before or after for before, after in pads) else x


def inner(sizes: Any, pads: Pads) -> tuple[slice, ...]:
    """Where `padded` puts its input."""
    return (slice(None), *(slice(before, before + size) for size, (before, _) in zip(sizes, pads, strict=True)))


def at_offset(x: Any, offset: Any, counts: Any, strides: Any, dilation: Any) -> Any:
    """View of x (batch, *sizes, channels): the number at `offset` of each window."""
    return x[
        (
            slice(None),
            *(
                slice(o * d, o * d + (n - 1) * s + 1, s) if n else slice(0, 0)
                for o, n, s, d in zip(offset, counts, strides, dilation, strict=True)
            ),
        )
    ]


def window_view(x: Any, counts: Any, strides: Any, taps: Any, tap_strides: Any) -> Any:
    """Strided view (batch, *counts, *taps, channels) of x (batch, *sizes, channels); it must only be read."""
    spatial = x.strides[1:-1]
    steps = [step * stride for step, stride in zip(spatial, strides, strict=True)]
    taps_steps = [step * stride for step, stride in zip(spatial, tap_strides, strict=True)]
    return as_strided(
        x,
        (x.shape[0], *counts, *taps, x.shape[-1]),
        (x.strides[0], *steps, *taps_steps, x.strides[-1]),
        writeable=False,
    )
