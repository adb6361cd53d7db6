"""Recurrent kernels against one plain loop over the steps of one row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bigdl_keras.kernels import KERNELS

rng = np.random.default_rng(4)
BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 4
MASK = np.array([[False, True, False, True, True], [True, True, False, False, False], [True] * 5])


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def lstm_step(x: Any, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    hidden, memory = states
    i, f, c, o = np.split(x @ kernel + hidden @ recurrent + bias, 4)
    memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(c)
    return sigmoid(o) * np.tanh(memory), memory


def gru_after_step(x: Any, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    (hidden,) = states
    xz, xr, xh = np.split(x @ kernel + bias[0], 3)
    hz, hr, hh = np.split(hidden @ recurrent + bias[1], 3)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return (z * hidden + (1 - z) * np.tanh(xh + r * hh),)


def gru_before_step(x: Any, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    (hidden,) = states
    xz, xr, xh = np.split(x @ kernel + bias, 3)
    uz, ur, uh = np.split(recurrent, 3, axis=1)
    z, r = sigmoid(xz + hidden @ uz), sigmoid(xr + hidden @ ur)
    return (z * hidden + (1 - z) * np.tanh(xh + (r * hidden) @ uh),)


def simple_step(x: Any, states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    return (np.tanh(x @ kernel + states[0] @ recurrent + bias),)


KINDS = [
    ("lstm", 4, 2, (4 * UNITS,), {}, lstm_step),
    ("gru", 3, 1, (2, 3 * UNITS), {}, gru_after_step),
    ("gru", 3, 1, (3 * UNITS,), {"reset_after": False}, gru_before_step),
    ("simple_rnn", 1, 1, (UNITS,), {}, simple_step),
]


@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize(("name", "gates", "states", "bias_shape", "attributes", "step"), KINDS)
def test_recurrence_follows_its_formula(
    name: str, gates: int, states: int, bias_shape: Any, attributes: Any, step: Any, go_backwards: bool, masked: bool,
    zero_output_for_mask: bool,
) -> None:  # fmt: skip
    x = rng.normal(size=(BATCH, TIME, FEATURES))
    initial = [rng.normal(size=(BATCH, UNITS)) for _ in range(states)]
    weights = (
        rng.normal(size=(FEATURES, gates * UNITS)),
        rng.normal(size=(UNITS, gates * UNITS)),
        rng.normal(size=bias_shape),
    )
    inputs = (x, *initial, *weights, *((MASK,) if masked else ()))
    given = {"stated": True, "masked": masked, "go_backwards": go_backwards, **attributes}
    given["zero_output_for_mask"] = zero_output_for_mask
    (sequence, *last), _ = KERNELS[name].forward(*inputs, return_sequences=True, **given)
    (final, *_), _ = KERNELS[name].forward(*inputs, return_sequences=False, **given)
    for row in range(BATCH):
        now = tuple(state[row] for state in initial)
        output = np.zeros(UNITS)
        order = range(TIME)[::-1] if go_backwards else range(TIME)
        for place, time in enumerate(order):
            if not masked or MASK[row, time]:
                now = step(x[row, time], now, *weights)
                output = now[0]
            elif zero_output_for_mask:
                output = np.zeros(UNITS)
            np.testing.assert_allclose(sequence[row, place], output, atol=1e-12)
        np.testing.assert_allclose(final[row], output, atol=1e-12)
        for state, expected in zip(last, now, strict=True):
            np.testing.assert_allclose(state[row], expected, atol=1e-12)


def test_convolutional_lstm_of_one_place_is_an_lstm() -> None:
    x, kernel = rng.normal(size=(BATCH, TIME, FEATURES)), rng.normal(size=(FEATURES, 4 * UNITS))
    recurrent, bias = rng.normal(size=(UNITS, 4 * UNITS)), rng.normal(size=4 * UNITS)
    expected, _ = KERNELS["lstm"].forward(x, kernel, recurrent, bias, MASK, masked=True, return_sequences=True)
    inflow = (x @ kernel + bias).reshape(BATCH, TIME, 1, 1, 4 * UNITS)
    window = np.zeros((3, 3, UNITS, 4 * UNITS))
    window[1, 1] = recurrent
    outputs, _ = KERNELS["conv_lstm"].forward(inflow, window, MASK, masked=True, return_sequences=True)
    for one, other in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(one.reshape(other.shape), other, atol=1e-12)


def test_convolutional_lstm_convolves_its_state() -> None:
    inflow, window = rng.normal(size=(1, 2, 4, 5, 8)), rng.normal(size=(3, 3, 2, 8))
    (sequence, _, memory), _ = KERNELS["conv_lstm"].forward(inflow, window, return_sequences=True)
    first_i, _, first_c, first_o = np.split(inflow[:, 0], 4, axis=-1)
    cells = sigmoid(first_i) * np.tanh(first_c)
    hidden = sigmoid(first_o) * np.tanh(cells)
    np.testing.assert_allclose(sequence[:, 0], hidden)
    z = inflow[:, 1] + KERNELS["conv"].forward(hidden, window, strides=(1, 1), padding="same", dilation=(1, 1))
    i, f, c, _ = np.split(z, 4, axis=-1)
    np.testing.assert_allclose(memory, sigmoid(f) * cells + sigmoid(i) * np.tanh(c))
