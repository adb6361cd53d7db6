"""What passes between the training loop and the driver: numbers go up, decisions come down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bigdl_keras.engine.phases import Phases
from bigdl_keras.engine.stragglers import Dropped


@dataclass(frozen=True)
class Evaluation:
    """A pass over a data set.

    Attributes:
        numbers: float64; the losses are means over the batches, weighted by their rows, metric increments are sums.
        rows: number of rows.
    """

    numbers: np.ndarray
    rows: int


@dataclass(frozen=True)
class BatchReport:
    """One finished iteration.

    Attributes:
        iteration: number of finished updates, this one included; it goes on from fit to fit.
        epoch: number of the epoch, from 0.
        batch: number of the batch in the epoch, from 0.
        rows: rows of the global batch that count: all but those that slow workers have dropped.
        learning_rate: that this update used.
        seconds: time of the whole iteration.
        numbers: float64 [losses of the batch..., metric increments...], summed over workers.
        validation: what validation found after this iteration, where a trigger asked for it.
    """

    iteration: int
    epoch: int
    batch: int
    rows: int
    learning_rate: float
    seconds: float
    numbers: np.ndarray
    validation: Evaluation | None = None


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch: what training saw, what validation found, where the time went, and what was dropped."""

    epoch: int
    iteration: int
    seconds: float
    training: Evaluation
    validation: Evaluation | None
    learning_rate: float
    phases: Phases | None = None
    dropped: Dropped | None = None


@dataclass(frozen=True)
class Decision:
    """The driver's answer.

    Attributes:
        stop: end training now.
        learning_rate: train on with this one, or None to leave it.
        values: train on from this whole value vector, or None to leave it.
    """

    stop: bool = False
    learning_rate: float | None = None
    values: np.ndarray | None = None


class Snapshot(Protocol):
    """The state of training at the moment of a report. It may be asked only before the report is answered."""

    def values(self) -> np.ndarray:
        """The whole value vector."""

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Each slot of the optimizer, as a vector as long as the trained weights."""


class Report:
    """The driver's side of a fit; the default hears everything and decides nothing.

    Set `answers_batches` to be asked after every batch (`on_batch_end` gets a snapshot, its Decision takes effect at
    once). Otherwise batches are reported as they come, training runs on meanwhile, and a Decision to stop takes effect
    a few batches later.
    """

    answers_batches = False
    score: float | None = None
    """First metric of the last validation, for triggers; where a report knows it."""

    def notes(self) -> dict[str, Any]:
        """Plain data of the driver that a checkpoint keeps."""
        return {}

    def on_train_begin(self, rows: int, batches: int) -> None:
        """Training starts: rows of the data set and batches of an epoch."""

    def on_epoch_begin(self, epoch: int) -> Decision | None:
        """An epoch starts."""
        return None

    def on_batch_end(self, report: BatchReport, snapshot: Snapshot | None) -> Decision | None:
        """An iteration has finished. `snapshot` is None unless `answers_batches`."""
        return None

    def on_epoch_end(self, report: EpochReport, snapshot: Snapshot) -> Decision | None:
        """An epoch has finished, validation included."""
        return None
