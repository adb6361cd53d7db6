"""A metric is a state that adds: batches and workers hand in increments, and the sum is read once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bigdl_keras.metrics.variable import Variable

State = Mapping[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]


class Metric:
    """Base of all metrics.

    A subclass says what its state is, writes `increments` in ops, so that they run in the compiled plan on executors,
    and `result_of` in numpy. The states of several batches, workers or metrics are simply added. Or it is written as
    for Keras: `add_variable` in `__init__`, `update_state` in ops that adds to the variables, `result` that reads them.

    Args:
        dtype: kept for files; states are float64.
        name: in logs; made from the class name if None.
    """

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.dtype = dtype or "float32"
        self.state: dict[str, np.ndarray] = {}
        self.variables: list[Variable] = []
        self.recorded: dict[str, Any] | None = None

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: str | None = None, name: str | None = None
    ) -> Variable:
        """Add an array of zeros to the state of a metric that is written as for Keras.

        Raises:
            ValueError: another initializer: states of workers are added, so each must start at zero.
        """
        start = getattr(initializer, "__name__", type(initializer).__name__) if initializer else "zeros"
        if (initializer if isinstance(initializer, str) else start).lower() != "zeros":
            raise ValueError(f"A variable of the metric '{self.name}' must start at zeros. Received {initializer!r}.")
        variable = Variable(self, name or f"variable_{len(self.variables)}", tuple(shape))
        self.variables.append(variable)
        return variable

    def add_weight(
        self, name: str | None = None, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: str | None = None
    ) -> Variable:
        """Keras 2's name and order of `add_variable`."""
        return self.add_variable(shape, initializer, dtype, name)

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        """Shapes of the named arrays of the state, for predictions of this shape."""
        if not self.variables:
            raise NotImplementedError(f"{type(self).__name__} must define state_shapes(), or use add_variable().")
        return {variable.name: variable.shape for variable in self.variables}

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """What these rows add to each array of the state, written in ops.

        Args:
            y_true, y_pred: labels and predictions.
            sample_weight: one weight a sample or of the shape of the values; a mask is a weight of 0 or 1.
        """
        if not self.variables:
            raise NotImplementedError(f"{type(self).__name__} must define increments(), or use add_variable().")
        self.recorded = {}
        try:
            self.update_state(y_true, y_pred, **({} if sample_weight is None else {"sample_weight": sample_weight}))
            return {
                variable.name: self.recorded.get(variable.name, np.zeros(variable.shape, np.float32))
                for variable in self.variables
            }
        finally:
            self.recorded = None

    def result_of(self, state: State) -> Any:
        """The value that a state stands for: a float or an array."""
        if not self.variables:
            raise NotImplementedError(f"{type(self).__name__} must define result_of(), or use add_variable().")
        kept, self.state = self.state, dict(state)
        try:
            return self.result()
        finally:
            self.state = kept

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch of arrays; the arguments are those of `increments`."""
        for key, value in self.increments(*args, **kwargs).items():
            self.state[key] = self.state.get(key, 0.0) + np.asarray(value, dtype=np.float64)

    def result(self) -> Any:
        """The value over all that was seen; 0 before."""
        state = self.state
        if not state:
            try:
                state = {key: np.zeros(shape) for key, shape in self.state_shapes().items()}
            except IndexError:  # the shape depends on predictions, and none was seen
                return 0.0
        result = self.result_of(state)
        return float(result) if np.ndim(result) == 0 else np.asarray(result, dtype=np.float32)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def reset_state(self) -> None:
        """Forget all that was seen."""
        self.state = {}

    reset_states = reset_state

    def merge_state(self, metrics: Iterable[Metric]) -> None:
        """Add what other metrics of the same kind have seen.

        Raises:
            ValueError: another kind of metric.
        """
        for metric in metrics:
            if type(metric) is not type(self):
                raise ValueError(f"The metric '{self.name}' ({type(self).__name__}) cannot be merged with {metric!r}.")
            for key, value in metric.state.items():
                self.state[key] = self.state.get(key, 0.0) + value

    def get_config(self) -> dict[str, Any]:
        """Plain data from which `from_config` rebuilds the metric."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Rebuild a metric from what `get_config` answered."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def divided(numerator: Any, denominator: Any) -> np.ndarray:
    """numerator / denominator, 0 where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    safe = np.where(denominator == 0, 1.0, denominator)
    return np.asarray(np.where(denominator == 0, 0.0, numerator / safe))
