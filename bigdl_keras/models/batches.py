"""One batch of arrays at a time, in this process: train_on_batch, test_on_batch, predict_on_batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import ArraySource
from bigdl_keras.graph import nest
from bigdl_keras.graph.plan import Context
from bigdl_keras.models.columns import match, match_inputs
from bigdl_keras.models.objective import Running
from bigdl_keras.models.runtime import Program
from bigdl_keras.models.sources import may_read_strings
from bigdl_keras.optimizers.slices import alone

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_SEED = 0


def train_on_batch(
    model: Model, x: Any, y: Any, sample_weight: Any, class_weight: dict[int, float] | None, return_dict: bool
) -> Any:
    """See `Model.train_on_batch`."""
    model.need_compiled("train_on_batch")
    step = train_step(model, x, y, sample_weight, class_weight)
    return answer(model, "train", step.program, step.numbers, step.rows, return_dict)


@dataclass(frozen=True)
class Step:
    """One update: the program that ran, what it answered, and the rows of the batch."""

    program: Program
    numbers: np.ndarray
    rows: int


def train_step(
    model: Model,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: dict[int, float] | None,
    seed: int = _SEED,
    refuses_nan: bool = False,
) -> Step:
    """Update the model by one batch of arrays.

    Raises:
        ValueError: with `refuses_nan`, the loss is NaN; the message says where it began.
    """
    matched = match(model, ArraySource(x, y, sample_weight, may_read_strings(model)))
    runtime = model.runtime
    program = runtime.objective_program(
        model.heads, matched.inputs, matched.labels, matched.weights, True, class_weight
    )
    optimizer, vector = model.optimizer, runtime.vector
    if optimizer.state is None:
        optimizer.state = optimizer.create_state(vector.values[: vector.trainable_size])
    rows = matched.source.rows or 0
    execution = runtime.execution(program)
    arrays = [*matched.source.read().arrays, np.asarray(rows, np.float32)]
    context = Context(training=True, seed=seed, iteration=optimizer.iterations)
    results = execution.forward(arrays, context)
    numbers = flat_numbers(results)
    if refuses_nan and np.isnan(numbers[0]):
        raise ValueError(
            f"The loss of iteration {optimizer.iterations + 1} is NaN: {execution.where_nan_begins(arrays, context)}. "
            "To stop without an error, pass callbacks=[TerminateOnNaN()]."
        )
    execution.backward()
    execution.updates()
    optimizer.step(
        vector.values[: vector.trainable_size],
        runtime.gradients,
        optimizer.state,
        optimizer.iterations,
        runtime.part,
        alone,
    )
    optimizer.iterations += 1
    constraints = runtime.constraint_execution()
    if constraints is not None:
        constraints.forward([])
        constraints.updates()
    return Step(program, numbers, rows)


def test_on_batch(model: Model, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
    """See `Model.test_on_batch`."""
    model.need_compiled("test_on_batch")
    matched = match(model, ArraySource(x, y, sample_weight, may_read_strings(model)))
    program = model.runtime.objective_program(model.heads, matched.inputs, matched.labels, matched.weights, False)
    rows = matched.source.rows or 0
    arrays = [*matched.source.read().arrays, np.asarray(rows, np.float32)]
    numbers = flat_numbers(model.runtime.execution(program).forward(arrays, Context()))
    return answer(model, "test", program, numbers, rows, return_dict)


def predict_on_batch(model: Model, x: Any) -> Any:
    """See `Model.predict_on_batch`."""
    source, inputs = match_inputs(model, ArraySource(x, strings=may_read_strings(model)))
    program = model.runtime.predict_program(inputs)
    outputs = model.runtime.execution(program).forward(source.read().arrays, Context())
    model.runtime.keep_states(program)
    return nest.pack(program.structure, [np.array(output) for output in outputs])


def flat_numbers(results: Sequence[np.ndarray]) -> np.ndarray:
    """The outputs of an objective plan as the vector that `Numbers` describes."""
    return np.concatenate([np.ravel(result).astype(np.float64) for result in results])


def answer(model: Model, phase: str, program: Program, numbers: np.ndarray, rows: int, return_dict: bool) -> Any:
    """Add a batch to what the phase has summed up since `reset_metrics()`, and return how it stands."""
    running = model._running.get(phase)
    if running is None or running.numbers is not program.numbers:
        assert program.numbers is not None
        running = model._running[phase] = Running(program.numbers)
    running.add(numbers, rows)
    return pack_logs(running.logs(), return_dict)


def pack_logs(logs: dict[str, Any], return_dict: bool) -> Any:
    """Logs as Keras returns them: a dict, or the loss alone, or a list with the loss first."""
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
