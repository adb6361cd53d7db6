"""One image is a batch of one, and channels come last while an operation works: what it sees is always the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply
from bigdl_keras.ops.elementwise import as_tensor


def is_channels_first(data_format: str | None) -> bool:
    """Whether channels stand before the sizes; they come last if nothing is said.

    Raises:
        ValueError: an unknown format.
    """
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first'. Received {data_format!r}.")
    return data_format == "channels_first"


def spatial_axes(images: Any, data_format: str | None, rank: int = 2) -> tuple[int, ...]:
    """The axes of depth, height and width (the last `rank` of them) of one image or a batch of them.

    Raises:
        ValueError: neither one image nor a batch.
    """
    axes = len(images.shape)
    if axes not in (rank + 1, rank + 2):
        raise ValueError(
            f"Images need {rank + 1} axes, or {rank + 2} for a batch. Received a tensor of shape {images.shape}."
        )
    last = axes if is_channels_first(data_format) else axes - 1
    return tuple(range(last - rank, last))


def channel_axis(images: Any, data_format: str | None) -> int:
    """The axis of the channels of one image or a batch of them."""
    height, width = spatial_axes(images, data_format)
    return height - 1 if is_channels_first(data_format) else width + 1


def known_sizes(images: Any, data_format: str | None, operation: str) -> tuple[int, int]:
    """Height and width.

    Raises:
        ValueError: they are not known before a model runs.
    """
    height, width = (images.shape[axis] for axis in spatial_axes(images, data_format))
    if height is None or width is None:
        raise ValueError(f"{operation} needs images of a known size. Received shape {images.shape}.")
    return height, width


def on_batch(compute: Callable[..., Any], *images: Any, data_format: str | None = None, rank: int = 2) -> Any:
    """What `compute` makes of batches (batch, *sizes, channels); its answer is laid out as the images were given."""
    images = tuple(map(as_tensor, images))
    axes = spatial_axes(images[0], data_format, rank)
    single, first = len(images[0].shape) == rank + 1, is_channels_first(data_format)
    if single:
        images = tuple(apply("expand_dims", item, axis=0) for item in images)
    if first:
        images = tuple(apply("transpose", item, axes=(0, *range(2, len(axes) + 2), 1)) for item in images)
    result = compute(*images)
    if first:
        channels = len(axes) + 1
        rest = range(channels + 1, len(result.shape))
        result = apply("transpose", result, axes=(0, channels, *range(1, channels), *rest))
    return apply("squeeze", result, axis=0) if single else result


def in_floats(compute: Callable[..., Any], images: Any, *others: Any) -> Any:
    """`compute` on images as floats; where whole numbers came, whole numbers leave, rounded to the nearest."""
    images = as_tensor(images)
    kind = np.dtype(images.dtype)
    if kind.kind == "f":
        return compute(images, *others)
    result = compute(apply("cast", images, dtype="float32"), *others)
    half = apply("multiply", apply("sign", result), 0.5)
    return apply("cast", apply("trunc", apply("add", result, half)), dtype=str(kind))
