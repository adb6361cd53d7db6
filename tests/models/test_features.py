"""What a model can besides training: parts, freezing, penalties, several outputs by name, the user's own classes."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4)).astype("float32")
Y = X[:, :2]


def branched():
    left, right = bk.Input((4,), name="left"), bk.Input((2,), name="right")
    hidden = bk.layers.Dense(3, name="hidden")(left)
    first = bk.layers.Dense(2, name="first")(hidden)
    second = bk.layers.Add(name="second")([first, bk.layers.Dense(2, name="beside")(right)])
    return bk.Model([left, right], [first, second])


def test_new_graph_shares_layers_and_needs_fewer_inputs():
    model = branched()
    part = model.new_graph("first")
    assert [tensor.name for tensor in part.inputs] == ["left"] and part.get_layer("hidden") is model.get_layer("hidden")
    np.testing.assert_allclose(part.predict(X, verbose=0), model.predict([X, Y], verbose=0)[0], rtol=1e-6)
    both = model.new_graph(["hidden", "second"])
    assert [output.shape for output in both.outputs] == [(None, 3), (None, 2)] and len(both.inputs) == 2
    part.compile("sgd", "mse")
    part.fit(X, Y, verbose=0)
    np.testing.assert_allclose(part.predict(X, verbose=0), model.predict([X, Y], verbose=0)[0], rtol=1e-6)
    with pytest.raises(ValueError, match="no layer called 'third'"):
        model.new_graph("third")


def test_freeze_up_to_and_unfreeze():
    model = branched()
    model.freeze_up_to("first")
    assert {layer.name for layer in model.layers if not layer.trainable} == {"left", "hidden", "first"}
    model.unfreeze(["hidden"])
    model.freeze("beside")
    assert {variable.path for variable in model.trainable_weights} == {"hidden/kernel", "hidden/bias"}
    model.compile("sgd", ["mse", None])
    before = model.get_weights()
    model.fit([X, Y], [Y, Y], verbose=0)
    changed = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert [variable.path for variable, moved in zip(model.weights, changed, strict=True) if moved] == \
        ["hidden/kernel", "hidden/bias"]


def test_layers_by_name_and_index():
    model = branched()
    assert model.get_layer(index=-1).name == "second" and model.get_layer("hidden").name == "hidden"
    with pytest.raises(ValueError, match="number 9"):
        model.get_layer(index=9)


def test_classes():
    model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(3)])
    np.testing.assert_array_equal(model.predict_classes(X), model.predict(X, verbose=0).argmax(axis=1))
    single = bk.Sequential([bk.Input((4,)), bk.layers.Dense(1, activation="sigmoid")])
    np.testing.assert_array_equal(single.predict_classes(X, zero_based_label=False),
                                  1 + (single.predict(X, verbose=0)[:, 0] > 0.5))


def test_outputs_by_key():
    entry = bk.Input((4,))
    model = bk.Model(entry, {"b": bk.layers.Dense(2, name="x")(entry), "a": bk.layers.Dense(1, name="y")(entry)})
    assert model.output_names == ["a", "b"]
    model.compile("sgd", {"a": "mae", "b": "mse"}, loss_weights={"b": 0.5}, metrics={"a": ["mse"]},
                  weighted_metrics={"b": ["mae"]})
    labels = {"a": X[:, :1], "b": Y}
    history = model.fit(X, labels, sample_weight=np.ones(40), verbose=0).history
    assert set(history) == {"loss", "a_loss", "b_loss", "a_mse", "b_mae"}
    assert model.metrics_names == list(history) and [metric.name for metric in model.metrics] == ["mse", "mae"]
    found = model.evaluate(X, labels, verbose=0, return_dict=True)
    predictions = model.predict(X, verbose=0)
    assert found["loss"] == pytest.approx(np.abs(predictions["a"] - X[:, :1]).mean()
                                          + 0.5 * np.square(predictions["b"] - Y).mean(), rel=1e-4)


def test_lists_of_losses_and_metrics_are_in_the_order_of_keras():
    entry = bk.Input((4,))
    model = bk.Model(entry, [bk.layers.Dense(1, name="b")(entry), bk.layers.Dense(1, name="a")(entry)])
    model.compile("sgd", ["mse", "mae"], metrics=[["mse", "mae"], ["mse"]], weighted_metrics=[["mae"], None])
    labels = [Y[:, :1], X[:, :1]]
    found = model.evaluate(X, labels, verbose=0, return_dict=True)
    assert list(found) == ["loss", "b_loss", "a_loss", "a_mse", "b_mae", "b_mse", "b_weighted_mae"]  # as Keras 3.15
    for answer in (model.evaluate(X, labels, verbose=0), model.test_on_batch(X, labels)):
        assert answer == pytest.approx(list(found.values()))
    assert len(set(found.values())) == 5 and found["b_mae"] == found["b_weighted_mae"]
    one = bk.Sequential([bk.Input((4,)), bk.layers.Dense(1)])
    one.compile("sgd", "mse", metrics=["mse", "mae"], weighted_metrics=["mae"])
    assert list(one.evaluate(X, Y[:, :1], verbose=0, return_dict=True)) == ["loss", "mse", "mae", "weighted_mae"]


def test_metrics_in_the_place_of_loss_weights_are_refused():
    model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(1)])
    for given in (["acc"], "acc", ["acc", "mse"], [bk.metrics.Mean()]):
        with pytest.raises(ValueError, match=r"loss_weights.*Metrics are given by name.*metrics="):
            model.compile("sgd", "mse", given)


def test_penalties_of_weights_outputs_and_layers():
    class Penalized(bk.Layer):
        def call(self, inputs):
            self.add_loss(bk.ops.mean(bk.ops.square(inputs)))
            return inputs

    model = bk.Sequential([
        bk.Input((4,)), Penalized(),
        bk.layers.Dense(2, kernel_regularizer="l2", activity_regularizer=bk.regularizers.L1(0.1))])
    model.compile("sgd", "mse")
    predictions = model.predict(X, verbose=0)
    kernel = model.layers[1].kernel.value
    weight_penalty = 0.01 * np.square(kernel).sum()
    np.testing.assert_allclose(model.losses, [weight_penalty], rtol=1e-5)
    expected = (np.square(predictions - Y).mean() + weight_penalty + 0.1 * np.abs(predictions).sum() / 40
                + np.square(X).mean())
    assert model.evaluate(X, Y, batch_size=40, verbose=0) == pytest.approx(expected, rel=1e-4)


def test_epochs_steps_and_when_to_validate():
    model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(2)])
    model.compile("sgd", "mse")
    history = model.fit(X, Y, batch_size=10, epochs=6, initial_epoch=2, steps_per_epoch=3, validation_data=(X, Y),
                        validation_freq=2, verbose=0)
    assert history.epoch == [2, 3, 4, 5] and len(history.history["val_loss"]) == 2
    assert model.optimizer.iterations == 12
    history = model.fit(X, Y, epochs=3, validation_data=(X, Y), validation_freq=[1, 3], verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_the_users_classes_are_known_in_a_scope(tmp_path):
    class Doubling(bk.Layer):
        def call(self, inputs):
            return inputs * 2.0

    model = bk.Sequential([bk.Input((4,)), Doubling()])
    model.save(tmp_path / "model.keras")
    with bk.custom_object_scope({"Doubling": Doubling}):
        again = bk.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), 2 * X, rtol=1e-6)
    with pytest.raises(ValueError, match="Doubling"):
        bk.models.load_model(tmp_path / "model.keras")
    bk.get_custom_objects()["Doubling"] = Doubling
    try:
        assert bk.models.load_model(tmp_path / "model.keras").count_params() == 0
    finally:
        del bk.get_custom_objects()["Doubling"]
