"""Layers that give images a fixed size: by interpolation, or by cutting out the middle."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.interpolation import INTERPOLATIONS
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register


class _Image(Layer):
    """Base of layers that give images (batch, rows, columns, channels), or one image, a fixed size."""

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"height": positive(type(self).__name__, "height", height),
                   "width": positive(type(self).__name__, "width", width), "data_format": image_format(data_format)})
        self.size = (self.height, self.width)


@register("layer")
class Resizing(_Image):
    """Images of another size.

    Args:
        height, width: the size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut the images to the proportions of the new size first.
        pad_to_aspect_ratio: widen the images to the proportions of the new size first.
        fill_mode, fill_value: how they are widened: "constant", and the number with which.
        antialias: blur before shrinking.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
                 pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0,
                 antialias: bool = False, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(height, width, data_format, **kwargs)
        self.keep({"interpolation": interpolation, "crop_to_aspect_ratio": crop_to_aspect_ratio,
                   "pad_to_aspect_ratio": pad_to_aspect_ratio, "fill_mode": fill_mode, "fill_value": fill_value,
                   "antialias": bool(antialias)})
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"`interpolation` of Resizing must be one of {INTERPOLATIONS}. "
                             f"Received {interpolation!r}.")

    def call(self, inputs: Any) -> Any:
        return ops.image.resize(ops.cast(inputs, self.dtype), self.size, self.interpolation, self.antialias,
                                self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.fill_mode, self.fill_value,
                                self.data_format)


@register("layer")
class CenterCrop(_Image):
    """The middle of images; of smaller images the largest part of the wanted proportions, resized.

    Args:
        height, width: the size.
        data_format: "channels_last" or "channels_first".
    """

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.dtype)
        axis = len(x.shape) - (3 if self.data_format == "channels_last" else 2)
        rows, columns = x.shape[axis:axis + 2]
        if rows is None or columns is None:
            raise ValueError(f"Layer '{self.name}' (CenterCrop) needs images of a known size. "
                             f"Received shape {tuple(x.shape)}.")
        if rows < self.height or columns < self.width:
            return ops.image.resize(x, self.size, crop_to_aspect_ratio=True, data_format=self.data_format)
        top, left = (rows - self.height) // 2, (columns - self.width) // 2
        return x[(slice(None),) * axis + (slice(top, top + self.height), slice(left, left + self.width))]
