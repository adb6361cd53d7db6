"""compile, fit, evaluate and the batch methods, on arrays in this process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers, ops


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def classifier(units: int = 3, **compile_arguments: Any) -> Any:
    bk.set_random_seed(0)
    model = bk.Sequential(
        [bk.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(units, activation="softmax")]
    )
    model.compile(**({"optimizer": "adam", "loss": "sparse_categorical_crossentropy"} | compile_arguments))
    return model


def data(rng: np.random.Generator, rows: int = 90) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(rows, 4)).astype("float32")
    return x, np.digitize(x[:, 0] + x[:, 1], [-0.5, 0.5])


def test_fit_returns_history_and_learns(rng: np.random.Generator) -> None:
    model, (x, y) = classifier(optimizer=bk.optimizers.Adam(0.02), metrics=["accuracy"]), data(rng)
    history = model.fit(x, y, epochs=30, batch_size=16, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.epoch == list(range(30))
    assert history.history["accuracy"][-1] > 0.8
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_consecutive_batches_follow_keras_exactly(rng: np.random.Generator) -> None:
    """With shuffle=False, fit takes rows 0..B-1, B..2B-1, ...: the same updates as train_on_batch on those."""
    x, y = data(rng, 50)
    fitted, stepped = classifier(), classifier()
    fitted.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for _ in range(2):
        for start in range(0, 50, 16):
            stepped.train_on_batch(x[start : start + 16], y[start : start + 16])
    for ours, theirs in zip(fitted.get_weights(), stepped.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)
    assert fitted.optimizer.iterations == 8


def test_the_epoch_loss_is_the_mean_over_rows(rng: np.random.Generator) -> None:
    x, y = data(rng, 50)
    model = classifier(optimizer=bk.optimizers.SGD(0.0))
    history = model.fit(x, y, batch_size=16, epochs=1, verbose=0)
    assert history.history["loss"][0] == pytest.approx(model.evaluate(x, y, batch_size=7), rel=1e-5)


def test_fit_again_goes_on(rng: np.random.Generator) -> None:
    x, y = data(rng)
    once, twice = classifier(), classifier()
    once.fit(x, y, epochs=4, shuffle=False, verbose=0)
    twice.fit(x, y, epochs=2, shuffle=False, verbose=0)
    twice.fit(x, y, epochs=4, initial_epoch=2, shuffle=False, verbose=0)
    np.testing.assert_array_equal(once.get_weights()[0], twice.get_weights()[0])


def test_a_seed_repeats_shuffling_and_dropout(rng: np.random.Generator) -> None:
    x, y = data(rng)

    def trained(seed: int) -> np.ndarray:
        bk.set_random_seed(1)
        model = bk.Sequential([bk.Input((4,)), layers.Dense(6), layers.Dropout(0.5), layers.Dense(3)])
        model.compile("sgd", bk.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, epochs=2, seed=seed, verbose=0)
        return model.get_weights()[0]

    np.testing.assert_array_equal(trained(7), trained(7))
    assert not np.array_equal(trained(7), trained(8))


def test_sample_and_class_weights_agree(rng: np.random.Generator) -> None:
    x, y = data(rng)
    weights = {0: 0.5, 1: 2.0, 2: 1.0}
    by_class, by_sample = classifier(), classifier()
    first = by_class.train_on_batch(x, y, class_weight=weights)
    second = by_sample.train_on_batch(x, y, sample_weight=np.array([weights[label] for label in y]))
    assert first == pytest.approx(second, rel=1e-6)
    np.testing.assert_allclose(by_class.get_weights()[0], by_sample.get_weights()[0], rtol=1e-6)


def test_several_outputs_have_losses_weights_and_metrics(rng: np.random.Generator) -> None:
    x = bk.Input((4,))
    hidden = layers.Dense(5, activation="relu")(x)
    model = bk.Model(
        x, [layers.Dense(1, name="size")(hidden), layers.Dense(2, activation="softmax", name="kind")(hidden)]
    )
    model.compile(
        "adam",
        {"size": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"size": 0.5, "kind": 2.0},
        metrics={"size": ["mae"], "kind": ["accuracy"]},
    )
    features = rng.normal(size=(20, 4)).astype("float32")
    labels = {"size": rng.normal(size=(20, 1)), "kind": rng.integers(0, 2, 20)}
    logs = model.evaluate(features, labels, return_dict=True)
    assert set(logs) == {"loss", "size_loss", "kind_loss", "size_mae", "kind_accuracy"}
    assert logs["loss"] == pytest.approx(0.5 * logs["size_loss"] + 2 * logs["kind_loss"], rel=1e-5)
    history = model.fit(features, labels, epochs=2, verbose=0)
    assert set(history.history) == set(logs)
    assert model.evaluate(features, [labels["size"], labels["kind"]])[0] == pytest.approx(
        model.evaluate(features, labels)[0]
    )


def test_regularizers_and_add_loss_are_in_the_loss(rng: np.random.Generator) -> None:
    class Penalized(layers.Layer):
        def call(self, inputs):  # type: ignore[no-untyped-def]
            self.add_loss(0.25)
            return inputs

    x = rng.normal(size=(6, 4)).astype("float32")
    y = rng.normal(size=(6, 1)).astype("float32")
    model = bk.Sequential([bk.Input((4,)), Penalized(), layers.Dense(1, kernel_regularizer=bk.regularizers.L2(0.1))])
    model.compile("sgd", "mse")
    kernel = model.get_weights()[0]
    expected = np.mean((model.predict(x) - y) ** 2) + 0.1 * np.sum(kernel**2) + 0.25
    assert model.evaluate(x, y) == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(x, y, batch_size=4) == pytest.approx(expected, rel=1e-5)


def test_a_function_is_a_loss_and_a_metric(rng: np.random.Generator) -> None:
    def quartic(y_true, y_pred):  # type: ignore[no-untyped-def]
        return ops.mean((y_true - y_pred) ** 4, axis=-1)

    x, y = rng.normal(size=(10, 4)).astype("float32"), rng.normal(size=(10, 2)).astype("float32")
    model = bk.Sequential([bk.Input((4,)), layers.Dense(2)])
    model.compile("sgd", quartic, metrics=[quartic])
    expected = np.mean((model.predict(x) - y) ** 4)
    logs = model.evaluate(x, y, batch_size=3, return_dict=True)
    assert logs == {"loss": pytest.approx(expected, rel=1e-5), "quartic": pytest.approx(expected, rel=1e-5)}


def test_frozen_layers_keep_their_weights_and_optimizer_state_survives(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = classifier()
    model.fit(x, y, epochs=1, verbose=0)
    frozen = model.get_weights()
    model.layers[0].trainable = False
    model.fit(x, y, epochs=1, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(after[0], frozen[0])
    assert not np.array_equal(after[2], frozen[2])
    model.layers[0].trainable = True
    model.fit(x, y, epochs=1, verbose=0)
    assert not np.array_equal(model.get_weights()[0], frozen[0])


def test_constraints_hold_after_each_update(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = bk.Sequential([bk.Input((4,)), layers.Dense(3, kernel_constraint="non_neg", activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    assert model.get_weights()[0].min() >= 0
    model.fit(x, y, epochs=1, verbose=0)
    assert model.get_weights()[0].min() >= 0


def test_train_on_batch_averages_until_reset(rng: np.random.Generator) -> None:
    x, y = data(rng, 8)
    model = classifier(optimizer=bk.optimizers.SGD(0.0), metrics=["accuracy"])
    first = model.train_on_batch(x[:4], y[:4], return_dict=True)
    both = model.train_on_batch(x[4:], y[4:], return_dict=True)
    model.reset_metrics()
    second = model.train_on_batch(x[4:], y[4:], return_dict=True)
    for name in ("loss", "accuracy"):
        assert both[name] == pytest.approx((first[name] + second[name]) / 2, rel=1e-5)
    assert model.metrics_names == ["loss", "accuracy"]


def test_misuse_is_explained(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = bk.Sequential([bk.Input((4,)), layers.Dense(3)])
    with pytest.raises(RuntimeError, match=r"compile\(optimizer, loss\).*fit"):
        model.fit(x, y)
    with pytest.raises(ValueError, match="Did you mean 'adam'"):
        model.compile("adm", "mse")
    with pytest.raises(TypeError, match="learning_rate"):
        model.compile("adam", "mse", learning_rate=0.1)
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="same number of rows"):
        model.fit(x, y[:-1])
    with pytest.raises(ValueError, match="no labels"):
        model.fit(x)
    with pytest.raises(ValueError, match="batch_size"):
        model.fit(x, y, batch_size=-1)
    with pytest.raises(ValueError, match="outputs"):
        model.compile("adam", {"nowhere": "mse"})
        model.fit(x, y)


def test_labels_out_of_range_are_named(rng: np.random.Generator) -> None:
    x, y = data(rng, 12)
    y[7] = 3
    model = classifier()
    with pytest.raises(ValueError, match=r"3.*row|row.*3|class 3|label 3"):
        model.fit(x, y, epochs=1, verbose=0)


def test_stop_training_is_honoured_within_an_epoch(rng: np.random.Generator) -> None:
    class StopAfterThree(bk.callbacks.Callback):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):  # type: ignore[no-untyped-def]
            self.seen += 1
            self.model.stop_training = self.seen >= 3

    x, y = data(rng)
    model = classifier()
    model.fit(x, y, batch_size=5, epochs=4, callbacks=[StopAfterThree()], verbose=0)
    assert model.optimizer.iterations == 3


def test_callbacks_see_and_set_weights_and_rates(rng: np.random.Generator) -> None:
    x, y = data(rng)
    rates = []

    class Halve(bk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):  # type: ignore[no-untyped-def]
            rates.append(self.model.optimizer.learning_rate)
            self.model.optimizer.learning_rate = rates[-1] / 2

    model = classifier(optimizer=bk.optimizers.SGD(0.4))
    model.fit(x, y, epochs=3, callbacks=[Halve()], verbose=0)
    assert rates == pytest.approx([0.4, 0.2, 0.1])

    stopper = bk.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=1.0, restore_best_weights=True)
    model.fit(x, y, epochs=9, callbacks=[stopper], verbose=0)
    assert len(model.history.epoch) < 9


def test_tensorboard_curves_read_back(tmp_path: Any, rng: np.random.Generator) -> None:
    x, y = data(rng)
    model = classifier(metrics=["accuracy"])
    model.set_tensorboard(str(tmp_path), "run")
    model.fit(x, y, batch_size=30, epochs=2, validation_data=(x, y), verbose=0)
    loss = model.get_train_summary("Loss")
    assert loss[:, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert model.get_train_summary("LearningRate")[:, 1] == pytest.approx(0.001)
    assert (model.get_train_summary("Throughput")[:, 1] > 0).all()
    assert model.get_validation_summary("accuracy")[:, 1] == pytest.approx(model.history.history["val_accuracy"])


def test_predict_gives_back_the_form_and_honours_batch_size(rng: np.random.Generator) -> None:
    model, (x, _) = classifier(), data(rng)
    whole = model.predict(x)
    np.testing.assert_allclose(model.predict(x, batch_size=7), whole, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(model(x), whole, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(model.predict_on_batch(x), whole, rtol=1e-6, atol=1e-7)
    assert model.predict(x[:0]).shape == (0, 3)


def test_steps_limit_what_is_read(rng: np.random.Generator) -> None:
    model, (x, y) = classifier(), data(rng)
    assert model.evaluate(x, y, batch_size=10, steps=3) == pytest.approx(model.evaluate(x[:30], y[:30]), rel=1e-5)
    assert model.predict(x, batch_size=10, steps=2).shape == (20, 3)
    history = model.fit(
        x, y, batch_size=10, steps_per_epoch=2, validation_data=(x, y), validation_steps=1, epochs=1, verbose=0
    )
    assert model.optimizer.iterations == 2
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(x[:10], y[:10]), rel=1e-5)


def test_a_loss_that_is_nan_is_traced_to_its_cause(rng: np.random.Generator) -> None:
    x, y = data(rng, 20)
    dirty = x.copy()
    dirty[13, 2] = np.nan
    with pytest.raises(ValueError, match=r"iteration 1 is NaN.*NaN in row 13"):
        classifier().fit(dirty, y, shuffle=False, verbose=0)
    model = bk.Sequential([bk.Input((4,)), layers.Lambda(lambda t: ops.log(t), name="logs"), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"logs.*first to answer with NaN"), np.errstate(invalid="ignore"):
        model.fit(x - 100, y, verbose=0)
    broken = classifier()
    broken.set_weights([np.full_like(weight, np.nan) for weight in broken.get_weights()])
    with pytest.raises(ValueError, match=r"weight of layer '.*dense.*' is NaN.*learning rate"):
        broken.fit(x, y, verbose=0)
    history = classifier().fit(dirty, y, epochs=3, verbose=0, callbacks=[bk.callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1


def test_validation_by_a_trigger_reaches_callbacks_and_curves(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.set_tensorboard(str(tmp_path), "app")
    heard = []
    watch = bk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append("val_mae" in logs))
    trigger = bk.triggers.SeveralIteration(3)
    model.fit(x, x[:, :1], batch_size=10, epochs=2, verbose=0, validation_data=(x, x[:, :1]), callbacks=[watch],
              validation_trigger=trigger)
    assert heard == [False, False, True, False, False, True, False, False]
    assert model.get_validation_summary("mae")[:, 0].tolist() == [3, 6]
    assert list(model.history.history) == ["loss", "mae"]
    with pytest.raises(TypeError, match="`validation_trigger` must be a trigger"):
        model.fit(x, x[:, :1], validation_trigger=bk.triggers.EveryEpoch)
