"""Resizing of images: along each axis every new number is a weighted mean of old ones, so an axis is one matrix."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each
from bigdl_keras.kernels.windows import join_shape, split_shape

# x (batch, *sizes, channels); `size` has one entry a spatial axis.
# coordinates: "half_pixel" (centres of pixels meet, as Keras), "asymmetric" (first pixels meet), "align_corners".


def _triangle(distance: Any) -> Any:
    return np.maximum(1 - np.absolute(distance), 0)


def _cubic(distance: Any) -> Any:
    """Keys' kernel with a = -1/2."""
    x = np.absolute(distance)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _lanczos(radius: int) -> Any:
    return lambda distance: np.where(np.absolute(distance) < radius, np.sinc(distance) * np.sinc(distance / radius), 0)


_WEIGHTS = {"bilinear": _triangle, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}


@lru_cache(maxsize=256)
def _matrix(old: int, new: int, method: str, coordinates: str, antialias: bool, dtype: str) -> Any:
    """(new, old): the share of each old number in each new one."""
    places = np.arange(new, dtype=np.float64)
    scale = old / new
    if coordinates == "half_pixel":
        places = (places + 0.5) * scale - 0.5
    elif coordinates == "align_corners" and new > 1:
        places *= (old - 1) / (new - 1)
    else:
        places *= scale
    if method == "nearest":
        nearest = np.floor(places + 0.5) if coordinates != "asymmetric" else np.floor(places)
        return np.equal(np.clip(nearest, 0, old - 1)[:, None], np.arange(old)).astype(dtype)
    if method not in _WEIGHTS:
        raise ValueError(f"`method` of a resize must be 'nearest' or one of {sorted(_WEIGHTS)}. Received {method!r}.")
    if method == "bilinear" and not antialias:
        places = np.clip(places, 0, old - 1)
    stretch = max(scale, 1.0) if antialias else 1.0
    weights = _WEIGHTS[method]((np.arange(old) - places[:, None]) / stretch)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(dtype)


def _along(x: Any, axis: int, matrix: Any) -> Any:
    """`matrix` times x, along one axis."""
    return np.moveaxis(np.matmul(matrix, np.moveaxis(x, axis, -2)), -2, axis)


def _spatial(rank: int, data_format: str) -> range:
    return range(1, rank - 1) if data_format == "channels_last" else range(2, rank)


def resize(
    x: Any,
    *,
    size: Any,
    method: str = "bilinear",
    coordinates: str = "half_pixel",
    antialias: bool = False,
    data_format: str = "channels_last",
    out: Any = None,
) -> Any:
    y = x
    for axis, new in zip(_spatial(x.ndim, data_format), size, strict=True):
        if x.shape[axis] != new:
            y = _along(y, axis, _matrix(x.shape[axis], new, method, coordinates, antialias, x.dtype.name))
    return np.ascontiguousarray(y)


def resize_gradient(
    dy: Any,
    shapes: Any,
    *,
    size: Any,
    method: str = "bilinear",
    coordinates: str = "half_pixel",
    antialias: bool = False,
    data_format: str = "channels_last",
    out: Any = None,
) -> Any:
    dx = dy
    for axis, new in zip(_spatial(dy.ndim, data_format), size, strict=True):
        old = shapes[0][axis]
        if old != new:
            dx = _along(dx, axis, _matrix(old, new, method, coordinates, antialias, dy.dtype.name).T)
    return np.ascontiguousarray(dx)


def resize_shape(shape: Any, *, size: Any, data_format: str = "channels_last", **attributes: Any) -> Any:
    """Shape rule of `resize`."""
    _, channels = split_shape(shape, data_format)
    return join_shape(shape[0], tuple(size), channels, data_format)


KERNELS["resize"] = Kernel(resize, each(resize_gradient), resize_shape, ("shapes",))
