"""Architectures are Keras's to the name and shape of every layer, take its weights, and predict what it predicts."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import applications

FACTS = json.loads((Path(__file__).parents[1] / "data" / "keras_applications.json").read_text())["cases"]
LARGE = 50_000_000  # parameters; more take seconds to draw


def label(case):
    return "-".join([case["function"], *(f"{key}={value}" for key, value in case["arguments"].items())])


def facts():
    for case in FACTS:
        marks = [pytest.mark.slow] if case["parameters"] > LARGE else []
        yield pytest.param(case, id=label(case), marks=marks)


@pytest.mark.parametrize("case", list(facts()))
def test_architecture_is_that_of_keras(case):
    bk.clear_session()
    model = getattr(applications, case["function"])(**case["arguments"])
    assert model.count_params() == case["parameters"]
    assert list(model.output_shape) == case["output_shape"]
    assert model.name == case["name"]
    if case["layers"] is not None:
        assert [
            [layer.name, type(layer).__name__, list(layer.output.shape[1:]), [list(w.shape) for w in layer.weights]]
            for layer in model.layers
        ] == case["layers"]


# Cases of the fixtures that our functions build: real Keras's predictions, from weights made by a recipe.
BUILT = {
    "k122tf_app_vgg16_notop": lambda: applications.VGG16(include_top=False, input_shape=(48, 48, 3)),
    "k215_app_resnet50": lambda: applications.ResNet50(input_shape=(64, 64, 3), classes=10, classifier_activation=None),
    "k215_app_vgg16": lambda: applications.VGG16(input_shape=(32, 32, 3), classes=10, classifier_activation=None),
    "k215_app_mobilenetv2_035": lambda: applications.MobileNetV2((32, 32, 3), 0.35, classes=10,
                                                                  classifier_activation=None),
    "k215_app_mobilenet_025": lambda: applications.MobileNet((32, 32, 3), 0.25, classes=10, classifier_activation=None),
}


@pytest.fixture(scope="module")
def recipe_weight(fixtures):
    """The function that makes weight i of a case."""
    spec = importlib.util.spec_from_file_location("check_import", fixtures.parent / "check_import.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.recipe_weight


def read_case(fixtures, name):
    cases = json.loads((fixtures / "manifest.json").read_text())["cases"]
    case = next(case for case in cases if case["name"] == name)
    with np.load(fixtures / case["files"]["npz"]) as arrays:
        return case, {key: arrays[key] for key in arrays.files}


def weights_by_recipe(case, recipe_weight):
    recipe = case["recipe"]
    columns = zip(recipe["kinds"], recipe["weight_shapes"], recipe["mul"], recipe["add"], strict=True)
    return [recipe_weight(recipe["seed"], place, kind, tuple(shape), factor, term)
            for place, (kind, shape, factor, term) in enumerate(columns)]


@pytest.mark.parametrize("name", BUILT)
def test_predictions_are_those_of_the_genuine_model(fixtures, recipe_weight, name):
    case, arrays = read_case(fixtures, name)
    model = BUILT[name]()
    assert [list(array.shape) for array in model.get_weights()] == case["recipe"]["weight_shapes"]
    model.set_weights(weights_by_recipe(case, recipe_weight))
    predicted = model.predict(arrays["x"].astype("float32"), verbose=0)
    if "y_slice_note" in arrays:
        predicted = predicted[:, ::2, ::2][..., ::16]
    np.testing.assert_allclose(predicted, arrays["y"], rtol=case["rtol"], atol=case["atol"])


def test_weights_come_from_a_file_of_keras(fixtures):
    _, arrays = read_case(fixtures, "k215_app_mobilenet_025")
    path = fixtures / "keras2.15" / "k215_app_mobilenet_025.h5"
    model = applications.MobileNet((32, 32, 3), 0.25, classes=10, classifier_activation=None, weights=path)
    np.testing.assert_allclose(model.predict(arrays["x"].astype("float32"), verbose=0), arrays["y"], atol=1e-5)


# ---- arguments

def test_imagenet_is_not_downloaded_but_named():
    with pytest.raises(ValueError, match=r"Download https://.*/resnet50_weights_.*_kernels_notop\.h5 and"):
        applications.ResNet50(include_top=False, weights="imagenet")


@pytest.mark.parametrize(("arguments", "message"), [
    ({"weights": "nowhere.h5"}, "There is no file 'nowhere.h5'"),
    ({"pooling": "mean"}, "must be None, 'avg' or 'max'. Received 'mean'"),
    ({"input_shape": (32, 32)}, r"must be \(rows, columns, channels\)"),
    ({"input_shape": (16, 32, 3)}, "at least 32 rows and columns"),
    ({"input_shape": (None, None, 3)}, "must have no None"),
])
def test_arguments_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        applications.MobileNet(**arguments)


def test_input_tensor_may_come_from_other_layers():
    image = bk.Input((40, 40, 3))
    scaled = bk.layers.Rescaling(1 / 255)(image)
    model = applications.MobileNetV2(alpha=0.35, include_top=False, input_tensor=scaled, pooling="avg")
    assert [layer.name for layer in model.layers[:3]] == [model.layers[0].name, "rescaling", "Conv1"]
    assert model.input_shape == (None, 40, 40, 3)
    assert model.output_shape == (None, 1280)


def test_preprocessing_is_that_of_the_weights():
    pixel = np.array([[[10.0, 20.0, 30.0]]])
    np.testing.assert_allclose(applications.preprocess_input(pixel)[0, 0], [30 - 103.939, 20 - 116.779, 10 - 123.68])
    np.testing.assert_allclose(applications.preprocess_input(pixel, "tf")[0, 0], pixel[0, 0] / 127.5 - 1, rtol=1e-6)
    np.testing.assert_allclose(applications.preprocess_input(pixel, "torch")[0, 0],
                               (pixel[0, 0] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225], rtol=1e-5)
    assert pixel[0, 0, 0] == 10.0
    with pytest.raises(ValueError, match="'caffe', 'tf' or 'torch'"):
        applications.preprocess_input(pixel, "keras")


# ---- networks that Keras's applications do not have

COLUMNS = applications.ColumnFeatureInfo(
    wide_base_cols=["gender"], wide_base_dims=[2], wide_cross_cols=["gender_age"], wide_cross_dims=[5],
    indicator_cols=["occupation"], indicator_dims=[4], embed_cols=["user", "item"], embed_in_dims=[6, 7],
    embed_out_dims=[3, 3], continuous_cols=["age"],
)

OTHERS = [
    (lambda: applications.LeNet5(), 156 + 1812 + 19300 + 1010, (None, 10)),
    (lambda: applications.ResNet20(), 274_442, (None, 10)),
    (lambda: applications.Autoencoder(), 784 * 32 + 32 + 32 * 784 + 784, (None, 784)),
    (lambda: applications.Autoencoder(20, [8, 3]), 168 + 27 + 32 + 180, (None, 20)),
    (lambda: applications.NeuralCF(9, 6, 5), 2 * 17 * 20 + 41 * 40 + 41 * 20 + 21 * 10 + 31 * 5, (None, 5)),
    (lambda: applications.NeuralCF(9, 6, 5, include_mf=False),
     17 * 20 + 41 * 40 + 41 * 20 + 21 * 10 + 11 * 5, (None, 5)),
    (lambda: applications.WideAndDeep(2, COLUMNS, "wide"), 8 * 2, (None, 2)),
    (lambda: applications.WideAndDeep(2, COLUMNS, "deep", [4]), 45 + 12 * 4 + 5 * 2, (None, 2)),
    (lambda: applications.WideAndDeep(2, COLUMNS, hidden_layers=[4]), 16 + 45 + 12 * 4 + 5 * 2, (None, 2)),
    (lambda: applications.TextClassifier(4, sequence_length=12, token_length=6, encoder_output_dim=8),
     (30 + 1) * 8 + 9 * 128 + 129 * 4, (None, 4)),
    (lambda: applications.TextClassifier(4, None, 12, "lstm", 8, token_length=6, vocabulary=20),
     20 * 6 + 4 * (6 + 8 + 1) * 8 + 9 * 128 + 129 * 4, (None, 4)),
    (lambda: applications.TextClassifier(4, bk.layers.Embedding(20, 6), 12, "gru", 8),
     20 * 6 + 3 * (6 + 8 + 2) * 8 + 9 * 128 + 129 * 4, (None, 4)),
    (lambda: applications.ConvLSTMSeq2Seq((3, 6, 5, 2), 4, [3, 4]),
     12 * (9 * (2 + 3) + 1) + 16 * (9 * (3 + 4) + 1) + 12 * (9 * (4 + 3) + 1) + 16 * (9 * (3 + 4) + 1) + 5 * 2,
     (None, 4, 6, 5, 2)),
]


def random_rows(model, count):
    generator = np.random.default_rng(0)

    def draw(tensor):
        shape = (count, *tensor.shape[1:])
        whole = tensor.dtype.startswith("int") or isinstance(model.layers[0], bk.layers.Embedding)
        return generator.integers(0, 5, shape) if whole else generator.random(shape, dtype="float32")

    drawn = [draw(tensor) for tensor in model.inputs]
    return drawn[0] if len(drawn) == 1 else drawn


@pytest.mark.parametrize(("build", "parameters", "shape"), OTHERS)
def test_other_networks_have_their_size_and_train(tmp_path, build, parameters, shape):
    model = build()
    assert model.count_params() == parameters
    assert model.output_shape == shape
    x = random_rows(model, 4)
    y = np.random.default_rng(1).random((4, *shape[1:]), dtype="float32")
    model.compile("sgd", "mse")
    before = model.get_weights()
    assert np.isfinite(model.train_on_batch(x, y))
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "m.keras")
    again = bk.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)


def test_columns_and_sizes_must_match():
    with pytest.raises(ValueError, match="`wide_base_dims` must have one number for each of `wide_base_cols`"):
        applications.ColumnFeatureInfo(wide_base_cols=["a", "b"], wide_base_dims=[2])
    with pytest.raises(ValueError, match="no columns for the wide part"):
        applications.WideAndDeep(2, applications.ColumnFeatureInfo(continuous_cols=["age"]))
    with pytest.raises(ValueError, match="must be 'wide_n_deep', 'wide' or 'deep'"):
        applications.WideAndDeep(2, COLUMNS, "broad")


def test_texts_need_words_and_an_encoder():
    with pytest.raises(ValueError, match="Say what words are"):
        applications.TextClassifier(3)
    with pytest.raises(ValueError, match="one of cnn, lstm, gru"):
        applications.TextClassifier(3, token_length=4, encoder="rnn")
