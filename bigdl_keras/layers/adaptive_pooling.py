"""Pooling to a given size: window i of n goes from floor(i * size / n) to ceil((i + 1) * size / n)."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register
from bigdl_keras.shapes import pair


class _AdaptivePooling(Layer):
    rank = 2

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"output_size": pair(output_size, self.rank, "output_size")})
        self.keep({"data_format": image_format(data_format)})
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return self.pool(inputs, self.output_size, self.data_format)


class _AdaptiveAverage(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_average_pool)


class _AdaptiveMax(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_max_pool)


@register("layer")
class AdaptiveAveragePooling1D(_AdaptiveAverage):
    """Means of windows of steps, so many that the output has a given size.

    Args:
        output_size: an integer, or one for each spatial axis.
        data_format: "channels_last" or "channels_first".
    """

    rank = 1


@register("layer")
class AdaptiveAveragePooling2D(_AdaptiveAverage):
    """Means of windows of images. Arguments as in AdaptiveAveragePooling1D."""


@register("layer")
class AdaptiveAveragePooling3D(_AdaptiveAverage):
    """Means of windows of volumes. Arguments as in AdaptiveAveragePooling1D."""

    rank = 3


@register("layer")
class AdaptiveMaxPooling1D(_AdaptiveMax):
    """Largest elements of windows of steps. Arguments as in AdaptiveAveragePooling1D."""

    rank = 1


@register("layer")
class AdaptiveMaxPooling2D(_AdaptiveMax):
    """Largest elements of windows of images. Arguments as in AdaptiveAveragePooling1D."""


@register("layer")
class AdaptiveMaxPooling3D(_AdaptiveMax):
    """Largest elements of windows of volumes. Arguments as in AdaptiveAveragePooling1D."""

    rank = 3
