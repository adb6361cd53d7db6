"""What the driver tells the short tasks of the shuffle engine, and the notes they leave: plain data, no Spark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.engine.collectives.ports import ANY
from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.engine.parcels import Fetcher, Parcel, Shelf, opened
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
        key: by which the processes of a fit know each other.
        driver: address of the driver.
        encrypted: everything travels through Spark, which encrypts it.
        ports: that our processes may listen on.
    """

    job: TrainingJob | None
    judge: Plan | None
    batch_size: int
    loss_count: int
    size: int
    whole: bool
    key: bytes = field(default=b"", repr=False)
    driver: str = ""
    encrypted: bool = False
    ports: Sequence[int] = ANY

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

    def put_states(self, values: np.ndarray, states: np.ndarray) -> None:
        """Write states, laid side by side, into a value vector."""
        position = 0
        for start, stop in self.states:
            values[start:stop] = states[position:position + stop - start]
            position += stop - start

    def owned(self, number: int) -> slice:
        """The part of the trained weights that task `number` updates."""
        return slice(0, self.trainable_size) if self.whole else slice_of(self.trainable_size, number, self.size)


@dataclass(frozen=True)
class Start:
    """Weights and optimizer state where training begins. Broadcast."""

    values: np.ndarray
    slots: Slots


@dataclass(frozen=True)
class Base:
    """A slice after some updates.

    Attributes:
        version: how many updates, counted from the Start.
        weights: of the slice.
        slots: of the optimizer.
        states: what training changes besides, averaged over tasks; float64.
    """

    version: int
    weights: Parcel
    slots: dict[str, Parcel]
    states: Parcel

    @classmethod
    def of(cls, version: int, weights: np.ndarray, slots: Slots, states: np.ndarray, shelf: Shelf) -> Base:
        """What is now."""
        return cls(version, shelf.put(weights), {slot: shelf.put(vector) for slot, vector in slots.items()},
                   shelf.put(states))

    @contextmanager
    def opened(self, fetcher: Fetcher) -> Iterator[tuple[np.ndarray, Slots, np.ndarray]]:
        """Weights, slots and states, as `parcels.opened` gives them."""
        with opened((self.weights, self.states, *self.slots.values()), fetcher) as (weights, states, *slots):
            yield weights, dict(zip(self.slots, slots, strict=True)), states


@dataclass(frozen=True)
class Update:
    """What an update is made of.

    Attributes:
        iteration: its number.
        rate: its learning rate, or None as scheduled.
        gradients: by task.
        states: by task, its part of their average.
    """

    iteration: int
    rate: float | None
    gradients: tuple[Parcel, ...]
    states: tuple[Parcel, ...]


@dataclass(frozen=True)
class History:
    """How a slice came to be what it is: whoever has read a part of it reads on from there.

    Attributes:
        base: where it begins; None at the Start.
        updates: since then.
    """

    base: Base | None = None
    updates: tuple[Update, ...] = ()

    @property
    def first(self) -> int:
        """The version it begins with."""
        return 0 if self.base is None else self.base.version

    @property
    def version(self) -> int:
        """The version it ends with."""
        return self.first + len(self.updates)

    def then(self, update: Update) -> History:
        """With one more update."""
        return History(self.base, (*self.updates, update))


@dataclass(frozen=True)
class Due:
    """The update that comes before a gradient.

    Attributes:
        iteration: its number.
        rate: its learning rate, or None as scheduled.
    """

    iteration: int
    rate: float | None


@dataclass(frozen=True)
class Round:
    """What the tasks of one stage are told.

    Attributes:
        fit: names the fit.
        leg: counts the chains of rounds, whose files lie together.
        serial: names the stage in notes.
        oldest: serial of the first stage whose parcels somebody may still open.
        work, start: broadcasts of Work and Start.
        origin: counts the Starts.
        notes: accumulator that takes {(fit, serial, task): note}.
        seeds: by owner, the history that a chain of rounds begins with; None: with the Start.
        epoch, batch, iteration: of the gradient.
        due: the update that comes first, or None.
        totals: per batch, the sums over all tasks that are known so far, for plans that meet on their way.
    """

    fit: str
    leg: int
    serial: int
    oldest: int
    work: Any = field(repr=False)
    start: Any = field(repr=False)
    origin: int
    notes: Any = field(repr=False)
    seeds: tuple[History, ...] | None = None
    epoch: int = 0
    batch: int = 0
    iteration: int = 0
    due: Due | None = None
    totals: tuple[tuple[np.ndarray, ...], ...] = ()


@dataclass(frozen=True)
class Spent:
    """A note: the seconds of each phase that a task took."""

    seconds: np.ndarray


@dataclass(frozen=True)
class Numbers(Spent):
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
