"""Convolutions with a kernel of its own for each place (Keras 1 and 2)."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.layers.convolution import BaseConvolution
from bigdl_keras.registry import register
from bigdl_keras.shapes import window_size


class _LocallyConnected(BaseConvolution):
    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: str | None = None, activation: Any = None, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, implementation: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dilation_rate = 1
        self.set_windows(locals())
        if implementation not in (1, 2, 3):
            raise ValueError(f"`implementation` of {type(self).__name__} must be 1, 2 or 3. "
                             f"Received {implementation!r}.")
        if implementation == 1 and self.padding != "valid":
            raise ValueError(f"{type(self).__name__} with implementation=1 takes padding='valid' only. "
                             f"Received padding={padding!r}; implementation 2 or 3 takes it.")

    def build(self, input_shape: Any) -> None:
        channels = self.channels_of(input_shape)
        first = 1 if self.data_format == "channels_last" else 2
        sizes = tuple(input_shape[first:first + self.rank])
        if None in sizes:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) has a kernel for each place, so it needs "
                             f"known sizes. Received shape {tuple(input_shape)}.")
        counts = [window_size(size, window, stride, self.padding) or 0
                  for size, window, stride in zip(sizes, self.kernel_size, self.strides, strict=True)]
        self._counts = tuple(counts)
        self._output_shape = self._with_channels(self._counts, self.filters)
        self.kernel = self.add_own_weight("kernel", self._kernel_shape(sizes, channels))
        self.bias = self.add_own_weight("bias", (*counts, self.filters)) if self.use_bias else None

    def _kernel_shape(self, sizes: tuple[int, ...], channels: int) -> tuple[int, ...]:
        if self.implementation == 1:
            return math.prod(self._counts), math.prod(self.kernel_size) * channels, self.filters
        self._connected = self._connections(sizes, channels)
        if self.implementation == 2:
            return (*self._with_channels(sizes, channels), *self._output_shape)
        return (int(self._connected.sum()),)

    def _with_channels(self, sizes: tuple[int, ...], channels: int) -> tuple[int, ...]:
        return (*sizes, channels) if self.data_format == "channels_last" else (channels, *sizes)

    def _connections(self, sizes: tuple[int, ...], channels: int) -> np.ndarray:
        """Which of the flattened inputs (rows) each of the flattened outputs (columns) sees.

        For padding "same" a window stands around `place * stride`, as `conv_connected_inputs` of Keras 2.15 has it.
        """
        places: Any = np.zeros((*sizes, *self._counts), bool)
        for place in product(*map(range, self._counts)):
            window = []
            for index, stride, size in zip(place, self.strides, self.kernel_size, strict=True):
                start = index * stride - (size // 2 if self.padding == "same" else 0)
                window.append(slice(max(start, 0), start + size))
            places[(*window, *place)] = True
        axes = (self.rank, 2 * self.rank + 1) if self.data_format == "channels_last" else (0, self.rank + 1)
        places = np.expand_dims(places, axes)
        shape = (*self._with_channels(sizes, channels), *self._output_shape)
        return np.broadcast_to(places, shape).reshape(-1, math.prod(self._output_shape))

    def call(self, inputs: Any) -> Any:
        outputs = self._by_windows(inputs) if self.implementation == 1 else self._by_one_matrix(inputs)
        if self.bias is not None:  # as in Keras, whose bias is reshaped, not transposed, for channels_first
            outputs = outputs + ops.reshape(self.bias, outputs.shape[1:])
        return self.activation(outputs)

    def _by_windows(self, inputs: Any) -> Any:
        channels_first = self.data_format == "channels_first"
        patches = []
        for place in np.ndindex(*self._counts):
            window = tuple(slice(index * stride, index * stride + size) for index, stride, size
                           in zip(place, self.strides, self.kernel_size, strict=True))
            key = (slice(None), slice(None), *window) if channels_first else (slice(None), *window)
            patches.append(ops.reshape(inputs[key], (None, self.kernel.shape[1])))
        products = ops.matmul(ops.stack(patches, axis=0), self.kernel)  # (places, batch, filters)
        outputs = ops.reshape(ops.transpose(products, (1, 0, 2)), (None, *self._counts, self.filters))
        return ops.moveaxis(outputs, -1, 1) if channels_first else outputs

    def _by_one_matrix(self, inputs: Any) -> Any:
        if self.implementation == 2:
            matrix = ops.reshape(self.kernel, self._connected.shape) * self._connected.astype("float32")
        else:  # the kernel holds the connections alone, output by output; where there is none, its end stands for 0
            columns = self._connected.T
            numbers = np.where(columns, np.cumsum(columns).reshape(columns.shape) - 1, self.kernel.shape[0])
            matrix = ops.take(ops.pad(self.kernel, ((0, 1),)), numbers.T, axis=0)
        flat = ops.reshape(inputs, (None, self._connected.shape[0]))
        return ops.reshape(ops.matmul(flat, matrix), (None, *self._output_shape))


@register("layer")
class LocallyConnected1D(_LocallyConnected):
    """As Conv1D, with a kernel of its own for each window.

    Args:
        filters, kernel_size, strides, data_format, activation, use_bias, ...: as in Conv1D.
        padding: "valid"; with implementation 2 or 3 also "same".
        implementation: how the kernel is kept. 1: (places, kernel_size * channels, filters); 2: (*input shape, *output
            shape), of which only the connections count; 3: a vector of the connections, output by output.
    """

    rank = 1


@register("layer")
class LocallyConnected2D(_LocallyConnected):
    """As Conv2D, with a kernel of its own for each window. Arguments as in LocallyConnected1D."""
