"""Masks: who makes them, who hands them on, and what masked steps do to numbers, state and gradients."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bigdl_keras import layers, ops
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.testing import traced_run

WORDS = np.array([[1, 2, 0, 0], [3, 1, 2, 0], [4, 0, 0, 0]])
LENGTHS = (2, 3, 1)


def embedded() -> layers.Embedding:
    return layers.Embedding(5, 3, mask_zero=True)


class Chain(layers.Layer):
    """Layers one after another; answers the mask of the last output too, as numbers."""

    def __init__(self, *inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = list(inner)

    def call(self, inputs):
        for layer in self.inner:
            inputs = layer(inputs)
        mask = inputs.keras_mask
        return inputs if mask is None else (inputs, ops.cast(mask, "float32"))


def run(layer, *arrays):
    return traced_run(layer, [np.asarray(array) for array in arrays], several=len(arrays) > 1).forward()


@pytest.mark.parametrize("between", [
    lambda: layers.Dense(2), lambda: layers.Activation("relu"), lambda: layers.Dropout(0.5),
    lambda: layers.LayerNormalization(), lambda: layers.BatchNormalization(),
    lambda: layers.TimeDistributed(layers.Dense(2)),
    lambda: layers.LSTM(2, return_sequences=True), lambda: layers.Bidirectional(layers.GRU(2, return_sequences=True)),
])
def test_mask_is_handed_on(between):
    _, mask = run(Chain(embedded(), between()), WORDS)
    np.testing.assert_array_equal(mask, WORDS != 0)


@pytest.mark.parametrize("last", [
    lambda: layers.LSTM(2), lambda: layers.GlobalAveragePooling1D(), lambda: layers.Bidirectional(layers.GRU(2)),
])
def test_mask_is_used_up(last):
    assert len(run(Chain(embedded(), last()), WORDS)) == 1


def test_mask_that_ends_is_told():
    with pytest.warns(UserWarning, match="'flat'.*does not support masking"):
        run(Chain(embedded(), layers.Flatten(name="flat")), WORDS)


def test_masking_layer():
    x = np.ones((2, 3, 2), "float32")
    x[0, 1] = 7.0
    x[1, 2, 0] = 7.0  # not all features
    outputs, mask = run(Chain(layers.Masking(7.0)), x)
    np.testing.assert_array_equal(mask, [[1, 0, 1], [1, 1, 1]])
    assert not outputs[0, 1].any() and (outputs[0, 0] == 1).all()


@pytest.mark.parametrize("make", [layers.SimpleRNN, layers.LSTM, layers.GRU])
@pytest.mark.parametrize("activation", ["tanh", "mish"])  # in one kernel, and step by step
def test_masked_steps_do_not_count(make, activation):
    layer = make(4, activation=activation)
    table = embedded()
    outputs = run(Chain(table, layer), WORDS)[0]
    for row, length in enumerate(LENGTHS):
        short = layer(table(WORDS[row:row + 1, :length]))
        np.testing.assert_allclose(outputs[row], short[0], atol=1e-6)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "mish"])
def test_output_of_masked_steps(zero, activation):
    layer = layers.GRU(3, activation=activation, return_sequences=True, zero_output_for_mask=zero)
    outputs = run(Chain(embedded(), layer), WORDS)[0]
    for row, length in enumerate(LENGTHS):
        for step in range(length, 4):
            expected = np.zeros(3) if zero else outputs[row, length - 1]
            np.testing.assert_allclose(outputs[row, step], expected)


def test_average_over_valid_steps():
    table = embedded()
    outputs = run(Chain(table, layers.GlobalAveragePooling1D()), WORDS)[0]
    vectors = table(WORDS)
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(outputs[row], vectors[row, :length].mean(axis=0), atol=1e-6)


def test_batch_normalization_counts_valid_steps():
    table, layer = embedded(), layers.BatchNormalization(momentum=0.0)
    execution = traced_run(Chain(table, layer), [WORDS], training=True)
    execution.forward()
    execution.execution.updates()
    valid = table(WORDS)[WORDS != 0]
    np.testing.assert_allclose(layer.moving_mean.numpy(), valid.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), valid.var(axis=0), atol=1e-6)


class Merged(layers.Layer):
    def __init__(self, merge, masked_second=True, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second, self.merge = embedded(), layers.Embedding(5, 3, mask_zero=masked_second), merge

    def call(self, inputs):
        first, second = inputs
        outputs = self.merge([self.first(first), self.second(second)])
        mask = outputs.keras_mask
        return outputs if mask is None else (outputs, ops.cast(mask, "float32"))


OTHER = np.array([[1, 2, 3, 0], [0, 1, 2, 0], [4, 0, 2, 0]])


@pytest.mark.parametrize(("merge", "expected"), [
    (lambda: layers.Add(), (WORDS != 0) | (OTHER != 0)),
    (lambda: layers.Multiply(), (WORDS != 0) | (OTHER != 0)),
    (lambda: layers.Concatenate(-1), (WORDS != 0) | (OTHER != 0)),
    (lambda: layers.Concatenate(1), np.concatenate([WORDS != 0, OTHER != 0], axis=1)),
])
def test_masks_merge(merge, expected):
    _, mask = run(Merged(merge()), WORDS, OTHER)
    np.testing.assert_array_equal(mask, expected)


def test_one_mask_alone():
    assert len(run(Merged(layers.Add(), masked_second=False), WORDS, OTHER)) == 1
    _, mask = run(Merged(layers.Concatenate(1), masked_second=False), WORDS, OTHER)
    np.testing.assert_array_equal(mask, np.concatenate([WORDS != 0, np.ones_like(WORDS, bool)], axis=1))


def test_attention_ignores_masked_values():
    query, value = np.random.default_rng(0).normal(size=(2, 1, 2, 3)).astype("float32")
    longer = np.concatenate([value, np.full((1, 3, 3), 50, "float32")], axis=1)
    mask = np.array([[True, True, False, False, False]])
    layer = layers.Attention()
    np.testing.assert_allclose(layer([query, longer], mask=[None, mask]), layer([query, value]), rtol=1e-5)
    heads = layers.MultiHeadAttention(2, 3)
    np.testing.assert_allclose(heads(query, longer, value_mask=mask), heads(query, value), rtol=1e-4, atol=1e-5)


def test_lambda_mask():
    plain = layers.Lambda(lambda x: x * 2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(run(Chain(embedded(), plain), WORDS)) == 1
    keeping = layers.Lambda(lambda x: x * 2.0, mask=lambda inputs, mask: mask)
    assert len(run(Chain(embedded(), keeping), WORDS)) == 2


def test_recorded_masks_are_tensors():
    with tracing():
        outputs = embedded()(KerasTensor((None, None), "int32"))
    assert outputs.keras_mask.shape == (None, None) and outputs.keras_mask.dtype == "bool"


@pytest.mark.parametrize("make", [lambda: layers.MultiHeadAttention(2, 3), lambda: layers.GroupQueryAttention(3, 2, 1)])
def test_projections_inside_attention_do_not_say_that_the_mask_ends(make):
    attention = make()

    class Looking(layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = attention
            self.supports_masking = True

        def call(self, inputs):
            return self.attention(inputs, inputs)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, mask = run(Chain(embedded(), Looking()), WORDS)
    np.testing.assert_array_equal(mask, WORDS != 0)
