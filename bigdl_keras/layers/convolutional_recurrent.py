"""LSTMs whose products are convolutions: sequences of rows, images or volumes."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import InputSpec
from bigdl_keras.layers.convolution import BaseConvolution
from bigdl_keras.layers.recurrent import RNN
from bigdl_keras.layers.recurrent_cells import KERNEL_ACTIVATIONS, StepDropout
from bigdl_keras.registry import register
from bigdl_keras.shapes import window_size


class ConvLSTMCell(BaseConvolution):
    """One step: gates i, f, c, o of conv(x) + conv(h) + bias (Shi et al., 2015)."""

    def __init__(self, rank: int, arguments: dict[str, Any], zero_output_for_mask: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self.zero_output_for_mask = zero_output_for_mask
        self.set_windows(arguments)
        self._step_dropout = StepDropout()

    @property
    def state_size(self) -> list[int]:
        return [self.filters, self.filters]

    @property
    def channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Any) -> None:
        channels, width = self.channels_of(input_shape), 4 * self.filters
        self.kernel = self.add_own_weight("kernel", (*self.kernel_size, channels, width))
        self.recurrent_kernel = self.add_own_weight("recurrent_kernel", (*self.kernel_size, self.filters, width),
                                                    "recurrent")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (width,), self._first_bias if self.unit_forget_bias else self.bias_initializer, name="bias",
                regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def _first_bias(self, shape: Any, dtype: Any = None) -> np.ndarray:
        first, rest = (np.asarray(self.bias_initializer((size,), dtype)) for size in (self.filters, 2 * self.filters))
        return np.concatenate([first, np.ones(self.filters, first.dtype), rest])

    def input_product(self, inputs: Any) -> Any:
        """What the input adds to the gates."""
        return apply("conv", *self.with_bias(inputs, self.kernel), **self.window_attributes)

    def zero_state(self, inputs: Any) -> Any:
        """Zeros of the shape of a state, for the input of one step."""
        product = self.input_product(inputs)
        first = (slice(None), slice(self.filters)) if self.channel_axis == 1 else (..., slice(self.filters))
        return ops.zeros_like(product[first])

    @property
    def fused(self) -> bool:
        """Whether the kernel knows this cell."""
        return (self.data_format == "channels_last" and not self.recurrent_dropout and not self.zero_output_for_mask
                and self.activation in KERNEL_ACTIVATIONS and self.recurrent_activation in KERNEL_ACTIVATIONS)

    def run(self, inputs: Any, states: Any, mask: Any, training: bool, **attributes: Any) -> tuple[Any, ...]:
        """A whole sequence: one convolution of all inputs, then the kernel; answers (outputs, *states)."""
        if training and self.dropout:
            inputs = apply("dropout", inputs, rate=self.dropout, noise_shape=(None, 1, *[None] * (self.rank + 1)))
        inflow = self.input_product(apply("fold_time", inputs))
        inflow = apply("unfold_time", inflow, apply("stop_gradient", inputs))
        del attributes["zero_output_for_mask"]
        masks = [] if mask is None else [mask]
        return tuple(apply("conv_lstm", inflow, *(states or ()), self.recurrent_kernel, *masks,
                           stated=bool(states), masked=mask is not None,
                           activation=KERNEL_ACTIVATIONS[self.activation],
                           recurrent_activation=KERNEL_ACTIVATIONS[self.recurrent_activation], **attributes))

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        hidden, carry = nest.flatten(states)
        inputs = self._step_dropout.disturb("input", inputs, self.dropout if training else 0.0)
        hidden = self._step_dropout.disturb("state", hidden, self.recurrent_dropout if training else 0.0)
        ones = (1,) * self.rank
        z = self.input_product(inputs) + apply("conv", hidden, self.recurrent_kernel, strides=ones, padding="same",
                                               dilation=ones, data_format=self.data_format)
        i, f, candidate, o = ops.split(z, 4, axis=self.channel_axis)
        gate = self.recurrent_activation
        carry = gate(f) * carry + gate(i) * self.activation(candidate)
        output = gate(o) * self.activation(carry)
        return output, [output, carry]

    def reset_dropout_mask(self) -> None:
        """Draw anew at the next step."""
        self._step_dropout.reset()

    def get_config(self) -> dict[str, Any]:
        return self.kept_config()


class _ConvLSTM(RNN):
    rank = 2

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Any = 1, activation: Any = "tanh",
                 recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", unit_forget_bias: bool = True, kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, *, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, seed: int | None = None, **kwargs: Any) -> None:
        shared = {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}
        zero = bool(kwargs.get("zero_output_for_mask"))
        settings = {name: value for name, value in locals().items() if name != "zero"}
        super().__init__(ConvLSTMCell(self.rank, settings, zero, **shared), **kwargs)

    def _check_rank(self, input_shape: Any) -> None:
        InputSpec(ndim=self.rank + 3).check(tuple(input_shape), self.name)

    def _zero_states(self, inputs: Any) -> list[Any]:
        state = self.cell.zero_state(inputs[:, 0])
        return [state, state]

    def _initial_state(self, input_shape: Any) -> Any:
        cell = self.cell
        first = 2 if cell.data_format == "channels_last" else 3
        sizes = tuple(window_size(size, window, stride, cell.padding, dilation) for size, window, stride, dilation
                      in zip(input_shape[first:], cell.kernel_size, cell.strides, cell.dilation_rate, strict=False))
        shape = (*sizes, cell.filters) if first == 2 else (cell.filters, *sizes)
        return [np.zeros((input_shape[0], *shape), self.dtype)] * 2

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return {**config, **self.cell.kept_config()}


@register("layer")
class ConvLSTM1D(_ConvLSTM):
    """LSTM over time whose products are convolutions: (batch, time, steps, channels). Arguments as in ConvLSTM2D."""

    rank = 1


@register("layer")
class ConvLSTM2D(_ConvLSTM):
    """LSTM over time whose products are convolutions: (batch, time, rows, columns, channels) (Shi et al., 2015).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the input; that of the
            state keeps its size.
        activation, recurrent_activation, use_bias, unit_forget_bias, dropout, recurrent_dropout: as in LSTM.
        kernel_*, recurrent_*, bias_*: initializers, regularizers and constraints.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: as in RNN.
        seed: for compatibility.
    """


@register("layer")
class ConvLSTM3D(_ConvLSTM):
    """LSTM over time whose products are convolutions of volumes. Arguments as in ConvLSTM2D."""

    rank = 3
