"""Our architectures and real Keras's, given the same weights, answer the same (run by `make interop`)."""

import os

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import applications

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras", minversion="3.5", reason="make interop installs real Keras")
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

CASES = [
    ("MobileNet", {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 7}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (33, 48, 3), "classes": 7}),
    ("ResNet50", {"include_top": False, "input_shape": (32, 32, 3), "pooling": "max"}),
    ("InceptionV3", {"include_top": False, "input_shape": (75, 75, 3), "pooling": "avg"}),
]


@pytest.mark.parametrize(("function", "arguments"), CASES)
def test_equal_weights_give_equal_answers(tmp_path, function, arguments):
    theirs = getattr(keras.applications, function)(weights=None, **arguments)
    path = tmp_path / "theirs.weights.h5"
    theirs.save_weights(path)
    bk.clear_session()
    ours = getattr(applications, function)(weights=path, **arguments)
    x = np.random.default_rng(0).normal(size=(2, *arguments["input_shape"])).astype("float32")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    again = tmp_path / "ours.keras"
    ours.save(again)
    np.testing.assert_allclose(keras.models.load_model(again).predict(x, verbose=0), theirs.predict(x, verbose=0),
                               rtol=1e-5, atol=1e-6)


def test_layer_by_layer_a_genuine_file_says_what_keras_says(fixtures, tmp_path):
    """Keras 3 itself cannot open this file of Keras 2.15; it opens what we made of it."""
    ours = bk.models.load_model(fixtures / "keras2.15" / "k215_app_mobilenet_025.h5")
    ours.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras", compile=False)
    names = [layer.name for layer in ours.layers[1:]]
    assert names == [layer.name for layer in theirs.layers[1:]]
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    probe = keras.Model(theirs.inputs, [layer.output for layer in theirs.layers[1:]])
    for name, expected, said in zip(names, probe.predict(x, verbose=0), ours.new_graph(names).predict(x, verbose=0),
                                    strict=True):
        np.testing.assert_allclose(said, expected, rtol=1e-4, atol=1e-5, err_msg=name)
