"""Hundreds of layers, with weights of the same names and shapes, compute what real Keras computes, in both phases."""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bigdl_keras import layers

pytest.importorskip("keras", minversion="3.5", reason="make interop installs real Keras")
pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
_specification = importlib.util.spec_from_file_location("layer_configs", HERE / "layer_configs.py")
layer_configs = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(layer_configs)
CONFIGS = list(layer_configs.configs())


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "answers.pickle"
    subprocess.run([sys.executable, HERE / "answers_of_keras.py", path], check=True, timeout=600, env={**os.environ})
    return pickle.loads(path.read_bytes())


@pytest.mark.parametrize("number", range(len(CONFIGS)), ids=lambda number: f"{number}-{CONFIGS[number][0]}")
def test_layer(number, answers):
    (name, arguments, _, called), expected = CONFIGS[number], answers[number]
    layer = getattr(layers, name)(**layer_configs.build(layers, arguments))
    layer_configs.call(layer, expected["inputs"], **called)
    assert [(weight.name, weight.shape) for weight in layer.weights] == [
        (known, array.shape) for known, array in zip(expected["names"], expected["weights"], strict=True)]
    layer.set_weights(expected["weights"])
    _same(layer_configs.call(layer, expected["inputs"], **called), expected["outputs"], "outputs")
    if expected["trained"] is not None:
        _same(layer_configs.call(layer, expected["inputs"], training=True), expected["trained"], "training")
        _same(layer.get_weights(), expected["after"], "weights after training")


def _same(ours, theirs, what):
    assert [array.shape for array in ours] == [array.shape for array in theirs]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-5, err_msg=what)
