"""Where real Keras 3 is installed, it opens what we write and computes the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigdl_keras import saving

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", minversion="3.0", reason="real Keras 3 is not installed")
DATA = Path(__file__).resolve().parents[1] / "data" / "keras"
Tree = Callable[[Path], tuple[saving.ModelSpec, saving.StoreNode]]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_whole_models(suffix: str, keras_tree: Tree, tmp_path: Path) -> None:
    source = DATA / "k3_resume_adam.keras"
    spec, root = keras_tree(source)
    state = saving.read_file(source).read_optimizer(root)
    write: Any = saving.write_keras if suffix == ".keras" else saving.write_h5
    write(tmp_path / f"m{suffix}", spec, root, state)
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    model, original = keras.models.load_model(tmp_path / f"m{suffix}"), keras.models.load_model(source, compile=False)
    np.testing.assert_allclose(model.predict(x, verbose=0), original.predict(x, verbose=0), rtol=1e-6)
    assert int(model.optimizer.iterations.numpy()) == 3
    if suffix == ".keras":  # the legacy loader of Keras 3 does not restore the slots
        assert state is not None
        slots = [variable.numpy() for variable in model.optimizer.variables[2:]]
        for index, momentum in enumerate(state.slots["momentum"]):
            np.testing.assert_array_equal(slots[2 * index], momentum)


def test_weights(keras_tree: Tree, tmp_path: Path) -> None:
    source = DATA / "k3_resume_adam.keras"
    _, root = keras_tree(source)
    saving.write_weights(tmp_path / "m.weights.h5", root)
    model = keras.models.load_model(source, compile=False)
    expected = model.get_weights()
    model.set_weights([np.zeros_like(array) for array in expected])
    model.load_weights(tmp_path / "m.weights.h5")
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
