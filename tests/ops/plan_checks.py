"""Functions written in ops, run as training runs them: traced, compiled, pickled, alone or by a team of workers."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.plan import Context, Plan
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.parameters import Variable


def symbols(arrays: Sequence[Any], known: bool = False) -> list[KerasTensor]:
    """Symbolic inputs like `arrays`, with an unknown number of rows unless `known`."""
    inputs = []
    for array in arrays:
        shape = np.shape(array)
        inputs.append(KerasTensor(shape if known or not shape else (None, *shape[1:]), str(np.asarray(array).dtype)))
    return inputs


def compiled(function: Callable[..., Any], arrays: Sequence[Any], known: bool = False) -> tuple[Plan, list[Any]]:
    """The plan of `function` for inputs like `arrays` with an unknown number of rows, and its symbolic outputs."""
    with tracing(training=True) as trace:
        inputs = symbols(arrays, known)
        outputs = function(*inputs)
    outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    return pickle.loads(pickle.dumps(compile_plan(trace, inputs, outputs, {}))), outputs


def run(function: Callable[..., Any], *arrays: Any, known: bool = False) -> list[np.ndarray]:
    """What the compiled plan answers; its shapes and dtypes are those that were foretold."""
    plan, outputs = compiled(function, arrays, known)
    results = [np.array(item) for item in plan.bind(np.zeros(0)).forward(list(arrays))]
    for symbol, result in zip(outputs, results, strict=True):
        if isinstance(symbol, KerasTensor):
            foretold = symbol.shape
            assert len(foretold) == result.ndim, f"foretold {foretold}, came {result.shape}"
            assert all(size in (None, real) for size, real in zip(foretold, result.shape, strict=True)), (
                f"foretold {foretold}, came {result.shape}"
            )
            assert symbol.dtype == str(result.dtype), f"foretold {symbol.dtype}, came {result.dtype}"
    return results


def run_team(function: Callable[..., Any], parts: Sequence[Sequence[Any]]) -> list[list[np.ndarray]]:
    """What each of several workers answers when they run the plan together, each on its own arrays."""
    plan, _ = compiled(function, parts[0])
    barrier = threading.Barrier(len(parts))
    given: list[Any] = [None] * len(parts)
    answers: list[Any] = [None] * len(parts)

    def work(rank: int) -> None:
        def total(vector: np.ndarray) -> np.ndarray:
            given[rank] = np.array(vector)
            barrier.wait(timeout=10)
            summed = np.sum(given, axis=0)
            barrier.wait(timeout=10)
            return summed

        answers[rank] = [
            np.array(item) for item in plan.bind(np.zeros(0)).forward(list(parts[rank]), Context(total=total))
        ]

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return answers


def check_gradient(function: Callable[..., Any], *arrays: Any, step: float = 1e-6, tolerance: float = 1e-5) -> None:
    """The gradient of sum(function * random numbers) equals central differences, in float64, for all float inputs."""
    variables = [
        Variable(np.asarray(array, dtype=np.float64)) if np.asarray(array).dtype.kind == "f" else array
        for array in arrays
    ]
    rng = np.random.default_rng(5)
    with tracing(training=True) as trace:
        output = function(*variables)
        spread = rng.normal(size=[3 if size is None else size for size in output.shape])
        loss = ops.sum(ops.multiply(output, spread))
    spans: dict[Any, tuple[int, int]] = {}
    start = 0
    for variable in variables:
        if isinstance(variable, Variable):
            spans[variable] = (start, start + int(np.prod(variable.shape)))
            start = spans[variable][1]
    values = np.concatenate([np.ravel(variable.value) for variable in spans])
    plan = compile_plan(trace, [], [loss], spans, trainable_size=start)
    gradient = np.zeros(start)
    execution = plan.bind(values, gradient)
    execution.forward([])
    execution.backward()
    found, expected = gradient.copy(), np.zeros(start)
    for place in range(start):
        kept = values[place]
        sides = []
        for shifted in (kept + step, kept - step):
            values[place] = shifted
            sides.append(float(execution.forward([])[0]))
        values[place] = kept
        expected[place] = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
