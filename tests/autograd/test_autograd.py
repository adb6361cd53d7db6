"""Formulas of variables: equal to numpy on arrays, in models and in losses; parameters are found again by training."""

from __future__ import annotations

import math

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import autograd

RANDOM = np.random.default_rng(0)
A = RANDOM.uniform(0.5, 2.0, size=(3, 4)).astype("float32")
B = RANDOM.uniform(0.5, 2.0, size=(3, 4)).astype("float32")

FORMULAS = [
    ("abs", lambda x, y: autograd.abs(-x), lambda x, y: x),
    ("sum", lambda x, y: autograd.sum(x, axis=1), lambda x, y: x.sum(1)),
    ("sum kept", lambda x, y: autograd.sum(x, 1, True), lambda x, y: x.sum(1, keepdims=True)),
    ("mean", lambda x, y: autograd.mean(x, axis=1, keepDims=True), lambda x, y: x.mean(1, keepdims=True)),
    ("clip", lambda x, y: autograd.clip(x, 1, 1.5), lambda x, y: x.clip(1, 1.5)),
    ("square", lambda x, y: autograd.square(x), lambda x, y: x * x),
    ("sqrt", lambda x, y: autograd.sqrt(x), lambda x, y: np.sqrt(x)),
    ("exp", lambda x, y: autograd.exp(x), lambda x, y: np.exp(x)),
    ("log", lambda x, y: autograd.log(x), lambda x, y: np.log(x)),
    ("pow", lambda x, y: autograd.pow(x, 3), lambda x, y: x**3),
    ("neg", lambda x, y: autograd.neg(x), lambda x, y: -x),
    ("erf", lambda x, y: autograd.erf(x), lambda x, y: np.vectorize(math.erf)(x)),
    ("softsign", lambda x, y: autograd.softsign(x), lambda x, y: x / (1 + x)),
    ("softplus", lambda x, y: autograd.softplus(x), lambda x, y: np.log1p(np.exp(x))),
    ("maximum", lambda x, y: autograd.maximum(x, y), np.maximum),
    ("maximum of a number", lambda x, y: autograd.maximum(x, 1), lambda x, y: np.maximum(x, 1)),
    ("contiguous", lambda x, y: autograd.contiguous(x), lambda x, y: x),
    ("stack", lambda x, y: autograd.stack([x, y]), lambda x, y: np.stack([x, y], 1)),
    ("expand_dims", lambda x, y: autograd.expand_dims(x, 1), lambda x, y: x[:, None]),
    ("l2_normalize", lambda x, y: autograd.l2_normalize(x, 1), lambda x, y: x / np.linalg.norm(x, axis=1)[:, None]),
    ("batch_dot", lambda x, y: autograd.batch_dot(x, y), lambda x, y: (x * y).sum(1, keepdims=True)),
    ("dot normalized", lambda x, y: autograd.dot(x, y, 1, normalize=True),
     lambda x, y: (x * y).sum(1, keepdims=True) / (np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1))[:, None]),
    ("operators", lambda x, y: 2 - x * y / 3 + (-x) ** 2 - 1 / y, lambda x, y: 2 - x * y / 3 + x**2 - 1 / y),
    ("array beside", lambda x, y: x + np.ones(4, "float32"), lambda x, y: x + 1),
    ("methods", lambda x, y: x.add(y).sub(1.0), lambda x, y: x + y - 1),
    ("slice", lambda x, y: x.slice(1, 1, 2), lambda x, y: x[:, 1:3]),
    ("slice to the end", lambda x, y: x.slice(1, 2, -1), lambda x, y: x[:, 2:]),
    ("index_select", lambda x, y: x.index_select(1, 2), lambda x, y: x[:, 2]),
    ("squeeze", lambda x, y: autograd.expand_dims(x, 1).squeeze(1), lambda x, y: x),
    ("squeeze all", lambda x, y: autograd.expand_dims(x, 1).squeeze(), lambda x, y: x),
]


@pytest.mark.parametrize(("formula", "reference"), [case[1:] for case in FORMULAS], ids=[case[0] for case in FORMULAS])
def test_formulas_equal_numpy(formula, reference):
    first, second = autograd.Variable((4,)), autograd.Variable((4,))
    model = bk.Model([first, second], formula(first, second))
    np.testing.assert_allclose(model.predict([A, B], verbose=0), reference(A, B), rtol=2e-5, atol=1e-6)


def test_products_of_matrices():
    three = RANDOM.normal(size=(2, 3, 4)).astype("float32")
    other = RANDOM.normal(size=(2, 4, 5)).astype("float32")
    np.testing.assert_allclose(autograd.mm(three, other), three @ other, rtol=1e-5)
    turned = other.swapaxes(1, 2).copy()
    np.testing.assert_allclose(autograd.mm(three, turned, axes=[2, 2]), three @ other, rtol=1e-5)
    np.testing.assert_allclose(autograd.mm(three.swapaxes(1, 2).copy(), other, axes=[1, 1]), three @ other, rtol=1e-5)
    np.testing.assert_allclose(autograd.batch_dot(three, other, axes=[2, 1]), three @ other, rtol=1e-5)
    assert 0 < autograd.epsilon() < 1e-6


def test_a_variable_tells_its_shape():
    variable = autograd.Variable((4,), name="x")
    assert variable.get_output_shape() == variable.get_input_shape() == (None, 4) and variable.name == "x"


def test_parameters_are_found_by_training():
    entry = autograd.Variable((2,))
    kernel, bias = autograd.Parameter((2, 1)), autograd.Parameter((1,), init_weight=np.zeros(1))
    model = bk.Model(entry, autograd.mm(entry, kernel) + bias)
    x = RANDOM.uniform(size=(256, 2)).astype("float32")
    y = 2 * x.sum(axis=1, keepdims=True) + 0.4
    loss = autograd.CustomLoss(lambda y_true, y_pred: autograd.mean(autograd.abs(y_true - y_pred), axis=1), [1], [1])
    model.compile(bk.optimizers.SGD(bk.optimizers.schedules.ExponentialDecay(0.1, 16, 0.9)), loss)
    model.fit(x, y, batch_size=16, epochs=40, verbose=0)
    np.testing.assert_allclose(kernel.get_weight(), [[2.0], [2.0]], atol=0.05)
    np.testing.assert_allclose(bias.get_weight(), [0.4], atol=0.05)


def test_parameters_and_constants_live_in_models(tmp_path):
    entry = autograd.Variable((2,))
    kernel = autograd.Parameter((2, 1), init_weight=np.array([[1.0], [2.0]]), name="w")
    model = bk.Model(entry, autograd.mm(entry, kernel) * autograd.Constant(np.array([10.0]), name="ten"))
    x = np.array([[1.0, 1.0]], "float32")
    assert model.predict(x, verbose=0).item() == 30.0
    assert [variable.path for variable in model.trainable_weights] == ["w/kernel"]
    kernel.set_weight(np.array([[3.0], [4.0]]))
    assert model.predict(x, verbose=0).item() == 70.0
    model.save(tmp_path / "model.keras")
    assert bk.models.load_model(tmp_path / "model.keras").predict(x, verbose=0).item() == 70.0
    assert bk.models.clone_model(model).count_params() == 3
    with pytest.raises(ValueError, match=r"must have the shape \(2, 1\)"):
        autograd.Parameter((2, 1), init_weight=np.zeros(2))


@pytest.mark.parametrize(("formula", "loss"), [
    (lambda t, p: autograd.mean(autograd.square(t - p), axis=1), "mse"),
    (lambda t, p: autograd.mean(autograd.abs(t - p), axis=1), "mae"),
    (lambda t, p: autograd.mean(autograd.maximum(1.0 - t * p, 0.0), axis=-1), "hinge"),
    (lambda t, p: autograd.sum(t * autograd.log((t + 1e-7) / (p + 1e-7)), axis=1), "kld"),
    (lambda t, p: autograd.mean(autograd.square(t - p), axis=1), bk.losses.MeanSquaredError()),
])
def test_custom_losses_equal_those_of_keras(formula, loss):
    custom, reference = autograd.CustomLoss(formula), bk.losses.get(loss)
    y_true, y_pred = A / 3, B / 3
    assert custom.forward(y_true, y_pred) == pytest.approx(float(reference(y_true, y_pred)), rel=1e-4)
    slope = custom.backward(y_true, y_pred)
    step = 1e-2 * slope / np.abs(slope).max()
    change = (custom.forward(y_true, y_pred + step) - custom.forward(y_true, y_pred - step)) / 2
    assert change == pytest.approx((slope * step).sum(), rel=2e-2)


def test_a_function_as_loss_of_the_whole_batch():
    scalar = autograd.CustomLoss(lambda t, p: autograd.mean(autograd.mean(autograd.square(t - p), axis=1)))
    assert scalar.forward(A, B) == pytest.approx(np.square(A - B).mean(), rel=1e-5)


def test_lambda_takes_variables_one_by_one_or_in_a_list():
    first, second = autograd.Variable((4,)), autograd.Variable((4,))
    one = autograd.Lambda(lambda x: x + 1.0)(first)
    several = autograd.Lambda(lambda x, y: x * y)([first, second])
    listed = autograd.Lambda(lambda pair: pair[0] - pair[1])([first, second])
    model = bk.Model([first, second], [one, several, listed])
    for found, expected in zip(model.predict([A, B], verbose=0), (A + 1, A * B, A - B), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    stack = bk.Sequential([autograd.Lambda(autograd.square, input_shape=(4,)), bk.layers.Dense(1)])
    assert stack.output_shape == (None, 1)
