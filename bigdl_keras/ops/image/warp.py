"""Images bent and turned: what stands at a place of the result is read at another place of the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import add, align, as_float, as_tensor, divide, multiply, negative
from bigdl_keras.ops.image.filters import gaussian_blur
from bigdl_keras.ops.image.layout import in_floats, known_sizes, on_batch
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.ops.linear import solve
from bigdl_keras.ops.reshaping import concatenate, stack

__all__ = ["affine_transform", "elastic_transform", "map_coordinates", "perspective_transform"]

_ORDERS = {"nearest": 0, "bilinear": 1}
_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def _how(interpolation: str, fill_mode: str, fill_value: float) -> dict[str, Any]:
    """The attributes of the kernel.

    Raises:
        ValueError: an unknown interpolation or fill mode.
    """
    if interpolation not in _ORDERS:
        raise ValueError(f"`interpolation` must be 'nearest' or 'bilinear'. Received {interpolation!r}.")
    if fill_mode not in _MODES:
        raise ValueError(f"`fill_mode` must be one of {', '.join(map(repr, _MODES))}. Received {fill_mode!r}.")
    return {"order": _ORDERS[interpolation], "mode": fill_mode, "value": float(fill_value)}


@operation
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0.0
) -> Any:
    """The numbers of `inputs` at any places, also between its own.

    Args:
        inputs: a tensor with n axes.
        coordinates: (n, ...): the place on each axis of each number of the result.
        order: 0 for the nearest number, 1 for the mean of the neighbours, weighted by how near they are.
        fill_mode: what lies outside: `fill_value` ("constant"), the edge ("nearest"), the other side ("wrap"), or
            what lies inside, mirrored at the edge ("reflect") or at the number on the edge ("mirror").
        fill_value: see above.

    Returns:
        A tensor of the shape of `coordinates` without its first axis.

    Raises:
        ValueError: another order or fill mode, or coordinates that do not fit.
    """
    if order not in (0, 1):
        raise ValueError(f"`order` must be 0 or 1. Received {order!r}.")
    how = _how("bilinear" if order else "nearest", fill_mode, fill_value)
    coordinates = stack(coordinates) if isinstance(coordinates, (list, tuple)) else as_tensor(coordinates)

    def read(numbers: Any) -> Any:
        numbers, places = align(numbers, as_float(coordinates))
        numbers = apply("expand_dims", numbers, axis=(0, len(numbers.shape) + 1))
        found = apply("map_coordinates", numbers, apply("expand_dims", places, axis=0), **how)
        return apply("squeeze", found, axis=(0, -1))

    return in_floats(read, inputs)


@operation
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images turned, moved, stretched, sheared or seen in perspective.

    What stands at (x, y) is read at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), with k = c0 x + c1 y + 1.

    Args:
        images: (batch, height, width, channels), or one image.
        transform: the numbers a0, a1, a2, b0, b1, b2, c0, c1 for all images, or a row of them for each.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: the number that lies outside where `fill_mode` is "constant".
        data_format: "channels_last" if None.

    Raises:
        ValueError: the transforms are not 8 numbers, or the size of the images is unknown.
    """
    transform = as_float(transform)
    if len(transform.shape) not in (1, 2) or transform.shape[-1] != 8:
        raise ValueError(f"A transform is 8 numbers, or a row of 8 for each image. Received shape {transform.shape}.")
    if len(transform.shape) == 1:
        transform = apply("expand_dims", transform, axis=0)
    return _projected(images, transform, _how(interpolation, fill_mode, fill_value), data_format)


@operation
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images seen in the perspective that takes four points to four others.

    Args:
        images: (batch, height, width, channels), or one image.
        start_points: (4, 2) or (batch, 4, 2): points (x, y) of the images.
        end_points: of the same shape: where they are in the result.
        interpolation: "nearest" or "bilinear".
        fill_value: the number that lies outside.
        data_format: "channels_last" if None.

    Raises:
        ValueError: the points are not two sets of four.
    """
    start_points, end_points = align(as_float(start_points), as_float(end_points))
    shapes = tuple(start_points.shape), tuple(end_points.shape)
    if shapes[0] != shapes[1] or len(shapes[0]) not in (2, 3) or shapes[0][-2:] != (4, 2):
        raise ValueError(
            "`start_points` and `end_points` must both have the shape (4, 2) or (batch, 4, 2). "
            f"Received {shapes[0]} and {shapes[1]}."
        )
    if len(shapes[0]) == 2:
        start_points, end_points = (apply("expand_dims", item, axis=0) for item in (start_points, end_points))
    transform = _homography(start_points, end_points)
    return _projected(images, transform, _how(interpolation, "constant", fill_value), data_format)


def _homography(start: Any, end: Any) -> Any:
    """The 8 numbers of the projection that takes `end` (batch, 4, 2) to `start`: two equations for each point."""
    zeros = apply("zeros_like", end)
    place = concatenate([end, apply("ones_like", get_item(end, (..., slice(None, 1))))], axis=-1)  # x y 1
    nothing = concatenate([zeros, get_item(zeros, (..., slice(None, 1)))], axis=-1)
    rows = [
        concatenate([*flat, negative(multiply(get_item(start, (..., slice(axis, axis + 1))), end))], axis=-1)
        for axis, flat in enumerate(((place, nothing), (nothing, place)))
    ]
    target = concatenate([get_item(start, (..., 0)), get_item(start, (..., 1))], axis=-1)
    return solve(concatenate(rows, axis=1), target)


def _projected(images: Any, transform: Any, how: dict[str, Any], data_format: str | None) -> Any:
    """Images read where the rows (batch or 1, 8) of `transform` say."""
    images = as_tensor(images)
    height, width = known_sizes(images, data_format, "A transform")
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    grid = np.stack([x, y, np.ones_like(x)]).reshape(3, -1).astype(str(transform.dtype))
    matrix = apply("pad", transform, widths=((0, 0), (0, 1)), mode="constant", value=1)
    moved = apply("matmul", apply("reshape", matrix, shape=(-1, 3, 3)), grid)  # x y k
    places = divide(get_item(moved, (slice(None), slice(1, None, -1))), get_item(moved, (slice(None), slice(2, 3))))
    places = apply("reshape", places, shape=(-1, 2, height, width))
    return _read(images, places, how, data_format)


def _read(images: Any, places: Any, how: dict[str, Any], data_format: str | None) -> Any:
    """Images at places (batch or 1, 2, height, width)."""

    def read(floats: Any) -> Any:
        return on_batch(
            lambda batch: apply("map_coordinates", *align(batch, places), **how), floats, data_format=data_format
        )

    return in_floats(read, images)


@operation
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images seen through uneven glass: each place is moved by blurred noise (Simard et al., Best practices, 2003).

    Args:
        images: (batch, height, width, channels), or one image.
        alpha: how far places move: the factor of the blurred noise.
        sigma: deviation of the noise, and of the bell that blurs it.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies outside, as in `map_coordinates`.
        fill_value: the number that lies outside where `fill_mode` is "constant".
        seed: of the noise on arrays; None for other noise each time. A model draws by the seed of its fit.
        data_format: "channels_last" if None.

    Raises:
        ValueError: the size of the images is unknown.
    """
    images = as_tensor(images)
    height, width = known_sizes(images, data_format, "elastic_transform")
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    grid = np.stack([rows, columns], axis=-1)[None].astype(np.float32)
    size = int(6 * sigma) | 1

    def bend(batch: Any) -> Any:
        one = get_item(batch, (..., slice(None, 1)))
        like = apply("concatenate", one, one, axis=-1)  # (batch, height, width, 2)
        noise = _noise(like, float(sigma), seed)
        moved = add(multiply(gaussian_blur(noise, (size, size), (sigma, sigma)), float(alpha)), grid)
        places = apply("transpose", moved, axes=(0, 3, 1, 2))
        return apply("map_coordinates", *align(batch, places), **_how(interpolation, fill_mode, fill_value))

    return in_floats(lambda floats: on_batch(bend, floats, data_format=data_format), images)


def _noise(like: Any, deviation: float, seed: int | None) -> Any:
    if isinstance(like, np.ndarray) and seed is not None:
        return np.multiply(np.random.default_rng(seed).normal(size=like.shape), deviation).astype(like.dtype)
    return apply("random_normal_like", like, stddev=deviation)
