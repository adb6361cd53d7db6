"""Schedule-free learning: an average of the iterates takes the place of a falling learning rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register


@register("optimizer", "schedule_free_adamw", "schedule_free_adam_w")
class ScheduleFreeAdamW(Optimizer):
    """AdamW steps on a sequence `z` whose running mean `x` is what is learned.

    `v += (1 - beta_2) * (gradient ** 2 - v)`;
    `z -= learning_rate * gradient / (sqrt(v / (1 - beta_2 ** t)) + epsilon)`; `x += (z - x) / t`;
    `weights = (1 - beta_1) * z + beta_1 * x`.
    Source: Defazio et al., "The Road Less Scheduled", 2024.

    Args:
        learning_rate: a number or a schedule.
        beta_1: share of the mean in the weights.
        beta_2: decay of the mean of squared gradients.
        epsilon: added to the square root.
        warmup_steps: updates in which the learning rate rises from 0.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.0025, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float = 1e-8, warmup_steps: int = 0, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum", "velocity"),)

    def initial_value(self, slot: str, weights: np.ndarray) -> float | np.ndarray:
        return weights if slot == "momentum" else 0.0

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        step = iteration + 1
        rate = self.learning_rate_at(iteration)
        if self.warmup_steps:
            rate *= min(step / self.warmup_steps, 1.0)
        unbiased = 1.0 / math.sqrt(1.0 - self.beta_2**step)
        for weight, slope, z, v, scratch in chunks(
            weights, gradient, state["momentum"], state["velocity"], scratch=1
        ):
            np.multiply(slope, slope, out=scratch)
            scratch -= v
            scratch *= 1.0 - self.beta_2
            v += scratch
            np.multiply(z, 1.0 - self.beta_1, out=scratch)
            weight -= scratch
            weight /= self.beta_1  # x, before this update
            np.sqrt(v, out=scratch)
            scratch *= unbiased
            scratch += self.epsilon
            np.divide(slope, scratch, out=scratch)
            scratch *= rate
            z -= scratch
            np.subtract(z, weight, out=scratch)
            scratch /= step
            weight += scratch
            weight *= self.beta_1
            np.multiply(z, 1.0 - self.beta_1, out=scratch)
            weight += scratch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
                "warmup_steps": self.warmup_steps}
