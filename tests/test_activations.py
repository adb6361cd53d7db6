"""Activations: Keras's numbers, derived gradients, names and configs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bigdl_keras import activations, layers, ops, registry
from bigdl_keras.testing import check_layer

NAMES = [name for name in registry.names("activation") if name not in ("swish", "hard_swish")]


def keras_items(fixtures):
    for case in json.loads((fixtures / "manifest.json").read_text())["cases"]:
        if case["family"] == "activations":
            values = np.load(fixtures / case["files"]["npz"])
            for item in json.loads((fixtures / case["files"]["ops"]).read_text())["items"]:
                yield case, item, values


def test_numbers_of_keras(fixtures):
    checked = 0
    for case, item, values in keras_items(fixtures):
        name = item["function"]
        if name == "hard_sigmoid" and not case["keras_version"].startswith("3"):
            name = "hard_sigmoid_legacy"  # Keras 3 gave the name to another function
        result = getattr(activations, name)(values["x"], **item["config"])
        np.testing.assert_allclose(
            result, values[item["value"]], rtol=1e-5, atol=1e-6, err_msg=f"{case['name']} {item}"
        )
        checked += 1
    assert checked > 50


@pytest.mark.parametrize("name", [name for name in NAMES if name != "threshold"])  # it has arguments without defaults
def test_gradient(name):
    width = 3 if name == "glu" else 6
    check_layer(lambda: layers.EinsumDense("ab,bc->ac", 6, activation=name), (3, 4), (3, width))


@pytest.mark.parametrize("name", NAMES)
def test_name_round_trip(name):
    function = activations.get(name)
    assert function.__name__ == name and activations.serialize(function) == name
    assert activations.deserialize(activations.serialize(function)) is function


def test_none_is_linear():
    x = np.ones(3)
    assert activations.get(None)(x) is x


def test_aliases():
    assert activations.get("swish") is activations.silu and activations.get("hard_swish") is activations.hard_silu


def test_a_layer_serves():
    dense = layers.Dense(3, activation=layers.LeakyReLU(0.5))
    twin = layers.Dense.from_config(dense.get_config())
    assert isinstance(twin.activation, layers.LeakyReLU) and twin.activation.negative_slope == 0.5
    x = np.array([[-2.0, 4.0]], "float32")
    np.testing.assert_allclose(twin.activation(x), [[-1.0, 4.0]])


def test_own_function():
    def doubled(x):
        return ops.multiply(x, 2.0)

    assert activations.get(doubled) is doubled
    assert activations.get("doubled", {"doubled": doubled}) is doubled


def test_unknown_name():
    with pytest.raises(ValueError, match=r"no activation called 'rellu'\. Did you mean 'relu'\?"):
        activations.get("rellu")


def test_wrong_kind():
    with pytest.raises(TypeError, match="activation must be a name"):
        activations.get(3)
