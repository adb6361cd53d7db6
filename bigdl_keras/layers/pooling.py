"""Layers that make one element of each window, or of each channel."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register
from bigdl_keras.shapes import pair


class _Pooling(Layer):
    """Base of window pooling: (batch, *sizes, channels), or (batch, channels, *sizes) for channels_first.

    Args:
        pool_size: size of the window, an integer or one an axis.
        strides: distance of windows; `pool_size` if None.
        padding: "valid", or "same" to cover the borders.
        data_format: "channels_last" or "channels_first".
        name, **kwargs: of Layer.
    """

    rank = 2

    def __init__(self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        size = pair(pool_size, self.rank, "pool_size")
        self.keep({"pool_size": size, "strides": size if strides is None else pair(strides, self.rank, "strides"),
                   "padding": padding, "data_format": image_format(data_format)})
        if padding not in ("valid", "same"):
            raise ValueError(f"`padding` of {type(self).__name__} must be 'valid' or 'same'. Received {padding!r}.")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return self.pool(inputs, self.pool_size, strides=self.strides, padding=self.padding,
                         data_format=self.data_format)


class _MaxPooling(_Pooling):
    pool = staticmethod(ops.max_pool)


class _AveragePooling(_Pooling):
    pool = staticmethod(ops.average_pool)


@register("layer", "MaxPool1D")
class MaxPooling1D(_MaxPooling):
    """Largest element of each window of steps. Arguments as in MaxPooling2D."""

    rank = 1


@register("layer", "MaxPool2D")
class MaxPooling2D(_MaxPooling):
    """Largest element of each window of an image.

    Args:
        pool_size: size of the window, an integer or (rows, columns).
        strides: distance of windows; `pool_size` if None.
        padding: "valid", or "same" to cover the borders.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid",
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(pool_size, strides, padding, data_format, **kwargs)


@register("layer", "MaxPool3D")
class MaxPooling3D(_MaxPooling):
    """Largest element of each window of a volume. Arguments as in MaxPooling2D."""

    rank = 3


@register("layer", "AvgPool1D")
class AveragePooling1D(_AveragePooling):
    """Mean of each window of steps; padding does not count. Arguments as in MaxPooling2D."""

    rank = 1


@register("layer", "AvgPool2D")
class AveragePooling2D(_AveragePooling):
    """Mean of each window of an image; padding does not count. Arguments as in MaxPooling2D."""


@register("layer", "AvgPool3D")
class AveragePooling3D(_AveragePooling):
    """Mean of each window of a volume; padding does not count. Arguments as in MaxPooling2D."""

    rank = 3


class _GlobalPooling(Layer):
    """Base of pooling over all spatial axes: (batch, *sizes, channels) gives (batch, channels).

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: keep the spatial axes with size 1.
    """

    rank = 2

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"data_format": image_format(data_format), "keepdims": keepdims})
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))


class _GlobalAveragePooling(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self.axes, keepdims=self.keepdims)


class _GlobalMaxPooling(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self.axes, keepdims=self.keepdims)


@register("layer", "GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalPooling):
    """Mean over the steps of (batch, steps, channels); masked steps do not count.

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: keep the axis of the steps with size 1.
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = self.axes[0]
        if mask is None:
            return ops.mean(inputs, axis=axis, keepdims=self.keepdims)
        weights = ops.expand_dims(ops.cast(mask, ops.dtype_of(inputs)), 2 if axis == 1 else 1)
        total = ops.sum(inputs * weights, axis=axis, keepdims=self.keepdims)
        return total / ops.sum(weights, axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The output has no steps."""
        return None


@register("layer", "GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalMaxPooling):
    """Largest element of each channel over the steps of (batch, steps, channels). As GlobalAveragePooling1D."""

    rank = 1


@register("layer", "GlobalAvgPool2D")
class GlobalAveragePooling2D(_GlobalAveragePooling):
    """Mean of each channel of an image. As GlobalAveragePooling1D."""


@register("layer", "GlobalMaxPool2D")
class GlobalMaxPooling2D(_GlobalMaxPooling):
    """Largest element of each channel of an image. As GlobalAveragePooling1D."""


@register("layer", "GlobalAvgPool3D")
class GlobalAveragePooling3D(_GlobalAveragePooling):
    """Mean of each channel of a volume. As GlobalAveragePooling1D."""

    rank = 3


@register("layer", "GlobalMaxPool3D")
class GlobalMaxPooling3D(_GlobalMaxPooling):
    """Largest element of each channel of a volume. As GlobalAveragePooling1D."""

    rank = 3
