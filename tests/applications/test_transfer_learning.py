"""Genuine files of Keras are cut, frozen, given a new head, and learn on a DataFrame; what is frozen does not move."""

import numpy as np
import pytest

import bigdl_keras as bk

FILE = "keras2.15/k215_app_mobilenet_025.h5"
LAST = "conv_pw_13_relu"


@pytest.fixture
def genuine(fixtures):
    """MobileNet as Keras 2.15 saved it."""
    return bk.models.load_model(fixtures / FILE)


def with_new_head(body):
    """A model of the body's layers and a new classifier of three classes."""
    x = bk.layers.GlobalAveragePooling2D(name="new_pool")(body.output)
    return bk.Model(body.input, bk.layers.Dense(3, activation="softmax", name="new_head")(x))


def bodies(model):
    """The ways to drop a head, which all share the layers of `model`."""
    return [model.new_graph(LAST), bk.Model(model.input, model.get_layer(LAST).output)]


def images(count):
    generator = np.random.default_rng(5)
    labels = np.arange(count) % 3
    x = generator.normal(size=(count, 32, 32, 3)).astype("float32") * 0.3
    x[np.arange(count), ..., labels] += 1.0  # each class has its own colour
    return x, labels


def test_all_ways_to_drop_the_head_give_the_same_features(genuine, fixtures):
    x, _ = images(2)
    cut, chosen = (body.predict(x, verbose=0) for body in bodies(genuine))
    np.testing.assert_array_equal(cut, chosen)
    topless = bk.applications.MobileNet((32, 32, 3), 0.25, include_top=False)
    report = topless.load_weights(fixtures / FILE, by_name=True)
    assert report.missing == [] and report.unused == ["conv_preds"]
    np.testing.assert_allclose(topless.predict(x, verbose=0), cut, atol=1e-6)


def test_features_then_head_are_the_whole(genuine):
    """Layer by layer: what a layer says in a model cut there is what the rest of the model goes on from."""
    x, _ = images(2)
    whole = genuine.predict(x, verbose=0)
    layer_outputs = genuine.new_graph([layer.name for layer in genuine.layers[1:]]).predict(x, verbose=0)
    assert len(layer_outputs) == len(genuine.layers) - 1
    np.testing.assert_allclose(layer_outputs[-1], whole, atol=1e-6)
    for before, layer, after in zip(layer_outputs, genuine.layers[2:], layer_outputs[1:], strict=False):
        single = bk.Model(tensor := bk.Input(before.shape[1:]), layer(tensor))
        np.testing.assert_allclose(single.predict(before, verbose=0), after, rtol=1e-5, atol=1e-5, err_msg=layer.name)


@pytest.mark.spark
def test_fine_tuning_on_a_data_frame(spark, genuine):
    body = genuine.new_graph(LAST)
    body.freeze()
    model = with_new_head(body)
    assert [variable.path for variable in model.trainable_weights] == ["new_head/kernel", "new_head/bias"]
    frozen = body.get_weights()
    bk.set_random_seed(1)
    x, labels = images(24)
    rows = [(image.ravel().tolist(), int(label)) for image, label in zip(x, labels, strict=True)]
    frame = spark.createDataFrame(rows, "pixels array<float>, label int").repartition(2)
    columns = {"feature_cols": ["pixels"], "label_cols": ["label"]}
    model.compile(bk.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(frame, **columns, batch_size=8, epochs=6, workers=2, seed=3, verbose=0).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert history["accuracy"][-1] > 0.6  # a third by chance; the frozen features were never trained
    for name, before, after in zip(body.weights, frozen, body.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after, err_msg=name.path)  # moving averages stand still as well

    body.unfreeze()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(frame, **columns, batch_size=8, epochs=1, workers=2, seed=3, verbose=0)
    assert any((before != after).any() for before, after in zip(frozen, body.get_weights(), strict=True))
    scored = model.predict(frame, feature_cols=["pixels"]).collect()
    assert len(scored) == 24
