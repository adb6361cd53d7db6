"""Branches and loops run on arrays, and unrolled in plans they answer the same; jvp derives in a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bigdl_keras import ops
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.models import Model
from tests.ops.plan_checks import check_gradient, run

RNG = np.random.default_rng(11)
X = RNG.normal(size=(5, 3)).astype(np.float32)
BATCH = KerasTensor((None, 3))


def _running(x: Any) -> Any:
    return ops.scan(lambda carry, row: (carry * 0.5 + row, ops.sum(carry)), ops.zeros(3), x)


def test_scan_runs_over_the_first_axis() -> None:
    carry, outputs, sums = np.zeros(3), [], X.astype(float)
    for row in sums:
        outputs.append(carry.sum())
        carry = carry * 0.5 + row
    for found in (_running(X), run(_running, X, known=True)):
        np.testing.assert_allclose(found[0], carry, rtol=1e-5)
        np.testing.assert_allclose(found[1], outputs, rtol=1e-5, atol=1e-6)
    last, places = ops.scan(lambda carry, row: (row, row), X[0], X, reverse=True)
    np.testing.assert_array_equal(last, X[0])
    np.testing.assert_array_equal(places, X)
    assert ops.scan(lambda carry, _: (carry + 1, None), 0, length=4) == (4, None)
    check_gradient(lambda x: _running(x)[0], X)


def test_scan_walks_over_nests() -> None:
    carry, out = ops.scan(lambda c, x: (c + x["a"], (x["a"], x["b"])), 0.0, {"a": X[:, 0], "b": X})
    np.testing.assert_allclose(carry, X[:, 0].sum(), rtol=1e-5)
    np.testing.assert_array_equal(out[1], X)


def test_maps_join_what_is_done_to_each_slice() -> None:
    for each in (ops.map, ops.vectorized_map):
        np.testing.assert_allclose(each(ops.sum, X), X.sum(1), rtol=1e-5)
        np.testing.assert_allclose(run(lambda x, f=each: f(ops.sum, x), X, known=True)[0], X.sum(1), rtol=1e-5)
    pairs = ops.map(lambda pair: (pair[0] + pair[1], pair[0]), (X, X))
    np.testing.assert_allclose(pairs[0], 2 * X)


def test_fori_loop_counts() -> None:
    def powers(x: Any) -> Any:
        return ops.fori_loop(1, 4, lambda i, value: value * x + i, x)

    expected = X
    for i in (1, 2, 3):
        expected = expected * X + i
    np.testing.assert_allclose(powers(X), expected, rtol=1e-5)
    np.testing.assert_allclose(run(powers, X)[0], expected, rtol=1e-5)
    assert ops.fori_loop(np.int32(0), np.int32(5), lambda i, value: value + i, 0) == 10


def _halved(x: Any, steps: int | None = None) -> Any:
    return ops.while_loop(lambda x, n: ops.max(x) > 1.0, lambda x, n: (x / 2, n + 1), (x, 0), steps)


def test_while_loop_goes_on_while_its_condition_holds() -> None:
    x = np.float32([1, 6, 3])
    halved, steps = _halved(x)
    np.testing.assert_allclose(halved, x / 8)
    assert steps == 3
    planned = run(lambda x: _halved(x, 7), x, known=True)
    np.testing.assert_allclose(planned[0], x / 8)
    assert planned[1] == 3
    assert ops.while_loop(lambda n: n < 9, lambda n: n + 2, 0) == 10
    assert ops.while_loop(lambda n: n < 9, lambda n: n + 2, 0, maximum_iterations=2) == 4
    np.testing.assert_allclose(_halved(x, 2)[0], x / 4)
    check_gradient(lambda x: _halved(x, 4)[0], x)


def test_cond_calls_one_function_or_chooses_between_two_answers() -> None:
    def larger(x: Any) -> Any:
        return ops.cond(ops.sum(x) > 0, lambda: {"a": x * 2}, lambda: {"a": x - 1})["a"]

    for sign in (1, -1):
        x = np.float32([1, 2]) * sign
        expected = x * 2 if sign > 0 else x - 1
        np.testing.assert_allclose(larger(x), expected)
        np.testing.assert_allclose(run(larger, x, known=True)[0], expected)
    called: list[str] = []
    ops.cond(True, lambda: called.append("yes"), lambda: called.append("no"))
    assert called == ["yes"]
    check_gradient(larger, np.float32([1, 2]))


def test_switch_chooses_one_of_several() -> None:
    branches = [lambda x: x + 1, lambda x: x * 10, lambda x: -x]
    for index, expected in [(0, X + 1), (1, X * 10), (2, -X), (7, -X), (-3, X + 1)]:
        np.testing.assert_allclose(ops.switch(index, branches, X), expected)
        planned = run(lambda i, x: ops.switch(i, branches, x), np.int32(index), X)
        np.testing.assert_allclose(planned[0], expected)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8])
def test_associative_scan_gives_running_results(size: int) -> None:
    x = RNG.normal(size=(2, size, 3)).astype(np.float32)
    for function, reference in [(ops.add, np.cumsum), (ops.multiply, np.cumprod), (ops.maximum, np.maximum.accumulate)]:
        np.testing.assert_allclose(
            ops.associative_scan(function, x, axis=1), reference(x, axis=1), rtol=1e-4, atol=1e-5
        )
    (planned,) = run(lambda x: ops.associative_scan(ops.add, x, axis=-2), x)
    np.testing.assert_allclose(planned, np.cumsum(x, axis=1), rtol=1e-4, atol=1e-5)
    back = ops.associative_scan(ops.add, x, reverse=True, axis=1)
    np.testing.assert_allclose(back, np.cumsum(x[:, ::-1], axis=1)[:, ::-1], rtol=1e-4, atol=1e-5)


def test_associative_scan_keeps_the_order_of_its_function() -> None:
    matrices = RNG.normal(size=(5, 2, 2)).astype(np.float32)
    found = ops.associative_scan(ops.matmul, matrices)
    expected = matrices[0]
    for place in range(1, 5):
        expected = expected @ matrices[place]
        np.testing.assert_allclose(found[place], expected, rtol=1e-4, atol=1e-5)


def test_control_in_a_functional_model_is_made_of_plain_operations() -> None:
    inputs = KerasTensor((None, 4, 3))
    carry = ops.fori_loop(0, 4, lambda i, total: total + inputs[:, i] * i, inputs[:, 0])
    model = Model(inputs, ops.cond(ops.sum(carry) > 0, lambda: carry, lambda: -carry))
    x = RNG.normal(size=(2, 4, 3)).astype(np.float32)
    total = x[:, 0] + sum(x[:, i] * i for i in range(4))
    np.testing.assert_allclose(model.predict(x, verbose=0), total if total.sum() > 0 else -total, rtol=1e-4, atol=1e-5)


def test_vectorize_calls_a_function_for_each_number() -> None:
    clipped = ops.vectorize(lambda x, low: x if x > low else low)
    np.testing.assert_array_equal(clipped(X, 0.0), np.maximum(X, 0))
    sums = ops.vectorize(lambda row: row.sum(), signature="(n)->()")
    np.testing.assert_allclose(sums(X), X.sum(1), rtol=1e-6)
    with pytest.raises(TypeError, match="works on arrays only"):
        clipped(BATCH, 0.0)


def test_jvp_is_the_derivative_in_a_direction() -> None:
    x, y = X.astype(np.float64), RNG.normal(size=(3, 2))
    dx, dy = RNG.normal(size=x.shape), RNG.normal(size=y.shape)

    def function(x: Any, y: Any) -> Any:
        return ops.tanh(ops.matmul(x, y)), ops.sum(ops.square(x))

    outputs, derivatives = ops.jvp(function, (x, y), (dx, dy))
    ends = [function(x + step * dx, y + step * dy) for step in (1e-6, -1e-6)]
    for output, derivative, one, other in zip(outputs, derivatives, *ends, strict=True):
        assert np.shape(derivative) == np.shape(output)
        np.testing.assert_allclose(derivative, (one - other) / 2e-6, rtol=1e-6, atol=1e-8)
    answer = ops.jvp(lambda x: (ops.exp(x), "more"), [X], [np.ones_like(X)], has_aux=True)
    np.testing.assert_allclose(answer[1], np.exp(X), rtol=1e-5)
    assert answer[2] == "more" and answer[1].dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.scan(lambda c, x: (c, x), 0, BATCH), "scan needs tensors with a first axis of one known size"),
        (lambda: ops.scan(lambda c, x: (c, x), 0), "scan needs `xs` or `length`"),
        (lambda: ops.map(ops.sum, BATCH), "map needs tensors with a first axis"),
        (lambda: ops.vectorized_map(ops.sum, BATCH), "vectorized_map needs tensors"),
        (lambda: ops.fori_loop(0, BATCH[0, 0], lambda i, x: x, 0), "fori_loop needs `upper` as a number"),
        (lambda: ops.while_loop(lambda x: x[0, 0] > 0, lambda x: x, BATCH), "needs `maximum_iterations`"),
        (
            lambda: ops.cond(BATCH[0, 0] > 0, lambda: BATCH, lambda: [BATCH, BATCH]),
            "branches of cond must answer alike",
        ),
        (lambda: ops.associative_scan(ops.add, BATCH), "known size of axis 0"),
        (lambda: ops.jvp(ops.exp, [X], [X[0]]), "Tangents must have the shapes"),
    ],
)
def test_what_cannot_be_unrolled_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_jvp_of_a_symbolic_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match="jvp works on arrays only"):
        ops.jvp(ops.exp, [BATCH], [BATCH])
