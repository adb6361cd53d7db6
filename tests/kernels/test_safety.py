"""Numbers at the edge of float32, labels out of range, shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.reshaping import decode_key, encode_key

EDGE = np.array([[-1e38, -1e4, -100, -20, -1e-8, 0, 1e-8, 20, 100, 1e4, 1e38]], np.float32)


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "sigmoid",
        "tanh",
        "softplus",
        "log_sigmoid",
        "softsign",
        "elu",
        "selu",
        "hard_sigmoid",
        "softmax",
        "log_softmax",
        "silu",
        "erf",
    ],
)
def test_activations_stay_finite(name: str) -> None:
    y = KERNELS[name].forward(EDGE)
    assert not np.isnan(y).any()
    assert y.dtype == np.float32


def test_sigmoid_keeps_small_probabilities() -> None:
    y = KERNELS["sigmoid"].forward(np.float32([-20.0]))
    np.testing.assert_allclose(y, [2.0611537e-09], rtol=1e-5)


def test_cross_entropies_of_extreme_logits() -> None:
    logits = np.float32([[1000.0, -1000.0], [-1000.0, 1000.0]])
    loss, _ = KERNELS["softmax_cross_entropy"].forward(logits, np.float32([[1, 0], [1, 0]]))
    np.testing.assert_allclose(loss, [0, 2000])
    loss, _ = KERNELS["sparse_softmax_cross_entropy"].forward(logits, np.array([0, 0]))
    np.testing.assert_allclose(loss, [0, 2000])
    loss = KERNELS["sigmoid_cross_entropy"].forward(np.float32([1000, -1000]), np.float32([1, 1]))
    np.testing.assert_allclose(loss, [0, 1000])


@pytest.mark.parametrize("label", [-1, 3])
def test_labels_out_of_range_name_the_row(label: int) -> None:
    with pytest.raises(
        ValueError, match=rf"Labels for 3 classes must be at least 0 and less than 3\. Received {label} \(row 1"
    ):
        KERNELS["sparse_softmax_cross_entropy"].forward(np.zeros((2, 3), np.float32), np.array([0, label]))


def test_embedding_index_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"embedding must be at least 0 and less than 4\. Received 9"):
        KERNELS["embedding"].forward(np.zeros((4, 2)), np.array([[1, 9]]))


def test_variances_survive_a_large_mean() -> None:
    x = np.float32(10000) + np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32)
    (y, _, variance, _), _ = KERNELS["batch_norm"].forward(x, center=False, scale=False, total=lambda vector: vector)
    np.testing.assert_allclose(variance, 1, atol=0.1)
    assert abs(y.mean()) < 1e-2
    z, _ = KERNELS["layer_norm"].forward(x.T.copy(), center=False, scale=False)
    np.testing.assert_allclose(z.std(axis=1), 1, atol=0.01)


def test_matmul_of_shapes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"matmul cannot multiply shapes \(None, 3\) and \(4, 5\)"):
        KERNELS["matmul"].shape((None, 3), (4, 5))


def test_reshape_of_numbers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="Cannot reshape"):
        KERNELS["reshape"].shape((None, 12), shape=(None, 5, 2))
    assert KERNELS["reshape"].shape((None, 12), shape=(-1, 3, 4)) == (None, 3, 4)
    assert KERNELS["reshape"].shape((None, None, 4), shape=(None, -1)) == (None, None)


def test_keys_survive_encoding() -> None:
    x = np.arange(120).reshape(2, 3, 4, 5)
    for key in (
        1,
        slice(None),
        (slice(None), 2),
        (..., -1),
        (None, 0, slice(1, 3)),
        (slice(None, None, -1), ..., slice(0, 4, 2)),
    ):
        encoded = encode_key(key)
        np.testing.assert_array_equal(x[decode_key(encoded)], x[key])
        assert KERNELS["slice"].shape(x.shape, key=encoded) == x[key].shape
    with pytest.raises(TypeError, match=r"ops\.take"):
        encode_key(np.array([1, 2]))
