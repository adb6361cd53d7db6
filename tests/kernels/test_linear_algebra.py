"""The gradient of a Cholesky factor holds for symmetric changes of its input, the only ones that make sense."""

from __future__ import annotations

import numpy as np

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
