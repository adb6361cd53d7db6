"""Every public operation equals numpy on arrays and in a compiled plan, in shape and dtype; its gradient is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.parameters import Variable
from tests.ops.case import Case
from tests.ops.operation_cases import CASES, K1, X1, A, B, M, N, S, T
from tests.ops.plan_checks import check_gradient, run, run_team, symbols

MADE = {
    "arange",
    "array",
    "bartlett",
    "blackman",
    "empty",
    "eye",
    "full",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "ones",
    "tri",
    "zeros",
}
RUN = {  # tests/ops/test_control.py
    "associative_scan",
    "cond",
    "fori_loop",
    "jvp",
    "map",
    "scan",
    "switch",
    "vectorize",
    "vectorized_map",
    "while_loop",
}
ARRAYS_ONLY = {"eig", "nonzero", "polar", "unique", "view_as_complex", "view_as_real"}
ASKED = {"convert_to_numpy", "dtype", "dtype_of", "is_tensor", "ndim", "shape", "size"}


def test_nothing_is_forgotten() -> None:
    namespaces = {"image", "linalg", "nn"}
    tested = {case.name for case in CASES} | MADE | RUN | ARRAYS_ONLY | ASKED
    assert set(ops.__all__) | set(ops.image.__all__) == tested | namespaces
    for namespace in (ops.nn, ops.linalg):
        assert all(getattr(namespace, name) is getattr(ops, name) for name in namespace.__all__)
    assert len(ops.__all__) >= 150


def _leaves(answer: Any) -> list[Any]:
    return nest.flatten(list(answer)) if isinstance(answer, (list, tuple)) else [answer]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values(case: Case) -> None:
    with np.errstate(all="ignore"):
        expected = _leaves(case.reference(*case.arrays))
        kept = [array.copy() for array in case.arrays]
        eager = _leaves(case.call(*case.arrays))
        planned = run(lambda *tensors: _leaves(case.call(*tensors)), *case.arrays, known=case.known)
    for array, copy in zip(case.arrays, kept, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert len(expected) == len(eager) == len(planned)
    for found in (eager, planned):
        for one, reference in zip(found, expected, strict=True):
            assert np.shape(one) == np.shape(reference)
            np.testing.assert_allclose(one, reference, rtol=case.tolerance * 10, atol=case.tolerance)
    for one, same in zip(eager, planned, strict=True):
        assert np.asarray(one).dtype == same.dtype != np.float64


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_node_of_a_model_foretells_the_shape(case: Case) -> None:
    if case.name == "convert_to_tensor":
        return
    with np.errstate(all="ignore"):
        expected = [np.shape(item) for item in _leaves(case.reference(*case.arrays))]
    tensors = symbols(case.arrays, known=True)
    outputs = _leaves(case.call(*tensors))
    assert [output.shape for output in outputs] == expected
    assert all(output.node is not None for output in outputs)


@pytest.mark.parametrize("case", [case for case in CASES if case.gradient], ids=str)
def test_gradient(case: Case) -> None:
    if not any(array.dtype.kind == "f" for array in case.arrays):
        pytest.fail("a case without floats has no gradient to check")
    check_gradient(case.call, *case.arrays)


def test_gradient_of_a_product_with_its_cholesky_factor() -> None:
    def through(x: Any) -> Any:
        return ops.cholesky(ops.matmul(x, ops.transpose(x)))

    check_gradient(through, S)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.name in ("add", "matmul", "softmax", "concatenate", "where", "sum")],
    ids=str,
)
def test_weights_are_tensors(case: Case) -> None:
    variables = [Variable(array) if array.dtype.kind == "f" else array for array in case.arrays]
    np.testing.assert_allclose(case.call(*variables), case.reference(*case.arrays), rtol=1e-5, atol=1e-6)


def test_lists_and_numbers_are_tensors() -> None:
    for answer, expected in [
        (ops.add([1.0, 2.0], 1), [2, 3]),
        (ops.multiply(2, [1, 2]), [2, 4]),
        (ops.exp([0.0]), [1]),
        (ops.sum([[1.0, 2.0]]), 3),
        (ops.matmul([[1.0, 0.0]], [[2.0], [3.0]]), [[2]]),
        (ops.concatenate([[1.0], [2.0]]), [1, 2]),
        (ops.mean([1, 2]), 1.5),
        (ops.where([True, False], 1.0, 2.0), [1, 2]),
        (ops.softmax([0.0, 0.0]), [0.5, 0.5]),
        (ops.sqrt(4), 2),
        (ops.add(np.float64(1.5), np.float32([1])), [2.5]),
        (ops.reshape([1, 2, 3, 4], (2, 2)), [[1, 2], [3, 4]]),
        (ops.transpose([[1, 2]]), [[1], [2]]),
        (ops.take([5, 6], [1]), [6]),
        (ops.expand_dims([1], 0), [[1]]),
        (ops.clip([5.0], 0, 1), [1]),
        (ops.swapaxes([[1, 2]], 0, 1), [[1], [2]]),
        (ops.moveaxis([[1, 2]], 0, 1), [[1], [2]]),
        (ops.pad([1.0], 1), [0, 1, 0]),
        (ops.flip([1, 2]), [2, 1]),
        (ops.rot90([[1, 2]]), [[2], [1]]),
        (ops.unstack([[1], [2]])[1], [2]),
        (ops.stack([1.0, 2.0]), [1, 2]),
        (ops.argmax([1, 3, 2]), 1),
        (ops.one_hot([1], 2), [[0, 1]]),
        (ops.norm([3.0, 4.0]), 5),
        (ops.bincount([0, 2, 2]), [1, 0, 2]),
    ]:
        np.testing.assert_allclose(answer, expected, rtol=1e-6)
        assert np.asarray(answer).dtype != np.float64 or np.ndim(answer) == 0


def test_integers_meet_floats_in_float32() -> None:
    assert ops.add(N, A).dtype == np.float32
    assert ops.multiply(N, 0.5).dtype == np.float32
    assert ops.divide(N, M + 1).dtype == np.float32
    assert ops.mean(N).dtype == np.float32
    assert ops.add(N, 1).dtype == np.int32
    assert ops.where(A > 0, A, 0.0).dtype == np.float32


def test_operators_of_symbolic_tensors() -> None:
    def formula(x: Any, y: Any) -> Any:
        return (2 * x + y - 1) / (y**2 + 1) @ ops.transpose(-x) * abs(x[0, 0]) + (x > y)[0, 0]

    expected = (2 * A + B - 1) / (B**2 + 1) @ (-A).T * abs(A[0, 0]) + (A > B)[0, 0]
    np.testing.assert_allclose(run(formula, A, B)[0], expected, rtol=1e-5)


def test_makers_equal_numpy() -> None:
    for answer, expected, dtype in [
        (ops.arange(3), [0, 1, 2], "int32"),
        (ops.arange(1, 2, 0.5), [1, 1.5], "float32"),
        (ops.array([1.5]), [1.5], "float32"),
        (ops.array([1, 2]), [1, 2], "int64"),
        (ops.zeros((1, 2)), [[0, 0]], "float32"),
        (ops.ones(2, "int32"), [1, 1], "int32"),
        (ops.full((2,), 1.5), [1.5, 1.5], "float32"),
        (ops.eye(2, 3, 1), np.eye(2, 3, 1), "float32"),
        (ops.identity(2), np.eye(2), "float32"),
        (ops.tri(2, 3), np.tri(2, 3), "float32"),
        (ops.linspace(0, 1, 3), [0, 0.5, 1], "float32"),
        (ops.logspace(0, 2, 3), [1, 10, 100], "float32"),
        (ops.geomspace(1, 16, 5), [1, 2, 4, 8, 16], "float32"),
        (ops.bartlett(5), np.bartlett(5), "float32"),
        (ops.blackman(5), np.blackman(5), "float32"),
        (ops.hamming(5), np.hamming(5), "float32"),
        (ops.hanning(5), np.hanning(5), "float32"),
        (ops.kaiser(5, 3.0), np.kaiser(5, 3.0), "float32"),
    ]:
        np.testing.assert_allclose(answer, expected, rtol=1e-6, atol=1e-6)
        assert str(answer.dtype) == dtype
    assert ops.empty((2, 3)).shape == (2, 3)
    assert ops.linspace(0, 1, 5, retstep=True)[1] == 0.25


def test_questions() -> None:
    symbol = symbols([A])[0]
    assert (ops.shape(symbol), ops.ndim(symbol), ops.size(symbol), ops.dtype(symbol)) == ((None, 4), 2, None, "float32")
    assert (ops.shape([[1, 2]]), ops.ndim(3), ops.size(A), ops.dtype_of(N)) == ((1, 2), 0, 12, "int32")
    assert ops.is_tensor(symbol)
    assert not ops.is_tensor([1])
    assert ops.convert_to_tensor(Variable(A)).shape == (3, 4)
    with pytest.raises(TypeError, match="symbolic"):
        ops.convert_to_numpy(symbol)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.quantile(A, 1.5), "`q` must be between 0 and 1"),
        (lambda: ops.median(symbols([A])[0], axis=0), "median needs a known size"),
        (lambda: ops.unstack(symbols([A])[0]), "unstack needs `num`"),
        (lambda: ops.array_split(symbols([A])[0], 2), "known size of axis 0"),
        (lambda: ops.meshgrid(A[0], indexing="yx"), "`indexing` must be"),
        (lambda: ops.searchsorted(A[0], A, side="middle"), "`side` must be"),
        (lambda: ops.bincount(symbols([N])[0]), "needs `minlength`"),
        (lambda: ops.slice_update(symbols([A])[0], (1, 0), A), "can start only at 0"),
        (lambda: ops.kron(A, T), "two matrices"),
        (lambda: ops.cross(A, A), "3 numbers along axis"),
        (lambda: ops.norm(A, ord=3), "norm of matrices knows"),
        (lambda: ops.norm(A, ord="nuc", axis=1), "norm of vectors knows"),
        (lambda: ops.inv(symbols([A], known=True)[0]), "Square matrices are needed"),
        (lambda: ops.conv(X1, K1, data_format="NHWC"), "`data_format` must be"),
        (lambda: ops.conv(X1, K1, strides=(1, 2)), "`strides` must be an integer or 1 integers"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_complex_numbers_and_answers_of_any_size_exist_on_arrays() -> None:
    values, vectors = ops.eig(S)
    np.testing.assert_allclose(S @ vectors, vectors * values, atol=1e-4)
    z = ops.polar([2.0, 1.0], [0.0, np.pi / 2])
    np.testing.assert_allclose(ops.view_as_real(z), [[2, 0], [0, 1]], atol=1e-6)
    np.testing.assert_array_equal(ops.view_as_complex(ops.view_as_real(z)), z)
    assert values.dtype == z.dtype == np.complex64
    np.testing.assert_allclose(
        [ops.real(z), ops.imag(ops.conj(z)), ops.angle(z)], [[2, 0], [0, -1], [0, np.pi / 2]], atol=1e-6
    )
    assert ops.isreal(np.complex64([1, 1j])).tolist() == [True, False]
    assert [place.tolist() for place in ops.nonzero([[0, 3], [4, 0]])] == [[0, 1], [1, 0]]
    assert ops.unique([3, 1, 3]).tolist() == [1, 3]
    several = ops.unique([3, 1, 3], return_index=True, return_inverse=True, return_counts=True)
    assert [item.tolist() for item in several] == [[1, 3], [1, 0], [1, 0, 1], [1, 2]]
    assert ops.unique([3, 1, 3], size=4, fill_value=9).tolist() == [1, 3, 9, 9]
    assert ops.unique([[1, 2], [0, 5], [1, 2]], axis=0, size=1).tolist() == [[0, 5]]


@pytest.mark.parametrize("name", sorted(ARRAYS_ONLY))
def test_what_works_on_arrays_only_says_so(name: str) -> None:
    tensors = symbols([A, A] if name == "polar" else [A])
    with pytest.raises(TypeError, match=f"{name} works on arrays only"):
        getattr(ops, name)(*tensors)


def test_moments_of_the_rows_of_all_workers() -> None:
    x = np.arange(24, dtype=np.float32).reshape(6, 4) ** 2
    for axes, keepdims in ((0, False), ((0, 1), True)):
        expected = [np.mean(x, axis=axes, keepdims=keepdims), np.var(x, axis=axes, keepdims=keepdims)]
        for answers in run_team(lambda x, a=axes, k=keepdims: ops.moments(x, a, k, True), [[x[:1]], [x[1:1]], [x[1:]]]):
            for found, wanted in zip(answers, expected, strict=True):
                np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(ops.moments(x, 1, synchronized=True)[0], x.mean(1))


def test_scores_of_attention_are_capped() -> None:
    q, k, v = (np.random.default_rng(place).normal(size=(2, 3, 1, 4)).astype(np.float32) for place in range(3))
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / 2
    scores = np.exp(scores / (1 + abs(scores) / 0.5))
    expected = np.einsum("bhqk,bkhd->bqhd", scores / scores.sum(-1, keepdims=True), v)
    np.testing.assert_allclose(ops.dot_product_attention(q, k, v, attn_logits_soft_cap=0.5), expected, rtol=1e-4)
