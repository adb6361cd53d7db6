"""Functions of TensorFlow in a graph of tf.keras compute what TensorFlow documents; the loaded graph is Keras's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras.models.tensorflow_functions import FUNCTIONS

RNG = np.random.default_rng(11)
X, Y = (RNG.normal(size=(3, 4, 6)).astype(np.float32) for _ in range(2))
IMAGES = RNG.normal(size=(2, 4, 6, 8)).astype(np.float32)
COLOURS = RNG.normal(size=(2, 4, 6, 3)).astype(np.float32)
ROWS = np.int32([[2, 0], [1, 1], [3, 2]])
LABELS = np.float32([[[0.2, 0.1, 0.3, 0.1, 0.2, 0.1]] * 4] * 3)
KERNEL = RNG.normal(size=(2, 2, 8, 3)).astype(np.float32)


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def convolved(x: Any, depthwise: bool) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))  # (batch, rows, columns, channels, 2, 2)
    if depthwise:
        return np.einsum("bhwcij,ijcm->bhwcm", windows, KERNEL).reshape(*windows.shape[:3], -1)
    return np.einsum("bhwcij,ijcf->bhwf", windows, KERNEL)


def near(x: Any, radius: int) -> Any:
    return np.stack([np.square(x[..., max(place - radius, 0):place + radius + 1]).sum(-1)
                     for place in range(x.shape[-1])], -1)


def blocks(x: Any) -> Any:
    batch, rows, columns, channels = x.shape
    parts = x.reshape(batch, rows // 2, 2, columns // 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return parts.reshape(batch, rows // 2, columns // 2, 4 * channels)


Row = tuple[str, list[np.ndarray], dict[str, Any], Callable[..., Any]]
CASES: list[Row] = [
    ("math.squared_difference", [X, Y], {}, lambda x, y: (x - y) ** 2),
    ("math.multiply_no_nan", [X, np.maximum(Y, 0)], {}, lambda x, y: x * y),
    ("math.reciprocal_no_nan", [np.maximum(X, 0)], {}, lambda x: np.where(x > 0, 1 / np.where(x > 0, x, 1), 0)),
    ("math.xlogy", [np.maximum(X, 0), np.abs(Y)], {}, lambda x, y: x * np.log(y)),
    ("math.xlog1py", [np.maximum(X, 0), np.abs(Y)], {}, lambda x, y: x * np.log1p(y)),
    ("math.atan2", [X, Y], {}, np.arctan2),
    ("math.reduce_euclidean_norm", [X], {"axis": 1, "keepdims": False}, lambda x: np.linalg.norm(x, axis=1)),
    ("nn.l2_loss", [X], {}, lambda x: np.square(x).sum() / 2),
    ("clip_by_norm", [X], {"clip_norm": 1.5, "axes": [2]},
     lambda x: x * np.minimum(1, 1.5 / np.linalg.norm(x, axis=2, keepdims=True))),
    ("math.cumsum", [X], {"axis": 1, "reverse": True}, lambda x: x[:, ::-1].cumsum(1)[:, ::-1]),
    ("math.cumsum", [X], {"axis": 1, "exclusive": True}, lambda x: x.cumsum(1) - x),
    ("nn.bias_add", [X], {"bias": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, lambda x: x + np.arange(1, 7)),
    ("nn.bias_add", [IMAGES], {"bias": [1.0, 2.0, 3.0, 4.0], "data_format": "NCHW"},
     lambda x: x + np.arange(1, 5)[:, None, None]),
    *((name, [X], {}, lambda x: np.maximum(np.concatenate([x, -x], -1), 0)) for name in
      ("nn.crelu", "compat.v1.nn.crelu")),
    *((name, [LABELS, X], {}, lambda labels, x: -(labels * np.log(softmax(x))).sum(-1)) for name in
      ("nn.softmax_cross_entropy_with_logits", "compat.v1.nn.softmax_cross_entropy_with_logits_v2")),
    *((name, [LABELS, X], {}, lambda labels, x: np.log1p(np.exp(x)) - labels * x) for name in
      ("nn.sigmoid_cross_entropy_with_logits", "compat.v1.nn.sigmoid_cross_entropy_with_logits")),
    ("linalg.matmul", [X, Y], {"transpose_b": True}, lambda x, y: x @ y.swapaxes(1, 2)),
    ("linalg.matmul", [X, Y], {"transpose_a": True}, lambda x, y: x.swapaxes(1, 2) @ y),
    ("linalg.matrix_transpose", [X], {}, lambda x: x.swapaxes(1, 2)),
    ("linalg.trace", [X[:, :, :4]], {}, lambda x: np.trace(x, axis1=1, axis2=2)),
    ("linalg.diag_part", [X], {}, lambda x: np.diagonal(x, axis1=1, axis2=2)),
    ("linalg.band_part", [X], {"num_lower": 1, "num_upper": -1}, lambda x: np.triu(x, -1)),
    ("linalg.band_part", [X], {"num_lower": -1, "num_upper": 0}, np.tril),
    ("math.top_k", [X], {"k": 2}, lambda x: np.sort(x)[..., :-3:-1]),
    ("sort", [X], {"axis": -1, "direction": "DESCENDING"}, lambda x: np.sort(x)[..., ::-1]),
    ("argsort", [X], {"axis": -1, "direction": "DESCENDING"}, lambda x: np.argsort(-x)),
    ("argsort", [X], {}, np.argsort),
    ("reverse", [X], {"axis": [1, 2]}, lambda x: x[:, ::-1, ::-1]),
    ("one_hot", [ROWS], {"depth": 4, "on_value": 0.9, "off_value": 0.1}, lambda x: np.eye(4)[x] * 0.8 + 0.1),
    *((name, [X, ROWS], {"axis": 1, "batch_dims": 1}, lambda x, rows: x[np.arange(3)[:, None], rows]) for name in
      ("gather", "compat.v1.gather")),
    ("gather", [X, ROWS[:, 0]], {"batch_dims": 1}, lambda x, rows: x[np.arange(3), rows]),
    *((name, [IMAGES], {"block_size": 2}, blocks) for name in ("nn.space_to_depth", "compat.v1.space_to_depth")),
    *((name, [blocks(IMAGES)], {"block_size": 2}, lambda x: IMAGES) for name in
      ("nn.depth_to_space", "compat.v1.depth_to_space")),
    ("image.flip_left_right", [IMAGES], {}, lambda x: x[:, :, ::-1]),
    ("image.flip_up_down", [IMAGES], {}, lambda x: x[:, ::-1]),
    ("image.transpose", [IMAGES], {}, lambda x: x.swapaxes(1, 2)),
    ("image.rot90", [IMAGES], {"k": 3}, lambda x: np.rot90(x, 3, axes=(1, 2))),
    ("image.rgb_to_grayscale", [COLOURS], {}, lambda x: (x @ np.float32([0.2989, 0.587, 0.114]))[..., None]),
    ("image.grayscale_to_rgb", [COLOURS[..., :1]], {}, lambda x: np.repeat(x, 3, -1)),
    ("image.adjust_brightness", [COLOURS], {"delta": 0.1}, lambda x: x + 0.1),
    ("image.adjust_contrast", [COLOURS], {"contrast_factor": 2.0},
     lambda x: 2 * x - x.mean((1, 2), keepdims=True)),
    ("image.per_image_standardization", [COLOURS], {}, lambda x: (x - x.mean((1, 2, 3), keepdims=True)) / np.maximum(
        x.std((1, 2, 3), keepdims=True), 1 / sqrt(72))),
    ("image.crop_to_bounding_box", [IMAGES],
     {"offset_height": 1, "offset_width": 2, "target_height": 2, "target_width": 3}, lambda x: x[:, 1:3, 2:5]),
    ("image.pad_to_bounding_box", [IMAGES],
     {"offset_height": 1, "offset_width": 2, "target_height": 7, "target_width": 10},
     lambda x: np.pad(x, [(0, 0), (1, 2), (2, 2), (0, 0)])),
    ("image.central_crop", [IMAGES], {"central_fraction": 0.5}, lambda x: x[:, 1:3, 1:5]),
    ("image.resize_with_crop_or_pad", [IMAGES], {"target_height": 2, "target_width": 9},
     lambda x: np.pad(x[:, 1:3], [(0, 0), (0, 0), (1, 2), (0, 0)])),
    ("image.extract_patches", [IMAGES], {"sizes": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "rates": [1, 1, 1, 1],
                                         "padding": "VALID"}, blocks),
    *((name, [IMAGES], {"filters": KERNEL.tolist(), "strides": 1, "padding": "VALID"}, lambda x: convolved(x, False))
      for name in ("nn.conv2d", "compat.v1.nn.conv2d")),
    *((name, [IMAGES], {"filter": KERNEL.tolist(), "strides": [1, 1, 1, 1], "padding": "VALID"},
       lambda x: convolved(x, True)) for name in ("nn.depthwise_conv2d", "compat.v1.nn.depthwise_conv2d")),
    *((name, [IMAGES], {"depth_radius": 2, "alpha": 0.3, "beta": 0.7},
       lambda x: x / (1 + 0.3 * near(x, 2)) ** 0.7) for name in
      ("nn.local_response_normalization", "nn.lrn")),
    ("keras.backend.batch_flatten", [X], {}, lambda x: x.reshape(3, -1)),
]
OTHERWISE = {"shape", "compat.v1.shape", "reshape", "broadcast_to", "math.add_n", "nn.embedding_lookup",
             "compat.v1.nn.embedding_lookup"}  # in tests of their own
SECOND = {"linalg.matmul": "b", "gather": "indices", "compat.v1.gather": "indices", "math.atan2": "x"}


def graph(arrays: list[np.ndarray], layers: list[Any], output: str) -> Any:
    """The model of a file of tf.keras with inputs like `arrays`."""
    inputs = [{"class_name": "InputLayer", "name": f"in{place}", "inbound_nodes": [],
               "config": {"batch_input_shape": [None, *array.shape[1:]], "dtype": str(array.dtype),
                          "name": f"in{place}"}} for place, array in enumerate(arrays)]
    config = {"name": "m", "layers": [*inputs, *layers], "output_layers": [[output, 0, 0]],
              "input_layers": [[layer["name"], 0, 0] for layer in inputs]}
    return bk.models.model_from_json(
        json.dumps({"class_name": "Functional", "config": config, "keras_version": "2.15.0"}))


def operation(name: str, function: str, nodes: Any) -> Any:
    kind = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    return {"class_name": kind, "name": name, "config": {"name": name, "function": function}, "inbound_nodes": nodes}


def assert_computes(model: Any, arrays: list[np.ndarray], expected: Any) -> None:
    """It does, and so does the model from its Keras 3 JSON, which names no function of TensorFlow."""
    text = model.to_json()
    assert "tf." not in "".join(layer["module"] + layer["class_name"] for layer in json.loads(text)["config"]["layers"])
    for one in (model, bk.models.model_from_json(text)):
        result = one.predict(arrays if len(arrays) > 1 else arrays[0])
        result = result[0] if isinstance(result, (list, tuple)) else result
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=[f"{place}-{case[0]}" for place, case in enumerate(CASES)])
def test_functions(case: Row) -> None:
    function, arrays, kwargs, reference = case
    if len(arrays) == 2:
        names = {"nn": "logits", "compat": "logits"}
        second = SECOND.get(function) or names.get(function.partition(".")[0], "y")
        kwargs = {**kwargs, second: ["in1", 0, 0]}
    model = graph(arrays, [operation("it", function, [["in0", 0, 0, {**kwargs, "name": None}]])], "it")
    expected = np.asarray(reference(*arrays))
    if expected.ndim == 0:
        assert float(model(arrays[0])) == pytest.approx(float(expected), rel=1e-5)
    else:
        assert_computes(model, arrays, expected)


def test_nothing_is_forgotten() -> None:
    assert {case[0] for case in CASES} | OTHERWISE == set(FUNCTIONS)


def test_sums_of_several() -> None:
    layers = [operation("it", "math.add_n", [[["in0", 0, 0, {}], ["in1", 0, 0, {}], ["in0", 0, 0, {}]]])]
    assert_computes(graph([X, Y], layers, "it"), [X, Y], 2 * X + Y)


def test_rows_of_a_constant_table() -> None:
    table = np.arange(10, dtype=np.float32).reshape(5, 2)
    for function in ("nn.embedding_lookup", "compat.v1.nn.embedding_lookup"):
        node = ["_CONSTANT_VALUE", -1, table.tolist(), {"ids": ["in0", 0, 0]}]
        assert_computes(graph([ROWS], [operation("it", function, [node])], "it"), [ROWS], table[ROWS])


def sizes(*last: Any) -> list[Any]:
    item = "__operators__.getitem"
    return [operation("shape", "compat.v1.shape", [["in0", 0, 0, {"out_type": "int32"}]]),
            operation("batch", item, [["shape", 0, 0, {"slice_spec": 0}]]),
            operation("rows", item, [["shape", 0, 0, {"slice_spec": 1}]]),
            operation("columns", item, [["shape", 0, 0, {"slice_spec": 2}]]),
            operation("product", "math.multiply", [["rows", 0, 0, {"y": ["columns", 0, 0]}]]),
            operation("all", "math.multiply", [["batch", 0, 0, {"y": ["product", 0, 0]}]]), *last]


def test_shapes_that_the_graph_computes() -> None:
    shape = [["batch", 0, 0], ["product", 0, 0]]
    model = graph([X], sizes(operation("it", "reshape", [["in0", 0, 0, {"shape": shape}]])), "it")
    assert_computes(model, [X], X.reshape(3, 24))
    first = operation("first", "__operators__.getitem", [["in0", 0, 0, {"slice_spec": [
        {"start": None, "stop": None, "step": None}, {"start": None, "stop": 1, "step": None}]}]])
    model = graph([X], sizes(first, operation("it", "broadcast_to", [["first", 0, 0, {"shape": ["shape", 0, 0]}]])),
                  "it")
    assert_computes(model, [X], np.broadcast_to(X[:, :1], X.shape))


def test_what_has_no_counterpart_is_told() -> None:
    shape = [["batch", 0, 0], ["all", 0, 0]]
    with pytest.raises(ValueError, match=r"'reshape' with shape=.*load_weights"):
        graph([X], sizes(operation("it", "reshape", [["in0", 0, 0, {"shape": shape}]])), "it")
    with pytest.raises(ValueError, match="'gather' with batch_dims=2"):
        graph([X, ROWS], [operation("it", "gather", [["in0", 0, 0, {"indices": ["in1", 0, 0], "batch_dims": 2}]])],
              "it")
