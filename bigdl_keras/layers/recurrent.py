"""Recurrent layers run a cell over time: in one kernel where it knows the cell, else step by step.

As in Keras, the weights live in `layer.cell` (saved files name them `cell/vars/...`); the layer shows them as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.lookup import layer_from_config, layer_to_config
from bigdl_keras.layers.recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from bigdl_keras.registry import register


@register("layer")
class RNN(Layer):
    """A cell run over the steps of (batch, time, ...).

    Answers the last output (batch, units), or all of them (batch, time, units) with `return_sequences`, followed by the
    final states with `return_state`. At a masked step the states stay and the output is that of the step before.

    Args:
        cell: a cell, or a list of cells that are stacked. A cell is a layer with `state_size` and
            `call(inputs, states) -> (output, new_states)`.
        return_sequences: answer with the outputs of all steps.
        return_state: answer with the final states too.
        go_backwards: run from the last step to the first; the outputs are in the order of the run.
        stateful: start each batch in the states in which the batch before ended, row by row; needs a fixed batch size.
        unroll: for compatibility.
        zero_output_for_mask: the output of a masked step is 0.

    Call arguments:
        inputs: (batch, time, ...), or a list of it and the initial states.
        initial_state: states to start in; zeros if None.
        mask: (batch, time), true where a step counts.
        training: phase.
    """

    def __init__(self, cell: Any, return_sequences: bool = False, return_state: bool = False,
                 go_backwards: bool = False, stateful: bool = False, unroll: bool = False,
                 zero_output_for_mask: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"return_sequences": return_sequences, "return_state": return_state, "go_backwards": go_backwards,
                   "stateful": stateful, "unroll": unroll, "zero_output_for_mask": zero_output_for_mask})
        self.cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else layer_from_config(cell)
        if not hasattr(self.cell, "state_size"):
            raise ValueError(f"The cell of RNN needs `state_size`, the length of its state. Received {self.cell!r}.")
        self.supports_masking = True
        self.states: list[Any] | None = None

    def build(self, input_shape: Any) -> None:
        if isinstance(input_shape, list) or (input_shape and isinstance(input_shape[0], (list, tuple))):
            input_shape = input_shape[0]
        self._check_rank(input_shape)
        if not self.cell.built:
            self.cell.build((input_shape[0], *input_shape[2:]))
        if self.stateful and self.states is None:
            if input_shape[0] is None:
                raise ValueError(f"Layer '{self.name}' is stateful, so it needs a fixed batch size: give "
                                 "Input(batch_shape=(rows, time, ...)) or batch_input_shape.")
            self.states = [self.add_state(np.shape(value), f"state_{number}") for number, value
                           in enumerate(nest.flatten(self._initial_state(input_shape)))]

    def _check_rank(self, input_shape: Any) -> None:
        InputSpec(ndim=3).check(tuple(input_shape), self.name)

    def _initial_state(self, input_shape: Any) -> Any:
        return self.cell.get_initial_state(batch_size=input_shape[0])

    def call(self, inputs: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        inputs, initial_state, mask = _unpacked(inputs, initial_state, mask)
        states = self._start(initial_state)
        outputs, *final = (self._run_whole if getattr(self.cell, "fused", False) else self._step_by_step)(
            inputs, states, mask, training)
        if self.states is not None:
            for variable, value in zip(self.states, final, strict=True):
                self.assign_in_training(variable, value)
        return (outputs, *final) if self.return_state else outputs

    def _start(self, initial_state: Any) -> list[Any] | None:
        if initial_state is None:
            return None if self.states is None else list(self.states)
        states = nest.flatten(initial_state)
        expected = len(nest.flatten(self.cell.state_size))
        if len(states) != expected:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) has {expected} states. "
                             f"Received an initial_state of {len(states)}.")
        return states

    def _run_whole(self, inputs: Any, states: Any, mask: Any, training: bool) -> tuple[Any, ...]:
        outputs: tuple[Any, ...] = self.cell.run(
            inputs, states, mask, training, go_backwards=self.go_backwards, return_sequences=self.return_sequences,
            zero_output_for_mask=self.zero_output_for_mask)
        return outputs

    def _step_by_step(self, inputs: Any, states: Any, mask: Any, training: bool) -> tuple[Any, ...]:
        time = inputs.shape[1]
        if time is None:
            raise ValueError(f"Layer '{self.name}' runs the cell {type(self.cell).__name__} step by step, so it needs "
                             f"a known number of steps. Received shape {tuple(inputs.shape)}: give the time axis of "
                             "Input a size.")
        size = self.cell.state_size  # a cell is given a list of states, also where it has one
        structure = nest.map_leaves(lambda _: None, [size] if isinstance(size, int) else size)
        flat = list(states) if states is not None else self._zero_states(inputs)
        if hasattr(self.cell, "reset_dropout_mask"):
            self.cell.reset_dropout_mask()
        outputs: list[Any] = []
        for step in reversed(range(time)) if self.go_backwards else range(time):
            output, new = self.cell(inputs[:, step], nest.pack(structure, flat), training=training)
            new = nest.flatten(new)
            if mask is not None:
                counts = mask[:, step]
                before = outputs[-1] if outputs and not self.zero_output_for_mask else ops.zeros_like(output)
                output = _choose(counts, output, before)
                new = [_choose(counts, one, old) for one, old in zip(new, flat, strict=True)]
            flat = new
            outputs.append(output)
        if hasattr(self.cell, "reset_dropout_mask"):
            self.cell.reset_dropout_mask()
        return (ops.stack(outputs, axis=1) if self.return_sequences else outputs[-1], *flat)

    def _zero_states(self, inputs: Any) -> list[Any]:
        """Zeros for each state, of as many rows as the input has."""
        first = ops.zeros_like(inputs[(slice(None), *[0] * (len(inputs.shape) - 1), None)])
        return [ops.repeat(first, size, axis=1) for size in nest.flatten(self.cell.state_size)]

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the input where there is an output for each step; states have none."""
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        output = mask if self.return_sequences else None
        return [output, *[None] * len(nest.flatten(self.cell.state_size))] if self.return_state else output

    def reset_states(self) -> None:
        """Start the next batch in zeros again."""
        for variable in self.states or []:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    reset_state = reset_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": layer_to_config(self.cell)}


def _unpacked(inputs: Any, initial_state: Any, mask: Any) -> tuple[Any, Any, Any]:
    """Initial states may come in a list after the input."""
    if isinstance(inputs, (list, tuple)):
        inputs, *states = inputs
        initial_state = states if states and initial_state is None else initial_state
    return inputs, initial_state, mask[0] if isinstance(mask, (list, tuple)) else mask


def _choose(counts: Any, new: Any, old: Any) -> Any:
    return ops.where(ops.expand_dims(counts, list(range(1, len(new.shape)))), new, old)


class _OfOneCell(RNN):
    """Base of the recurrent layers whose constructor takes the arguments of their cell."""

    cell_class: type = SimpleRNNCell

    def make_cell(self, arguments: dict[str, Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments of RNN: the cell, from `locals()` of the subclass's constructor, and the rest."""
        settings = {name: value for name, value in arguments.items() if name not in ("self", "kwargs", "__class__")}
        shared = {name: kwargs[name] for name in ("dtype", "trainable") if name in kwargs}
        return {"cell": self.cell_class(**settings, **shared), **kwargs}

    @property
    def units(self) -> int:
        return int(self.cell.units)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["cell"]
        return {**config, **self.cell.kept_config()}


@register("layer")
class SimpleRNN(_OfOneCell):
    """h = activation(x @ kernel + h @ recurrent_kernel + bias) over time.

    Args:
        units, ...: of SimpleRNNCell.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: of RNN.
    """

    cell_class = SimpleRNNCell

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, *, kernel_constraint: Any = None, recurrent_constraint: Any = None,
                 bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**self.make_cell(locals(), kwargs))


@register("layer")
class LSTM(_OfOneCell):
    """Long short-term memory over time (Hochreiter and Schmidhuber, 1997).

    Args:
        units, ...: of LSTMCell.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: of RNN.
    """

    cell_class = LSTMCell

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, *, kernel_constraint: Any = None, recurrent_constraint: Any = None,
                 bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**self.make_cell(locals(), kwargs))


@register("layer")
class GRU(_OfOneCell):
    """Gated recurrent unit over time (Cho et al., 2014).

    Args:
        units, ...: of GRUCell.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: of RNN.
    """

    cell_class = GRUCell

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid",
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 *, kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, reset_after: bool = True,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**self.make_cell(locals(), kwargs))


def halves(states: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """States of the forward and of the backward layer."""
    return list(states[:len(states) // 2]), list(states[len(states) // 2:])
