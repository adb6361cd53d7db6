"""Long short-term memory (Hochreiter and Schmidhuber, 1997), gates i, f, c, o in Keras's order."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from bigdl_keras.kernels.recurrent import (
    Activation,
    Inputs,
    Nonlinearity,
    answers,
    by_rows,
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
    """What the way back needs; `kept` arrays differ from the values only for unusual activations.

    Memory traffic costs as much as arithmetic here: `gates` take the place of the inflow, step by step, and on the way
    back their gradients take the place of the gates.
    """

    def __init__(self, inflow: Any, gate: Nonlinearity, cell: Nonlinearity) -> None:
        time, rows, width = inflow.shape
        units, dtype = width // 4, inflow.dtype
        self.hidden = np.empty((time + 1, rows, units), dtype)
        self.cells = np.empty((time + 1, rows, units), dtype)
        self.gates = inflow.reshape(time, 4, rows, units)  # i, f, o, candidate
        self.shown = np.empty((time, rows, units), dtype)  # activation(cells)
        self.gates_kept = gate.memory(self.gates[:, :3])
        self.candidates_kept = cell.memory(self.gates[:, 3])
        self.shown_kept = cell.memory(self.shown)


class Products(Protocol):
    """The products with weights, step by step.

    Attributes:
        gates: memory for the gates (time, rows, 4 * units); until their step it may hold what the inputs give them.
    """

    gates: Any

    def forth(self, now: int, state: Any, z: Any) -> None:
        """z = what the inputs and the state give to the gates i, f, o, candidate."""

    def back(self, now: int, dz: Any, dh: Any) -> None:
        """dh = what flows back to the state."""


def run(products: Products, states: Any, factor: Any, mask: Any, gate: Nonlinearity, cell: Nonlinearity) -> Memory:
    """All steps, from the first to the last."""
    memory = Memory(products.gates, gate, cell)
    hidden, cells, gates, shown = memory.hidden, memory.cells, memory.gates, memory.shown
    hidden[0], cells[0] = states
    z, added = np.empty(products.gates.shape[1:], hidden.dtype), np.empty_like(hidden[0])
    for now in range(len(gates)):
        products.forth(now, hidden[now] if factor is None else hidden[now] * factor, z)
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
    products: Products,
    memory: Memory,
    flows: Any,
    dlast: Any,
    factor: Any,
    mask: Any,
    gate: Nonlinearity,
    cell: Nonlinearity,
) -> tuple[Any, ...]:
    """From last step to first: gradients of all gates before activation, of the initial states and the factor."""
    time, rows, units = memory.shown.shape
    dz = memory.gates.reshape(time, rows, 4 * units)
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
        np.multiply(dc, i, out=flow)
        cell.flow(flow, memory.candidates_kept[now], flow)
        dc *= f
        gate.flow(dgates, memory.gates_kept[now, :3], dgates)
        parts = _by_gate(dz[now], units)  # from here on the gates of this step are gone
        np.copyto(parts[:3], dgates)
        np.copyto(parts[3], flow)
        products.back(now, dz[now], dh)
        if dfactor is not None:
            dfactor += dh * memory.hidden[now]
            dh *= factor
        if mask is not None:
            dh += passed[0]
            dc += passed[1]
    return dz, dh, dc, dfactor


class _Dense:
    """The inputs' products first, of all steps in one GEMM; then the states', step by step."""

    def __init__(self, given: Inputs) -> None:
        self._given = given
        self._recurrent = swapped(given.recurrent_kernel)
        self._transposed = np.ascontiguousarray(self._recurrent.T)  # BLAS is a third faster on it than on a view
        self.gates = projected(given, swapped(given.kernel), swapped(given.bias))

    def forth(self, now: int, state: Any, z: Any) -> None:
        np.matmul(state, self._recurrent, out=z)
        z += self.gates[now]

    def back(self, now: int, dz: Any, dh: Any) -> None:
        np.matmul(dz, self._transposed, out=dh)

    def gradients(self, dz: Any, states: Any, wanted_x: bool) -> tuple[Any, Any, Any, Any]:
        """dx by steps, dkernel, drecurrent_kernel and dbias."""
        given, flat = self._given, dz.reshape(-1, dz.shape[-1])
        dx, dkernel, dbias = input_gradients(given, dz, swapped(given.kernel), wanted_x)
        drecurrent = np.matmul(states.reshape(-1, given.units).T, flat)
        return dx, dkernel, drecurrent, dbias


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
    products = _Dense(given)
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    memory = run(products, given.states, given.factor, given.mask, gate, cell)
    output = outputs_of(memory.hidden, given.mask, return_sequences, zero_output_for_mask)
    return (output, memory.hidden[-1].copy(), memory.cells[-1].copy()), (given, products, memory)


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
    given, products, memory = rest[-1]
    flows = flows_of(dy[0], memory.shown.shape, given.mask, return_sequences, zero_output_for_mask, memory.shown.dtype)
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    dz, dh, dc, dfactor = run_back(products, memory, flows, dy[1:], given.factor, given.mask, gate, cell)
    states = memory.hidden[:-1] if given.factor is None else memory.hidden[:-1] * given.factor
    dx, dkernel, drecurrent, dbias = products.gradients(dz, states, wanted[0])
    dx = by_rows(dx, go_backwards) if wanted[0] else None
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
