"""A Replica is a plan bound to one worker's vectors: columns in, numbers and a gradient out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from bigdl_keras.engine.phases import Stopwatch
from bigdl_keras.graph.deadline import DeadlineExecution, GivenUp
from bigdl_keras.graph.plan import Context, Execution, Plan


class Replica:
    """One worker's copy of the model.

    Args:
        plan: a training or evaluation plan; its inputs are columns of a block and `batch_rows`.
        values: the value vector it reads (and whose states it updates in training).
        gradients: where the gradient goes; None for evaluation.
        seed: of all random numbers.
        total: sums a float64 array over all workers, for plans that meet on their way.
        refuses_nan: a loss that is not a number ends the training.
        gives_up: it is given deadlines.

    Attributes:
        gave_up: the last gradient was not ready at its deadline.
        watch: takes the times of forward and backward.
        as_left: nobody else has written into `gradients` since the last gradient.
    """

    def __init__(self, plan: Plan, values: np.ndarray, gradients: np.ndarray | None = None, seed: int = 0,
                 total: Callable[[np.ndarray], np.ndarray] | None = None, refuses_nan: bool = False,
                 gives_up: bool = False) -> None:
        self.plan = plan
        self.watch = Stopwatch()
        self.as_left = False
        self.gave_up = False
        self._gradients = gradients
        self._seed = seed
        self._total = total if total is not None else _alone
        make = DeadlineExecution if gives_up else Execution
        self._execution: Execution = make(plan, values, gradients)
        self._width: int | None = None
        self._refuses_nan = refuses_nan

    def compute_gradient(self, arrays: Sequence[np.ndarray], places: np.ndarray, batch_rows: int,
                         iteration: int, deadline: float = math.inf) -> np.ndarray:
        """Fill the gradient vector with this worker's part of the gradient, and update the states.

        Where it gives up, the gradient is zero, the states are as they were, and the numbers are zeros.

        Args:
            arrays: my rows of the global batch.
            places: their places in it.
            batch_rows: rows of the global batch.
            iteration: number of this iteration, which random numbers depend on.
            deadline: moment of time.perf_counter() to give up at, for a replica that does.

        Returns:
            float64 [loss, increments...]: my part; parts add up to those of the global batch.

        Raises:
            ValueError: the loss is NaN and the replica refuses it; the message says where it began.
        """
        self.gave_up = False
        if not isinstance(self._execution, DeadlineExecution):
            return self._compute_gradient(arrays, places, batch_rows, iteration)
        try:
            self._execution.deadline = deadline
            return self._compute_gradient(arrays, places, batch_rows, iteration)
        except GivenUp:
            self.gave_up, self._execution.deadline = True, math.inf
            self._execution.clear(self.as_left)
            self.watch.lap("backward")
            return np.zeros(self.width(arrays))

    def _compute_gradient(self, arrays: Sequence[np.ndarray], places: np.ndarray, batch_rows: int,
                          iteration: int) -> np.ndarray:
        assert self._gradients is not None
        if not len(places) and not self.plan.collective:
            self._execution.clear(self.as_left)
            return np.zeros(self.width(arrays))
        context = Context(training=True, seed=self._seed, iteration=iteration, places=places, total=self._total)
        numbers = self._forward(arrays, batch_rows, context)
        self.watch.lap("forward")
        if self._refuses_nan and np.isnan(numbers[0]):
            cause = self._execution.where_nan_begins([*arrays, np.asarray(batch_rows, dtype=np.float32)], context)
            raise ValueError(f"The loss of iteration {iteration + 1} is NaN: {cause}. To stop without an error, "
                             "pass callbacks=[TerminateOnNaN()].")
        self._execution.backward(self.as_left)
        if len(places):
            self._execution.updates()
        self.watch.lap("backward")
        return numbers

    @property
    def touched(self) -> tuple[np.ndarray | None, ...]:
        """For each of the plan's `tables`, the rows that the gradient may differ from zero in; None: all."""
        return tuple(table.touched for table in self._execution.tables.values())

    def evaluate(self, arrays: Sequence[np.ndarray], places: np.ndarray, batch_rows: int) -> np.ndarray:
        """The numbers of this worker's rows of a batch, without training."""
        if not len(places) and not self.plan.collective:
            return np.zeros(self.width(arrays))
        context = Context(training=False, seed=self._seed, iteration=0, places=places, total=self._total)
        return self._forward(arrays, batch_rows, context)

    def width(self, arrays: Sequence[np.ndarray]) -> int:
        """How many numbers the plan answers with; found by a run on no rows where none has run yet."""
        if self._width is None:
            with np.errstate(all="ignore"):
                self._forward([array[:0] for array in arrays], 1, Context(training=False))
        assert self._width is not None
        return self._width

    def _forward(self, arrays: Sequence[np.ndarray], batch_rows: int, context: Context) -> np.ndarray:
        outputs = self._execution.forward([*arrays, np.asarray(batch_rows, dtype=np.float32)], context)
        numbers = np.concatenate([np.asarray(output, dtype=np.float64).reshape(-1) for output in outputs])
        self._width = len(numbers)
        return numbers


def _alone(numbers: np.ndarray) -> np.ndarray:
    return numbers
