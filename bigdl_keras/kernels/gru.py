"""Gated recurrent unit (Cho et al., 2014) and the simple recurrent layer; gates z, r, h in Keras's order.

With `reset_after` the reset gate multiplies the recurrent product (as cuDNN) and the bias is (2, 3 * units); without,
it multiplies the state before the product, and the bias is (3 * units).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.channels import channel_sums
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


def _by_gate(z: Any, units: int) -> Any:
    """View (gates, batch, units) of z (batch, gates * units)."""
    return z.reshape(len(z), z.shape[1] // units, units).transpose(1, 0, 2)


class _Memory:
    """All values of a pass that the way back needs."""

    def __init__(self, inputs: Inputs, gate: Nonlinearity, cell: Nonlinearity) -> None:
        time, batch, _ = inputs.steps.shape
        shape, dtype = (time, batch, inputs.units), inputs.x.dtype
        self.hidden = np.empty((time + 1, *shape[1:]), dtype)
        self.gates = np.empty((time, 2, *shape[1:]), dtype)  # z, r
        self.candidates = np.empty(shape, dtype)
        self.inner = np.empty(shape, dtype)  # what the reset gate multiplies: the recurrent product, or the state
        self.gates_kept = gate.memory(self.gates)
        self.candidates_kept = cell.memory(self.candidates)


def _biases(bias: Any, reset_after: bool) -> tuple[Any, Any]:
    """Bias of the input's product and of the recurrent product."""
    if bias is None or not reset_after:
        return bias, None
    return bias[0], bias[1]


def gru(
    *inputs: Any,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    reset_after: bool = True,
    stated: bool = False,
    use_bias: bool = True,
    dropped: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
    out: Any = None,
) -> Any:
    """h = z * h + (1 - z) * tanh(.), step by step. Answers with the outputs and h."""
    given = opened(
        inputs, 1, stated=stated, use_bias=use_bias, dropped=dropped, masked=masked, go_backwards=go_backwards
    )
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    memory = _Memory(given, gate, cell)
    hidden, units = memory.hidden, given.units
    hidden[0] = given.states[0]
    input_bias, recurrent_bias = _biases(given.bias, reset_after)
    inflow = projected(given, given.kernel, input_bias)
    gates_kernel, candidate_kernel = given.recurrent_kernel[:, : 2 * units], given.recurrent_kernel[:, 2 * units :]
    for now in range(len(inflow)):
        state = hidden[now] if given.factor is None else hidden[now] * given.factor
        product = np.matmul(state, given.recurrent_kernel if reset_after else gates_kernel)
        if recurrent_bias is not None:
            product += recurrent_bias
        arriving, parts = _by_gate(inflow[now], units), _by_gate(product, units)
        gate.apply(parts[:2] + arriving[:2], memory.gates[now], memory.gates_kept[now])
        z, r = memory.gates[now]
        np.copyto(memory.inner[now], parts[2] if reset_after else state)
        reset = r * memory.inner[now]
        reset = reset if reset_after else np.matmul(reset, candidate_kernel)
        reset += arriving[2]
        cell.apply(reset, memory.candidates[now], memory.candidates_kept[now])
        np.subtract(hidden[now], memory.candidates[now], out=hidden[now + 1])
        hidden[now + 1] *= z
        hidden[now + 1] += memory.candidates[now]
        if given.mask is not None:
            keep_masked(given.mask[now], hidden[now + 1], hidden[now])
    output = outputs_of(hidden, given.mask, return_sequences, zero_output_for_mask)
    return (output, hidden[-1].copy()), (given, memory)


def gru_gradient(
    dy: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    reset_after: bool = True,
    stated: bool = False,
    use_bias: bool = True,
    dropped: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Any, ...]:
    given, memory = rest[-1]
    units = given.units
    flows = flows_of(
        dy[0], memory.candidates.shape, given.mask, return_sequences, zero_output_for_mask, memory.candidates.dtype
    )
    dz, inner_flow, dh, dfactor = _flow_back(
        given, memory, flows, dy[1], Nonlinearity(recurrent_activation), Nonlinearity(activation), reset_after
    )
    dx, dkernel, dbias = input_gradients(given, dz, given.kernel, wanted[0])
    states = memory.hidden[:-1] if given.factor is None else memory.hidden[:-1] * given.factor
    flat, states = dz.reshape(-1, 3 * units), states.reshape(-1, units)
    if reset_after:
        recurrent_flow = np.concatenate([flat[:, : 2 * units], inner_flow.reshape(-1, units)], axis=1)
        drecurrent = np.matmul(states.T, recurrent_flow)
        dbias = np.stack([dbias, channel_sums(recurrent_flow)])
    else:
        resets = (memory.gates[:, 1] * memory.inner).reshape(-1, units)
        drecurrent = np.concatenate(
            [np.matmul(states.T, flat[:, : 2 * units]), np.matmul(resets.T, flat[:, 2 * units :])], axis=1
        )
    return answers(
        by_rows(dx, go_backwards) if wanted[0] else None,
        (dh,),
        dkernel,
        drecurrent,
        dbias,
        dfactor,
        stated=stated,
        use_bias=use_bias,
        dropped=dropped,
        masked=masked,
    )


def _flow_back(
    given: Inputs, memory: _Memory, flows: Any, dlast: Any, gate: Nonlinearity, cell: Nonlinearity, reset_after: bool
) -> tuple[Any, ...]:
    """From last step to first: gradients of the gates before activation, of `inner`, the state and the factor."""
    time, batch, units = memory.candidates.shape
    dz = np.empty((time, batch, 3 * units), memory.candidates.dtype)
    inner_flow = np.empty_like(memory.candidates)
    dh = np.zeros_like(memory.hidden[0]) if dlast is None else np.array(dlast)
    dgates, flow = np.empty((2, batch, units), dz.dtype), np.empty_like(dh)
    transposed = np.ascontiguousarray(
        given.recurrent_kernel.T
    )  # (3 * units, units); BLAS is faster on it than on a view
    dfactor = None if given.factor is None else np.zeros_like(given.factor)
    back = np.empty_like(dh)
    for now in range(time - 1, -1, -1):
        z, r = memory.gates[now]
        if flows is not None:
            dh += flows[now]
        counts = None if given.mask is None else given.mask[now]
        kept = None if counts is None else np.where(counts, 0, dh)
        if counts is not None:
            dh *= counts
        parts = _by_gate(dz[now], units)
        np.subtract(memory.hidden[now], memory.candidates[now], out=dgates[0])
        dgates[0] *= dh
        np.multiply(dh, z, out=inner_flow[now])  # the part of the state that passes by
        passed = inner_flow[now].copy()
        np.subtract(dh, passed, out=flow)
        cell.flow(flow, memory.candidates_kept[now], flow)
        parts[2] = flow
        reset_flow = flow if reset_after else np.matmul(flow, transposed[2 * units :])
        np.multiply(reset_flow, memory.inner[now], out=dgates[1])
        np.multiply(reset_flow, r, out=inner_flow[now])
        gate.flow(dgates, memory.gates_kept[now], parts[:2])
        if reset_after:
            np.matmul(np.concatenate([dz[now, :, : 2 * units], inner_flow[now]], axis=1), transposed, out=back)
        else:
            np.matmul(dz[now, :, : 2 * units], transposed[: 2 * units], out=back)
            back += inner_flow[now]
        if dfactor is not None:
            dfactor += back * memory.hidden[now]
            back *= given.factor
        np.add(back, passed, out=dh)
        if kept is not None:
            dh += kept
    return dz, inner_flow, dh, dfactor


def simple_rnn(
    *inputs: Any,
    activation: Activation = "tanh",
    stated: bool = False,
    use_bias: bool = True,
    dropped: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
    out: Any = None,
) -> Any:
    """h = activation(x @ kernel + h @ recurrent_kernel + bias), step by step. Answers with the outputs and h."""
    given = opened(
        inputs, 1, stated=stated, use_bias=use_bias, dropped=dropped, masked=masked, go_backwards=go_backwards
    )
    cell = Nonlinearity(activation)
    inflow = projected(given, given.kernel, given.bias)
    hidden = np.empty((len(inflow) + 1, *given.states[0].shape), inflow.dtype)
    kept = hidden[1:] if cell.from_output and given.mask is None else np.empty_like(hidden[1:])
    values = kept if cell.from_output else np.empty_like(hidden[1:])
    hidden[0] = given.states[0]
    for now, z in enumerate(inflow):
        state = hidden[now] if given.factor is None else hidden[now] * given.factor
        z += np.matmul(state, given.recurrent_kernel)
        cell.apply(z, values[now], kept[now])
        if values is not hidden[1:]:
            hidden[now + 1] = values[now]
        if given.mask is not None:
            keep_masked(given.mask[now], hidden[now + 1], hidden[now])
    output = outputs_of(hidden, given.mask, return_sequences, zero_output_for_mask)
    return (output, hidden[-1].copy()), (given, hidden, kept)


def simple_rnn_gradient(
    dy: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    activation: Activation = "tanh",
    stated: bool = False,
    use_bias: bool = True,
    dropped: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[Any, ...]:
    given, hidden, kept = rest[-1]
    cell = Nonlinearity(activation)
    flows = flows_of(dy[0], kept.shape, given.mask, return_sequences, zero_output_for_mask, kept.dtype)
    dz = np.empty_like(kept)
    dh = np.zeros_like(hidden[0]) if dy[1] is None else np.array(dy[1])
    dfactor = None if given.factor is None else np.zeros_like(given.factor)
    for now in range(len(kept) - 1, -1, -1):
        if flows is not None:
            dh += flows[now]
        counts = None if given.mask is None else given.mask[now]
        passed = None if counts is None else np.where(counts, 0, dh)
        cell.flow(dh if counts is None else dh * counts, kept[now], dz[now])
        np.matmul(dz[now], given.recurrent_kernel.T, out=dh)
        if dfactor is not None:
            dfactor += dh * hidden[now]
            dh *= given.factor
        if passed is not None:
            dh += passed
    dx, dkernel, dbias = input_gradients(given, dz, given.kernel, wanted[0])
    states = hidden[:-1] if given.factor is None else hidden[:-1] * given.factor
    drecurrent = np.matmul(states.reshape(-1, given.units).T, dz.reshape(-1, given.units))
    return answers(
        by_rows(dx, go_backwards) if wanted[0] else None,
        (dh,),
        dkernel,
        drecurrent,
        dbias,
        dfactor,
        stated=stated,
        use_bias=use_bias,
        dropped=dropped,
        masked=masked,
    )


KERNELS["gru"] = Kernel(
    gru, gru_gradient, recurrent_shape(1, 3), ("inputs", "saved"), several=True, saves=True, dtype=recurrent_dtype(1)
)
KERNELS["simple_rnn"] = Kernel(
    simple_rnn,
    simple_rnn_gradient,
    recurrent_shape(1, 1),
    ("inputs", "saved"),
    several=True,
    saves=True,
    dtype=recurrent_dtype(1),
)
