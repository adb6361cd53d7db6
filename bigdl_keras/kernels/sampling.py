"""Arrays read between their places: each number is a weighted sum of the corners of the cell its coordinates lie in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np

from bigdl_keras.kernels.indexing import scatter_add_rows
from bigdl_keras.kernels.table import KERNELS, Kernel

# x (batch, *sizes, channels), places (batch or 1, axes, *points), y (batch, *points, channels)
# order: 0 takes the nearest place (halves away from 0), 1 is linear in each axis. mode: what lies outside.

Node = tuple[Any, Any, Any, int]  # places along one axis, whether they are inside, their weights, slope of the weights


def map_coordinates_shape(shape: Any, places: Any, **attributes: Any) -> Any:
    """Shape rule of `map_coordinates`."""
    if places[1] != len(shape) - 2:
        raise ValueError(
            f"Coordinates need one row for each of the {len(shape) - 2} axes they lie in. Received coordinates of "
            f"shape {places[1:]} for an array with axes of sizes {shape[1:-1]}."
        )
    return (shape[0], *places[2:], shape[-1])


def _mirrored(index: Any, size: int) -> Any:
    """... 2 1 0 1 2 ...: the first and the last place are not repeated."""
    period = size - 1
    return np.absolute((index + period) % (2 * period) - period) if period else np.zeros_like(index)


def _inside(index: Any, size: int, mode: str) -> Any:
    """The place that answers for `index`."""
    if mode == "wrap":
        return index % size
    if mode == "mirror":
        return _mirrored(index, size)
    if mode == "reflect":  # ... 1 0 0 1 ...: mirrored at the edges of the cells
        return (_mirrored(2 * index + 1, 2 * size + 1) - 1) // 2
    return np.clip(index, 0, size - 1)


def _nodes(places: Any, size: int, order: int, mode: str) -> list[Node]:
    """The one or two places along an axis of `size` from which a number at each coordinate is read."""
    if order:
        lower = np.floor(places)
        upper = places - lower
        found = [(lower.astype(np.int64), 1 - upper, -1), (lower.astype(np.int64) + 1, upper, 1)]
    else:
        nearest = np.trunc(places + np.copysign(places.dtype.type(0.5), places))
        found = [(nearest.astype(np.int64), np.ones_like(places), 0)]
    return [
        (_inside(index, size, mode), (index >= 0) & (index < size) if mode == "constant" else None, weight, slope)
        for index, weight, slope in found
    ]


def _corners(places: Any, sizes: Any, order: int, mode: str) -> Iterator[tuple[Any, Any, tuple[Node, ...]]]:
    """Flat places (batch or 1, points), where they lie inside (None: everywhere), and what each axis says."""
    lines = places.reshape(*places.shape[:2], prod(places.shape[2:]))
    axes = [_nodes(lines[:, axis], size, order, mode) for axis, size in enumerate(sizes)]
    for corner in product(*axes):
        flat = np.zeros_like(corner[0][0])
        for (index, *_), size in zip(corner, sizes, strict=True):
            flat = flat * size + index
        checks = [inside for _, inside, _, _ in corner if inside is not None]
        yield flat, np.logical_and.reduce(checks) if checks else None, corner


def _read(x: Any, flat: Any, inside: Any, value: float) -> Any:
    """The numbers at the flat places of x (batch, places, channels); `value` outside."""
    read = x[np.arange(len(x))[:, None], flat]
    return read if inside is None else np.where(inside[..., None], read, x.dtype.type(value))


def _flattened(x: Any) -> Any:
    return x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])


def map_coordinates(
    x: Any, places: Any, *, order: int = 1, mode: str = "constant", value: float = 0.0, out: Any = None
) -> Any:
    numbers, y = _flattened(x), np.zeros((len(x), prod(places.shape[2:]), x.shape[-1]), x.dtype)
    for flat, inside, corner in _corners(places, x.shape[1:-1], order, mode):
        weight = prod(weight for _, _, weight, _ in corner)
        y += _read(numbers, flat, inside, value) * weight[..., None].astype(x.dtype, copy=False)
    return y.reshape(len(x), *places.shape[2:], x.shape[-1])


def map_coordinates_gradient(
    dy: Any,
    x: Any,
    places: Any,
    *,
    wanted: Any,
    out: Any,
    order: int = 1,
    mode: str = "constant",
    value: float = 0.0,
) -> tuple[Any, ...]:
    points, numbers = prod(places.shape[2:]), _flattened(x)
    flow, size = dy.reshape(len(x), points, x.shape[-1]), numbers.shape[1]
    first = np.arange(len(x))[:, None] * size
    dx = np.zeros((len(x) * size, x.shape[-1]), dy.dtype) if wanted[0] else None
    dplaces = np.zeros((len(x), len(x.shape) - 2, points), places.dtype) if wanted[1] else None
    for flat, inside, corner in _corners(places, x.shape[1:-1], order, mode):
        weights = [weight for _, _, weight, _ in corner]
        if dx is not None:
            weight = prod(weights) if inside is None else prod(weights) * inside
            spread = flow * weight[..., None].astype(dy.dtype, copy=False)
            dx += scatter_add_rows(spread.reshape(-1, x.shape[-1]), (first + flat).reshape(-1), len(dx))
        if dplaces is not None and order:
            felt = np.sum(flow * _read(numbers, flat, inside, value), axis=-1)  # (batch, points)
            for axis, (*_, slope) in enumerate(corner):
                others = [weight for place, weight in enumerate(weights) if place != axis]
                dplaces[:, axis] += felt * prod(others) * slope
    return (
        None if dx is None else dx.reshape(x.shape),
        None if dplaces is None else _of_places(dplaces, places),
    )


def _of_places(dplaces: Any, places: Any) -> Any:
    """The gradient in the shape of `places`, which may be one set of coordinates for the whole batch."""
    if len(places) != len(dplaces):
        dplaces = np.add.reduce(dplaces, axis=0, keepdims=True)
    return dplaces.reshape(places.shape)


KERNELS["map_coordinates"] = Kernel(
    map_coordinates,
    map_coordinates_gradient,
    map_coordinates_shape,
    dtype=lambda x, places, **attributes: np.dtype(x).name,
)
