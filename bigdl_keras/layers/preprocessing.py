"""Preprocessing that is part of a model: fixed arithmetic on raw columns and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.interpolation import INTERPOLATIONS, resize
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register
from bigdl_keras.shapes import normalize_axis


@register("layer")
class Rescaling(Layer):
    """x * scale + offset.

    Args:
        scale, offset: numbers, or lists along the last axis.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        scale, offset = (value if isinstance(value, (int, float)) else np.asarray(value, self.dtype)
                         for value in (self.scale, self.offset))
        return ops.cast(inputs, self.dtype) * scale + offset


@register("layer")
class Normalization(Layer):
    """(x - mean) / deviation along `axis`, with moments from `adapt` or given.

    Args:
        axis: axis or axes that keep their own moments; None for one mean of all numbers.
        mean, variance: the moments, where they are known.
        invert: multiply and add instead.
    """

    def __init__(self, axis: int | Sequence[int] | None = -1, mean: Any = None, variance: Any = None,
                 invert: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization takes both `mean` and `variance`, or neither.")
        self.keep({"axis": axis, "invert": invert, "mean": _plain(mean), "variance": _plain(variance)})

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        axes = [] if self.axis is None else [self.axis] if isinstance(self.axis, int) else list(self.axis)
        self._kept = sorted(normalize_axis(axis, rank) for axis in axes)
        shape = tuple(input_shape[axis] for axis in self._kept)
        if self.mean is None and "adapted_mean" not in self.__dict__:
            self.adapted_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapted_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Take the moments of `data`.

        Args:
            data: an array, or an iterable of arrays (batches), such as the collected partitions of an RDD.
        """
        batches = [data] if isinstance(data, np.ndarray) else list(data)
        rows = [np.asarray(batch, "float64") for batch in batches]
        if not self.built:
            self.build(rows[0].shape)
            self.built = True
        axes = tuple(axis for axis in range(rows[0].ndim) if axis not in self._kept)
        whole = np.concatenate(rows)
        self.adapted_mean.assign(whole.mean(axis=axes))
        self.adapted_variance.assign(whole.var(axis=axes))
        self.count.assign(np.float64(len(whole)))

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.dtype)
        rank = len(x.shape)
        shape = [x.shape[axis] if axis in self._kept else 1 for axis in range(rank)]
        mean, variance = ((self.adapted_mean, self.adapted_variance) if self.mean is None else
                          (np.asarray(value, self.dtype) for value in (self.mean, self.variance)))
        if len(mean.shape) == len(self._kept):
            mean, variance = ops.reshape(mean, shape), ops.reshape(variance, shape)
        deviation = ops.maximum(ops.sqrt(variance), 1e-7)
        return mean + x * deviation if self.invert else (x - mean) / deviation


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else np.asarray(value).tolist()


@register("layer")
class CategoryEncoding(Layer):
    """Integers as vectors of length `num_tokens`.

    Args:
        num_tokens: number of categories.
        output_mode: "one_hot" (a vector each; a last axis of size 1 is replaced), "multi_hot" (1 for each category in
            the last axis) or "count" (how often each is there).
    """

    def __init__(self, num_tokens: int, output_mode: str = "multi_hot", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.num_tokens = positive("CategoryEncoding", "num_tokens", num_tokens)
        if output_mode not in ("one_hot", "multi_hot", "count"):
            raise ValueError("`output_mode` of CategoryEncoding must be 'one_hot', 'multi_hot' or 'count'. "
                             f"Received {output_mode!r}.")

    def _input_dtype(self) -> str:
        return "int32"

    def call(self, inputs: Any) -> Any:
        hot = ops.one_hot(ops.cast(inputs, "int32"), self.num_tokens, dtype=self.dtype)
        if self.output_mode == "one_hot":
            return ops.squeeze(hot, -2) if len(hot.shape) > 2 and hot.shape[-2] == 1 else hot
        if len(hot.shape) == 2:
            return hot
        return ops.max(hot, axis=-2) if self.output_mode == "multi_hot" else ops.sum(hot, axis=-2)


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


@register("layer")
class Discretization(Layer):
    """The number of the bin in which each number lies.

    Args:
        bin_boundaries: ascending; bin i is from boundary i - 1 (included) to boundary i.
    """

    def __init__(self, bin_boundaries: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"bin_boundaries": [float(item) for item in bin_boundaries]})

    def call(self, inputs: Any) -> Any:
        x = ops.expand_dims(ops.cast(inputs, self.dtype), -1)
        above = ops.greater_equal(x, np.asarray(self.bin_boundaries, self.dtype))
        return ops.sum(ops.cast(above, "int32"), axis=-1)
