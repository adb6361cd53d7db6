"""Batches from generators, iterables and data sets: the same training as on the arrays they are cut from."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4)).astype("float32")
Y = X[:, :1] * 2


def regression(loss="mse", **kwargs):
    bk.set_random_seed(1)
    model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(3, activation="tanh"), bk.layers.Dense(1)])
    model.compile(bk.optimizers.Adam(0.05), loss, metrics=["mae"], **kwargs)
    return model


def cut(rows=10):
    return [(X[start:start + rows], Y[start:start + rows]) for start in range(0, 40, rows)]


class DataSet:
    """Batches by number, as Keras's PyDataset has them."""

    def __init__(self):
        self.ends = 0

    def __len__(self):
        return 4

    def __getitem__(self, number):
        return cut()[number]

    def on_epoch_end(self):
        self.ends += 1


class Endless:
    def __iter__(self):
        while True:
            yield from cut()


def generator():
    while True:
        yield from cut()


@pytest.mark.parametrize(("make", "steps"), [(DataSet, None), (Endless, 4), (generator, 4)])
def test_training_equals_that_on_arrays(make, steps):
    reference, model = regression(), regression()
    expected = reference.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y))
    data = make()
    found = model.fit(data, epochs=3, steps_per_epoch=steps, verbose=0, validation_data=(X, Y))
    assert found.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        np.testing.assert_allclose(found.history[name], values, rtol=1e-4, err_msg=name)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    if isinstance(data, DataSet):
        assert data.ends == 3


def test_evaluate_and_predict_on_batches():
    model = regression()
    np.testing.assert_allclose(model.evaluate(DataSet(), verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(model.predict(iter(cut()), verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    np.testing.assert_allclose(model.predict((x for x, _ in cut()), steps=2, verbose=0),
                               model.predict(X[:20], verbose=0), rtol=1e-6)
    assert model.evaluate(generator(), steps=4, return_dict=True).keys() == {"loss", "mae"}


def test_weights_and_several_inputs_travel_in_batches():
    first, second = bk.Input((4,), name="a"), bk.Input((1,), name="b")
    model = bk.Model({"a": first, "b": second}, bk.layers.Dense(1)(bk.layers.Concatenate()([first, second])))
    model.compile("sgd", "mse")
    weights = np.array([0.0, 1.0] * 5)
    batches = [({"a": x, "b": y}, y, weights) for x, y in cut()]
    history = model.fit(iter(batches), epochs=1, verbose=0)
    assert len(history.epoch) == 1 and model.optimizer.iterations == 4


def test_validation_by_batches():
    model = regression()
    history = model.fit(generator(), steps_per_epoch=2, epochs=4, verbose=0, validation_data=generator(),
                        validation_steps=4, validation_freq=2)
    assert len(history.history["val_loss"]) == 2
    found = model.fit(X, Y, verbose=0, validation_data=DataSet()).history["val_loss"][-1]
    assert found == pytest.approx(model.evaluate(X, Y, verbose=0)[0], rel=1e-5)


def test_callbacks_and_triggers_hear_every_batch():
    model, heard = regression(), []
    watch = bk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append((batch, logs["loss"])))
    model.fit(DataSet(), epochs=2, verbose=0, callbacks=[watch])
    assert [batch for batch, _ in heard] == [0, 1, 2, 3] * 2
    model.fit(generator(), steps_per_epoch=4, epochs=9, verbose=0, end_trigger=bk.triggers.MaxIteration(11))
    assert model.optimizer.iterations == 11
    stop = bk.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", True))
    model.fit(generator(), epochs=9, verbose=0, callbacks=[stop])
    assert model.optimizer.iterations == 12


def test_curves_are_written(tmp_path):
    model = regression()
    model.set_tensorboard(str(tmp_path), "app")
    model.fit(DataSet(), epochs=2, verbose=0)
    assert len(model.get_train_summary("Loss")) == 8


def test_a_generator_that_ends_ends_training():
    model = regression()
    with pytest.warns(UserWarning, match="no batches left for epoch 2"):
        history = model.fit(iter(cut()), epochs=3, verbose=0)
    assert len(history.epoch) == 1


@pytest.mark.parametrize(("arguments", "message"), [
    ({"y": Y}, "`y` cannot be given beside batches"),
    ({"validation_split": 0.2}, "`validation_split` works on arrays"),
    ({"engine": "barrier"}, "for a cluster give an RDD"),
])
def test_what_does_not_go_with_batches(arguments, message):
    with pytest.raises(ValueError, match=message):
        regression().fit(DataSet(), verbose=0, **arguments)


def test_bad_batches_are_told():
    model = regression()
    with pytest.raises(ValueError, match="Received a tuple of 4"):
        model.fit(iter([(1, 2, 3, 4)]), verbose=0)
    with pytest.raises(ValueError, match="The loss of iteration 1 is NaN"):
        model.fit(iter([(np.full((2, 4), np.nan), Y[:2])]), verbose=0)
    with pytest.raises(ValueError, match="no batches to evaluate"):
        model.evaluate(iter([]))
