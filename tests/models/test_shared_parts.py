"""A layer or model that stands in several models nested in each other is one object before and after a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers

X = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)


def model_with_a_shared_model() -> Any:
    inner = bk.Sequential([bk.Input((4,)), layers.Dense(4, activation="tanh")], name="inner")
    a, b = bk.Input((4,)), bk.Input((4,))
    middle = bk.Model(a, layers.Add()([inner(a), a]), name="middle")
    return bk.Model(b, layers.Concatenate()([middle(b), inner(b)]))


def model_with_a_shared_layer() -> Any:
    dense = layers.Dense(4, name="shared")
    a, b = bk.Input((4,)), bk.Input((4,))
    first, second = (bk.Model(tensor, layers.ReLU()(dense(tensor)), name=name) for tensor, name in ((a, "A"), (b, "B")))
    c = bk.Input((4,))
    return bk.Model(c, layers.Concatenate()([first(c), second(c)]))


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("make", [model_with_a_shared_model, model_with_a_shared_layer])
def test_it_is_shared_after_loading_and_training_goes_on(make: Any, ending: str, tmp_path: Path) -> None:
    model = make()
    model.compile("adam", "mse")
    y = np.ones((6, 8), np.float32)
    model.train_on_batch(X, y)
    model.save(tmp_path / f"model{ending}")
    loaded = bk.models.load_model(tmp_path / f"model{ending}")
    assert loaded.count_params() == model.count_params() == 20
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for one in (model, loaded):
        one.train_on_batch(X, y)
    np.testing.assert_allclose(loaded.predict(X), model.predict(X), rtol=1e-6)
    assert bk.models.clone_model(model).count_params() == 20


def test_keras_numbers_the_second_entry_alone() -> None:
    config = json.loads(model_with_a_shared_layer().to_json())
    entries = [inner for layer in config["config"]["layers"] for inner in layer["config"].get("layers", ())
               if inner["class_name"] == "Dense"]
    assert entries[0]["shared_object_id"] == entries[1]["shared_object_id"]
    del entries[0]["shared_object_id"]
    assert bk.models.model_from_json(json.dumps(config)).count_params() == 20


def test_equal_names_alone_share_nothing() -> None:
    config = json.loads(model_with_a_shared_layer().to_json())
    for layer in config["config"]["layers"]:
        for inner in layer["config"].get("layers", ()):
            inner.pop("shared_object_id", None)
    assert bk.models.model_from_json(json.dumps(config)).count_params() == 40


def test_moving_averages_move_at_each_call_of_a_step() -> None:
    normalize = layers.BatchNormalization(momentum=0.5)
    a, b = bk.Input((4,)), bk.Input((4,))
    model = bk.Model([a, b], layers.Add()([normalize(a), normalize(b)]))
    model.compile("sgd", "mse")
    model.train_on_batch([X, X + 5], X)
    mean, variance = normalize.get_weights()[2:]
    np.testing.assert_allclose(mean, 0.25 * X.mean(0) + 0.5 * (X + 5).mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.25 + 0.75 * X.var(0), rtol=1e-4)


@pytest.mark.parametrize("together", [False, True])
def test_each_step_of_time_is_a_batch_for_batch_normalization(together: bool) -> None:
    normalize = layers.BatchNormalization(momentum=0.5)
    model = bk.Sequential([bk.Input((2, 4)), layers.TimeDistributed(normalize, steps_together=together)])
    model.compile("sgd", "mse")
    steps = np.stack([X, 3 * X + 1], axis=1)
    model.train_on_batch(steps, steps)
    expected = steps.mean((0, 1)) / 2 if together else 0.25 * steps[:, 0].mean(0) + 0.5 * steps[:, 1].mean(0)
    np.testing.assert_allclose(normalize.get_weights()[2], expected, rtol=1e-4, atol=1e-6)
    assert type(model.layers[0]).from_config(model.layers[0].get_config()).steps_together is together
