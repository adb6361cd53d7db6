"""A state array with a name, of a metric written as for Keras: added to in `update_state`, read in `result`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.graph.tensor import Operators

if TYPE_CHECKING:
    from bigdl_keras.metrics.base import Metric


@dataclass(frozen=True)
class _Sum:
    """`variable + increment` while a batch is traced: the only thing that may be assigned then."""

    variable: Variable
    increment: Any

    def __add__(self, other: Any) -> _Sum:
        return _Sum(self.variable, self.increment + other)

    __radd__ = __add__


class Variable(Operators):
    """What `Metric.add_variable` answers with.

    Args:
        metric: whose state it is part of.
        name: of the array in the state.
        shape: of the array.
    """

    dtype = "float32"

    def __init__(self, metric: Metric, name: str, shape: tuple[int, ...]) -> None:
        self.metric = metric
        self.name = name
        self.shape = shape

    @property
    def value(self) -> np.ndarray:
        """The array itself.

        Raises:
            TypeError: a batch is being traced: other workers add to the array, nobody knows it before the result.
        """
        if self.metric.recorded is not None:
            raise TypeError(
                f"update_state of the metric '{self.metric.name}' reads '{self.name}', which is a sum over all batches "
                "and workers. Only add to it, with assign_add(x) or assign(variable + x), and read it in result()."
            )
        return np.asarray(self.metric.state.get(self.name, np.zeros(self.shape)))

    def assign_add(self, increment: Any) -> None:
        """Add to the array."""
        recorded = self.metric.recorded
        if recorded is None:
            self.assign(self.value + np.asarray(increment))
            return
        shape = tuple(getattr(increment, "shape", ()))
        if shape != self.shape:
            raise ValueError(
                f"The metric '{self.metric.name}' adds shape {shape} to '{self.name}' of shape {self.shape}."
            )
        recorded[self.name] = recorded[self.name] + increment if self.name in recorded else increment

    def assign(self, value: Any) -> None:
        """Overwrite the array; while a batch is traced only by itself plus something."""
        if isinstance(value, _Sum) and value.variable is self:
            self.assign_add(value.increment)
            return
        self.metric.state[self.name] = np.broadcast_to(np.asarray(value, dtype=np.float64), self.value.shape).copy()

    def __add__(self, other: Any) -> Any:
        return _Sum(self, other) if self.metric.recorded is not None else super().__add__(other)

    __radd__ = __add__

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype or self.dtype)

    def __float__(self) -> float:
        return float(self.value)
