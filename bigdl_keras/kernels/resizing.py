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
    if method == "bilinear" and not antialias:
        places = np.clip(places, 0, old - 1)
    return _shares(places, old, method, scale if antialias else 1.0).astype(dtype)


def _shares(places: Any, old: int, method: str, scale: float) -> Any:
    """(new, old): the share of each old number in a new one at each of the `places`; `scale` above 1 widens them."""
    if method not in _WEIGHTS:
        raise ValueError(f"`method` of a resize must be 'nearest' or one of {sorted(_WEIGHTS)}. Received {method!r}.")
    weights = _WEIGHTS[method]((np.arange(old) - places[:, None]) / max(scale, 1.0))
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=np.absolute(total) > 1e-4)


@lru_cache(maxsize=256)
def _moved_matrix(
    old: int, new: int, scale: float, translation: float, method: str, antialias: bool, dtype: str
) -> Any:
    """(new, old): as `_matrix`, where what stood at x comes to x * scale + translation; outside is nothing."""
    places = (np.arange(new) + 0.5 - translation) / scale - 0.5
    shares = _shares(places, old, method, 1 / scale if antialias else 1.0)
    return np.where(((places >= -0.5) & (places <= old - 0.5))[:, None], shares, 0).astype(dtype)


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


def scale_and_translate(
    x: Any,
    *,
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    scale: tuple[float, ...],
    translation: tuple[float, ...],
    method: str,
    antialias: bool = True,
    out: Any = None,
) -> Any:
    """x along each of the `axes` at new places and in another size."""
    y = x
    for axis, new, *moved in zip(axes, sizes, scale, translation, strict=True):
        y = _along(y, axis, _moved_matrix(x.shape[axis], new, *moved, method, antialias, x.dtype.name))
    return np.ascontiguousarray(y)


def scale_and_translate_gradient(
    dy: Any,
    shapes: Any,
    *,
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    scale: tuple[float, ...],
    translation: tuple[float, ...],
    method: str,
    antialias: bool = True,
    out: Any = None,
) -> Any:
    dx = dy
    for axis, new, *moved in zip(axes, sizes, scale, translation, strict=True):
        dx = _along(dx, axis, _moved_matrix(shapes[0][axis], new, *moved, method, antialias, dy.dtype.name).T)
    return np.ascontiguousarray(dx)


def scale_and_translate_shape(shape: Any, *, axes: tuple[int, ...], sizes: tuple[int, ...], **attributes: Any) -> Any:
    """Shape rule of `scale_and_translate`."""
    changed = dict(zip(axes, sizes, strict=True))
    return tuple(changed.get(axis, size) for axis, size in enumerate(shape))


KERNELS["scale_and_translate"] = Kernel(
    scale_and_translate, each(scale_and_translate_gradient), scale_and_translate_shape, ("shapes",)
)
