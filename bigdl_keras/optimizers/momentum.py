"""Rules that follow the gradient or its running mean: SGD and Lion."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register


@register("optimizer", "sgd")
class SGD(Optimizer):
    """Gradient descent, with momentum.

    `velocity = momentum * velocity - learning_rate * gradient`; `weights += velocity`, or with `nesterov`
    `weights += momentum * velocity - learning_rate * gradient`.

    Args:
        learning_rate: a number or a schedule.
        momentum: fraction of the last step that is taken again.
        nesterov: look ahead along the velocity.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.01, momentum: float = 0.0,
                 nesterov: bool = False, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        if not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be in [0, 1]. Received {momentum}.")
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum",),) if self.momentum else ()

    @property
    def lazy_slots(self) -> tuple[str, ...] | None:
        return ("momentum",) if self.momentum else None

    @property
    def weights_rest(self) -> bool:
        return not self.momentum

    @property
    def slots_rest(self) -> bool:
        return True

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        if not self.momentum:
            for weight, slope, scratch in chunks(weights, gradient, scratch=1):
                np.multiply(slope, rate, out=scratch)
                weight -= scratch
            return
        for weight, slope, velocity, scratch in chunks(weights, gradient, state["momentum"], scratch=1):
            np.multiply(slope, rate, out=scratch)
            velocity *= self.momentum
            velocity -= scratch
            if self.nesterov:
                weight -= scratch
                np.multiply(velocity, self.momentum, out=scratch)
                weight += scratch
            else:
                weight += velocity

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}


@register("optimizer", "lion")
class Lion(Optimizer):
    """The sign of an interpolated momentum: `weights -= learning_rate * sign(beta_1 * m + (1 - beta_1) * gradient)`.

    Then `m = beta_2 * m + (1 - beta_2) * gradient`.
    Source: Chen et al., "Symbolic Discovery of Optimization Algorithms", 2023.

    Args:
        learning_rate: a number or a schedule.
        beta_1: weight of the momentum in the direction.
        beta_2: decay of the momentum.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, beta_1: float = 0.9, beta_2: float = 0.99,
                 **options: Any) -> None:
        super().__init__(learning_rate, **options)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"`beta_1` must be in (0, 1]. Received {beta_1}.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum",),)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        for weight, slope, momentum, direction, scratch in chunks(weights, gradient, state["momentum"], scratch=2):
            np.multiply(momentum, self.beta_1, out=direction)
            np.multiply(slope, 1.0 - self.beta_1, out=scratch)
            direction += scratch
            np.sign(direction, out=direction)
            direction *= rate
            weight -= direction
            momentum *= self.beta_2
            np.multiply(slope, 1.0 - self.beta_2, out=scratch)
            momentum += scratch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
