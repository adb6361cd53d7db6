"""The derivative of a function in a direction, from the gradients that the kernels have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph import nest
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import tracing
from bigdl_keras.ops.elementwise import as_float, multiply
from bigdl_keras.ops.reduction import sum

__all__ = ["jvp"]


class _Primal(Weight):
    """An argument of the function, as a window on the vector that a plan reads."""

    def __init__(self, array: np.ndarray, number: int) -> None:
        self.shape, self.dtype = array.shape, str(array.dtype)
        self.name, self.trainable = f"primal {number}", True
        self._array = array

    @property
    def value(self) -> np.ndarray:
        return self._array


def jvp(
    fun: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """What `fun` answers at `primals`, and how that changes as they move along `tangents`; on arrays only.

    The gradients of kernels go from outputs to inputs, so this takes one backward pass for each number of the output.

    Args:
        fun: a function of tensors, written in operations.
        primals: its arguments, arrays of floats.
        tangents: arrays of the same shapes.
        has_aux: whether `fun` answers with a pair of its outputs and something that is handed on.

    Returns:
        (outputs, their derivatives in the direction of the tangents), and what `fun` handed on with `has_aux`.

    Raises:
        TypeError: a symbolic argument.
        ValueError: tangents that do not fit the primals.
    """
    if any(isinstance(item, KerasTensor) for item in nest.flatten([list(primals), list(tangents)])):
        raise TypeError("jvp works on arrays only: a plan has gradients of a loss, not of each of its numbers.")
    arrays = [np.asarray(as_float(item)) for item in primals]
    directions = [np.asarray(as_float(item)) for item in tangents]
    if [item.shape for item in arrays] != [item.shape for item in directions]:
        raise ValueError(
            f"Tangents must have the shapes of the primals, {[item.shape for item in arrays]}. "
            f"Received {[item.shape for item in directions]}."
        )
    answer = fun(*arrays)
    outputs, extra = answer if has_aux else (answer, None)
    direction = np.concatenate([item.reshape(-1) for item in directions])
    derivatives = [
        _derivative(fun, arrays, direction, number, np.asarray(output), has_aux)
        for number, output in enumerate(nest.flatten(outputs))
    ]
    result = outputs, nest.pack(outputs, derivatives)
    return (*result, extra) if has_aux else result


def _derivative(
    fun: Callable[..., Any], arrays: list[np.ndarray], direction: np.ndarray, number: int, output: Any, has_aux: bool
) -> np.ndarray:
    """Of one output: the gradient of each of its numbers, times the direction."""
    weights = [_Primal(array, place) for place, array in enumerate(arrays)]
    ends = np.cumsum([array.size for array in arrays]).tolist()
    with tracing() as trace:
        answer = fun(*weights)
        chosen = KerasTensor(output.shape, str(output.dtype))
        recorded = nest.flatten(answer[0] if has_aux else answer)[number]
        loss = sum(multiply(recorded, chosen))
    spans: dict[Any, tuple[int, int]] = {
        weight: (end - array.size, end) for weight, array, end in zip(weights, arrays, ends, strict=True)
    }
    values, gradient = np.concatenate([array.reshape(-1) for array in arrays]), np.zeros_like(direction)
    execution = compile_plan(trace, [chosen], [loss], spans, trainable_size=ends[-1]).bind(values, gradient)
    found = np.zeros(output.size, output.dtype)
    for place in range(output.size):
        one = np.zeros(output.size, output.dtype)
        one[place] = 1
        execution.forward([one.reshape(output.shape)])
        execution.backward()
        found[place] = gradient @ direction
    return found.reshape(output.shape)
