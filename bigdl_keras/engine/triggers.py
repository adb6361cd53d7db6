"""A trigger compares two moments of a training and remembers nothing: it says whether something is due in between.

BigDL's names. They end a training, and say when to validate, to write a checkpoint or a summary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol


class Moment(Protocol):
    """What a trigger looks at. A moment may also know its `loss` (of the last batch) and `score` (of validation)."""

    @property
    def epoch(self) -> int:
        """Epochs finished."""

    @property
    def iteration(self) -> int:
        """Updates finished, over all fits."""


class Trigger:
    """Base of all triggers: called with the moment before and the present one, it answers whether it fires."""

    def __call__(self, before: Moment, now: Moment) -> bool:
        """Whether something is due between `before` and `now`."""
        raise NotImplementedError

    def __and__(self, other: Trigger) -> Trigger:
        return And(self, other)

    def __or__(self, other: Trigger) -> Trigger:
        return Or(self, other)


@dataclass(frozen=True)
class MaxIteration(Trigger):
    """Fires from the moment that `maximum` updates are finished, over all fits.

    Args:
        maximum: number of updates.
    """

    maximum: int

    def __post_init__(self) -> None:
        _check_count(self, self.maximum)

    def __call__(self, before: Moment, now: Moment) -> bool:
        return now.iteration >= self.maximum


@dataclass(frozen=True)
class MaxEpoch(Trigger):
    """Fires from the moment that `maximum` epochs are finished.

    Args:
        maximum: number of epochs.
    """

    maximum: int

    def __post_init__(self) -> None:
        _check_count(self, self.maximum)

    def __call__(self, before: Moment, now: Moment) -> bool:
        return now.epoch >= self.maximum


@dataclass(frozen=True)
class EveryEpoch(Trigger):
    """Fires at the end of each epoch."""

    def __call__(self, before: Moment, now: Moment) -> bool:
        return before.epoch < now.epoch


@dataclass(frozen=True)
class SeveralIteration(Trigger):
    """Fires every so many updates (the original counts one too many and fires one early the first time).

    Args:
        interval: number of updates.
    """

    interval: int

    def __post_init__(self) -> None:
        _check_count(self, self.interval)

    def __call__(self, before: Moment, now: Moment) -> bool:
        return before.iteration // self.interval < now.iteration // self.interval


@dataclass(frozen=True)
class MaxScore(Trigger):
    """Fires while the score of the last validation (its first metric) is greater than `maximum`.

    Args:
        maximum: the score to get beyond.
    """

    maximum: float

    def __post_init__(self) -> None:
        _check_number(self, self.maximum)

    def __call__(self, before: Moment, now: Moment) -> bool:
        score = getattr(now, "score", None)
        return score is not None and score > self.maximum


@dataclass(frozen=True)
class MinLoss(Trigger):
    """Fires while the loss of the last batch is less than `minimum`.

    Args:
        minimum: the loss to get below.
    """

    minimum: float

    def __post_init__(self) -> None:
        _check_number(self, self.minimum)

    def __call__(self, before: Moment, now: Moment) -> bool:
        loss = getattr(now, "loss", None)
        return loss is not None and loss < self.minimum


@dataclass(frozen=True, init=False)
class And(Trigger):
    """Fires where all of its triggers do.

    Args:
        first, *others: triggers.
    """

    triggers: tuple[Trigger, ...]

    def __init__(self, first: Trigger, *others: Trigger) -> None:
        object.__setattr__(self, "triggers", _checked(self, (first, *others)))

    def __call__(self, before: Moment, now: Moment) -> bool:
        return all(trigger(before, now) for trigger in self.triggers)


@dataclass(frozen=True, init=False)
class Or(Trigger):
    """Fires where one of its triggers does.

    Args:
        first, *others: triggers.
    """

    triggers: tuple[Trigger, ...]

    def __init__(self, first: Trigger, *others: Trigger) -> None:
        object.__setattr__(self, "triggers", _checked(self, (first, *others)))

    def __call__(self, before: Moment, now: Moment) -> bool:
        return any(trigger(before, now) for trigger in self.triggers)


TriggerAnd = And
"""BigDL's older name."""

TriggerOr = Or
"""BigDL's older name."""

__all__ = ["And", "EveryEpoch", "MaxEpoch", "MaxIteration", "MaxScore", "MinLoss", "Or", "SeveralIteration", "Trigger",
           "TriggerAnd", "TriggerOr"]


def foreseeable(trigger: Any) -> bool:
    """Whether it is known beforehand when a trigger fires: by counting, not by what training finds."""
    if isinstance(trigger, (And, Or)):
        return all(foreseeable(part) for part in trigger.triggers)
    return isinstance(trigger, (MaxIteration, MaxEpoch, EveryEpoch, SeveralIteration))


def check_trigger(name: str, trigger: Any) -> Any:
    """The trigger that was given as argument `name`; any callable of two moments is one.

    Raises:
        TypeError: it is no trigger.
    """
    if isinstance(trigger, type) or not callable(trigger):
        hint = f" Call the class to make a trigger of it: {trigger.__name__}(...)." if isinstance(trigger, type) else ""
        raise TypeError(f"`{name}` must be a trigger, such as EveryEpoch() or SeveralIteration(100). "
                        f"Received {trigger!r}.{hint}")
    return trigger


def _checked(owner: Trigger, triggers: tuple[Any, ...]) -> tuple[Trigger, ...]:
    return tuple(check_trigger(type(owner).__name__, trigger) for trigger in triggers)


def _check_count(owner: Trigger, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{type(owner).__name__} needs a positive integer. Received {value!r}.")


def _check_number(owner: Trigger, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise ValueError(f"{type(owner).__name__} needs a number. Received {value!r}.")
