"""Keras 3's namespace `ops.image`: operations on batches of images, or on one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_float, as_tensor

__all__ = ["crop_images", "pad_images", "resize", "rgb_to_grayscale"]


def _places(rank: int, data_format: str | None) -> tuple[int, int]:
    """The axes of height and width of one image or a batch of them."""
    if rank not in (3, 4):
        raise ValueError(f"Images need 3 axes, or 4 for a batch. Received a tensor with {rank} axes.")
    first = rank - 2 if data_format == "channels_first" else rank - 3
    return first, first + 1


@operation
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    data_format: str | None = None,
) -> Any:
    """Images in another size.

    Args:
        images: (batch, height, width, channels), or one image.
        size: new height and width.
        interpolation: "nearest", "bilinear" or "bicubic".
        antialias: blur before shrinking.
        data_format: "channels_last" if None.
    """
    images = as_float(images)
    single = len(images.shape) == 3
    batch = apply("expand_dims", images, axis=0) if single else images
    resized = apply(
        "resize",
        batch,
        size=tuple(size),
        method=interpolation,
        antialias=antialias,
        data_format=data_format or "channels_last",
    )
    return apply("squeeze", resized, axis=0) if single else resized


@operation
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """0.2989 red + 0.5870 green + 0.1140 blue, with one channel left (ITU-R BT.601)."""
    images = as_float(images)
    axis = len(images.shape) - (3 if data_format == "channels_first" else 1)
    shape = tuple(3 if place == axis else 1 for place in range(len(images.shape)))
    weights = np.array([0.2989, 0.5870, 0.1140], dtype=str(images.dtype)).reshape(shape)
    return apply("sum", apply("multiply", images, weights), axis=axis, keepdims=True)


@operation
def pad_images(
    images: Any,
    top_padding: int,
    left_padding: int,
    bottom_padding: int,
    right_padding: int,
    data_format: str | None = None,
) -> Any:
    """Images with margins of zeros."""
    images = as_tensor(images)
    widths = [(0, 0)] * len(images.shape)
    height, width = _places(len(images.shape), data_format)
    widths[height], widths[width] = (top_padding, bottom_padding), (left_padding, right_padding)
    return apply("pad", images, widths=tuple(widths), mode="constant", value=0)


@operation
def crop_images(
    images: Any,
    top_cropping: int,
    left_cropping: int,
    bottom_cropping: int,
    right_cropping: int,
    data_format: str | None = None,
) -> Any:
    """Images without margins."""
    images = as_tensor(images)
    key: list[Any] = [("slice", None, None, None)] * len(images.shape)
    for place, before, after in zip(
        _places(len(images.shape), data_format),
        (top_cropping, left_cropping),
        (bottom_cropping, right_cropping),
        strict=True,
    ):
        key[place] = ("slice", before, -after or None, None)
    return apply("slice", images, key=tuple(key))
