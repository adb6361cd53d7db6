"""Recurrent layers: one kernel and step by step agree; states start, end, stay and are reset as told."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras import layers
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.layers import GRU, LSTM, RNN, SimpleRNN
from bigdl_keras.layers.recurrent_cells import Cell
from bigdl_keras.testing import traced_run

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
KINDS = [SimpleRNN, LSTM, GRU, lambda *args, **kwargs: GRU(*args, reset_after=False, **kwargs)]


def slow(layer, monkeypatch, *args, **kwargs):
    """The layer run step by step."""
    with monkeypatch.context() as patch:
        patch.setattr(Cell, "fused", False)
        return layer(*args, **kwargs)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"go_backwards": True, "return_sequences": True},
        {"use_bias": False},
        {"activation": "relu"},
    ],
)
def test_kernel_equals_cell(make, options, monkeypatch):
    layer = make(4, return_state=True, **options)
    mask = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
    for one, other in zip(layer(X, mask=mask), slow(layer, monkeypatch, X, mask=mask), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("make", KINDS)
def test_states_carry_on(make):
    layer = make(4, return_state=True, return_sequences=True)
    whole, *last = layer(X)
    first, *between = layer(X[:, :2])
    second, *end = layer(X[:, 2:], initial_state=between)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), whole, atol=1e-6)
    for one, other in zip(end, last, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    listed, *_ = layer([X[:, 2:], *between])
    np.testing.assert_allclose(listed, second)


def test_wrong_number_of_states():
    with pytest.raises(ValueError, match=r"'l' .LSTM. has 2 states. Received an initial_state of 1"):
        LSTM(4, name="l")(X, initial_state=[np.zeros((3, 4))])


def test_stacked_cells_equal_stacked_layers():
    stacked = RNN([layers.LSTMCell(3), layers.GRUCell(4)], return_sequences=True, return_state=True)
    outputs, *states = stacked(X)
    lower, upper = LSTM(3, return_sequences=True), GRU(4, return_sequences=True)
    upper(lower(X))
    weights = stacked.get_weights()
    lower.set_weights(weights[:3])
    upper.set_weights(weights[3:])
    np.testing.assert_allclose(outputs, upper(lower(X)), atol=1e-6)
    assert len(states) == 3


def test_stateful():
    layer = LSTM(4, stateful=True)
    plain = LSTM(4)
    batch = X[:, :2]
    layer(batch)
    plain(batch)
    layer.reset_states()
    plain.set_weights(layer.get_weights())
    assert len(layer.weights) == 3 and len(layer.variables) == 5
    run = traced_run(layer, [batch])
    plain_two = LSTM(4, return_state=True)
    plain_two(batch)
    plain_two.set_weights(layer.get_weights())
    first, *states = plain_two(batch)
    np.testing.assert_allclose(run.forward()[0], first, atol=1e-6)
    run.execution.updates()
    np.testing.assert_allclose(run.forward()[0], plain_two(batch, initial_state=states)[0], atol=1e-6)
    layer.reset_states()
    np.testing.assert_allclose(run.forward()[0], first, atol=1e-6)


def test_stateful_needs_a_batch_size():
    with pytest.raises(ValueError, match=r"needs a fixed batch size"), tracing():
        LSTM(4, stateful=True)(KerasTensor((None, 5, 2)))


@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [False, True])
def test_bidirectional(merge_mode, sequences):
    layer = layers.Bidirectional(GRU(3, return_sequences=sequences), merge_mode=merge_mode)
    outputs = layer(X)
    forward = layer.forward_layer(X)
    backward = layer.backward_layer(X)
    backward = backward[:, ::-1] if sequences else backward
    expected = {
        "concat": np.concatenate([forward, backward], axis=-1),
        "sum": forward + backward,
        "mul": forward * backward,
        "ave": (forward + backward) / 2,
        None: (forward, backward),
    }[merge_mode]
    for one, other in zip(np.atleast_1d(np.asarray(outputs)), np.atleast_1d(np.asarray(expected)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert layer.forward_layer.name.startswith("forward_") and layer.backward_layer.go_backwards
    assert [weight.path.split("/")[-1] for weight in layer.weights] == ["kernel", "recurrent_kernel", "bias"] * 2


def test_bidirectional_with_another_backward_layer():
    layer = layers.Bidirectional(LSTM(3), backward_layer=GRU(3, go_backwards=True))
    twin = layers.Bidirectional.from_config(layer.get_config())
    assert isinstance(twin.backward_layer, GRU) and twin(X).shape == (3, 6)
    with pytest.raises(ValueError, match=r"different `go_backwards`"):
        layers.Bidirectional(LSTM(3), backward_layer=GRU(3))


def test_dropout_drops_the_same_at_each_step():
    layer = SimpleRNN(
        2,
        activation="linear",
        return_sequences=True,
        dropout=0.5,
        recurrent_initializer="zeros",
        kernel_initializer="identity",
    )
    outputs = layer(np.ones((40, 6, 2), "float32"), training=True)
    assert set(np.unique(outputs)) == {0.0, 2.0}
    np.testing.assert_array_equal(outputs, np.repeat(outputs[:, :1], 6, axis=1))


def test_forget_gate_starts_open():
    layer = LSTM(2)
    layer(X)
    np.testing.assert_array_equal(layer.get_weights()[2], [0, 0, 1, 1, 0, 0, 0, 0])


def test_cell_of_ones_own_needs_known_steps():
    class Own(layers.Layer):
        state_size = 2

        def call(self, inputs, states):
            return inputs + states[0], [inputs + states[0]]

    layer = RNN(Own(), name="own", return_sequences=True)
    np.testing.assert_allclose(layer(X), np.cumsum(X, axis=1), atol=1e-6)
    with pytest.raises(ValueError, match=r"'own' runs the cell Own step by step.*known number of steps"), tracing():
        RNN(Own(), name="own")(KerasTensor((None, None, 2)))


def test_convolutional_lstm_kernel_equals_cell():
    layer = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 1)).astype("float32")
    mask = np.array([[1, 0, 1], [1, 1, 0]], bool)
    fast = layer(x, mask=mask)
    layer.cell.zero_output_for_mask = True  # the kernel does not know it
    np.testing.assert_allclose(layer(x, mask=mask), fast, atol=1e-5)


def test_time_distributed_equals_each_step():
    inner = layers.Conv1D(2, 2)
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    layer = layers.TimeDistributed(inner)
    outputs = layer(x)
    for step in range(3):
        np.testing.assert_allclose(outputs[:, step], inner(x[:, step]), atol=1e-6)
    with pytest.raises(ValueError, match=r"TimeDistributed. needs an input \(batch, time, ...\)"):
        layers.TimeDistributed(layers.Dense(2))(np.ones((2, 3)))
