"""Long short-term memory (Hochreiter and Schmidhuber, 1997), gates i, f, c, o in Keras's order."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.recurrent import (
    Activation,
    Inputs,
    Nonlinearity,
    answers,
    flows_of,
    input_gradients,
    keep_masked,
    opened,
    outputs_of,
    projected,
    recurrent_dtype,
    recurrent_shape,
)
from bigdl_keras.kernels.table import KERNELS, Kernel


def _swapped(weights: Any) -> Any:
    """Columns i, f, c, o as i, f, o, c, and back: the three gates that share a nonlinearity become neighbours."""
    if weights is None:
        return None
    units = weights.shape[-1] // 4
    return np.concatenate(
        [weights[..., : 2 * units], weights[..., 3 * units :], weights[..., 2 * units : 3 * units]], axis=-1
    )


def _by_gate(z: Any, units: int) -> Any:
    """View (4, batch, units) of z (batch, 4 * units)."""
    return z.reshape(len(z), 4, units).transpose(1, 0, 2)


class _Memory:
    """What the way back needs; `kept` arrays differ from the values only for unusual activations."""

    def __init__(self, inputs: Inputs, gate: Nonlinearity, cell: Nonlinearity) -> None:
        time, batch, _ = inputs.steps.shape
        units, dtype = inputs.units, inputs.x.dtype
        self.hidden = np.empty((time + 1, batch, units), dtype)
        self.cells = np.empty((time + 1, batch, units), dtype)
        self.gates = np.empty((time, 4, batch, units), dtype)  # i, f, o, candidate
        self.shown = np.empty((time, batch, units), dtype)  # activation(cells)
        self.gates_kept = gate.memory(self.gates[:, :3])
        self.candidates_kept = cell.memory(self.gates[:, 3])
        self.shown_kept = cell.memory(self.shown)


def lstm(
    *inputs: Any,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    stated: bool = False,
    use_bias: bool = True,
    dropped: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
    out: Any = None,
) -> Any:
    """c = f * c + i * tanh(.), h = o * tanh(c), step by step. Answers with the outputs, h and c."""
    given = opened(
        inputs, 2, stated=stated, use_bias=use_bias, dropped=dropped, masked=masked, go_backwards=go_backwards
    )
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    memory = _Memory(given, gate, cell)
    hidden, cells, gates, shown = memory.hidden, memory.cells, memory.gates, memory.shown
    hidden[0], cells[0] = given.states
    recurrent = _swapped(given.recurrent_kernel)
    inflow = projected(given, _swapped(given.kernel), _swapped(given.bias))
    z = np.empty(inflow.shape[1:], inflow.dtype)
    product = np.empty_like(hidden[0])
    for now in range(len(inflow)):
        state = hidden[now] if given.factor is None else hidden[now] * given.factor
        np.matmul(state, recurrent, out=z)
        z += inflow[now]
        parts = _by_gate(z, given.units)
        gate.apply(parts[:3], gates[now, :3], memory.gates_kept[now, :3])
        cell.apply(parts[3], gates[now, 3], memory.candidates_kept[now])
        i, f, o, candidate = gates[now]
        np.multiply(f, cells[now], out=cells[now + 1])
        np.multiply(i, candidate, out=product)
        cells[now + 1] += product
        cell.apply(cells[now + 1], shown[now], memory.shown_kept[now])
        np.multiply(o, shown[now], out=hidden[now + 1])
        if given.mask is not None:
            keep_masked(given.mask[now], cells[now + 1], cells[now])
            keep_masked(given.mask[now], hidden[now + 1], hidden[now])
    output = outputs_of(hidden, given.mask, return_sequences, zero_output_for_mask)
    return (output, hidden[-1].copy(), cells[-1].copy()), memory


def lstm_gradient(
    dy: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    stated: bool = False,
    use_bias: bool = True,
    dropped: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Any, ...]:
    *inputs, memory = rest
    given = opened(
        tuple(inputs), 2, stated=stated, use_bias=use_bias, dropped=dropped, masked=masked, go_backwards=go_backwards
    )
    flows = flows_of(dy[0], memory.shown.shape, given.mask, return_sequences, zero_output_for_mask, memory.shown.dtype)
    dz, dh, dc, dfactor = _flow_back(
        given, memory, flows, dy, Nonlinearity(recurrent_activation), Nonlinearity(activation)
    )
    dx, dkernel, dbias = input_gradients(given, dz, _swapped(given.kernel), wanted[0], go_backwards)
    states = memory.hidden[:-1] if given.factor is None else memory.hidden[:-1] * given.factor
    drecurrent = np.matmul(states.reshape(-1, given.units).T, dz.reshape(-1, 4 * given.units))
    return answers(
        dx,
        (dh, dc),
        _swapped(dkernel),
        _swapped(drecurrent),
        _swapped(dbias),
        dfactor,
        stated=stated,
        use_bias=use_bias,
        dropped=dropped,
        masked=masked,
    )


def _flow_back(
    given: Inputs, memory: _Memory, flows: Any, dy: Any, gate: Nonlinearity, cell: Nonlinearity
) -> tuple[Any, ...]:
    """From last step to first: gradients of all gates before activation, of the initial states and the factor."""
    time, batch, units = memory.shown.shape
    dz = np.empty((time, batch, 4 * units), memory.shown.dtype)
    dh, dc = (np.zeros_like(memory.hidden[0]) if flow is None else np.array(flow) for flow in dy[1:])
    dgates, flow = np.empty((3, batch, units), dz.dtype), np.empty_like(dh)
    recurrent = np.ascontiguousarray(_swapped(given.recurrent_kernel).T)  # BLAS is a third faster on it than on a view
    dfactor = None if given.factor is None else np.zeros_like(given.factor)
    for now in range(time - 1, -1, -1):
        i, f, o, candidate = memory.gates[now]
        if flows is not None:
            dh += flows[now]
        counts = None if given.mask is None else given.mask[now]
        kept = None if counts is None else (np.where(counts, 0, dh), np.where(counts, 0, dc))
        if counts is not None:
            dh *= counts
            dc *= counts
        np.multiply(dh, memory.shown[now], out=dgates[2])
        np.multiply(dh, o, out=flow)
        cell.flow(flow, memory.shown_kept[now], flow)
        dc += flow
        np.multiply(dc, candidate, out=dgates[0])
        np.multiply(dc, memory.cells[now], out=dgates[1])
        parts = _by_gate(dz[now], units)
        gate.flow(dgates, memory.gates_kept[now, :3], parts[:3])
        np.multiply(dc, i, out=flow)
        cell.flow(flow, memory.candidates_kept[now], parts[3])
        dc *= f
        np.matmul(dz[now], recurrent, out=dh)
        if dfactor is not None:
            dfactor += dh * memory.hidden[now]
            dh *= given.factor
        if kept is not None:
            dh += kept[0]
            dc += kept[1]
    return dz, dh, dc, dfactor


KERNELS["lstm"] = Kernel(
    lstm, lstm_gradient, recurrent_shape(2, 4), ("inputs", "saved"), several=True, saves=True, dtype=recurrent_dtype(2)
)
