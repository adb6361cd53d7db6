"""Colours of images: three channels become one, or three others that mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import (
    abs,
    add,
    as_float,
    as_tensor,
    cast,
    clip,
    divide,
    equal,
    greater,
    less,
    maximum,
    minimum,
    mod,
    multiply,
    subtract,
    where,
)
from bigdl_keras.ops.image.layout import channel_axis

__all__ = ["hsv_to_rgb", "rgb_to_grayscale", "rgb_to_hsv"]


@operation
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """The brightness of images, 0.2989 red + 0.5870 green + 0.1140 blue, in one channel (ITU-R BT.601).

    Args:
        images: (batch, height, width, 3), or one image; images with one channel are returned as they are.
        data_format: "channels_last" if None.

    Raises:
        ValueError: there are neither 3 channels nor 1.
    """
    images = as_tensor(images)
    axis = channel_axis(images, data_format)
    if images.shape[axis] == 1:
        return images
    if images.shape[axis] not in (3, None):
        raise ValueError(f"rgb_to_grayscale needs 3 channels, or 1. Received images of shape {images.shape}.")
    shape = tuple(3 if place == axis else 1 for place in range(len(images.shape)))
    floats = as_float(images)
    weights = np.array([0.2989, 0.5870, 0.1140], dtype=str(floats.dtype)).reshape(shape)
    return cast(apply("sum", multiply(floats, weights), axis=axis, keepdims=True), str(images.dtype))


@operation
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value of red, green and blue, all between 0 and 1 (Smith, Color gamut transform pairs, 1978).

    With v = max(r, g, b) and d = v - min(r, g, b): s = d / v, and h = (g - b) / 6d, (b - r) / 6d + 1/3 or
    (r - g) / 6d + 2/3, depending on which of r, g, b is the largest, plus 1 where it is negative.

    Args:
        images: (batch, height, width, 3), or one image, floats.
        data_format: "channels_last" if None.

    Raises:
        ValueError: the images do not have 3 channels of floats.
    """

    def convert(red: Any, green: Any, blue: Any) -> tuple[Any, Any, Any]:
        value = maximum(maximum(red, green), blue)
        spread = subtract(value, minimum(minimum(red, green), blue))
        share = divide(1 / 6, where(greater(spread, 0), spread, 1.0))
        hue = where(
            equal(value, green),
            add(multiply(share, subtract(blue, red)), 2 / 6),
            add(multiply(share, subtract(red, green)), 4 / 6),
        )
        hue = where(equal(value, red), multiply(share, subtract(green, blue)), hue)
        hue = where(greater(spread, 0), where(less(hue, 0), add(hue, 1.0), hue), 0.0)
        bright = greater(value, 0)
        return hue, where(bright, divide(spread, where(bright, value, 1.0)), 0.0), value

    return _by_channel(convert, "rgb_to_hsv", images, data_format)


@operation
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue of hue, saturation and value: the inverse of `rgb_to_hsv`.

    Each colour is v (1 - s + s t), where t rises from 0 to 1 and falls again as 6h goes round.

    Args:
        images: (batch, height, width, 3), or one image, floats.
        data_format: "channels_last" if None.

    Raises:
        ValueError: the images do not have 3 channels of floats.
    """

    def convert(hue: Any, saturation: Any, value: Any) -> tuple[Any, ...]:
        place, pale = multiply(mod(hue, 1.0), 6.0), subtract(1.0, saturation)
        shares = (
            subtract(abs(subtract(place, 3.0)), 1.0),
            subtract(2.0, abs(subtract(place, 2.0))),
            subtract(2.0, abs(subtract(place, 4.0))),
        )
        return tuple(multiply(value, add(pale, multiply(saturation, clip(share, 0.0, 1.0)))) for share in shares)

    return _by_channel(convert, "hsv_to_rgb", images, data_format)


def _by_channel(convert: Callable[..., tuple[Any, ...]], name: str, images: Any, data_format: str | None) -> Any:
    images = as_tensor(images)
    axis = channel_axis(images, data_format)
    if images.shape[axis] not in (3, None) or np.dtype(images.dtype).kind != "f":
        raise ValueError(
            f"{name} needs images with 3 channels of floats. Received shape {images.shape}, dtype {images.dtype}."
        )
    channels = apply("split", images, sections=3, axis=axis)
    return apply("concatenate", *convert(*channels), axis=axis)
