"""Whole models give the same weights, numbers and metrics on a gang, and in short tasks, as in this process."""

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers

pytestmark = pytest.mark.spark


def perceptron():
    return bk.Sequential([bk.Input((6,)), layers.Dense(8, activation="relu", kernel_regularizer="l2"),
                          layers.Dense(3, activation="softmax")])


def convolutional():
    # No bias: batch normalization takes it out again, its gradient is rounding noise, and Adam steps on any noise.
    return bk.Sequential([bk.Input((6, 6, 1)), layers.Conv2D(4, 3, use_bias=False),
                          layers.BatchNormalization(synchronized=True),
                          layers.Activation("relu"), layers.Dropout(0.3), layers.MaxPooling2D(), layers.Flatten(),
                          layers.Dense(3, activation="softmax")])


def recurrent():
    return bk.Sequential([bk.Input((5,)), layers.Embedding(20, 4, mask_zero=True), layers.LSTM(6),
                          layers.Dense(3, activation="softmax")])


def looked_up():
    return bk.Sequential([bk.Input((5,)), layers.Embedding(60, 4, mask_zero=True), layers.GlobalAveragePooling1D(),
                          layers.Dense(3, activation="softmax")])


def shared():
    first, second = bk.Input((6,), name="first"), bk.Input((6,), name="second")
    layer = layers.Dense(5, activation="tanh")
    joined = layers.Concatenate()([layer(first), layer(second)])
    return bk.Model([first, second], layers.Dense(3, activation="softmax")(joined))


def data(make, rows):
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, rows)
    if make in (recurrent, looked_up):
        return rng.integers(0, 20, (rows, 5)).astype("float32"), y
    if make is shared:
        return (rng.normal(size=(rows, 6)).astype("float32"), rng.normal(size=(rows, 6)).astype("float32")), y
    shape = (rows, 6) if make is perceptron else (rows, 6, 6, 1)
    return rng.normal(size=shape).astype("float32"), y


def rows_of(spark, x, y, weights, sizes):
    xs = list(zip(*x, strict=True)) if isinstance(x, tuple) else list(x)
    rows = list(zip(xs, y, weights, strict=True))
    bounds = np.cumsum([0, *sizes])
    chunks = [rows[bounds[number]:bounds[number + 1]] for number in range(len(sizes))]
    return spark.sparkContext.parallelize(chunks, len(chunks)).flatMap(list)


@pytest.mark.parametrize(("engine", "sizes", "workers"), [
    ("barrier", [20, 5], 2), ("barrier", [9, 0, 7, 9], 3), ("shuffle", [9, 0, 7, 9], 3),
])
@pytest.mark.parametrize("make", [perceptron, convolutional, recurrent, looked_up, shared])
def test_same_weights(spark, make, engine, sizes, workers):
    x, y = data(make, 25)
    weights = np.linspace(0.5, 1.5, 25).astype("float32")
    local, gang = make(), make()
    gang.set_weights(local.get_weights())
    for model in (local, gang):
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    arguments = {"batch_size": 8, "epochs": 2, "seed": 4, "verbose": 0}
    heard = local.fit(list(x) if isinstance(x, tuple) else x, y, sample_weight=weights, workers=1,
                      validation_data=(list(x) if isinstance(x, tuple) else x, y), **arguments)
    heard_too = gang.fit(rows_of(spark, x, y, weights, sizes), engine=engine, workers=workers,
                         validation_data=(list(x) if isinstance(x, tuple) else x, y), **arguments)
    for mine, theirs in zip(local.get_weights(), gang.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, mine, atol=1e-5)
    assert set(heard.history) == set(heard_too.history)
    for name, values in heard.history.items():
        np.testing.assert_allclose(heard_too.history[name], values, atol=1e-5)
