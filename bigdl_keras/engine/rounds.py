"""What the driver tells the short tasks of the shuffle engine, and the notes they leave: plain data, no Spark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.graph.plan import Plan

Slots = dict[str, np.ndarray]
"""Vectors of an optimizer's state, by name."""


@dataclass(frozen=True)
class Work:
    """What stays the same during a fit. It is broadcast once.

    Attributes:
        job: the fit, without its vectors; None where only the evaluation plan runs.
        judge: the evaluation plan, or None.
        batch_size: rows of a batch of the evaluation.
        loss_count: of the evaluation.
        size: number of tasks that share the rows.
        whole: every task updates all weights; otherwise task n updates slice n.
    """

    job: TrainingJob | None
    judge: Plan | None
    batch_size: int
    loss_count: int
    size: int
    whole: bool

    @property
    def striped(self) -> bool:
        """Whether a task holds its part of every batch, not a range of rows, which would leave the others idle."""
        return self.job is not None and not self.job.shuffle

    @property
    def trainable_size(self) -> int:
        """Length of the trained part of the value vector."""
        return self.job.trainable_size if self.job is not None else 0

    @property
    def states(self) -> tuple[tuple[int, int], ...]:
        """Windows that training changes besides the optimizer."""
        return self.job.plan.states if self.job is not None else ()

    def owned(self, number: int) -> slice:
        """The part of the trained weights that task `number` updates."""
        return slice(0, self.trainable_size) if self.whole else slice_of(self.trainable_size, number, self.size)


@dataclass(frozen=True)
class Start:
    """Weights and optimizer state where a chain of rounds begins. Broadcast."""

    values: np.ndarray
    slots: Slots


@dataclass(frozen=True)
class Round:
    """What the tasks of one stage are told.

    Attributes:
        fit: names the fit.
        leg: counts the chains of rounds.
        serial: names the stage in notes.
        work, start: broadcasts of Work and Start.
        notes: accumulator that takes {(fit, serial, task): note}.
        epoch, batch, iteration: of the gradient.
        due: the update that comes first: its iteration and learning rate (None: as scheduled). None: nothing is due.
        totals: per batch, the sums over all tasks that are known so far, for plans that meet on their way.
    """

    fit: str
    leg: int
    serial: int
    work: Any = field(repr=False)
    start: Any = field(repr=False)
    notes: Any = field(repr=False)
    epoch: int = 0
    batch: int = 0
    iteration: int = 0
    due: tuple[int, float | None] | None = None
    totals: tuple[tuple[np.ndarray, ...], ...] = ()


@dataclass(frozen=True)
class Numbers:
    """A note: a task's part of the numbers of a batch, or its totals of a data set."""

    numbers: np.ndarray
    rows: int


@dataclass(frozen=True)
class Unmet:
    """A note: per batch, what must be summed over all tasks before the plan can go on; None where it has ended."""

    parts: tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class Failed:
    """A note: how a task ended otherwise."""

    error: bytes
    text: str
    consequence: bool


class Notes:
    """How notes add up: a note that comes twice, from a task that ran twice, is the same note."""

    def zero(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """No notes."""
        return {}

    def addInPlace(self, value: dict[Any, Any], more: dict[Any, Any]) -> dict[Any, Any]:
        """All notes."""
        value.update(more)
        return value
