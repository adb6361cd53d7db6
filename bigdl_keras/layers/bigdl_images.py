"""Layers of BigDL for images: local response normalization and resizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.interpolation import sample
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register


@register("layer")
class LRN2D(Layer):
    """x / (k + alpha / n * sum of squares of n neighbouring channels)^beta (Krizhevsky et al., 2012).

    Args:
        alpha, k, beta: of the formula.
        n: number of channels, odd.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, alpha: float = 1e-4, k: float = 1.0, beta: float = 0.75, n: int = 5,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.data_format = image_format(data_format)
        if n % 2 == 0:
            raise ValueError(f"`n` of LRN2D must be odd. Received {n}.")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        axis = 3 if self.data_format == "channels_last" else 1
        half, channels = self.n // 2, inputs.shape[axis]
        widths = [(half, half) if place == axis else (0, 0) for place in range(4)]
        squares = ops.pad(ops.square(inputs), widths)
        key = (slice(None),) * axis
        total = squares[(*key, slice(0, channels))]
        for start in range(1, self.n):
            total = total + squares[(*key, slice(start, start + channels))]
        return inputs * ops.power(total * (self.alpha / self.n) + self.k, -float(self.beta))


@register("layer")
class WithinChannelLRN2D(Layer):
    """x / (1 + alpha / size^2 * sum of squares of a window of the same channel)^beta.

    Args:
        size: rows and columns of the window, odd.
        alpha, beta: of the formula.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, size: int = 5, alpha: float = 1.0, beta: float = 0.75, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.data_format = image_format(data_format)
        if size % 2 == 0:
            raise ValueError(f"`size` of WithinChannelLRN2D must be odd. Received {size}.")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        half = self.size // 2
        first = 1 if self.data_format == "channels_last" else 2
        widths = [(half, half) if first <= place < first + 2 else (0, 0) for place in range(4)]
        means = ops.average_pool(ops.pad(ops.square(inputs), widths), self.size, 1, "valid", self.data_format)
        return inputs * ops.power(means * self.alpha + 1.0, -float(self.beta))


@register("layer")
class ResizeBilinear(Layer):
    """Images of another size by linear interpolation, as TensorFlow 1 did it.

    Args:
        output_height, output_width: the size.
        align_corners: the corner elements keep their place; otherwise only the first one does.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, output_height: int, output_width: int, align_corners: bool = False,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.data_format = image_format(data_format)
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        first = 1 if self.data_format == "channels_last" else 2
        for axis, wanted in ((first, self.output_height), (first + 1, self.output_width)):
            size = inputs.shape[axis]
            if size is None:
                raise ValueError(f"Layer '{self.name}' (ResizeBilinear) needs images of a known size. "
                                 f"Received shape {tuple(inputs.shape)}.")
            step = (size - 1) / max(wanted - 1, 1) if self.align_corners else size / wanted
            inputs = sample(inputs, axis, np.arange(wanted) * step)
        return inputs
