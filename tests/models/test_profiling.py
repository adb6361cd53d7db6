import time

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras.kernels import KERNELS


def build():
    model = bk.Sequential([bk.Input((6,)), bk.layers.Dense(5, "relu", name="first"),
                           bk.layers.BatchNormalization(name="normal"), bk.layers.Dropout(0.3, name="dropout"),
                           bk.layers.Dense(2, name="last")], name="net")
    model.compile("adam", "mse", metrics=["mae"])
    return model


def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 6)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")


def test_every_layer_has_its_times_and_the_model_stays_as_it_is():
    model, printed = build(), []
    before = [weight.copy() for weight in model.get_weights()]
    times = model.profile(*batch(), runs=3, print_fn=printed.append)
    assert [item.layer for item in times][:4] == ["first", "normal", "dropout", "last"]
    by_name = {item.layer: item for item in times}
    assert by_name["first"].forward_seconds > 0
    assert by_name["first"].backward_seconds > 0
    assert by_name["loss of 'last'"].forward_seconds > 0
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert model.optimizer.iterations == 0
    lines = printed[0].splitlines()
    assert lines[0].split() == ["Layer", "forward", "ms", "backward", "ms", "share"]
    assert lines[-1].startswith("total")
    assert any(line.startswith("loss of 'last'") for line in lines)
    assert model.get_times() == [(item.layer, item.forward_seconds, item.backward_seconds) for item in times]


def test_the_time_goes_to_the_layer_that_takes_it(monkeypatch):
    model, clock = build(), [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def slow(kernel, forward_seconds, backward_seconds):
        entry = KERNELS[kernel]

        def forward(*arguments, **named):
            clock[0] += forward_seconds
            return entry.forward(*arguments, **named)

        def gradient(*arguments, **named):
            clock[0] += backward_seconds
            return entry.gradient(*arguments, **named)

        monkeypatch.setitem(KERNELS, kernel, type(entry)(**{**vars(entry), "forward": forward, "gradient": gradient}))

    slow("dropout", 1.0, 10.0)
    times = {item.layer: item for item in model.profile(*batch(), runs=4, print_fn=str)}
    assert (times["dropout"].forward_seconds, times["dropout"].backward_seconds) == (1.0, 10.0)
    assert all(item.forward_seconds == item.backward_seconds == 0 for name, item in times.items() if name != "dropout")


def test_a_prediction_has_no_backward_times():
    model = build()
    times = model.profile(batch()[0], print_fn=str)
    assert {item.backward_seconds for item in times} == {0.0}
    assert "dropout" not in {item.layer for item in times}


def test_nested_and_shared_layers():
    inner = bk.Sequential([bk.Input((4,)), bk.layers.Dense(4, name="deep")], name="inner")
    a, b = bk.Input((4,)), bk.Input((4,))
    model = bk.Model([a, b], bk.layers.Add(name="sum")([inner(a), inner(b)]))
    model.compile("sgd", "mse")
    x = np.ones((3, 4), "float32")
    times = {item.layer: item for item in model.profile([x, x], x, print_fn=str)}
    assert times["inner/deep"].steps >= 2
    assert "sum" in times


def test_get_times_needs_a_profile():
    with pytest.raises(RuntimeError, match=r"call profile\(x, y\)"):
        build().get_times()
