import numpy as np
import pytest

import bigdl_keras as bk

ROWS = np.random.default_rng(0).normal(size=(48, 3)).astype("float32")
DATA = (ROWS, ROWS.sum(axis=1, keepdims=True))


def compiled(**arguments):
    bk.set_random_seed(2)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(1)])
    model.compile(bk.optimizers.SGD(0.05, **arguments), "mse")
    return model


@pytest.mark.parametrize("workers", [1, 2])
def test_validation_is_that_of_the_average(workers):
    model = compiled(use_ema=True, ema_momentum=0.9)
    history = model.fit(*DATA, batch_size=8, epochs=2, verbose=0, seed=1, workers=workers, validation_data=DATA,
                        callbacks=[bk.callbacks.SwapEMAWeights()])
    plain = compiled(use_ema=True, ema_momentum=0.9)
    expected = plain.fit(*DATA, batch_size=8, epochs=2, verbose=0, seed=1, workers=workers, validation_data=DATA)
    np.testing.assert_allclose(model.get_weights()[0], plain.get_weights()[0], rtol=1e-6)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-6)
    assert history.history["val_loss"][0] != pytest.approx(expected.history["val_loss"][0])
    assert history.history["val_loss"][1] == pytest.approx(model.evaluate(*DATA, verbose=0))  # where fit has ended


def test_later_callbacks_see_the_average():
    model, seen = compiled(use_ema=True, ema_momentum=0.9), []
    look = bk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0].copy()))
    swap = bk.callbacks.SwapEMAWeights(swap_on_epoch=True)
    model.fit(*DATA, batch_size=8, epochs=3, verbose=0, seed=1, callbacks=[swap, look])
    plain = compiled(use_ema=True, ema_momentum=0.9)
    plain.fit(*DATA, batch_size=8, epochs=3, verbose=0, seed=1)
    np.testing.assert_array_equal(seen[-1], plain.get_weights()[0])
    np.testing.assert_array_equal(model.get_weights()[0], plain.get_weights()[0])


def test_evaluate_swaps_and_swaps_back():
    model = compiled(use_ema=True)
    model.fit(*DATA, epochs=1, verbose=0)
    loss, swap = model.evaluate(*DATA, verbose=0), bk.callbacks.SwapEMAWeights()
    model.set_weights([np.zeros((3, 1)), np.zeros(1)])
    assert model.evaluate(*DATA, verbose=0, callbacks=[swap]) == pytest.approx(loss)
    assert not model.get_weights()[0].any()


def test_it_needs_an_average():
    with pytest.raises(ValueError, match="use_ema=True"):
        compiled().fit(*DATA, verbose=0, callbacks=[bk.callbacks.SwapEMAWeights()])
