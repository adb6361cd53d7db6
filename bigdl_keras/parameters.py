"""Every weight is a window on one contiguous vector, every gradient a window on its twin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.tensor import Weight, is_symbolic
from bigdl_keras.graph.trace import current_trace

_float_width = ["float32"]


def floatx() -> str:
    """The dtype of new weights and inputs, 'float32' unless `set_floatx` says otherwise."""
    return _float_width[0]


def set_floatx(dtype: str) -> None:
    """Choose the dtype of weights and inputs made from now on; 'float64' serves gradient checks.

    Raises:
        ValueError: not 'float32' or 'float64'.
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"floatx must be 'float32' or 'float64'. Received {dtype!r}.")
    _float_width[0] = dtype


class Variable(Weight):
    """A named array that a layer owns; it lives alone until a ParameterVector gives it a window.

    Args:
        value: initial array (copied).
        name: short name, 'kernel'.
        trainable: whether an optimizer may change it.
        regularizer: a penalty on it, or None.
        constraint: a projection applied after each update, or None.

    Attributes:
        path: 'layer/kernel', unique in a model once it is built.
    """

    def __init__(
        self,
        value: Any,
        name: str = "variable",
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        path: str | None = None,
    ) -> None:
        array = np.array(value)
        self._value = array
        self.shape: tuple[int, ...] = array.shape
        self.dtype = str(array.dtype)
        self.name = name
        self.path = path or name
        self.trainable = trainable
        self.regularizer = regularizer
        self.constraint = constraint

    @property
    def value(self) -> np.ndarray:
        """The array itself: writing into it changes the weight."""
        return self._value

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def numpy(self) -> np.ndarray:
        """A copy of the value."""
        return self._value.copy()

    def assign(self, value: Any) -> Any:
        """Overwrite the value: at once, or, with a tensor in a layer's `call`, at the end of each step of the model.

        Steps of predicting count, too, on arrays. A step reads the value as it was before. Where several workers hold
        a batch, the value becomes the mean of theirs, weighted by rows: right for averages over rows, not for sums.

        Returns:
            `value`.

        Raises:
            ValueError: the shape differs.
        """
        trace = current_trace()
        if trace is not None and is_symbolic(value):
            if tuple(value.shape) != self.shape:
                raise ValueError(f"The weight '{self.path}' has shape {self.shape}. Received a tensor of shape "
                                 f"{tuple(value.shape)}.")
            trace.updates[:] = [pair for pair in trace.updates if pair[0] is not self]  # the last one stands
            trace.updates.append((self, value))
            return value
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(
                f"The weight '{self.path}' has shape {self.shape}. Received an array of shape {array.shape}."
            )
        np.copyto(self._value, array, casting="unsafe")
        return value

    def assign_add(self, value: Any) -> Any:
        """Add to the value, as `assign` says; several times in a step add up."""
        trace = current_trace()
        before = [new for variable, new in trace.updates if variable is self] if trace is not None else []
        return self.assign(ops.add(before[-1] if before else self, value))

    def assign_sub(self, value: Any) -> Any:
        """Take from the value, as `assign_add` adds."""
        return self.assign_add(ops.negative(value))

    def move_to(self, window: np.ndarray) -> None:
        """Live in `window` from now on, keeping the value."""
        np.copyto(window, self._value)
        self._value = window

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._value, dtype=dtype)

    def __repr__(self) -> str:
        return f"<Variable path={self.path} shape={self.shape} dtype={self.dtype} trainable={self.trainable}>"


class ParameterVector:
    """The variables of a model in one vector: trained ones first, then those an optimizer must not touch.

    Args:
        trainable: variables to train, in order.
        fixed: frozen weights and states (moving averages, counters).
        dtype: of the vectors.

    Attributes:
        values: all values.
        trainable_size: length of the trained part.
        spans: variable -> (start, stop).
    """

    def __init__(self, trainable: Sequence[Variable], fixed: Sequence[Variable], dtype: str = "float32") -> None:
        self.trainable = list(_unique(trainable))
        self.fixed = [variable for variable in _unique(fixed) if variable not in set(self.trainable)]
        self.spans: dict[Variable, tuple[int, int]] = {}
        start = 0
        for variable in (*self.trainable, *self.fixed):
            stop = start + int(np.prod(variable.shape, dtype=np.int64))
            self.spans[variable] = (start, stop)
            start = stop
        self.trainable_size = sum(self._size(variable) for variable in self.trainable)
        self.values = np.empty(start, dtype=dtype)
        for variable, (first, last) in self.spans.items():
            variable.move_to(self.values[first:last].reshape(variable.shape))

    def _size(self, variable: Variable) -> int:
        start, stop = self.spans[variable]
        return stop - start

    @property
    def segments(self) -> list[tuple[str, int, int, tuple[int, ...]]]:
        """(path, start, stop, shape) of the trained variables, in order."""
        return [(variable.path, *self.spans[variable], variable.shape) for variable in self.trainable]

    def holds(self, trainable: Sequence[Variable], fixed: Sequence[Variable]) -> bool:
        """Whether the vector still is the home of exactly these variables, in this order."""
        return (
            self.trainable == list(_unique(trainable))
            and self.fixed == [item for item in _unique(fixed) if item not in set(self.trainable)]
            and all(np.shares_memory(variable.value, self.values) for variable in self.spans if variable.value.size)
        )


def _unique(variables: Iterable[Variable]) -> list[Variable]:
    return list(dict.fromkeys(variables))
