"""Long short-term memory (Hochreiter and Schmidhuber, 1997), gates i, f, c, o in Keras's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.kernels.recurrent import (
    Activation,
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


def swapped(weights: Any) -> Any:
    """Columns i, f, c, o as i, f, o, c, and back: the three gates that share a nonlinearity become neighbours."""
    if weights is None:
        return None
    units = weights.shape[-1] // 4
    return np.concatenate(
        [weights[..., : 2 * units], weights[..., 3 * units :], weights[..., 2 * units : 3 * units]], axis=-1
    )


def _by_gate(z: Any, units: int) -> Any:
    """View (4, rows, units) of z (rows, 4 * units)."""
    return z.reshape(len(z), 4, units).transpose(1, 0, 2)


class Memory:
    """What the way back needs; `kept` arrays differ from the values only for unusual activations."""

    def __init__(self, inflow: Any, gate: Nonlinearity, cell: Nonlinearity) -> None:
        time, rows, width = inflow.shape
        units, dtype = width // 4, inflow.dtype
        self.hidden = np.empty((time + 1, rows, units), dtype)
        self.cells = np.empty((time + 1, rows, units), dtype)
        self.gates = np.empty((time, 4, rows, units), dtype)  # i, f, o, candidate
        self.shown = np.empty((time, rows, units), dtype)  # activation(cells)
        self.gates_kept = gate.memory(self.gates[:, :3])
        self.candidates_kept = cell.memory(self.gates[:, 3])
        self.shown_kept = cell.memory(self.shown)


Product = Callable[[Any, Any], Any]
"""(state, out): the recurrent product, or its transpose, written into out."""


def run(
    inflow: Any, states: Any, product: Product, factor: Any, mask: Any, gate: Nonlinearity, cell: Nonlinearity
) -> Memory:
    """All steps: inflow (time, rows, 4 * units) is what the inputs give to the gates i, f, o, candidate."""
    memory = Memory(inflow, gate, cell)
    hidden, cells, gates, shown = memory.hidden, memory.cells, memory.gates, memory.shown
    hidden[0], cells[0] = states
    z, added = np.empty(inflow.shape[1:], inflow.dtype), np.empty_like(hidden[0])
    for now in range(len(inflow)):
        product(hidden[now] if factor is None else hidden[now] * factor, z)
        z += inflow[now]
        parts = _by_gate(z, hidden.shape[2])
        gate.apply(parts[:3], gates[now, :3], memory.gates_kept[now, :3])
        cell.apply(parts[3], gates[now, 3], memory.candidates_kept[now])
        i, f, o, candidate = gates[now]
        np.multiply(f, cells[now], out=cells[now + 1])
        np.multiply(i, candidate, out=added)
        cells[now + 1] += added
        cell.apply(cells[now + 1], shown[now], memory.shown_kept[now])
        np.multiply(o, shown[now], out=hidden[now + 1])
        if mask is not None:
            keep_masked(mask[now], cells[now + 1], cells[now])
            keep_masked(mask[now], hidden[now + 1], hidden[now])
    return memory


def run_back(
    memory: Memory,
    flows: Any,
    dlast: Any,
    product: Product,
    factor: Any,
    mask: Any,
    gate: Nonlinearity,
    cell: Nonlinearity,
) -> tuple[Any, ...]:
    """From last step to first: gradients of all gates before activation, of the initial states and the factor."""
    time, rows, units = memory.shown.shape
    dz = np.empty((time, rows, 4 * units), memory.shown.dtype)
    dh, dc = (np.zeros_like(memory.hidden[0]) if flow is None else np.array(flow) for flow in dlast)
    dgates, flow = np.empty((3, rows, units), dz.dtype), np.empty_like(dh)
    dfactor = None if factor is None else np.zeros_like(factor)
    for now in range(time - 1, -1, -1):
        i, f, o, candidate = memory.gates[now]
        if flows is not None:
            dh += flows[now]
        if mask is not None:
            passed = np.where(mask[now], 0, dh), np.where(mask[now], 0, dc)
            dh *= mask[now]
            dc *= mask[now]
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
        product(dz[now], dh)
        if dfactor is not None:
            dfactor += dh * memory.hidden[now]
            dh *= factor
        if mask is not None:
            dh += passed[0]
            dc += passed[1]
    return dz, dh, dc, dfactor


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
    inflow = projected(given, swapped(given.kernel), swapped(given.bias))
    recurrent = swapped(given.recurrent_kernel)
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    memory = run(
        inflow, given.states, lambda h, out: np.matmul(h, recurrent, out=out), given.factor, given.mask, gate, cell
    )
    output = outputs_of(memory.hidden, given.mask, return_sequences, zero_output_for_mask)
    return (output, memory.hidden[-1].copy(), memory.cells[-1].copy()), (given, memory)


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
    given, memory = rest[-1]
    flows = flows_of(dy[0], memory.shown.shape, given.mask, return_sequences, zero_output_for_mask, memory.shown.dtype)
    transposed = np.ascontiguousarray(swapped(given.recurrent_kernel).T)  # BLAS is a third faster on it than on a view
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    dz, dh, dc, dfactor = run_back(
        memory, flows, dy[1:], lambda dz, out: np.matmul(dz, transposed, out=out), given.factor, given.mask, gate, cell
    )
    dx, dkernel, dbias = input_gradients(given, dz, swapped(given.kernel), wanted[0], go_backwards)
    states = memory.hidden[:-1] if given.factor is None else memory.hidden[:-1] * given.factor
    drecurrent = np.matmul(states.reshape(-1, given.units).T, dz.reshape(-1, 4 * given.units))
    return answers(
        dx,
        (dh, dc),
        swapped(dkernel),
        swapped(drecurrent),
        swapped(dbias),
        dfactor,
        stated=stated,
        use_bias=use_bias,
        dropped=dropped,
        masked=masked,
    )


KERNELS["lstm"] = Kernel(
    lstm, lstm_gradient, recurrent_shape(2, 4), ("inputs", "saved"), several=True, saves=True, dtype=recurrent_dtype(2)
)
