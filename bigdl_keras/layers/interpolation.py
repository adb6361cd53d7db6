"""Images of another size: every new element is a weighted mean of old ones, so one product resizes an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply


def _triangle(x: Any) -> Any:
    return np.maximum(0.0, 1.0 - x)


def _keys_cubic(x: Any) -> Any:
    """Keys, Cubic convolution interpolation (1981), with a = -1/2."""
    inner = ((1.5 * x - 2.5) * x) * x + 1.0
    outer = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x >= 2.0, 0.0, np.where(x >= 1.0, outer, inner))


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def window(x: Any) -> Any:
        safe = np.where(x > 1e-3, x, 1.0)
        value = radius * np.sin(np.pi * safe) * np.sin(np.pi * safe / radius) / (np.pi**2 * safe**2)
        return np.where(x > radius, 0.0, np.where(x > 1e-3, value, 1.0))

    return window


_WINDOWS: dict[str, Callable[[Any], Any]] = {
    "bilinear": _triangle, "bicubic": _keys_cubic, "lanczos3": _lanczos(3.0), "lanczos5": _lanczos(5.0)}

INTERPOLATIONS = ("nearest", *_WINDOWS)
"""Methods of `resize`."""


def resize(x: Any, axis: int, wanted: int, interpolation: str) -> Any:
    """`x` with `wanted` elements along `axis`, whose size must be known; pixels have their centres at halves."""
    size = x.shape[axis]
    places = (np.arange(wanted) + 0.5) * (size / wanted)
    if interpolation == "nearest":
        return apply("take", x, np.floor(places).astype("int32"), axis=axis)
    weights = _WINDOWS[interpolation](np.abs(places[None, :] - 0.5 - np.arange(size)[:, None]))
    return _product(x, axis, weights / weights.sum(axis=0, keepdims=True))


def sample(x: Any, axis: int, places: np.ndarray) -> Any:
    """Linear interpolation of `x` along `axis` at `places`, in elements; beyond the ends the last one counts."""
    size = x.shape[axis]
    distances = np.abs(np.clip(places, 0, size - 1)[None, :] - np.arange(size)[:, None])
    return _product(x, axis, _triangle(distances))


def _product(x: Any, axis: int, weights: np.ndarray) -> Any:
    """`x` times a matrix (size, new size) along `axis`."""
    moved = ops.moveaxis(x, axis, -1)
    return ops.moveaxis(ops.matmul(moved, weights.astype(str(ops.dtype_of(x)))), -1, axis)
