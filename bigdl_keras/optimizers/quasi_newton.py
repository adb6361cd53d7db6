"""L-BFGS without a vector that leaves its worker: only the inner products of its history are summed."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register

_CURVATURE = 1e-10
"""Pairs of steps and gradient changes with a smaller inner product tell nothing about the curvature."""


@register("optimizer", "lbfgs")
class LBFGS(Optimizer):
    """Steps along an estimate of the inverse Hessian times the gradient, from the last steps and gradient changes.

    One gradient an update and no line search: made for batches that hold the whole data set, or most of it.
    The first step has length `learning_rate * min(1, 1 / |gradient|_1)` in units of the gradient.
    Source: Nocedal & Wright, "Numerical Optimization", algorithm 7.4; over slices Chen et al., "Large-scale L-BFGS
    using MapReduce", 2014.

    Args:
        learning_rate: a number or a schedule.
        history_size: how many steps are remembered; the state has twice as many vectors.
        **options: see `Optimizer`.
    """

    layerwise = True

    def __init__(self, learning_rate: float | LearningRateSchedule = 1.0, history_size: int = 10,
                 **options: Any) -> None:
        super().__init__(learning_rate, **options)
        if history_size < 1:
            raise ValueError(f"`history_size` must be at least 1. Received {history_size}.")
        self.history_size = history_size

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        pairs = tuple((f"step_{index}", f"change_{index}") for index in range(self.history_size))
        return (("previous_gradient",), *pairs)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        size = self.history_size
        if iteration:
            newest = (iteration - 1) % size
            np.subtract(gradient, state["previous_gradient"], out=state[f"change_{newest}"])
        state["previous_gradient"][...] = gradient
        order = [index % size for index in range(max(iteration - size, 0), iteration)]  # oldest first
        basis = [state[f"step_{index}"] for index in order] + [state[f"change_{index}"] for index in order]
        products, absolute = _products([*basis, gradient], total)
        coefficients = _direction(products, len(order))
        rate = self.learning_rate_at(iteration)
        if not iteration:
            rate *= min(1.0, 1.0 / absolute) if absolute else 1.0
        step = np.zeros_like(weights)
        for coefficient, vector in zip(coefficients, [*basis, gradient], strict=True):
            step += (rate * coefficient) * vector
        weights += step
        state[f"step_{iteration % size}"][...] = step

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "history_size": self.history_size}


def _products(vectors: list[np.ndarray], total: Total) -> tuple[np.ndarray, float]:
    """Inner products of all pairs of vectors, and the sum of the absolute values of the last."""
    count = len(vectors)
    sums = np.zeros(count * count + 1)
    for parts in chunks(*vectors):
        rows = np.stack(parts).astype(np.float64)
        sums[:-1] += (rows @ rows.T).ravel()
        sums[-1] += np.abs(rows[-1]).sum()
    sums = total(sums)
    return sums[:-1].reshape(count, count), float(sums[-1])


def _direction(products: np.ndarray, pairs: int) -> np.ndarray:
    """Coefficients, over steps, gradient changes and the gradient, of the direction of descent (the two loops)."""
    direction = np.zeros(2 * pairs + 1)
    direction[-1] = -1.0
    known = [index for index in range(pairs) if products[index, pairs + index] > _CURVATURE]
    weight = {}
    for index in reversed(known):
        weight[index] = (products[index] @ direction) / products[index, pairs + index]
        direction[pairs + index] -= weight[index]
    if known:
        change = pairs + known[-1]
        direction *= products[known[-1], change] / products[change, change]
    for index in known:
        back = (products[pairs + index] @ direction) / products[index, pairs + index]
        direction[index] += weight[index] - back
    return direction
