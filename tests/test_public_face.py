"""What `import bigdl_keras as bk` offers is exactly this list, and each name leads somewhere."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import bigdl_keras as bk

NAMES = [
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sample",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "autograd",
    "backend",
    "callbacks",
    "clear_session",
    "config",
    "constraints",
    "custom_object_scope",
    "floatx",
    "get_custom_objects",
    "initializers",
    "keras1",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "random",
    "register_keras_serializable",
    "regularizers",
    "saving",
    "set_floatx",
    "set_random_seed",
    "triggers",
    "utils",
]


def test_the_names_are_exactly_these() -> None:
    assert dir(bk) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_leads_somewhere(name: str) -> None:
    assert getattr(bk, name) is not None


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Sequental'.*Sequential"):
        _ = bk.Sequental


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, bigdl_keras; print([name for name in ('numpy', 'pyspark', 'h5py', 'tensorboardX', 'keras', "
        "'tensorflow', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_to_categorical() -> None:
    np.testing.assert_array_equal(bk.utils.to_categorical([0, 2]), [[1, 0, 0], [0, 0, 1]])
    assert bk.utils.to_categorical(np.array([[1], [0]]), 4).shape == (2, 4)
    with pytest.raises(ValueError, match="from 0 to 1"):
        bk.utils.to_categorical([0, 2], 2)


def test_pad_sequences() -> None:
    rows = [[1, 2, 3], [4], []]
    np.testing.assert_array_equal(bk.utils.pad_sequences(rows), [[1, 2, 3], [0, 0, 4], [0, 0, 0]])
    np.testing.assert_array_equal(
        bk.utils.pad_sequences(rows, maxlen=2, padding="post", truncating="post", value=9), [[1, 2], [4, 9], [9, 9]]
    )
    with pytest.raises(ValueError, match="padding"):
        bk.utils.pad_sequences(rows, padding="left")


def test_normalize() -> None:
    np.testing.assert_allclose(bk.utils.normalize([[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0.0, 0.0]])
