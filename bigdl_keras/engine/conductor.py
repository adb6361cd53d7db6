"""The training loop on the driver, for engines whose tasks end after every round: it says what comes next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bigdl_keras.data import Minibatches
from bigdl_keras.engine.job import Result, TrainingJob
from bigdl_keras.engine.loop import finished
from bigdl_keras.engine.phases import Phases
from bigdl_keras.engine.progress import EpochSoFar, Progress
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Evaluation, Report, Snapshot
from bigdl_keras.engine.rounds import Start


@dataclass(frozen=True)
class Step:
    """One iteration: which batch, and how many came before it."""

    epoch: int
    batch: int
    iteration: int


class Rounds(Snapshot, Protocol):
    """What the conductor asks of an engine.

    Attributes:
        rows: of the data set to train on, then of that to evaluate.
        judges: whether there is one to evaluate.
        rate: learning rate of the updates to come, or None for that of the job.
    """

    rows: list[int]
    judges: bool
    rate: float | None

    def train(self, steps: Sequence[Step]) -> list[np.ndarray]:
        """Some iterations. Answers with the numbers of each."""

    def judge(self) -> Evaluation:
        """Measure the rows to evaluate with the weights of now."""

    def phases(self) -> Phases:
        """Where the time of the workers went since the last asking."""

    def settle(self) -> Start:
        """Weights and optimizer state of now."""

    def replace_values(self, values: np.ndarray) -> None:
        """Train on from these."""


class Conductor:
    """Which round comes next, what is reported, and what is decided.

    Args:
        job: what to train, and how long.
        rounds: who does it.
        report: the callbacks' side.
    """

    def __init__(self, job: TrainingJob, rounds: Rounds, report: Report) -> None:
        self.job = job
        self.rounds = rounds
        self.report = report
        self.optimizer = deepcopy(job.optimizer)
        self.iteration = job.iteration
        self.moment, self.asks, self.asked_at = Progress(job.initial_epoch, job.iteration), False, time.perf_counter()
        self.rows = rounds.rows[0]
        self.rule = Minibatches(self.rows, job.batch_size, job.shuffle, job.seed)
        self.batches = min(self.rule.count, job.steps_per_epoch or self.rule.count)

    def run(self) -> Result:
        """Train until the last epoch or a decision to stop."""
        job = self.job
        self.report.on_train_begin(self.rows, self.batches)
        epoch, stop = job.initial_epoch, False
        while epoch < job.epochs and not stop:
            stop = self._train_epoch(epoch)
            epoch += 1
        end = self.rounds.settle()
        self.optimizer.finalize(end.values[:job.trainable_size], end.slots)
        return Result(end.values, end.slots, Progress(epoch, self.iteration, stop))

    def _train_epoch(self, epoch: int) -> bool:
        job, started = self.job, time.perf_counter()
        self._follow(self.report.on_epoch_begin(epoch))
        so_far = job.so_far if epoch == job.initial_epoch else EpochSoFar()
        stop = False
        for batch in range(so_far.batches, self.batches):
            numbers, stop = self._iterate(epoch, batch)
            so_far = so_far.add(numbers, self.rule.rows_of_batch(batch), job.loss_count)
            if stop:
                break
        stop = self._advance(epoch + 1, self.moment.loss) or stop
        validation = self.rounds.judge() if self.validates else None
        summary = EpochReport(epoch, self.iteration, time.perf_counter() - started,
                              finished(so_far.totals, so_far.rows, job.loss_count), validation,
                              self.optimizer.learning_rate_at(self.iteration), self.rounds.phases())
        return self._follow(self.report.on_epoch_end(summary, self.rounds)) or stop

    def _iterate(self, epoch: int, batch: int) -> tuple[np.ndarray, bool]:
        """One iteration: answers with its numbers, and whether it is the last one."""
        began, rate = time.perf_counter(), self.optimizer.learning_rate_at(self.iteration)
        numbers, = self.rounds.train([Step(epoch, batch, self.iteration)])
        self.iteration += 1
        stop = self._advance(epoch, float(numbers[0]))
        seconds, validation = time.perf_counter() - began, self.rounds.judge() if self.validates else None
        report = BatchReport(self.iteration, epoch, batch, self.rule.rows_of_batch(batch), rate, seconds, numbers,
                             validation)
        silent = self.job.ask_seconds is not None and began - self.asked_at >= self.job.ask_seconds
        if not (self.asks or silent or validation is not None):
            return numbers, self._follow(self.report.on_batch_end(report, None)) or stop
        stop = self._follow(self.report.on_batch_end(report, self.rounds)) or stop
        self.asked_at = time.perf_counter()
        return numbers, stop

    def _advance(self, epoch: int, loss: float | None) -> bool:
        """Note the present moment and whether the driver is to be asked. Answers whether training ends here."""
        job, before, now = self.job, self.moment, Progress(epoch, self.iteration, loss=loss)
        self.moment = now
        self.asks = job.answers_batches or (job.ask_when is not None and job.ask_when(before, now))
        self.validates = self.rounds.judges and job.validates(before, now)
        return job.end_when is not None and job.end_when(before, now)

    def _follow(self, decision: Decision | None) -> bool:
        """Do what the driver has decided. Answers whether to stop."""
        if decision is None:
            return False
        if decision.learning_rate is not None:
            self.optimizer.learning_rate = self.rounds.rate = float(decision.learning_rate)
        if decision.values is not None:
            self.rounds.replace_values(decision.values)
        return decision.stop
