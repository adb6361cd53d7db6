"""Regularizers and constraints: Keras's numbers, derived gradients, configs, and their place in training."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bigdl_keras import constraints, layers, regularizers
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.parameters import ParameterVector, Variable

ROOMS = {"regularizer": regularizers, "constraint": constraints}
REGULARIZERS = [
    regularizers.L1(0.1),
    regularizers.L2(0.2),
    regularizers.L1L2(0.1, 0.3),
    regularizers.OrthogonalRegularizer(0.1),
    regularizers.OrthogonalRegularizer(0.1, "columns"),
]
CONSTRAINTS = [
    constraints.MaxNorm(0.8),
    constraints.NonNeg(),
    constraints.UnitNorm(1),
    constraints.MinMaxNorm(0.5, 0.9, 0.7),
    constraints.MaxNorm(1.0, axis=[0, 1]),
]


def test_numbers_of_keras(fixtures):
    checked = 0
    for case in json.loads((fixtures / "manifest.json").read_text())["cases"]:
        if case["family"] == "regularizers_constraints":
            values = np.load(fixtures / case["files"]["npz"])
            for item in json.loads((fixtures / case["files"]["ops"]).read_text())["items"]:
                thing = getattr(ROOMS[item["kind"]], item["class_name"])(**item["config"])
                np.testing.assert_allclose(thing(values[item["w"]]), values[item["value"]], rtol=1e-5, atol=1e-6)
                checked += 1
    assert checked >= 8


def _id(thing):
    return type(thing).__name__


@pytest.mark.parametrize("thing", REGULARIZERS + CONSTRAINTS, ids=_id)
def test_config_round_trip(thing):
    room = regularizers if isinstance(thing, regularizers.Regularizer) else constraints
    config = room.serialize(thing)
    twin = room.get(config)
    assert type(twin) is type(thing) and twin.get_config() == thing.get_config()
    w = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_array_equal(twin(w), thing(w))


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=_id)
def test_gradient(regularizer):
    w = Variable(np.random.default_rng(0).normal(size=(4, 3)), "w")
    with tracing() as trace:
        loss = regularizer(w)
    vector = ParameterVector([w], [], "float64")
    gradients = np.zeros(12)
    execution = compile_plan(trace, [], [loss], vector.spans, 12).bind(vector.values, gradients)
    execution.forward([])
    execution.backward()
    for place in range(12):
        kept, values = vector.values[place], []
        for step in (1e-6, -1e-6):
            vector.values[place] = kept + step
            values.append(float(execution.forward([])[0]))
        vector.values[place] = kept
        np.testing.assert_allclose(gradients[place], (values[0] - values[1]) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("room", "names"),
    [
        (regularizers, ["l1", "l2", "l1_l2", "L1L2", "orthogonal_regularizer"]),
        (constraints, ["max_norm", "non_neg", "unit_norm", "min_max_norm", "MaxNorm"]),
    ],
)
def test_names(room, names):
    for name in names:
        assert callable(room.get(name))
    assert room.get(None) is None
    with pytest.raises(ValueError, match=r"no (regularizer|constraint) called 'nothing'"):
        room.get("nothing")
    with pytest.raises(TypeError, match=r"Received 3 of type int"):
        room.get(3)


def test_penalties_of_a_layer():
    layer = layers.Dense(2, kernel_regularizer="l2", bias_regularizer=regularizers.L1(0.5))
    layer(np.ones((1, 3), "float32"))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(
        [float(item) for item in layer.losses], [0.01 * (kernel**2).sum(), 0.5 * np.abs(bias).sum()], rtol=1e-6
    )
    layer.trainable = False
    assert layer.losses == []


def test_activity_penalty_is_recorded():
    layer = layers.Dense(2, activity_regularizer="l1")
    with tracing(training=True) as trace:
        layer(KerasTensor((None, 3)))
    assert [summed for _, summed in trace.losses] == [True]


@pytest.mark.parametrize("value", [-0.1, float("inf"), "much"])
def test_wrong_factor(value):
    with pytest.raises(ValueError, match=r"`l2`"):
        regularizers.L2(value)


def test_orthogonal_needs_a_matrix():
    with pytest.raises(ValueError, match=r"needs a matrix. Received a weight of shape \(2, 3, 4\)"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 3, 4)))
