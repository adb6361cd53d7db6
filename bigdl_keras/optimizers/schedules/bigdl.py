"""BigDL's schedules: functions of a base rate and a step, so that one can hand its rate on to the next."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from bigdl_keras.optimizers.schedules.base import LearningRateSchedule, deserialize, serialize
from bigdl_keras.registry import register


class RateSchedule(LearningRateSchedule):
    """Base of BigDL's schedules.

    Attributes:
        initial_learning_rate: the base rate; the optimizer's own where BigDL gives it there (see `starting_at`).
    """

    initial_learning_rate: float

    @abstractmethod
    def rate(self, base: float, step: int) -> float:
        """The learning rate after `step` finished updates that began at rate `base`."""

    def __call__(self, step: int) -> float:
        return float(self.rate(self.initial_learning_rate, step))

    def starting_at(self, learning_rate: float) -> RateSchedule:
        """This schedule with another base rate."""
        made = self.from_config({**self.get_config(), "initial_learning_rate": learning_rate})
        assert isinstance(made, RateSchedule)
        return made


@register("schedule")
class Default(RateSchedule):
    """`rate / (1 + step * learning_rate_decay)`.

    Args:
        learning_rate_decay: speed of the decay.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, learning_rate_decay: float = 0.0, initial_learning_rate: float = 0.001) -> None:
        self.learning_rate_decay = learning_rate_decay
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return base / (1.0 + step * self.learning_rate_decay)


@register("schedule")
class Poly(RateSchedule):
    """`rate * (1 - step / max_iteration) ** power`, and 0 from `max_iteration` on.

    Args:
        power: exponent.
        max_iteration: length of the decay.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, power: float, max_iteration: int, initial_learning_rate: float = 0.001) -> None:
        self.power = power
        self.max_iteration = max_iteration
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return 0.0 if step >= self.max_iteration else base * (1.0 - step / self.max_iteration) ** self.power


@register("schedule")
class Exponential(RateSchedule):
    """`rate * decay_rate ** (step / decay_step)`.

    Args:
        decay_step: steps after which the rate has been multiplied once by `decay_rate`.
        decay_rate: the factor.
        stair_case: round `step / decay_step` down.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, decay_step: int, decay_rate: float, stair_case: bool = False,
                 initial_learning_rate: float = 0.001) -> None:
        self.decay_step = decay_step
        self.decay_rate = decay_rate
        self.stair_case = stair_case
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        turns = step // self.decay_step if self.stair_case else step / self.decay_step
        return float(base * self.decay_rate**turns)


@register("schedule")
class NaturalExp(RateSchedule):
    """`rate * exp(-gamma * floor(step / decay_step))`.

    Args:
        decay_step: length of a stair.
        gamma: speed of the decay.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, decay_step: int, gamma: float, initial_learning_rate: float = 0.001) -> None:
        self.decay_step = decay_step
        self.gamma = gamma
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return base * math.exp(-self.gamma * (step // self.decay_step))


@register("schedule")
class Step(RateSchedule):
    """`rate * gamma ** floor(step / step_size)`.

    Args:
        step_size: length of a stair.
        gamma: the factor.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, step_size: int, gamma: float, initial_learning_rate: float = 0.001) -> None:
        self.step_size = step_size
        self.gamma = gamma
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return float(base * self.gamma ** (step // self.step_size))


@register("schedule")
class MultiStep(RateSchedule):
    """`rate * gamma ** n`, n being the number of `step_sizes` that have been reached.

    Args:
        step_sizes: increasing steps.
        gamma: the factor.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, step_sizes: Sequence[int], gamma: float, initial_learning_rate: float = 0.001) -> None:
        self.step_sizes = list(step_sizes)
        self.gamma = gamma
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return float(base * self.gamma ** sum(step >= reached for reached in self.step_sizes))


@register("schedule")
class Warmup(RateSchedule):
    """`rate + delta * step`; made to be the first of a `SequentialSchedule`.

    Args:
        delta: what each step adds.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, delta: float, initial_learning_rate: float = 0.001) -> None:
        self.delta = delta
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return base + self.delta * step


@register("schedule")
class EpochStep(RateSchedule):
    """`rate * gamma ** floor(epoch / step_size)`, epochs counted from 0.

    Args:
        step_size: length of a stair, in epochs.
        gamma: the factor.
        iterations_per_epoch: updates that make an epoch.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, step_size: int, gamma: float, iterations_per_epoch: int,
                 initial_learning_rate: float = 0.001) -> None:
        self.step_size = step_size
        self.gamma = gamma
        self.iterations_per_epoch = iterations_per_epoch
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return float(base * self.gamma ** (step // self.iterations_per_epoch // self.step_size))


@register("schedule")
class EpochDecay(RateSchedule):
    """`rate * 0.1 ** decay_type(epoch)`, epochs counted from 1.

    Args:
        decay_type: function of the epoch; a training on a cluster needs one that can be pickled.
        iterations_per_epoch: updates that make an epoch.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, decay_type: Callable[[int], float], iterations_per_epoch: int,
                 initial_learning_rate: float = 0.001) -> None:
        self.decay_type = decay_type
        self.iterations_per_epoch = iterations_per_epoch
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        return float(base * 0.1 ** self.decay_type(step // self.iterations_per_epoch + 1))


@register("schedule")
class EpochDecayWithWarmUp(RateSchedule):
    """`rate + step * warm_up_delta` at first; then what it has reached `* 0.1 ** decay_type(epoch)`.

    Args:
        warm_up_iteration: updates in which the rate rises.
        warm_up_delta: what each of them adds.
        decay_type: function of the epoch, counted from 1; a training on a cluster needs one that can be pickled.
        iterations_per_epoch: updates that make an epoch.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, warm_up_iteration: int, warm_up_delta: float, decay_type: Callable[[int], float],
                 iterations_per_epoch: int, initial_learning_rate: float = 0.001) -> None:
        self.warm_up_iteration = warm_up_iteration
        self.warm_up_delta = warm_up_delta
        self.decay_type = decay_type
        self.iterations_per_epoch = iterations_per_epoch
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        top = base + min(step, self.warm_up_iteration) * self.warm_up_delta
        if step < self.warm_up_iteration:
            return top
        return float(top * 0.1 ** self.decay_type(step // self.iterations_per_epoch + 1))


@register("schedule")
class EpochSchedule(RateSchedule):
    """A fixed rate for each range of epochs, counted from 1; the base rate outside of them.

    Args:
        regimes: (first epoch, last epoch, rate) of each range.
        iterations_per_epoch: updates that make an epoch.
        initial_learning_rate: rate of epochs that no range holds.
    """

    def __init__(self, regimes: Sequence[Sequence[float]], iterations_per_epoch: int,
                 initial_learning_rate: float = 0.001) -> None:
        self.regimes = [list(regime) for regime in regimes]
        self.iterations_per_epoch = iterations_per_epoch
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        epoch = step // self.iterations_per_epoch + 1
        return float(next((rate for first, last, rate in self.regimes if first <= epoch <= last), base))


@register("schedule")
class PolyEpochDecay(RateSchedule):
    """`rate * (1 - epoch / max_epochs) ** power`, epochs counted from 0, and 0 from `max_epochs` on.

    Args:
        power: exponent.
        max_epochs: length of the decay.
        iterations_per_epoch: updates that make an epoch.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, power: float, max_epochs: int, iterations_per_epoch: int,
                 initial_learning_rate: float = 0.001) -> None:
        self.power = power
        self.max_epochs = max_epochs
        self.iterations_per_epoch = iterations_per_epoch
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        epoch = step // self.iterations_per_epoch
        return 0.0 if epoch >= self.max_epochs else base * (1.0 - epoch / self.max_epochs) ** self.power


@register("schedule")
class SequentialSchedule(RateSchedule):
    """Schedules one after the other; each begins at the rate that the one before has reached.

    Args:
        iteration_per_epoch: updates that make an epoch, for schedules that count epochs.
        initial_learning_rate: rate at step 0.
    """

    def __init__(self, iteration_per_epoch: int = 1, initial_learning_rate: float = 0.001) -> None:
        self.iteration_per_epoch = iteration_per_epoch
        self.initial_learning_rate = initial_learning_rate
        self.stages: list[tuple[RateSchedule, int]] = []

    def add(self, scheduler: RateSchedule, max_iteration: int) -> SequentialSchedule:
        """Append a schedule.

        Args:
            scheduler: the schedule.
            max_iteration: steps that it lasts; the last one goes on beyond.

        Returns:
            This schedule.
        """
        if not isinstance(scheduler, RateSchedule):
            raise TypeError(f"A SequentialSchedule holds schedules such as Warmup or Poly. Received {scheduler!r}.")
        self.stages.append((scheduler, max_iteration))
        return self

    def rate(self, base: float, step: int) -> float:
        for index, (scheduler, length) in enumerate(self.stages):
            if step < length or index == len(self.stages) - 1:
                return scheduler.rate(base, step)
            base, step = scheduler.rate(base, length), step - length
        return base

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stages": [[serialize(scheduler), length] for scheduler, length in self.stages]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SequentialSchedule:
        made = cls(**{key: value for key, value in config.items() if key != "stages"})
        for scheduler, length in config.get("stages", ()):
            inner = deserialize(scheduler)
            assert isinstance(inner, RateSchedule)
            made.add(inner, length)
        return made


@register("schedule")
class WarmupLinearDecay(RateSchedule):
    """From 0 up to the rate in the first `warmup_portion` of `total` steps, then down to 0 in a line or otherwise.

    The schedule of BERT's AdamWeightDecay.

    Args:
        warmup_portion: share of the steps in which the rate rises; below 0 the rate stays as it is.
        total: number of steps.
        schedule: "linear" `1 - t`, "cosine" `(1 + cos(pi * t)) / 2` or "constant" 1, t being the share of steps made.
        initial_learning_rate: the peak.
    """

    def __init__(self, warmup_portion: float, total: int, schedule: str = "linear",
                 initial_learning_rate: float = 0.001) -> None:
        if schedule not in ("linear", "cosine", "constant"):
            raise ValueError(f"`schedule` must be 'linear', 'cosine' or 'constant'. Received {schedule!r}.")
        self.warmup_portion = warmup_portion
        self.total = total
        self.schedule = schedule
        self.initial_learning_rate = initial_learning_rate

    def rate(self, base: float, step: int) -> float:
        if self.total < 0 or self.warmup_portion < 0:
            return base
        done = step / self.total
        if done < self.warmup_portion:
            return base * done / self.warmup_portion
        if self.schedule == "constant":
            return base
        falling = 1.0 - done if self.schedule == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
        return base * max(falling, 0.0)
