"""Layers that give images a fixed size: by interpolation, or by cutting out the middle."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.interpolation import INTERPOLATIONS, resize
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register


class _Image(Layer):
    """Base of layers that give images (batch, rows, columns, channels) a fixed size."""

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"height": positive(type(self).__name__, "height", height),
                   "width": positive(type(self).__name__, "width", width), "data_format": image_format(data_format)})

    def _sizes(self, x: Any) -> tuple[int, int, int]:
        """(axis of the rows, their number, number of columns)."""
        axis = len(x.shape) - 3 if self.data_format == "channels_last" else len(x.shape) - 2
        rows, columns = x.shape[axis:axis + 2]
        if rows is None or columns is None:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) needs images of a known size. "
                             f"Received shape {tuple(x.shape)}.")
        return axis, rows, columns

    def _middle(self, x: Any, height: int, width: int) -> Any:
        axis, rows, columns = self._sizes(x)
        top, left = (rows - height) // 2, (columns - width) // 2
        return x[(slice(None),) * axis + (slice(top, top + height), slice(left, left + width))]

    def _resize(self, x: Any, interpolation: str, crop: bool) -> Any:
        axis, rows, columns = self._sizes(x)
        if crop:  # the largest part of the wanted proportions
            height, width = columns * self.height // self.width, rows * self.width // self.height
            x = self._middle(x, min(rows, height), min(columns, width))
        x = resize(x, axis, self.height, interpolation)
        return resize(x, axis + 1, self.width, interpolation)


@register("layer")
class Resizing(_Image):
    """Images of another size.

    Args:
        height, width: the size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: cut the images to the proportions of the new size first.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
                 data_format: str | None = None, **kwargs: Any) -> None:
        for name, idle in (("pad_to_aspect_ratio", False), ("antialias", False)):
            if kwargs.pop(name, idle) != idle:
                raise ValueError(f"Resizing does not support {name}=True.")
        for name in ("fill_mode", "fill_value"):  # of the padding
            kwargs.pop(name, None)
        super().__init__(height, width, data_format, **kwargs)
        self.keep({"interpolation": interpolation, "crop_to_aspect_ratio": crop_to_aspect_ratio})
        if interpolation not in INTERPOLATIONS:
            raise ValueError(f"`interpolation` of Resizing must be one of {INTERPOLATIONS}. "
                             f"Received {interpolation!r}.")

    def call(self, inputs: Any) -> Any:
        return self._resize(ops.cast(inputs, self.dtype), self.interpolation, self.crop_to_aspect_ratio)


@register("layer")
class CenterCrop(_Image):
    """The middle of images; of smaller images the largest part of the wanted proportions, resized.

    Args:
        height, width: the size.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(height, width, data_format, **kwargs)

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.dtype)
        _, rows, columns = self._sizes(x)
        if rows < self.height or columns < self.width:
            return self._resize(x, "bilinear", crop=True)
        return self._middle(x, self.height, self.width)
