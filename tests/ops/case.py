"""One row of the table of operations, and the numbers that rows are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras import ops

RNG = np.random.default_rng(7)


def real(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return RNG.uniform(0.2, 2.0, size=shape).astype(np.float32)


def unit(*shape: int) -> np.ndarray:
    return RNG.uniform(0.1, 0.9, size=shape).astype(np.float32)


def whole(*shape: int, high: int = 4) -> np.ndarray:
    return RNG.integers(0, high, size=shape).astype(np.int32)


def distinct(*shape: int) -> np.ndarray:
    """Numbers no two of which are near each other."""
    return (RNG.permutation(int(np.prod(shape))).reshape(shape) / 3 - 1.1).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        name: of the operation.
        arrays: tensor arguments.
        reference: what numpy answers for them.
        options: other arguments.
        listed: the tensors are given as one list.
        known: shapes must be known in full.
        gradient: whether the gradient is checked.
        tolerance: of the values.
        through: how it is called where that is not plain: `through(ops, *tensors)`.
        unlike_keras: why real Keras (on JAX) answers otherwise or not at all; empty where it answers the same.
    """

    name: str
    arrays: tuple[np.ndarray, ...]
    reference: Callable[..., Any]
    options: dict[str, Any] = field(default_factory=dict)
    listed: bool = False
    known: bool = False
    gradient: bool = True
    tolerance: float = 1e-5
    through: Callable[..., Any] | None = None
    unlike_keras: str = ""

    def __str__(self) -> str:
        return f"{self.name}-{self.options}"

    def call(self, *tensors: Any, ops: Any = ops) -> Any:
        """The operation of the namespace `ops`, ours or that of real Keras."""
        function = getattr(ops if hasattr(ops, self.name) else ops.image, self.name)
        if self.through is not None:
            return self.through(ops, *tensors)
        return function(list(tensors), **self.options) if self.listed else function(*tensors, **self.options)
