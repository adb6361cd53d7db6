"""Arrays of every file layout reach their places, and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import saving
from bigdl_keras.saving import StoreNode, StoreVariable, Version
from bigdl_keras.saving.keras_h5 import v1, v2
from bigdl_keras.saving.keras_h5.layouts import layout_of
from bigdl_keras.saving.store import paths_of, snake_case

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "public"
DATA = Path(__file__).resolve().parents[1] / "data" / "keras"
ARCHIVES = sorted(FIXTURES.glob("*/*.keras"))
Tree = Callable[[Path], tuple[saving.ModelSpec, StoreNode]]


def values(root: StoreNode) -> list[np.ndarray]:
    return [variable.value for variable in root.flat() if variable.value is not None]


def equal(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize(
    ("class_name", "stored"),
    [
        ("Conv2D", "conv2d"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("LSTM", "lstm"),
        ("ConvLSTM2D", "conv_lstm2d"),
        ("InputLayer", "input_layer"),
        ("GroupQueryAttention", "grouped_query_attention"),
    ],
)
def test_names_in_files(class_name: str, stored: str) -> None:
    assert snake_case(class_name) == stored


@pytest.mark.skipif(not ARCHIVES, reason="the fixtures are not here")
def test_all_layouts_of_one_model_hold_the_same_arrays(keras_tree: Tree) -> None:
    pairs = 0
    for path in ARCHIVES:
        _, root = keras_tree(path)
        assert equal(saving.read_file(path).read_weights(root).arrays, values(root)), path.name
        for other in (path.with_suffix(".h5"), path.with_name(path.stem + ".weights.h5")):
            if other.exists():
                assert equal(saving.read_file(other).read_weights(root).arrays, values(root)), other.name
                pairs += 1
    assert pairs > 70


@pytest.mark.skipif(not ARCHIVES, reason="the fixtures are not here")
def test_what_is_written_is_read(keras_tree: Tree, tmp_path: Path) -> None:
    for path in ARCHIVES[::4]:
        spec, root = keras_tree(path)
        state = saving.read_file(path).read_optimizer(root)
        saving.write_keras(tmp_path / "m.keras", spec, root, state)
        saving.write_h5(tmp_path / "m.h5", spec, root, state)
        saving.write_weights(tmp_path / "m.weights.h5", root)
        for name in ("m.keras", "m.h5", "m.weights.h5"):
            assert equal(saving.read_file(tmp_path / name).read_weights(root).arrays, values(root)), (path.name, name)
        for name in ("m.keras", "m.h5"):
            again = saving.read_file(tmp_path / name)
            assert again.spec is not None
            assert [layer.class_name for layer in again.spec.layers] == [layer.class_name for layer in spec.layers]


def test_equal_models_give_equal_bytes(keras_tree: Tree, tmp_path: Path) -> None:
    spec, root = keras_tree(DATA / "k3_resume_adam.keras")
    for name in ("a.keras", "b.keras"):
        saving.write_keras(tmp_path / name, spec, root)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.keras", "b.keras"]  # nothing left aside


def test_optimizer_state_is_the_same_in_all_layouts(keras_tree: Tree, tmp_path: Path) -> None:
    spec, root = keras_tree(DATA / "k3_resume_adam.keras")
    state = saving.read_file(DATA / "k3_resume_adam.keras").read_optimizer(root)
    assert state is not None and state.iterations == 3 and state.learning_rate == pytest.approx(0.01)
    assert [array.shape for array in state.slots["momentum"]] == [v.shape for v in root.flat() if v.trainable]
    legacy = saving.read_file(DATA / "k3_resume_adam.h5").read_optimizer(root)
    saving.write_keras(tmp_path / "m.keras", spec, root, state)
    saving.write_h5(tmp_path / "m.h5", spec, root, state)
    for other in (legacy, *(saving.read_file(tmp_path / name).read_optimizer(root) for name in ("m.keras", "m.h5"))):
        assert other is not None and other.iterations == 3
        assert all(equal(other.slots[slot], state.slots[slot]) for slot in ("momentum", "velocity"))


def dense(name: str, inputs: int, units: int, trainable: bool = True) -> StoreNode:
    return StoreNode(
        "Dense",
        name,
        (
            StoreVariable("kernel", (inputs, units), trainable, np.full((inputs, units), 2.0, np.float32)),
            StoreVariable("bias", (units,), trainable, np.zeros(units, np.float32)),
        ),
    )


def model(*layers: StoreNode) -> StoreNode:
    return StoreNode("Sequential", "sequential", (), {"layers": layers})


def test_a_shared_layer_is_stored_once() -> None:
    shared = dense("shared", 2, 2)
    root = StoreNode("Functional", "f", (), {"layers": (model(shared), model(shared), dense("dense", 2, 1))})
    assert len(root.flat()) == 4
    assert [path for path, node in paths_of(root) if node.class_name == "Dense"] == [
        "layers/sequential/layers/dense",
        "layers/dense",
    ]


def spec_of(root: StoreNode) -> saving.ModelSpec:
    return saving.ModelSpec(
        "Sequential",
        "sequential",
        tuple(
            saving.LayerSpec("Dense", part.name, {"name": part.name, "units": part.variables[1].shape[0]})
            for part in root.parts()
        ),
    )


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5", ".keras"])
def test_layers_that_do_not_fit_are_named(suffix: str, tmp_path: Path) -> None:
    saved, path = model(dense("one", 3, 4), dense("two", 4, 2)), tmp_path / f"m{suffix}"
    saving.write_weights(path, saved) if suffix == ".weights.h5" else (
        saving.write_h5 if suffix == ".h5" else saving.write_keras
    )(path, spec_of(saved), saved)
    other = model(dense("one", 3, 4), dense("two", 4, 5))
    with pytest.raises(ValueError, match=r"'two'.*\(4, 5\).*\(4, 2\)") as caught:
        saving.read_file(path).read_weights(other)
    assert str(path) in str(caught.value) and "skip_mismatch" in str(caught.value)
    report = saving.read_file(path).read_weights(other, skip_mismatch=True)
    assert report.matched[-1] == "one" and len(report.skipped) == 1
    assert [array is None for array in report.arrays] == [False, False, True, True]


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_by_name_fills_what_has_the_name(suffix: str, tmp_path: Path) -> None:
    saved, path = model(dense("one", 3, 4), dense("two", 4, 2)), tmp_path / f"m{suffix}"
    (saving.write_h5 if suffix == ".h5" else saving.write_keras)(path, spec_of(saved), saved)
    other = model(dense("new", 3, 4), dense("one", 3, 4), dense("last", 4, 2))
    report = saving.read_file(path).read_weights(other, by_name=True)
    assert [array is None for array in report.arrays] == [True, True, False, False, True, True]
    assert "one" in report.matched and set(report.missing) >= {"new", "last"}


def test_by_name_needs_names(tmp_path: Path) -> None:
    saving.write_weights(tmp_path / "m.weights.h5", model(dense("one", 3, 4)))
    with h5py.File(tmp_path / "m.weights.h5", "r+") as file:  # as Keras before 3.6
        del file["layers/dense/vars"].attrs["name"]
    with pytest.raises(ValueError, match="needs the names of layers"):
        saving.read_file(tmp_path / "m.weights.h5").read_weights(model(dense("one", 3, 4)), by_name=True)


@pytest.mark.parametrize(("name", "places"), [
    ("net", {"early": "early", "outer": "layers/dense", "parts": "layers/dense_2", "_private": "layers/dense_3"}),
    (None, {"early": "layers/dense", "outer": "outer", "parts": "parts/dense", "_private": "layers/dense_1"}),
])
def test_subclassed_models_are_stored_in_two_ways(name: str | None, places: dict[str, str], tmp_path: Path) -> None:
    """Places as Keras 3.15 (it stores names) and 2.15 wrote them, for attributes in the order of `net` below."""
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        own = file.create_group("vars")
        if name is not None:
            own.attrs["name"] = name
        for number, attribute in enumerate(places):
            for index, shape in enumerate([(2, 2), (2,)]):
                file[f"{places[attribute]}/vars/{index}"] = np.full(shape, number, "float32")
        file.require_group("layers")
    outer, early, part, private = (dense(attribute, 2, 2) for attribute in ("outer", "early", "part", "_private"))
    net = StoreNode("Net", "net", (), {"outer": outer, "early": early, "parts": (part,), "_private": private})
    report = saving.read_file(tmp_path / "net.weights.h5").read_weights(net)
    assert [float(array.max()) for array in report.arrays[::2]] == [1, 0, 2, 3]  # type: ignore[union-attr]


def test_another_number_of_layers_is_told(tmp_path: Path) -> None:
    saved = model(dense("one", 3, 4), dense("two", 4, 2))
    saving.write_h5(tmp_path / "m.h5", spec_of(saved), saved)
    with pytest.raises(ValueError, match="The file has 2 layers with weights, the model has 1") as caught:
        saving.read_file(tmp_path / "m.h5").read_weights(model(dense("a", 3, 4)), skip_mismatch=True)
    assert "by_name=True" in str(caught.value)


def test_lora_in_a_legacy_file_is_told(tmp_path: Path) -> None:
    saved = model(dense("one", 3, 4))
    saving.write_h5(tmp_path / "m.h5", spec_of(saved), saved)
    names = ["bias", "lora_kernel_a", "lora_kernel_b", "kernel"]  # as Keras 3.15 lists them
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        place = file["model_weights/one"]
        for key in list(place):
            del place[key]
        for name, shape in zip(names, [(4,), (3, 2), (2, 4), (3, 4)], strict=True):
            place[f"sequential/one/{name}"] = np.ones(shape, "float32")
        place.attrs["weight_names"] = np.asarray([f"sequential/one/{name}".encode() for name in names])
    with pytest.raises(ValueError, match="layer 'one' has LoRA adapters"):
        saving.read_file(tmp_path / "m.h5").read_weights(saved)


def test_nested_models_list_trainable_arrays_first() -> None:
    normalization = StoreNode(
        "BatchNormalization",
        "bn",
        tuple(
            StoreVariable(name, (2,), trains)
            for name, trains in (("gamma", True), ("beta", True), ("moving_mean", False), ("moving_variance", False))
        ),
    )
    inner = StoreNode(
        "Functional", "inner", (), {"layers": (dense("a", 2, 2, trainable=False), normalization, dense("b", 2, 2))}
    )
    layout = layout_of(inner, [], Version(2, "2.15.0"), lambda variable: variable.trainable)
    names = [(index, variable.name) for index, variable in enumerate(inner.flat())]
    assert layout.to_file(names) == [
        (2, "gamma"),
        (3, "beta"),
        (6, "kernel"),
        (7, "bias"),
        (0, "kernel"),
        (1, "bias"),
        (4, "moving_mean"),
        (5, "moving_variance"),
    ]  # type: ignore[arg-type, comparison-overlap]
    assert layout.from_file(layout.to_file(names)) == names  # type: ignore[arg-type, comparison-overlap]


@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("class_name", "shapes"),
    [
        ("Conv1D", [(3, 2, 4), (4,)]),
        ("Conv2D", [(3, 2, 4, 5), (5,)]),
        ("Conv3D", [(2, 3, 2, 4, 5), (5,)]),
        ("Conv2DTranspose", [(3, 2, 5, 4), (5,)]),
        ("SeparableConv2D", [(3, 3, 2, 2), (1, 1, 4, 5), (5,)]),
        ("LSTM", [(3, 8), (2, 8), (8,)]),
        ("GRU", [(3, 6), (2, 6), (6,)]),
        ("ConvLSTM2D", [(3, 3, 2, 12), (3, 3, 3, 12), (12,)]),
        ("Dense", [(3, 2), (2,)]),
    ],
)
def test_keras_1_layouts_are_reversible(
    class_name: str, shapes: list[tuple[int, ...]], data_format: str, backend: str
) -> None:
    random = np.random.default_rng(0)
    ours = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    piece = v1.piece(class_name, {"data_format": data_format}, shapes, [], Version(1, "1.2.2", backend))
    file = piece.to_file(ours)
    assert len(file) == piece.count
    assert equal(piece.from_file(file), ours)


@pytest.mark.parametrize(
    ("class_name", "shapes"), [("LSTM", [(3, 8), (2, 8), (8,)]), ("GRU", [(3, 6), (2, 6), (2, 6)])]
)
def test_cudnn_layouts_are_reversible(class_name: str, shapes: list[tuple[int, ...]]) -> None:
    ours = [np.random.default_rng(1).normal(size=shape).astype(np.float32) for shape in shapes]
    bias = (2 * shapes[0][1],)
    piece = v2.piece(class_name, {}, shapes, [shapes[0], shapes[1], bias], Version(2, "2.2.4", "tensorflow"))
    file = piece.to_file(ours)
    assert file[2].shape == bias and not np.array_equal(file[0], ours[0])
    assert equal(piece.from_file(file), ours)


def test_keras_1_gates_are_joined_in_the_order_of_later_keras() -> None:
    with h5py.File(DATA / "k122tf_lstm_basic.h5") as file:
        group = file["model_weights"]["lstm_1"]
        gates = {gate: group[f"lstm_1_W_{gate}:0"][()] for gate in "icfo"}
    units = gates["i"].shape[1]
    shapes = [(gates["i"].shape[0], 4 * units), (units, 4 * units), (4 * units,)]
    cell = StoreNode(
        "LSTMCell",
        "lstm_cell",
        tuple(
            StoreVariable(name, shape)
            for name, shape in zip(("kernel", "recurrent_kernel", "bias"), shapes, strict=True)
        ),
    )
    dense_shapes = [array.shape for array in _arrays(DATA / "k122tf_lstm_basic.h5", "dense_1")]
    root = model(StoreNode("LSTM", "lstm_1", (), {"cell": cell}), dense("dense_1", *dense_shapes[0]))
    file = saving.read_file(DATA / "k122tf_lstm_basic.h5")
    kernel = file.read_weights(root).arrays[0]
    assert np.array_equal(kernel, np.concatenate([gates[gate] for gate in "ifco"], axis=1))
    layout = file.original_layout(root)
    assert layout is not None and layout.count == 12 + 2


def test_theano_kernels_are_turned_around() -> None:
    path = DATA / "k122th_conv2d_valid_th.h5"
    arrays = _arrays(path, "convolution2d_1")
    file = saving.read_file(path)
    assert file.version == Version(1, "1.2.2", "theano")
    shape = tuple(arrays[0].shape[axis] for axis in (2, 3, 1, 0))
    layer = StoreNode(
        "Conv2D",
        "convolution2d_1",
        (StoreVariable("kernel", shape), StoreVariable("bias", arrays[1].shape)),
        {},
        {"data_format": "channels_first"},
    )
    root = model(layer)
    got = file.read_weights(root).arrays
    assert np.array_equal(got[0], arrays[0].transpose(2, 3, 1, 0)[::-1, ::-1])
    layout = file.original_layout(root)
    assert layout is not None and equal(layout.to_file(got), arrays)  # type: ignore[arg-type]


def _arrays(path: Path, layer: str) -> list[np.ndarray]:
    with h5py.File(path) as file:
        group = file["model_weights"][layer]
        return [group[name][()] for name in group.attrs["weight_names"]]


def test_long_lists_of_names_are_cut_and_joined(tmp_path: Path) -> None:
    saved = model(*(dense(f"layer_{number}_{'x' * 200}", 1, 1) for number in range(500)))
    saving.write_h5(tmp_path / "m.h5", spec_of(saved), saved)
    with h5py.File(tmp_path / "m.h5") as file:
        assert "layer_names0" in file["model_weights"].attrs and "layer_names" not in file["model_weights"].attrs
    assert equal(saving.read_file(tmp_path / "m.h5").read_weights(saved).arrays, values(saved))


def test_a_variable_without_a_value_cannot_be_written(tmp_path: Path) -> None:
    empty = model(StoreNode("Dense", "d", (StoreVariable("kernel", (2, 2)),)))
    with pytest.raises(ValueError, match="no value"):
        saving.write_weights(tmp_path / "m.weights.h5", empty)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Create it first"):
        saving.write_weights(tmp_path / "nowhere" / "m.weights.h5", model(dense("d", 1, 1)))


def test_optimizer_state_of_keras_2_is_sorted_into_slots(keras_tree: Tree) -> None:
    _, root = keras_tree(DATA / "k3_resume_adam.keras")
    file = saving.read_file(DATA / "k215_resume_adam.h5")
    shapes = [array.shape for array in file.read_weights(_renamed(root)).arrays if array is not None]
    state = file.read_optimizer(_renamed(root))
    assert state is not None and state.class_name == "Adam" and state.iterations > 0
    assert [array.shape for array in state.slots["velocity"]] == [v.shape for v in root.flat() if v.trainable]
    assert shapes == [v.shape for v in root.flat()]


def _renamed(root: StoreNode) -> StoreNode:
    return replace(root, children={"layers": tuple(replace(part, name=f"other_{part.name}") for part in root.parts())})


@pytest.mark.parametrize("ending", [".h5", ".keras"])
@pytest.mark.parametrize("use_bias", [False, True])  # one or two variables: the counts do not tell heads from slots
def test_the_state_of_an_optimizer_of_few_variables(ending: str, use_bias: bool, tmp_path: Path) -> None:
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(2, use_bias=use_bias)])
    model.compile("adam", "mse")
    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    model.train_on_batch(x, y)
    model.save(tmp_path / f"m{ending}")
    back = bk.models.load_model(tmp_path / f"m{ending}")
    assert back.optimizer.iterations == 1
    for one in (model, back):
        one.train_on_batch(x, y)
    assert equal(back.get_weights(), model.get_weights())
