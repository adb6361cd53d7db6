"""The schedules of Keras 3: formulas of the step, in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.registry import register


@register("schedule")
class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: steps after which the rate has been multiplied once by `decay_rate`.
        decay_rate: the factor.
        staircase: round `step / decay_steps` down.
        name: ignored but kept.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str = "ExponentialDecay") -> None:
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: int) -> float:
        turns = math.floor(step / self.decay_steps) if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate * self.decay_rate**turns)


@register("schedule")
class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` for steps in (boundaries[i - 1], boundaries[i]].

    Args:
        boundaries: strictly increasing steps.
        values: one rate more than boundaries.
        name: ignored but kept.
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError("`values` must have one element more than `boundaries`. "
                             f"Received {len(values)} values and {len(boundaries)} boundaries.")
        if any(low >= high for low, high in pairwise(boundaries)):
            raise ValueError(f"`boundaries` must increase strictly. Received {list(boundaries)}.")
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: int) -> float:
        return float(self.values[sum(step > boundary for boundary in self.boundaries)])


@register("schedule")
class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) * (1 - step / decay_steps) ** power + end`, constant after `decay_steps`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: length of the decay.
        end_learning_rate: rate at its end.
        power: exponent; 1 is linear.
        cycle: start again after `decay_steps`, each time with as many steps as have passed, rounded up.
        name: ignored but kept.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, end_learning_rate: float = 0.0001,
                 power: float = 1.0, cycle: bool = False, name: str = "PolynomialDecay") -> None:
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: int) -> float:
        if self.cycle:
            length = self.decay_steps * max(1, math.ceil(step / self.decay_steps))
        else:
            length, step = self.decay_steps, min(step, self.decay_steps)
        left = (1.0 - step / length) ** self.power
        return float((self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate)


@register("schedule")
class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: unit of time, in steps.
        decay_rate: rate of the decay.
        staircase: round `step / decay_steps` down.
        name: ignored but kept.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False,
                 name: str = "InverseTimeDecay") -> None:
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: int) -> float:
        turns = math.floor(step / self.decay_steps) if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate / (1.0 + self.decay_rate * turns))


@register("schedule")
class CosineDecay(LearningRateSchedule):
    """Optional linear warm-up, then half a cosine from the peak down to `alpha * peak`.

    Source: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016.

    Args:
        initial_learning_rate: rate at step 0.
        decay_steps: length of the cosine, after the warm-up.
        alpha: final rate as a fraction of the peak.
        name: ignored but kept.
        warmup_target: peak after the warm-up; None for no warm-up.
        warmup_steps: length of the warm-up.
    """

    def __init__(self, initial_learning_rate: float, decay_steps: int, alpha: float = 0.0, name: str = "CosineDecay",
                 warmup_target: float | None = None, warmup_steps: int = 0) -> None:
        _positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        if self.warmup_target is None:
            return self._cosine(step, self.initial_learning_rate)
        if step < self.warmup_steps:
            rise = self.warmup_target - self.initial_learning_rate
            return float(self.initial_learning_rate + rise * step / self.warmup_steps)
        return self._cosine(step - self.warmup_steps, self.warmup_target)

    def _cosine(self, step: int, peak: float) -> float:
        wave = 0.5 * (1.0 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return float(peak * ((1.0 - self.alpha) * wave + self.alpha))


@register("schedule")
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays in a row, each `t_mul` times as long and starting `m_mul` times as high as the one before.

    Source: Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2016.

    Args:
        initial_learning_rate: rate at step 0.
        first_decay_steps: length of the first decay.
        t_mul: growth of the length.
        m_mul: growth of the starting rate.
        alpha: smallest rate as a fraction of `initial_learning_rate`.
        name: ignored but kept.
    """

    def __init__(self, initial_learning_rate: float, first_decay_steps: int, t_mul: float = 2.0, m_mul: float = 1.0,
                 alpha: float = 0.0, name: str = "SGDRDecay") -> None:
        _positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: int) -> float:
        turns = step / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = math.floor(turns)
            done = turns - restarts
        else:
            restarts = math.floor(math.log(1.0 - turns * (1.0 - self.t_mul)) / math.log(self.t_mul))
            begun = (1.0 - self.t_mul**restarts) / (1.0 - self.t_mul)
            done = (turns - begun) / self.t_mul**restarts
        wave = 0.5 * self.m_mul**restarts * (1.0 + math.cos(math.pi * done))
        return float(self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha))


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise ValueError(f"`{name}` must be greater than 0. Received {value}.")
