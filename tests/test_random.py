"""Noise of `bigdl_keras.random`: of rows in a model, whoever holds them; of any shape on arrays."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers, ops
from bigdl_keras.graph.plan import Context
from bigdl_keras.testing import traced_run

DATA = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")


class Sampling(layers.Layer):
    """As in Keras's example of a variational autoencoder."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = bk.random.SeedGenerator(1337)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch, dim = ops.shape(z_mean)[0], ops.shape(z_mean)[1]
        epsilon = bk.random.normal(shape=(batch, dim), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


class Noise(layers.Layer):
    """Noise alone, of rows of two axes."""

    def call(self, inputs):
        return bk.random.uniform((ops.shape(inputs)[0], 2, 3), -1.0, 1.0)


def test_a_variational_autoencoder_trains():
    bk.set_random_seed(0)
    entry = bk.Input((5,))
    code = Sampling()([layers.Dense(2)(entry), layers.Dense(2)(entry)])
    model = bk.Model(entry, layers.Dense(5)(code))
    model.compile(bk.optimizers.Adam(0.05), "mse")
    losses = model.fit(DATA, DATA, epochs=30, batch_size=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_rows_draw_the_same_on_any_worker():
    run = traced_run(Noise(), [DATA])

    def answer(places, iteration=1):
        context = Context(seed=5, iteration=iteration, places=np.asarray(places))
        return run.execution.forward([DATA[places]], context)[1].copy()

    whole = answer(range(6))
    assert whole.shape == (6, 2, 3) and whole.min() < 0 < whole.max() and len(np.unique(whole)) == 36
    np.testing.assert_array_equal(np.concatenate([answer(range(2)), answer(range(2, 6))]), whole)
    assert not np.array_equal(answer(range(6), iteration=2), whole)


def test_arrays():
    assert bk.random.normal((2000,), 3.0, 0.5, seed=1).mean() == pytest.approx(3.0, abs=0.05)
    np.testing.assert_array_equal(bk.random.uniform((3, 2), seed=4), bk.random.uniform((3, 2), seed=4))
    seeds = bk.random.SeedGenerator(4)
    assert not np.array_equal(bk.random.normal((3,), seed=seeds), bk.random.normal((3,), seed=seeds))
    bk.set_random_seed(1)
    first = bk.random.normal((3,))
    bk.set_random_seed(1)
    np.testing.assert_array_equal(bk.random.normal((3,)), first)
    assert set(np.unique(bk.random.dropout(np.ones(50), 0.5))) == {0.0, 2.0}


def test_noise_without_rows_is_refused_in_a_model():
    with pytest.raises(ValueError, match=r"belong to rows.*Received shape \(2, 3\)"):
        layers.Lambda(lambda x: x + bk.random.normal((2, 3)))(bk.Input((3,)))
    with pytest.raises(ValueError, match="outside of a layer"):
        bk.random.normal((None, 3))


@pytest.mark.parametrize("name", ["train_step", "compute_loss"])
def test_a_step_of_ones_own_is_refused_rather_than_ignored(name):
    kind = type("Mine", (bk.Model,), {"call": lambda self, x: x, name: lambda self, data: {}})
    with pytest.raises(TypeError, match=rf"Mine defines {name}\(\), which would never be called"):
        kind().compile("sgd", "mse")


def test_settings_and_namespaces_of_keras():
    assert (bk.backend.epsilon(), bk.config.image_data_format()) == (1e-7, "channels_last")
    assert bk.config.backend() == "numpy"
    assert bk.saving.register_keras_serializable is bk.register_keras_serializable
    with pytest.raises(AttributeError, match=r"bigdl_keras\.models\.load_model"):
        bk.saving.load_model
