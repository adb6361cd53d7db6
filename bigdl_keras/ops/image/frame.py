"""Images in another frame: cut, widened, shrunk or laid out as patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_float, as_tensor, cast, clip
from bigdl_keras.ops.image.layout import known_sizes, on_batch, spatial_axes
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import pair

__all__ = ["crop_images", "extract_patches", "extract_patches_3d", "pad_images", "resize", "scale_and_translate"]


@operation
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images in another size.

    Args:
        images: (batch, height, width, channels), or one image.
        size: new height and width.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
        antialias: blur before shrinking.
        crop_to_aspect_ratio: first cut the largest part of the wanted proportions out of the middle.
        pad_to_aspect_ratio: first widen the images to the wanted proportions.
        fill_mode: how they are widened: "constant".
        fill_value: the number with which.
        data_format: "channels_last" if None.

    Returns:
        Images of the dtype they came in; whole numbers are rounded.

    Raises:
        ValueError: arguments exclude each other, or a size must be known and is not.
    """
    if fill_mode != "constant":
        raise ValueError(f"`fill_mode` of resize must be 'constant'. Received {fill_mode!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio` can be True.")
    images, (high, wide) = as_tensor(images), pair(tuple(size), 2, "size")
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        height, width = known_sizes(images, data_format, "resize to an aspect ratio")
        fitting = int(width * high / wide), int(height * wide / high)
        if crop_to_aspect_ratio:
            rows, columns = max(min(height, fitting[0]), 1), max(min(width, fitting[1]), 1)
            top, left = (height - rows) // 2, (width - columns) // 2
            margins = ((top, height - rows - top), (left, width - columns - left))
            images = _cut(images, margins, data_format)
        else:
            top, left = ((max(fit - old, 0)) // 2 for fit, old in zip(fitting, (height, width), strict=True))
            images = _widened(images, ((top, top), (left, left)), data_format, fill_value)
    resized = on_batch(
        lambda batch: apply("resize", batch, size=(high, wide), method=interpolation, antialias=antialias),
        as_float(images),
        data_format=data_format,
    )
    kind = np.dtype(images.dtype)
    if kind.kind == "f":
        return resized
    limits = np.iinfo(kind)
    return cast(clip(apply("round", resized), float(limits.min), float(limits.max)), kind.name)


@operation
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with margins of zeros.

    Args:
        images: (batch, height, width, channels), or one image.
        top_padding, bottom_padding, target_height: rows above, rows below, and the new height: two of the three.
        left_padding, right_padding, target_width: the same of columns.
        data_format: "channels_last" if None.

    Raises:
        ValueError: one or three of three are given, or the images are larger than the target.
    """
    images = as_tensor(images)
    sizes = [images.shape[axis] for axis in spatial_axes(images, data_format)]
    given = ((top_padding, bottom_padding, target_height), (left_padding, right_padding, target_width))
    margins = [
        _margins("pad_images", *three, None if size is None or three[2] is None else three[2] - size)
        for three, size in zip(given, sizes, strict=True)
    ]
    return _widened(images, margins, data_format)


@operation
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images without margins.

    Args:
        images: (batch, height, width, channels), or one image.
        top_cropping, bottom_cropping, target_height: rows cut above and below, and the new height: two of the three.
        left_cropping, right_cropping, target_width: the same of columns.
        data_format: "channels_last" if None.

    Raises:
        ValueError: one or three of three are given, or the images are smaller than the target.
    """
    images = as_tensor(images)
    sizes = [images.shape[axis] for axis in spatial_axes(images, data_format)]
    given = ((top_cropping, bottom_cropping, target_height), (left_cropping, right_cropping, target_width))
    margins = [
        _margins("crop_images", *three, None if size is None or three[2] is None else size - three[2])
        for three, size in zip(given, sizes, strict=True)
    ]
    return _cut(images, margins, data_format)


def _margins(name: str, before: int | None, after: int | None, target: int | None, both: int | None) -> tuple[int, int]:
    """The margins before and after, where two of (before, after, target) are given and `both` is their sum."""
    if [before, after, target].count(None) != 1:
        raise ValueError(
            f"{name} needs two of three for each axis: the margins before and after, and the size that is wanted. "
            f"Received {before}, {after} and {target}."
        )
    if target is not None and both is None:
        raise ValueError(f"{name} to a size needs images of a known size. Give both margins instead.")
    if before is None:
        before = int(both or 0) - int(after or 0)
    if after is None:
        after = int(both or 0) - before
    if before < 0 or after < 0:
        raise ValueError(f"Margins of {name} must not be negative. Received, or found, {before} and {after}.")
    return before, after


def _widened(images: Any, margins: Sequence[Any], data_format: str | None, value: float = 0) -> Any:
    widths = [(0, 0)] * len(images.shape)
    for axis, margin in zip(spatial_axes(images, data_format), margins, strict=True):
        widths[axis] = margin
    return apply("pad", images, widths=tuple(widths), mode="constant", value=value)


def _cut(images: Any, margins: Sequence[Any], data_format: str | None) -> Any:
    key = [slice(None)] * len(images.shape)
    for axis, (before, after) in zip(spatial_axes(images, data_format), margins, strict=True):
        key[axis] = slice(before, -after or None)
    return get_item(images, tuple(key))


@operation
def extract_patches(
    images: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The windows of images, each as one vector of its numbers in the order (height, width, channel).

    Args:
        images: (batch, height, width, channels), or one image; with three sizes volumes, as `extract_patches_3d`.
        size: height and width of a window.
        strides: the distance between windows, `size` if None.
        dilation_rate: the distance between the numbers of a window.
        padding: "valid" or "same".
        data_format: "channels_last" if None.

    Returns:
        (batch, rows, columns, height * width * channels of a window); with the last axis second in channels_first.
    """
    if not isinstance(size, int) and len(size) == 3:
        return extract_patches_3d(images, size, strides, dilation_rate, padding, data_format)
    return _patches(images, size, strides, dilation_rate, padding, data_format, 2)


@operation
def extract_patches_3d(
    volumes: Any,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The windows of volumes, each as one vector of its numbers in the order (depth, height, width, channel).

    Args:
        volumes: (batch, depth, height, width, channels), or one volume.
        size: depth, height and width of a window.
        strides: the distance between windows, `size` if None.
        dilation_rate: the distance between the numbers of a window.
        padding: "valid" or "same".
        data_format: "channels_last" if None.
    """
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(x: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: str | None, rank: int) -> Any:
    window = pair(size, rank, "size")
    attributes = {
        "window": window,
        "strides": window if strides is None else pair(strides, rank, "strides"),
        "dilation": pair(dilation, rank, "dilation_rate"),
        "padding": padding.lower(),
    }
    return on_batch(lambda batch: apply("patches", batch, **attributes), x, data_format=data_format, rank=rank)


_METHODS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), "bilinear"),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), "bicubic"),
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


@operation
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int | None],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """What stands at x comes to x * scale + translation, where the first number stands at 0.5; outside there are zeros.

    Args:
        images: a tensor with any axes.
        output_shape: the shape of the result; on the other axes that of `images`.
        scale, translation: a number for each of the axes that change. They are part of the operation: not symbolic.
        spatial_dims: these axes.
        method: "linear", "cubic" (their names with bi and tri mean the same), "lanczos3" or "lanczos5".
        antialias: blur before shrinking.

    Raises:
        ValueError: an unknown method, or a symbolic scale or translation.
    """
    if method not in _METHODS:
        raise ValueError(f"`method` must be one of {', '.join(map(repr, _METHODS))}. Received {method!r}.")
    if any(isinstance(item, (KerasTensor, Weight)) for item in (scale, translation)):
        raise ValueError(
            "scale_and_translate needs `scale` and `translation` as numbers. Received a symbolic tensor; "
            "affine_transform takes one."
        )
    images = as_float(images)
    axes = tuple(axis % len(images.shape) for axis in spatial_dims)
    return apply(
        "scale_and_translate",
        images,
        axes=axes,
        sizes=tuple(output_shape[axis] for axis in axes),
        scale=tuple(np.asarray(scale, float).tolist()),
        translation=tuple(np.asarray(translation, float).tolist()),
        method=_METHODS[method],
        antialias=antialias,
    )
