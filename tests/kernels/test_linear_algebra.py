"""Gradients of factors of matrices where the check table cannot look: symmetric changes, equal values, odd shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bigdl_keras.kernels import KERNELS


def test_cholesky_gradient_in_a_symmetric_direction() -> None:
    rng = np.random.default_rng(8)
    root, direction, dy = (rng.normal(size=(4, 4)) for _ in range(3))
    x, direction = root @ root.T + 4 * np.eye(4), direction + direction.T
    kernel = KERNELS["cholesky"]
    assert kernel.gradient is not None
    y = kernel.forward(x)
    (dx,) = kernel.gradient(np.tril(dy), y, wanted=(True,), out=(None,))
    ends = [np.sum(np.tril(dy) * kernel.forward(x + step * direction)) for step in (1e-6, -1e-6)]
    np.testing.assert_allclose(np.sum(dx * direction), (ends[0] - ends[1]) / 2e-6, rtol=1e-6)


def _gradient(name: str, x: np.ndarray, flows: tuple[Any, ...], **attributes: Any) -> Any:
    kernel = KERNELS[name]
    assert kernel.gradient is not None
    outputs = kernel.forward(x, **attributes)
    given = [outputs] if kernel.needs == ("output",) else [x, outputs]
    return kernel.gradient(flows, *given, wanted=(True,), out=(None,), **attributes)[0]


def test_equal_singular_values_have_a_gradient() -> None:
    x = 2 * np.eye(3)
    np.testing.assert_allclose(_gradient("svd", x, (None, np.ones(3), None), full_matrices=False), np.eye(3))
    np.testing.assert_allclose(_gradient("eigh", x, (np.ones(3), None)), np.eye(3))


@pytest.mark.parametrize(
    ("name", "shape", "flows", "attributes", "message"),
    [
        ("qr", (2, 3), (np.ones((2, 2)), None), {}, "at least as many rows as columns"),
        ("qr", (3, 2), (np.ones((3, 3)), None), {"mode": "complete"}, "mode='reduced'"),
        ("svd", (3, 2), (np.ones((3, 3)), None, None), {}, "needs full_matrices=False"),
        ("lu_factor", (3, 2), (np.ones((3, 2)), None), {}, "needs square matrices"),
    ],
)
def test_factors_that_a_matrix_does_not_determine_have_no_gradient(
    name: str, shape: Any, flows: Any, attributes: Any, message: str
) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    with pytest.raises(ValueError, match=message):
        _gradient(name, x, flows, **attributes)
