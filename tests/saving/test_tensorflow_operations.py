"""TensorFlow's functions in a graph of tf.keras become ours with the same meaning, or gaps."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras.saving.spec import Call, TensorRef
from bigdl_keras.saving.tensorflow_operations import tensorflow_call

X = TensorRef("x")


@pytest.mark.parametrize(
    ("function", "kwargs", "ours", "arguments", "named"),
    [
        ("math.truediv", {"y": 2.0, "name": None}, "divide", (X, 2.0), {}),
        ("math.floormod", {"y": 2}, "mod", (X, 2), {}),
        ("math.reduce_std", {"axis": 1, "keepdims": False}, "std", (X,), {"axis": 1}),
        ("math.reduce_mean", {"axis": None}, "mean", (X,), {"axis": None}),
        ("nn.gelu", {}, "gelu", (X,), {"approximate": False}),
        ("nn.leaky_relu", {"alpha": 0.3}, "leaky_relu", (X,), {"negative_slope": 0.3}),
        ("split", {"num_or_size_splits": [1, 3, 2], "axis": 1}, "split", (X, [1, 4]), {"axis": 1}),
        ("split", {"num_or_size_splits": 3, "axis": 1}, "split", (X, 3), {"axis": 1}),
        ("reverse", {"axis": [1]}, "flip", (X,), {"axis": 1}),
        ("compat.v1.pad", {"paddings": [[0, 0], [1, 2]], "mode": "REFLECT", "constant_values": 0}, "pad",
         (X, [[0, 0], [1, 2]]), {"mode": "reflect"}),
        ("compat.v1.gather", {"indices": [0, 2], "axis": 1, "batch_dims": 0}, "take", (X, [0, 2]), {"axis": 1}),
        ("nn.max_pool2d", {"ksize": [1, 2, 3, 1], "strides": 2, "padding": "SAME"}, "max_pool",
         (X, [2, 3], 2, "same"), {}),
        ("math.argmax", {}, "argmax", (X,), {"axis": 0}),
        ("image.resize", {"size": [3, 3], "method": "nearest"}, "resize", (X, [3, 3]), {"interpolation": "nearest"}),
    ],
)
def test_translation(function: str, kwargs: Any, ours: str, arguments: Any, named: Any) -> None:
    assert tensorflow_call(function, Call((X,), kwargs)) == (ours, Call(arguments, named))


@pytest.mark.parametrize(
    ("function", "kwargs"),
    [
        ("nn.space_to_depth", {"block_size": 2}),
        ("sort", {"direction": "DESCENDING"}),
        ("math.cumsum", {"axis": 1, "reverse": True}),
        ("reverse", {"axis": [1, 2]}),
        ("compat.v1.gather", {"indices": [0], "batch_dims": 1}),
        ("norm", {"ord": "fro"}),
        ("split", {"num_or_size_splits": [1, -1]}),
        ("nn.max_pool2d", {"ksize": [2, 2, 2, 1], "strides": 1, "padding": "SAME"}),
        ("nn.avg_pool2d", {"ksize": 2, "strides": 2, "padding": "SAME", "data_format": "NCHW"}),
    ],
)
def test_another_meaning_is_a_gap(function: str, kwargs: Any) -> None:
    assert tensorflow_call(function, Call((X,), kwargs)) is None


def keras_2(layers: list[Any], output: str) -> str:
    config: Any = {"batch_input_shape": [None, 4], "dtype": "float32", "name": "in/x"}
    inputs = {"class_name": "InputLayer", "config": config, "name": "in/x", "inbound_nodes": []}
    config = {"name": "m", "layers": [inputs, *layers], "input_layers": [["in/x", 0, 0]],
              "output_layers": [[output, 0, 0]]}
    return json.dumps({"class_name": "Functional", "config": config, "keras_version": "2.15.0"})


def operation(name: str, function: str, source: str, **kwargs: Any) -> Any:
    return {"class_name": "TFOpLambda", "config": {"name": name, "function": function}, "name": name,
            "inbound_nodes": [[source, 0, 0, kwargs]]}


def test_operations_by_other_names_compute_and_slashes_in_names_go() -> None:
    layers = [operation("tf.math.abs", "math.abs", "in/x"),
              operation("tf.math.truediv", "math.truediv", "tf.math.abs", y=4.0)]
    model = bk.models.model_from_json(keras_2(layers, "tf.math.truediv"))
    assert [layer.name for layer in model.layers if isinstance(layer, bk.layers.InputLayer)] == ["in_x"]
    np.testing.assert_array_equal(model.predict(np.float32([[1, -2, 3, -4]])), [[0.25, 0.5, 0.75, 1.0]])
    again = bk.models.model_from_json(model.to_json())
    np.testing.assert_array_equal(again.predict(np.float32([[-1, 2, 0, 8]])), [[0.25, 0.5, 0.0, 2.0]])


def test_all_gaps_are_told_together() -> None:
    layers = [operation("one", "nn.dropout", "in/x", rate=0.5),
              {"class_name": "Puzzle", "config": {"name": "two"}, "name": "two", "inbound_nodes": [["one", 0, 0, {}]]},
              operation("three", "einsum", "two")]
    with pytest.raises(ValueError, match="cannot be imported") as caught:
        bk.models.model_from_json(keras_2(layers, "three"))
    for told in ("Keras 2.15.0", "'nn.dropout'", "class 'Puzzle'", "'einsum'", "custom_objects"):
        assert told in str(caught.value)
