"""Real Keras 3 opens what we save, predicts the same, and goes on training as we do (run by `make interop`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", minversion="3.5", reason="make interop installs real Keras")
pytestmark = pytest.mark.interop


def convolutional() -> Any:
    return bk.Sequential(
        [
            bk.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.0),
            layers.Dense(3, activation="softmax", kernel_regularizer=bk.regularizers.L2(0.01)),
        ]
    )


def recurrent() -> Any:
    return bk.Sequential(
        [
            bk.Input((6, 4)),
            layers.Masking(),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(4),
            layers.Dense(3, activation="softmax"),
        ]
    )


def branching() -> Any:
    left, right = bk.Input((4,), name="left"), bk.Input((5,), name="right", dtype="int32")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4)(right))
    shared = layers.Dense(4, activation="tanh")
    joined = layers.Concatenate()([layers.Add()([shared(left), words]), shared(left)])
    inner = bk.Sequential([bk.Input((8,)), layers.LayerNormalization(), layers.Dense(3)], name="inner")
    return bk.Model([left, right], layers.Activation("softmax")(inner(joined)))


def batch_for(model: Any, rng: np.random.Generator) -> tuple[list[np.ndarray], np.ndarray]:
    inputs = []
    for tensor in model.inputs:
        shape = (12, *tensor.shape[1:])
        is_index = tensor.dtype.startswith("int")
        inputs.append(rng.integers(0, 10, shape) if is_index else rng.normal(size=shape).astype("float32"))
    return inputs, rng.integers(0, 3, 12)


@pytest.mark.parametrize("build", [convolutional, recurrent, branching])
def test_predictions_and_training_go_on_in_keras(build: Callable[[], Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ours = build()
    ours.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = batch_for(ours, rng)
    x = x if len(x) > 1 else x[0]
    ours.train_on_batch(x, y)
    ours.save(tmp_path / "model.keras")
    theirs = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(theirs.predict(x, verbose=0), ours.predict(x), rtol=1e-4, atol=1e-5)
    assert int(theirs.optimizer.iterations) == 1
    for _ in range(3):
        ours.reset_metrics()
        our_loss = ours.train_on_batch(x, y)[0]
        theirs.reset_metrics()
        their_loss = theirs.train_on_batch(x, y)[0]
        np.testing.assert_allclose(our_loss, float(their_loss), rtol=1e-4)
    np.testing.assert_allclose(theirs.predict(x, verbose=0), ours.predict(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("build", [convolutional, recurrent, branching])
def test_weights_and_legacy_files_open_in_keras(build: Callable[[], Any], tmp_path: Path) -> None:
    ours = build()
    x, _ = batch_for(ours, np.random.default_rng(1))
    x = x if len(x) > 1 else x[0]
    ours.save_weights(tmp_path / "model.weights.h5")
    theirs = keras.models.model_from_json(ours.to_json())
    theirs.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(theirs.predict(x, verbose=0), ours.predict(x), rtol=1e-4, atol=1e-5)
    ours.save(tmp_path / "model.h5")
    legacy = keras.models.load_model(tmp_path / "model.h5")
    np.testing.assert_allclose(legacy.predict(x, verbose=0), ours.predict(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("build", [convolutional, recurrent, branching])
def test_what_keras_then_saves_opens_here(build: Callable[[], Any], tmp_path: Path) -> None:
    ours = build()
    ours.compile("rmsprop", "sparse_categorical_crossentropy")
    x, y = batch_for(ours, np.random.default_rng(2))
    x = x if len(x) > 1 else x[0]
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    theirs.train_on_batch(x, y)
    theirs.save(tmp_path / "theirs.keras")
    back = bk.models.load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(back.predict(x), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    assert back.optimizer.iterations == 1


def test_keys_pads_and_constants_of_operations(tmp_path: Path) -> None:
    ops, x = bk.ops, bk.Input((4, 6))
    outputs = [x[:, 1:3, ::2], x[..., 0], x[:, None, -1], ops.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=3.0),
               ops.pad(x, [[0, 0], [1, 2], [0, 1]], mode="symmetric"), ops.average(x, 1),
               ops.add(x, np.arange(6, dtype="float32")), ops.tensordot(x, np.ones((6, 2), "float32"), [[2], [0]])]
    model = bk.Model(x, outputs)
    model.save(tmp_path / "m.keras")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    values = np.random.default_rng(1).normal(size=(3, 4, 6)).astype("float32")
    for mine, other in zip(model.predict(values, verbose=0), theirs.predict(values, verbose=0), strict=True):
        np.testing.assert_allclose(other, mine, rtol=1e-5, atol=1e-6)


def test_adafactor_goes_on_in_keras_and_back(tmp_path: Path) -> None:
    model = bk.Sequential([bk.Input((6, 5)), layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(3)])
    model.compile(bk.optimizers.Adafactor(0.02), "mse")
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(7, 6, 5)).astype("float32"), rng.normal(size=(7, 3)).astype("float32")
    for _ in range(2):
        model.train_on_batch(x, y)
    model.save(tmp_path / "ours.keras")
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    back = bk.models.load_model(tmp_path / "theirs.keras")
    for one in (model, theirs, back):
        one.train_on_batch(x, y)
    expected = model.predict(x, verbose=0)
    for one in (theirs, back):
        np.testing.assert_allclose(one.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)


def net_of(library: Any) -> Any:
    """A subclassed model whose attributes come before and after `layers` in the alphabet, made in another order."""
    class Net(library.Model):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.second, self.first = library.layers.Dense(3), library.layers.Dense(3)
            self.blocks = [library.layers.Dense(3), library.layers.Dense(3)]
            self._last = library.layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            for block in self.blocks:
                inputs = block(inputs)
            return self._last(self.first(self.second(inputs)))

    return Net()


def test_weights_of_subclassed_models_both_ways(tmp_path: Path) -> None:
    x = np.random.default_rng(3).normal(size=(4, 3)).astype("float32")
    theirs, ours = net_of(keras), net_of(bk)
    ours(x)
    their_answer = np.asarray(theirs(x))
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    fresh = ours.predict(x, verbose=0)
    ours.save_weights(tmp_path / "ours.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    np.testing.assert_allclose(ours.predict(x, verbose=0), their_answer, rtol=1e-5, atol=1e-6)
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(theirs(x), fresh, rtol=1e-5, atol=1e-6)


def test_a_functional_model_fills_a_subclassed_one_as_in_keras(tmp_path: Path) -> None:
    x = np.random.default_rng(4).normal(size=(4, 3)).astype("float32")
    functional = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(3) for _ in range(5))])
    functional.save_weights(tmp_path / "functional.weights.h5")
    theirs, ours = net_of(keras), net_of(bk)
    ours(x), theirs(x)
    for model in (theirs, ours):
        model.load_weights(tmp_path / "functional.weights.h5")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs(x), rtol=1e-5, atol=1e-6)


def test_legacy_files_train_in_keras_as_its_own_do(tmp_path: Path) -> None:
    """Keras 3 on JAX leaves the optimizer of any `.h5` without variables, its own too: it trains after compile()."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    outcomes = []
    for library in (bk, keras):
        model = library.Sequential([library.Input((3,)), library.layers.Dense(2)])
        model.compile("adam", library.losses.MeanSquaredError())
        model.train_on_batch(x, y)
        model.save(tmp_path / "model.h5")
        theirs = keras.models.load_model(tmp_path / "model.h5")
        assert int(theirs.optimizer.iterations) == 1
        try:
            theirs.train_on_batch(x, y)
            outcomes.append("trains")
        except ValueError as error:
            outcomes.append(str(error))
        theirs.compile("adam", "mse")
        np.testing.assert_allclose(theirs.train_on_batch(x, y), model.evaluate(x, y, verbose=0), rtol=1e-5)
    assert outcomes[0] == outcomes[1]
