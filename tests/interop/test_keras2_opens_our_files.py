"""Real Keras 2.15 opens the `.h5` files that we write, where it has the layers (run by `make interop2`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="make interop2 installs real Keras 2.15")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not keras.__version__.startswith("2.15"), reason="make interop2 installs real Keras 2.15"),
]


def convolutional() -> Any:
    return bk.Sequential(
        [
            bk.Input((9, 8, 3)),
            layers.Conv2D(4, 3, padding="same", dilation_rate=2, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(2, depth_multiplier=2),
            layers.SeparableConv2D(3, 2, strides=1),
            layers.LeakyReLU(0.3),
            layers.Conv2DTranspose(2, 3, strides=2),
            layers.GroupNormalization(2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax", kernel_regularizer=bk.regularizers.L2(0.01)),
        ]
    )


def recurrent() -> Any:
    return bk.Sequential(
        [
            bk.Input((6, 4)),
            layers.Masking(),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum"),
            layers.TimeDistributed(layers.Dense(4, activation="gelu")),
            layers.GRU(4, reset_after=False, return_sequences=True),
            layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)]),
            layers.Dense(3, activation="softmax"),
        ]
    )


def branching() -> Any:
    left, right = bk.Input((4,), name="left"), bk.Input((5,), name="right", dtype="int32")
    words = layers.GlobalAveragePooling1D()(layers.Embedding(10, 4)(right))
    shared = layers.Dense(4, activation="tanh")
    joined = layers.Concatenate()([layers.Add()([shared(left), words]), shared(left)])
    return bk.Model([left, right], layers.Activation("softmax")(layers.Dense(3)(layers.LayerNormalization()(joined))))


@pytest.mark.parametrize("build", [convolutional, recurrent, branching])
@pytest.mark.parametrize("optimizer", [None, "adam", "sgd", "rmsprop"])
def test_predictions(build: Callable[[], Any], optimizer: str | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    ours = build()
    x: Any = [rng.integers(0, 10, (12, *tensor.shape[1:])).astype(tensor.dtype) for tensor in ours.inputs]
    x = x if len(x) > 1 else x[0]
    if optimizer is not None:
        ours.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        ours.train_on_batch(x, rng.integers(0, 3, 12))
    ours.save(tmp_path / "model.h5")
    theirs = keras.models.load_model(tmp_path / "model.h5")
    np.testing.assert_allclose(theirs.predict(x, verbose=0), ours.predict(x), rtol=1e-4, atol=1e-5)
    assert (theirs.optimizer is not None) == (optimizer is not None)
