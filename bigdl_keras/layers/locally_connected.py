"""Convolutions with a kernel of its own for each place (Keras 1 and 2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.layers.convolution import BaseConvolution
from bigdl_keras.registry import register
from bigdl_keras.shapes import window_size


class _LocallyConnected(BaseConvolution):
    paddings = ("valid",)

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: str | None = None, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, implementation: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dilation_rate = 1
        self.set_windows(locals())
        if implementation != 1:
            raise ValueError(f"{type(self).__name__} keeps its kernel as Keras's implementation=1 does. "
                             f"Received implementation={implementation}.")

    def build(self, input_shape: Any) -> None:
        channels = self.channels_of(input_shape)
        first = 1 if self.data_format == "channels_last" else 2
        sizes = tuple(input_shape[first:first + self.rank])
        if None in sizes:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) has a kernel for each place, so it needs "
                             f"known sizes. Received shape {tuple(input_shape)}.")
        counts = [window_size(*axis, "valid") or 0 for axis in zip(sizes, self.kernel_size, self.strides, strict=True)]
        self._counts = tuple(counts)
        width = int(np.prod(self.kernel_size)) * channels
        self.kernel = self.add_own_weight("kernel", (int(np.prod(counts)), width, self.filters))
        self.bias = self.add_own_weight("bias", (*counts, self.filters)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        channels_first = self.data_format == "channels_first"
        patches = []
        for place in np.ndindex(*self._counts):
            window = tuple(slice(index * stride, index * stride + size) for index, stride, size
                           in zip(place, self.strides, self.kernel_size, strict=True))
            key = (slice(None), slice(None), *window) if channels_first else (slice(None), *window)
            patches.append(ops.reshape(inputs[key], (None, self.kernel.shape[1])))
        products = ops.matmul(ops.stack(patches, axis=0), self.kernel)  # (places, batch, filters)
        outputs = ops.reshape(ops.transpose(products, (1, 0, 2)), (None, *self._counts, self.filters))
        outputs = ops.moveaxis(outputs, -1, 1) if channels_first else outputs
        if self.bias is not None:  # as in Keras, whose bias is reshaped, not transposed, for channels_first
            outputs = outputs + ops.reshape(self.bias, outputs.shape[1:])
        return self.activation(outputs)


@register("layer")
class LocallyConnected1D(_LocallyConnected):
    """As Conv1D, with a kernel of its own for each window: (places, kernel_size * channels, filters).

    Args:
        filters, kernel_size, strides, data_format, activation, use_bias, ...: as in Conv1D.
        padding: "valid".
        implementation: 1.
    """

    rank = 1


@register("layer")
class LocallyConnected2D(_LocallyConnected):
    """As Conv2D, with a kernel of its own for each window. Arguments as in LocallyConnected1D."""
