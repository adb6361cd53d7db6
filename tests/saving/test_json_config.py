"""Architectures of every Keras become one kind of spec."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import saving
from bigdl_keras.models.spec import spec_of
from bigdl_keras.saving import Call, ModelSpec, TensorRef
from bigdl_keras.saving.keras2_json import in_keras_2
from bigdl_keras.saving.keras_json import _NOT_IN_KERAS_3

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "public"
DATA = Path(__file__).resolve().parents[1] / "data" / "keras"
ARCHITECTURES = [
    path
    for path in sorted(FIXTURES.glob("*/*.json"))
    if not path.stem.endswith(
        ("activations", "losses", "metrics", "optimizers", "schedules", "regcon", "regularizers_constraints")
    )
]


def read(name: str) -> ModelSpec:
    path = next(FIXTURES.glob(f"*/{name}.json"), None)
    if path is None:
        pytest.skip("the fixtures are not here")
    return saving.read_json(path.read_text())


def layers_of(spec: ModelSpec) -> dict[str, Any]:
    return {layer.name: layer for layer in spec.layers}


@pytest.mark.skipif(not ARCHITECTURES, reason="the fixtures are not here")
def test_every_genuine_architecture_is_read_and_written_back() -> None:
    count = 0
    for path in ARCHITECTURES:
        entry = json.loads(path.read_text())
        if "class_name" not in entry:
            continue
        spec = saving.read_json(entry)
        assert str(spec.version.major) == path.parent.name.removeprefix("keras")[0], path.name
        again = saving.read_json(json.loads(json.dumps(saving.to_keras_json(spec))))
        assert [layer.name for layer in again.layers] == [layer.name for layer in spec.layers], path.name
        assert bare(again) == bare(spec), path.name
        count += 1
    assert count > 400


def bare(spec: ModelSpec) -> ModelSpec:
    """A spec without what only says where it came from, and with operators' arguments in one place."""
    layers = []
    for layer in spec.layers:
        config = {
            key: json.loads(json.dumps(value)) if not has_model(value) else None
            for key, value in layer.config.items()
            if key not in _NOT_IN_KERAS_3
        }
        inbound = layer.inbound
        if layer.class_name.startswith("ops."):
            config, inbound = (
                {},
                tuple(Call(tuple(a for a in call.args if isinstance(a, TensorRef))) for call in inbound),
            )
        layers.append(
            replace(
                layer,
                module=None,
                registered_name=None,
                build_shape=None,
                config=config,
                inbound=inbound,
                model=None if layer.model is None else bare(layer.model),
            )
        )
    return replace(spec, version=saving.Version(3), compile=None, layers=tuple(layers))


def has_model(value: Any) -> bool:
    return isinstance(value, dict) and "model" in value


def test_keras_1_names_become_those_of_keras_3() -> None:
    spec = saving.read_json(
        {
            "class_name": "Sequential",
            "keras_version": "1.2.2",
            "config": [
                {
                    "class_name": "Convolution2D",
                    "config": {
                        "name": "c",
                        "trainable": True,
                        "batch_input_shape": [None, 8, 9, 3],
                        "input_dtype": "float32",
                        "nb_filter": 4,
                        "nb_row": 2,
                        "nb_col": 5,
                        "init": "glorot_uniform",
                        "activation": "hard_sigmoid",
                        "border_mode": "same",
                        "subsample": [1, 2],
                        "dim_ordering": "tf",
                        "W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.5},
                        "b_regularizer": None,
                        "activity_regularizer": None,
                        "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
                        "b_constraint": None,
                        "bias": True,
                    },
                },
                {"class_name": "ZeroPadding2D", "config": {"name": "z", "trainable": True, "padding": [1, 2]}},
                {
                    "class_name": "BatchNormalization",
                    "config": {"name": "b", "mode": 0, "axis": -1, "epsilon": 1e-3, "momentum": 0.9},
                },
            ],
        }
    )
    first, convolution, padding, normalization = spec.layers
    assert first.class_name == "InputLayer" and first.config["batch_shape"] == [None, 8, 9, 3]
    assert convolution.class_name == "Conv2D"
    assert convolution.config == {
        "name": "c",
        "trainable": True,
        "filters": 4,
        "kernel_size": [2, 5],
        "strides": [1, 2],
        "padding": "same",
        "data_format": "channels_last",
        "activation": "hard_sigmoid_legacy",
        "use_bias": True,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {}},
        "bias_regularizer": None,
        "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.5}},
        "kernel_constraint": {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
        "bias_constraint": None,
    }
    assert padding.config["data_format"] == "channels_last"
    assert "mode" not in normalization.config


@pytest.mark.parametrize(
    ("name", "layer", "key", "value"),
    [
        ("k224_gru_basic", "gru_1", "reset_after", False),
        ("k224_gru_basic", "gru_1", "recurrent_activation", "hard_sigmoid_legacy"),
        ("k215_gru_basic", "gru", "reset_after", True),
        ("k122tf_gru_basic", "gru_1", "reset_after", False),
        ("k224_cudnn_gru", "cu_dnngru_1", "recurrent_activation", "sigmoid"),
    ],
)
def test_what_versions_mean_is_spelled_out(name: str, layer: str, key: str, value: Any) -> None:
    assert layers_of(read(name))[layer].config[key] == value


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("k122tf_nested_model", "inner"),
        ("k224_nested_model", "inner"),
        ("k28_nested_model", "inner"),
        ("k215_nested_model", "inner"),
        ("k3_nested_model", "inner"),
    ],
)
def test_calls_of_nested_models_count_from_zero(name: str, inner: str) -> None:
    spec = read(name)
    users = [
        ref
        for layer in spec.layers
        for call in layer.inbound
        for ref in saving.tensors_of(call.args)
        if ref.layer == inner
    ]
    assert users == [TensorRef(inner, 0, 0)]
    assert layers_of(spec)[inner].model.class_name == "Functional"


def test_recurrent_states_are_an_argument() -> None:
    for name in ("k215_lstm_seq2seq", "k3_lstm_seq2seq"):
        (call,) = layers_of(read(name))["dec"].inbound
        assert call.kwargs == {"initial_state": [TensorRef("enc", 0, 1), TensorRef("enc", 0, 2)]}
        assert len(call.args) == 1


def test_operators_become_functions() -> None:
    for name in ("k215_tensor_ops", "k3_tensor_ops"):
        operators = [layer for layer in read(name).layers if layer.class_name.startswith("ops.")]
        assert [layer.class_name for layer in operators] == ["ops.multiply", "ops.add"]
        assert [layer.inbound[0].args[1] for layer in operators] == [2.0, 1.0]


def test_structure_of_inputs_is_kept() -> None:
    spec = saving.read_json((DATA / "k3_shared_dense.json").read_text())
    assert spec.inputs == [TensorRef("input_layer"), TensorRef("input_layer_1")]
    assert spec.outputs == TensorRef("dense")
    assert layers_of(spec)["subtract"].inbound == (Call(([TensorRef("shared", 0), TensorRef("shared", 1)],)),)
    assert layers_of(spec)["shared"].inbound[0].args[0].shape == (None, 5)


def test_all_gaps_are_told_at_once() -> None:
    entry = {
        "class_name": "Sequential",
        "keras_version": "2.15.0",
        "config": {
            "name": "s",
            "layers": [
                {"class_name": "Danse", "config": {"name": "a"}},
                {"class_name": "Dense", "config": {"name": "b", "units": 1}},
                {
                    "class_name": "TimeDistributed",
                    "config": {"name": "t", "layer": {"class_name": "Nonsense", "config": {"name": "c"}}},
                },
            ],
        },
    }
    with pytest.raises(ValueError, match="Did you mean 'Dense'") as caught:
        saving.read_json(entry, known_layers={"Dense", "TimeDistributed"})
    assert (
        "Nonsense" in str(caught.value)
        and "Keras 2.15.0" in str(caught.value)
        and "custom_objects" in str(caught.value)
    )


@pytest.mark.parametrize(
    "function", [["4wEAAAA=", None, None], {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}]
)
def test_bytecode_is_refused(function: Any) -> None:
    entry = {
        "class_name": "Sequential",
        "keras_version": "2.15.0",
        "config": {
            "name": "s",
            "layers": [
                {"class_name": "Lambda", "config": {"name": "l", "function": function, "function_type": "lambda"}}
            ],
        },
    }
    with pytest.raises(ValueError, match="never executed"):
        saving.read_json(entry)
    assert saving.read_json(entry, safe_mode=False).layers[-1].config["function"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1, 2]", "Expected the JSON of a Sequential or Functional model"),
        ('{"class_name": "Mine", "config": {"width": 3}}', "subclassed model"),
        ("[" * 5000 + "]" * 5000, "nested"),
        (
            '{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": '
            + '{"a":' * 400
            + "1"
            + "}" * 400
            + "}]}}",
            "nested more than",
        ),
        ('{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense"}]}}', "has no config"),
        ('{"class_name": "Sequential", "config": {"layers": [3]}}', "Expected a layer"),
    ],
)
def test_bad_json_is_explained(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        saving.read_json(text)


def functional(layers: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["a", 0, 0]], **changes}
    return {"class_name": "Functional", "config": config, "keras_version": "2.8.0"}


X = {
    "class_name": "InputLayer",
    "name": "x",
    "config": {"name": "x", "batch_input_shape": [None, 2]},
    "inbound_nodes": [],
}


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ({"a": ["b", 0, 0, {}], "b": ["a", 0, 0, {}]}, "wait for each other"),
        ({"a": ["nobody", 0, 0, {}]}, "does not exist"),
        ({"a": ["x", 7, 0, {}]}, "is called 1 times"),
        ({"a": ["x", -1, 0, {}]}, "Expected a tensor"),
        ({"a": ["x"]}, "must be a list"),
    ],
)
def test_impossible_graphs_are_refused(nodes: dict[str, Any], message: str) -> None:
    layers = [
        X,
        *(
            {
                "class_name": "Activation",
                "name": name,
                "config": {"name": name, "activation": "relu"},
                "inbound_nodes": [[node]],
            }
            for name, node in nodes.items()
        ),
    ]
    with pytest.raises(ValueError, match=message):
        saving.read_json(functional(layers))


def test_layers_may_stand_before_what_feeds_them() -> None:
    layers = [
        {
            "class_name": "Activation",
            "name": "a",
            "config": {"name": "a", "activation": "relu"},
            "inbound_nodes": [[["b", 0, 0, {}]]],
        },
        {
            "class_name": "Activation",
            "name": "b",
            "config": {"name": "b", "activation": "relu"},
            "inbound_nodes": [[["x", 0, 0, {}]]],
        },
        X,
    ]
    assert [layer.name for layer in saving.read_json(functional(layers)).layers] == ["a", "b", "x"]


def test_merged_branches_of_keras_1_become_a_graph() -> None:
    spec = read("k122tf_seq_merge_concat")
    assert spec.class_name == "Functional"
    assert [layer.class_name for layer in spec.layers if layer.class_name in ("InputLayer", "Concatenate")] == [
        "InputLayer",
        "InputLayer",
        "Concatenate",
    ]


def test_an_argument_without_a_form_in_a_file_is_named() -> None:
    spec = ModelSpec("Sequential", "s", (saving.LayerSpec("Lambda", "l", {"name": "l", "function": lambda x: x}),))
    with pytest.raises(ValueError, match=r"Lambda\.function"):
        saving.to_keras_json(spec)


@pytest.mark.parametrize(
    ("padding", "stride", "kernel", "size", "extra"),
    [
        ("same", 2, 3, 8, None),
        ("same", 2, 3, 7, [0, 0]),
        ("valid", 2, 3, 9, None),
        ("valid", 2, 3, 10, [1, 1]),
        ("valid", 3, 2, 12, None),
        ("valid", 3, 2, 11, [0, 0]),
        ("same", 2, 4, 8, None),
    ],
)
def test_sizes_of_keras_1_deconvolutions(padding: str, stride: int, kernel: int, size: int, extra: Any) -> None:
    config = {
        "name": "d",
        "nb_filter": 2,
        "nb_row": kernel,
        "nb_col": kernel,
        "subsample": [stride, stride],
        "dim_ordering": "th",
        "border_mode": padding,
        "output_shape": [None, 2, size, size],
        "batch_input_shape": [None, 3, 4, 4],
    }
    spec = saving.read_json(
        {
            "class_name": "Sequential",
            "keras_version": "1.2.2",
            "config": [{"class_name": "Deconvolution2D", "config": config}],
        }
    )
    assert spec.layers[1].class_name == "Conv2DTranspose"
    assert spec.layers[1].config.get("output_padding") == extra


def test_same_padding_of_theano_is_half_a_kernel() -> None:
    config = {
        "name": "c",
        "nb_filter": 2,
        "nb_row": 3,
        "nb_col": 4,
        "subsample": [2, 1],
        "dim_ordering": "th",
        "border_mode": "same",
        "batch_input_shape": [None, 3, 8, 8],
    }
    entry = {"class_name": "Sequential", "config": [{"class_name": "Convolution2D", "config": config}]}
    spec = saving.read_json(entry, version=saving.Version(1, "1.2.2", "theano"))
    assert [layer.class_name for layer in spec.layers] == ["InputLayer", "ZeroPadding2D", "Conv2D"]
    assert spec.layers[1].config["padding"] == [[1, 1], [2, 1]]
    assert spec.layers[2].config["padding"] == "valid"


def test_an_anonymous_function_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    layer = saving.LayerSpec("Lambda", "l", {"name": "l", "function": "<lambda>"})
    saving.to_keras_json(ModelSpec("Sequential", "s", (layer,)))
    assert "custom_objects" in caplog.text


def test_compile_arguments_of_older_keras() -> None:
    path = DATA / "k215_resume_adam.h5"
    compiled = saving.read_file(path).spec.compile  # type: ignore[union-attr]
    assert compiled is not None and compiled["optimizer"]["class_name"] == "Adam"
    assert compiled["optimizer"]["config"]["learning_rate"] == pytest.approx(0.01)
    assert compiled["loss"] == "categorical_crossentropy"
    decayed = next(FIXTURES.glob("*/k122tf_resume_adam_decay.h5"), None)
    if decayed is not None:
        optimizer = saving.read_file(decayed).spec.compile["optimizer"]  # type: ignore[union-attr, index]
        assert optimizer["config"]["learning_rate"]["class_name"] == "InverseTimeDecay"


def test_arguments_of_users_layers_are_left_alone() -> None:
    config = {"name": "m", "trainable": True, "dtype": "float32", "input_dim": 3, "sparse": False, "layer": {"size": 2}}
    entry = {
        "class_name": "Sequential",
        "module": "keras",
        "config": {
            "name": "s",
            "layers": [{"class_name": "Mine", "module": "mine", "registered_name": "mine>Mine", "config": config}],
        },
    }
    spec = saving.read_json(entry, known_layers={"mine>Mine"})
    assert spec.layers[0].config == config
    again = saving.read_json(saving.to_keras_json(spec))
    assert again.layers[0].config == config
    assert again.layers[0].registered_name == "mine>Mine"


def test_an_activation_may_be_a_layer_of_older_keras() -> None:
    layer = {
        "class_name": "Dense",
        "config": {
            "name": "d",
            "units": 1,
            "activation": {"class_name": "LeakyReLU", "config": {"name": "l", "alpha": 0.25}},
        },
    }
    spec = saving.read_json(
        {"class_name": "Sequential", "keras_version": "2.8.0", "config": {"name": "s", "layers": [layer]}}
    )
    activation = spec.layers[0].config["activation"]
    assert activation["class_name"] == "LeakyReLU" and activation["config"]["negative_slope"] == 0.25


def operator(class_name: str, config: dict[str, Any], args: list[Any], module: str | None) -> dict[str, Any]:
    entry = {"class_name": class_name, "config": {"name": "done", **config}, "name": "done",
             "inbound_nodes": [{"args": args, "kwargs": {}}]}
    return {**entry, "module": module} if module else entry


@pytest.mark.parametrize("module", [None, "keras.src.ops.numpy"])  # legacy files of Keras 3 tell no module
@pytest.mark.parametrize(("class_name", "config", "expected"), [
    ("Prod", {"axis": 1, "keepdims": False, "dtype": None}, [2.0]),
    ("Max", {"axis": 1, "keepdims": True, "initial": None}, [[2.0]]),
    ("Cast", {"dtype": "int32"}, [[1, 2]]),
    ("TrueDivide", {}, [[1.0, 1.0]]),
    ("Einsum", {"subscripts": "ij->ji"}, [[1.0], [2.0]]),
    ("GetItem", {}, [2.0]),
])
def test_operations_of_keras_3(module: str | None, class_name: str, config: dict[str, Any], expected: Any) -> None:
    history = {"shape": [None, 2], "dtype": "float32", "keras_history": ["x", 0, 0]}
    tensor = {"class_name": "__keras_tensor__", "config": history}
    everything = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
    more = {"TrueDivide": [tensor], "GetItem": [[everything, 1]]}.get(class_name, [])
    inputs = {"class_name": "InputLayer", "config": {"batch_shape": [None, 2], "dtype": "float32", "name": "x"},
              "name": "x", "inbound_nodes": []}
    layers = [inputs, operator(class_name, config, [tensor, *more], module)]
    graph = {"name": "m", "layers": layers, "input_layers": ["x", 0, 0], "output_layers": ["done", 0, 0]}
    model = bk.models.model_from_json(json.dumps({"class_name": "Functional", "config": graph, "module": "keras"}))
    np.testing.assert_array_equal(model.predict(np.float32([[1, 2]])), expected)


def test_a_legacy_file_speaks_keras_2_where_it_has_the_words() -> None:
    """Both Keras 2.15 and 3 read these; `make interop` and `make interop2` ask them."""
    x = bk.Input((4,), name="x")
    plain = in_keras_2(saving.to_keras_json(spec_of(bk.Model(x, bk.layers.LeakyReLU(0.3, name="leaky")(x)))))
    assert plain is not None
    first, second = plain["config"]["layers"]
    assert first["config"]["batch_input_shape"] == [None, 4] and "batch_shape" not in first["config"]
    assert second["config"]["alpha"] == 0.3 and second["config"]["dtype"] == "float32"
    assert second["inbound_nodes"] == [[["x", 0, 0, {}]]]
    inner = bk.Sequential([bk.Input((4,)), bk.layers.Dense(2)])
    for output in (x + 1.0, inner(x), bk.layers.RMSNormalization()(x)):
        assert in_keras_2(saving.to_keras_json(spec_of(bk.Model(x, output)))) is None


@pytest.mark.parametrize(("version", "units", "shape"), [
    ("1.2.2", "output_dim", "batch_input_shape"), ("2.15.0", "units", "batch_input_shape"),
    ("3.15.1", "units", "batch_shape"),
])
def test_one_error_tells_all_that_cannot_be_imported(version: str, units: str, shape: str) -> None:
    def sequential(*layers: dict[str, Any]) -> str:
        first = {"class_name": "Dense", "config": {"name": "first", units: 2, shape: [None, 3]}}
        entry = {"class_name": "Sequential", "keras_version": version}
        return json.dumps({**entry, "config": [first, *layers] if version[0] == "1" else {"layers": [first, *layers]}})

    classes = [{"class_name": name, "config": {"name": name.lower()}} for name in ("Puzzle", "Riddle")]
    with pytest.raises(ValueError, match="cannot be imported") as caught:
        bk.models.model_from_json(sequential(*classes))
    for told in (f"Keras {version}", "'puzzle' of class 'Puzzle'", "'riddle' of class 'Riddle'", "custom_objects"):
        assert told in str(caught.value)
    refusing = [{"class_name": "Dense", "config": {"name": name, units: 2, "twist": 1}} for name in ("one", "two")]
    with pytest.raises(ValueError, match="refuse their arguments") as caught:
        bk.models.model_from_json(sequential(*refusing))
    for told in (f"Keras {version}", "'one'", "'two'", "'twist'"):
        assert told in str(caught.value)
