"""Numbers that rows of the check table are made of."""

from __future__ import annotations

import numpy as np

rng = np.random.default_rng(0)


def real(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return rng.uniform(low, high, shape)


def positive(*shape: int) -> np.ndarray:
    return rng.uniform(0.3, 2.0, shape)


def apart(*shape: int) -> np.ndarray:
    """Numbers that keep a distance, so that no extremum changes under a small step."""
    size = int(np.prod(shape))
    return (rng.permutation(size).reshape(shape) - size / 2 + 0.25) * 0.1
