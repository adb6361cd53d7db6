"""Initializers that draw no numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.initializers.base import Initializer
from bigdl_keras.registry import register


@register("initializer", "zero")
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.zeros(tuple(shape), dtype or np.float32)


@register("initializer", "one")
class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.ones(tuple(shape), dtype or np.float32)


@register("initializer")
class Constant(Initializer):
    """One value everywhere, or the values of an array that broadcasts to the shape.

    Args:
        value: the value or values.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.full(tuple(shape), self.value, dtype or np.float32)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value.tolist() if isinstance(self.value, np.ndarray | np.generic) else self.value}


@register("initializer", "IdentityInitializer")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    Args:
        gain: value on the diagonal.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity initializes matrices only. Received shape {tuple(shape)}.")
        return self.gain * np.eye(*shape, dtype=dtype or np.float32)
