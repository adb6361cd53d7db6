"""Recurrent cells: one step from (input, states) to (output, states), or a whole sequence where a kernel knows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import activations, ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.lookup import layer_from_config, layer_to_config
from bigdl_keras.registry import register

KERNEL_ACTIVATIONS: dict[Any, Any] = {
    activations.linear: "linear", activations.tanh: "tanh", activations.sigmoid: "sigmoid", activations.relu: "relu",
    activations.hard_sigmoid: "hard_sigmoid", activations.softsign: "softsign", activations.softplus: "softplus",
    activations.hard_sigmoid_legacy: ("hard_sigmoid", (("slope", 0.2), ("offset", 0.5))),
    activations.elu: ("elu", (("alpha", 1.0),)), activations.selu: "selu", activations.silu: "silu",
}
"""Activations as the recurrent kernels are told of them."""


class StepDropout:
    """Dropout that drops the same elements at all steps of a sequence."""

    def __init__(self) -> None:
        self._factors: dict[str, Any] = {}

    def disturb(self, name: str, x: Any, rate: float) -> Any:
        """`x` under dropout; the factors of `name` are drawn at the first step."""
        if not rate:
            return x
        if name not in self._factors:
            self._factors[name] = apply("dropout", ops.ones_like(x), rate=rate)
        return x * self._factors[name]

    def reset(self) -> None:
        """Draw anew at the next step."""
        self._factors.clear()


class Cell(Layer):
    """Base of the built-in cells. A subclass names its kernel, its number of gates and of states, and writes `step`.

    Attributes:
        state_size: length of each state (an int, or a list for several).
        output_size: length of the output.
    """

    kernel_name = ""
    gates = 1
    states = 1
    units: int
    dropout: float
    recurrent_dropout: float

    def keep_units(self, arguments: dict[str, Any]) -> None:
        """Keep the constructor arguments and check them."""
        self.keep(arguments)
        self.units = positive(type(self).__name__, "units", self.units)
        self.dropout = min(1.0, max(0.0, float(self.dropout)))
        self.recurrent_dropout = min(1.0, max(0.0, float(self.recurrent_dropout)))
        self._step_dropout = StepDropout()

    @property
    def state_size(self) -> Any:
        return self.units if self.states == 1 else [self.units] * self.states

    @property
    def output_size(self) -> int:
        return int(self.units)

    def build(self, input_shape: Any) -> None:
        width = self.gates * self.units
        if input_shape[-1] is None:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) needs a known number of features. "
                             f"Received shape {tuple(input_shape)}.")
        self.kernel = self.add_own_weight("kernel", (input_shape[-1], width))
        self.recurrent_kernel = self.add_own_weight("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = self._add_bias(width) if self.use_bias else None

    def _add_bias(self, width: int) -> Any:
        return self.add_own_weight("bias", (width,))

    def get_initial_state(self, batch_size: int) -> list[np.ndarray]:
        """Zeros for each state."""
        return [np.zeros((batch_size, self.units), self.dtype) for _ in range(self.states)]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        states = nest.flatten(states)
        inputs = self._step_dropout.disturb("input", inputs, self.dropout if training else 0.0)
        hidden = self._step_dropout.disturb("state", states[0], self.recurrent_dropout if training else 0.0)
        output, new_states = self.step(inputs, hidden, states)
        return output, new_states

    def step(self, inputs: Any, hidden: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step; `hidden` is the first state as it enters products."""
        raise NotImplementedError(f"{type(self).__name__} must define step(self, inputs, hidden, states).")

    def reset_dropout_mask(self) -> None:
        """Draw anew at the next step."""
        self._step_dropout.reset()

    @property
    def fused(self) -> bool:
        """Whether the kernel knows the activations."""
        used = (self.activation, getattr(self, "recurrent_activation", activations.linear))
        return all(isinstance(item, type(activations.relu)) and item in KERNEL_ACTIVATIONS for item in used)

    def run(self, inputs: Any, states: Sequence[Any] | None, mask: Any, training: bool,
            **attributes: Any) -> tuple[Any, ...]:
        """A whole sequence (batch, time, features) in one kernel; answers (outputs, *states)."""
        if training and self.dropout:
            inputs = apply("dropout", inputs, rate=self.dropout, noise_shape=(None, 1, None))
        weights = [self.kernel, self.recurrent_kernel, *([] if self.bias is None else [self.bias])]
        dropped = training and self.recurrent_dropout > 0
        if dropped:
            ones = apply("broadcast_to", ops.ones_like(inputs[:, 0, :1]), shape=(None, self.units))
            weights.append(apply("dropout", ones, rate=self.recurrent_dropout))
        weights += [] if mask is None else [mask]
        return tuple(apply(self.kernel_name, inputs, *(states or ()), *weights, stated=bool(states),
                           use_bias=self.bias is not None, dropped=dropped, masked=mask is not None,
                           **self._kernel_attributes(), **attributes))

    def _kernel_attributes(self) -> dict[str, Any]:
        return {"activation": KERNEL_ACTIVATIONS[self.activation],
                "recurrent_activation": KERNEL_ACTIVATIONS[self.recurrent_activation]}


@register("layer")
class SimpleRNNCell(Cell):
    """h = activation(x @ kernel + h @ recurrent_kernel + bias).

    Args:
        units: length of the state and output.
        activation: of the step.
        use_bias: whether there is a bias.
        kernel_*, recurrent_*, bias_*: initializers, regularizers and constraints.
        dropout: fraction of the input's features dropped in training.
        recurrent_dropout: fraction of the state's elements dropped in training.
        seed: for compatibility.
    """

    kernel_name = "simple_rnn"

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
                 bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep_units(locals())

    def step(self, inputs: Any, hidden: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        product = ops.matmul(inputs, self.kernel) + ops.matmul(hidden, self.recurrent_kernel)
        output = self.activation(product if self.bias is None else product + self.bias)
        return output, [output]

    def _kernel_attributes(self) -> dict[str, Any]:
        return {"activation": KERNEL_ACTIVATIONS[self.activation]}


@register("layer")
class LSTMCell(Cell):
    """c = f * c + i * activation(.), h = o * activation(c), gates i, f, c, o (Hochreiter and Schmidhuber, 1997).

    Args:
        recurrent_activation: of the gates.
        unit_forget_bias: start the forget gate's bias at 1.
        units, activation, use_bias, kernel_*, recurrent_*, bias_*, dropout, recurrent_dropout: as in SimpleRNNCell.
    """

    kernel_name = "lstm"
    gates = 4
    states = 2

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None,
                 bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep_units(locals())

    def _add_bias(self, width: int) -> Any:
        return self.add_weight((width,), self._first_bias if self.unit_forget_bias else self.bias_initializer,
                               regularizer=self.bias_regularizer, constraint=self.bias_constraint, name="bias")

    def _first_bias(self, shape: Any, dtype: Any = None) -> np.ndarray:
        first, rest = (np.asarray(self.bias_initializer((size,), dtype)) for size in (self.units, 2 * self.units))
        return np.concatenate([first, np.ones(self.units, first.dtype), rest])

    def step(self, inputs: Any, hidden: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        z = ops.matmul(inputs, self.kernel) + ops.matmul(hidden, self.recurrent_kernel)
        i, f, candidate, o = ops.split(z if self.bias is None else z + self.bias, 4, axis=-1)
        gate = self.recurrent_activation
        carry = gate(f) * states[1] + gate(i) * self.activation(candidate)
        output = gate(o) * self.activation(carry)
        return output, [output, carry]


@register("layer")
class GRUCell(Cell):
    """h = z * h + (1 - z) * activation(.), gates z, r, h (Cho et al., 2014).

    Args:
        recurrent_activation: of the gates.
        reset_after: apply the reset gate after the recurrent product (as cuDNN does) instead of before.
        units, activation, use_bias, kernel_*, recurrent_*, bias_*, dropout, recurrent_dropout: as in SimpleRNNCell.
    """

    kernel_name = "gru"
    gates = 3

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep_units(locals())

    def _add_bias(self, width: int) -> Any:
        return self.add_own_weight("bias", (2, width) if self.reset_after else (width,))

    def step(self, inputs: Any, hidden: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        bias: Any = (0.0, 0.0)
        if self.bias is not None:
            bias = (self.bias[0], self.bias[1]) if self.reset_after else (self.bias, 0.0)
        x_z, x_r, x_h = ops.split(ops.matmul(inputs, self.kernel) + bias[0], 3, axis=-1)
        units = self.units
        if self.reset_after:
            h_z, h_r, h_h = ops.split(ops.matmul(hidden, self.recurrent_kernel) + bias[1], 3, axis=-1)
        else:
            h_z, h_r = ops.split(ops.matmul(hidden, self.recurrent_kernel[:, :2 * units]), 2, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        inner = r * h_h if self.reset_after else ops.matmul(r * hidden, self.recurrent_kernel[:, 2 * units:])
        output = z * states[0] + (1.0 - z) * self.activation(x_h + inner)
        return output, [output]

    def _kernel_attributes(self) -> dict[str, Any]:
        return {**super()._kernel_attributes(), "reset_after": self.reset_after}


@register("layer")
class StackedRNNCells(Layer):
    """Cells on top of each other: the output of one is the input of the next.

    Args:
        cells: the cells, from input to output.
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells = [layer_from_config(cell) for cell in cells]

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        return int(self.cells[-1].output_size)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        for cell in self.cells:
            if not cell.built:
                cell.build(shape)
            shape = (*shape[:-1], cell.output_size)

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Those of all cells."""
        return [cell.get_initial_state(batch_size) for cell in self.cells]

    def _shares(self, states: Any) -> list[list[Any]]:
        """The states of each cell."""
        flat = iter(nest.flatten(states))
        return [[next(flat) for _ in nest.flatten(cell.state_size)] for cell in self.cells]

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        new_states = []
        for cell, share in zip(self.cells, self._shares(states), strict=True):
            inputs, new = cell(inputs, share, training=training)
            new_states.append(new)
        return inputs, new_states

    def reset_dropout_mask(self) -> None:
        """Draw anew at the next step."""
        for cell in self.cells:
            if hasattr(cell, "reset_dropout_mask"):
                cell.reset_dropout_mask()

    @property
    def fused(self) -> bool:
        """Whether a kernel knows each cell."""
        return all(getattr(cell, "fused", False) for cell in self.cells)

    def run(self, inputs: Any, states: Sequence[Any] | None, mask: Any, training: bool, go_backwards: bool = False,
            return_sequences: bool = False, **attributes: Any) -> tuple[Any, ...]:
        """A whole sequence, cell by cell: since a masked step keeps all states, the order does not matter."""
        shares = self._shares(states) if states else [None] * len(self.cells)
        if go_backwards:
            inputs, mask = ops.flip(inputs, axis=1), None if mask is None else ops.flip(mask, axis=1)
        last: list[Any] = []
        for number, (cell, share) in enumerate(zip(self.cells, shares, strict=True)):
            inputs, *new = cell.run(inputs, share, mask, training, **attributes,
                                    return_sequences=return_sequences or number < len(self.cells) - 1)
            last.extend(new)
        return (inputs, *last)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [layer_to_config(cell) for cell in self.cells]}
