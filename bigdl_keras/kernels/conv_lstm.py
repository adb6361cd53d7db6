"""Convolutional LSTM (Shi et al., 2015): an LSTM whose recurrent product is a 'same' convolution over the state.

The convolution of the inputs stands before it: `inflow` (batch, time, *sizes, 4 * filters), bias included, is what they
give to the gates i, f, c, o. Then come the initial states (batch, *sizes, filters) if `stated`, the recurrent kernel
(*window, filters, 4 * filters), and the mask (batch, time) if `masked`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bigdl_keras.kernels.convolution import Geometry, correlate, correlate_kernel, geometry, spread
from bigdl_keras.kernels.lstm import run, run_back, swapped
from bigdl_keras.kernels.recurrent import Activation, Nonlinearity, flows_of, outputs_of, recurrent_dtype
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.kernels.windows import pads_of


class _Opened:
    """The inputs by name; each place of the images counts as a row of an LSTM."""

    def __init__(self, inputs: tuple[Any, ...], stated: bool, masked: bool, go_backwards: bool) -> None:
        values = list(inputs)
        inflow = values.pop(0)
        given = [values.pop(0) for _ in range(2 if stated else 0)]
        self.kernel = swapped(values.pop(0))
        mask = np.asarray(values.pop(0), bool).T if masked else None  # (time, batch)
        batch, time, *sizes = inflow.shape[:-1]
        self.sizes, self.filters = tuple(sizes), self.kernel.shape[-2]
        self.rows = batch * prod(sizes)
        step = slice(None, None, -1 if go_backwards else None)
        steps = swapped(np.moveaxis(inflow[:, step], 1, 0))
        self.gates = steps.reshape(time, self.rows, 4 * self.filters)
        self.mask = None if mask is None else np.repeat(mask[step], prod(sizes), axis=1)[:, :, None]
        if not given:
            given = [np.zeros((batch, *sizes, self.filters), inflow.dtype)] * 2
        self.states = [state.reshape(self.rows, self.filters) for state in given]

    @property
    def geometry(self) -> Geometry:
        window, ones = self.kernel.shape[:-2], (1,) * len(self.sizes)
        pads = pads_of("same", self.sizes, window, ones, ones)
        return geometry(self.sizes, window, ones, ones, pads, self.filters, 4 * self.filters)

    def forth(self, now: int, state: Any, z: Any) -> None:
        """z = inflow + the state's convolution."""
        correlate(self.images(state), self.kernel, None, self.geometry, self.images(z))
        z += self.gates[now]

    def back(self, now: int, dz: Any, dh: Any) -> None:
        """The transpose of that convolution."""
        spread(self.images(dz), self.kernel, self.geometry, self.images(dh))

    def images(self, rows: Any) -> Any:
        """(rows, width) as (batch, *sizes, width)."""
        return rows.reshape(self.rows // max(prod(self.sizes), 1), *self.sizes, rows.shape[-1])


def conv_lstm(
    *inputs: Any,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    stated: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
    out: Any = None,
) -> Any:
    """Answers with the outputs (batch, time, *sizes, filters) or the last of them, h and c."""
    given = _Opened(inputs, stated, masked, go_backwards)
    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    memory = run(given, given.states, None, given.mask, gate, cell)
    output = outputs_of(memory.hidden, given.mask, return_sequences, False)  # (rows, time, filters) or (rows, filters)
    if return_sequences:
        output = np.ascontiguousarray(np.moveaxis(_unrolled(output, given), -2, 1))
    else:
        output = given.images(output)
    return (output, *(given.images(state[-1].copy()) for state in (memory.hidden, memory.cells))), (given, memory)


def _unrolled(sequence: Any, given: _Opened) -> Any:
    """(rows, time, filters) as (batch, *sizes, time, filters)."""
    batch = given.rows // max(prod(given.sizes), 1)
    return sequence.reshape(batch, *given.sizes, *sequence.shape[1:])


def conv_lstm_gradient(
    dy: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    activation: Activation = "tanh",
    recurrent_activation: Activation = "sigmoid",
    stated: bool = False,
    masked: bool = False,
    go_backwards: bool = False,
    return_sequences: bool = False,
) -> tuple[Any, ...]:
    given, memory = rest[-1]
    time = len(memory.shown)
    flow = dy[0]
    if flow is not None:
        flow = np.moveaxis(flow, 1, -2) if return_sequences else flow
        flow = flow.reshape((given.rows, time, given.filters) if return_sequences else (given.rows, given.filters))
    flows = flows_of(flow, memory.shown.shape, given.mask, return_sequences, False, memory.shown.dtype)
    last = [None if state is None else state.reshape(given.rows, given.filters) for state in dy[1:]]

    gate, cell = Nonlinearity(recurrent_activation), Nonlinearity(activation)
    dz, dh, dc, _ = run_back(given, memory, flows, last, None, given.mask, gate, cell)
    steps = np.stack([given.images(step) for step in dz]) if time else dz
    dinflow = None
    if wanted[0]:
        dinflow = np.moveaxis(swapped(steps), 0, 1)[:, :: -1 if go_backwards else 1]
        dinflow = np.ascontiguousarray(dinflow)
    dkernel = np.zeros_like(given.kernel)
    for now in range(time):
        dkernel += correlate_kernel(given.images(memory.hidden[now]), steps[now], given.geometry)
    states = (given.images(dh), given.images(dc)) if stated else ()
    return (dinflow, *states, swapped(dkernel), *((None,) if masked else ()))


def conv_lstm_shape(inflow: Any, *rest: Any, return_sequences: bool = False, **attributes: Any) -> list[Any]:
    """Shape rule of `conv_lstm`."""
    filters = None if inflow[-1] is None else inflow[-1] // 4
    state = (inflow[0], *inflow[2:-1], filters)
    return [(*inflow[:-1], filters) if return_sequences else state, state, state]


KERNELS["conv_lstm"] = Kernel(
    conv_lstm, conv_lstm_gradient, conv_lstm_shape, ("saved",), several=True, saves=True, dtype=recurrent_dtype(2)
)
