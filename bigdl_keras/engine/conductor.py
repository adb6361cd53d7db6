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
from bigdl_keras.engine.triggers import foreseeable

_JOB_SECONDS = 0.5  # that nothing is heard of a fit
_STEPS_OF_A_JOB = 16  # where another job costs little beside its stages


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
        self.pace: float | None = None
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
        stop, batch = False, so_far.batches
        while batch < self.batches and not stop:
            found, stop = self._iterate(epoch, batch)
            for number, numbers in enumerate(found, start=batch):
                so_far = so_far.add(numbers, self.rule.rows_of_batch(number), job.loss_count)
            batch += len(found)
        stop = self._advance(epoch + 1, self.moment.loss) or stop
        validation = self.rounds.judge() if self.validates else None
        summary = EpochReport(epoch, self.iteration, time.perf_counter() - started,
                              finished(so_far.totals, so_far.rows, job.loss_count), validation,
                              self.optimizer.learning_rate_at(self.iteration), self.rounds.phases())
        return self._follow(self.report.on_epoch_end(summary, self.rounds)) or stop

    def _iterate(self, epoch: int, batch: int) -> tuple[list[np.ndarray], bool]:
        """The iterations of one job: answers with their numbers, and whether the last of them is the last of all."""
        began = time.perf_counter()
        steps = [Step(epoch, batch + number, self.iteration + number) for number in range(self._ahead(epoch, batch))]
        found, stop = self.rounds.train(steps), False
        seconds = (time.perf_counter() - began) / len(steps)
        self.pace = seconds if self.pace is None else min(seconds, 2 * self.pace)
        silent = self.job.ask_seconds is not None and began - self.asked_at >= self.job.ask_seconds
        for step, numbers in zip(steps, found, strict=True):
            rate = self.optimizer.learning_rate_at(self.iteration)
            self.iteration += 1
            stop = self._advance(epoch, float(numbers[0])) or stop
            validation = self.rounds.judge() if self.validates else None
            report = BatchReport(self.iteration, epoch, step.batch, self.rule.rows_of_batch(step.batch), rate, seconds,
                                 numbers, validation)
            asks = step is steps[-1] and (self.asks or silent or validation is not None)
            stop = self._follow(self.report.on_batch_end(report, self.rounds if asks else None)) or stop
            if asks:
                self.asked_at = time.perf_counter()
        return found, stop

    def _ahead(self, epoch: int, batch: int) -> int:
        """How many iterations the next job makes: as many as nobody needs to hear of before the next one begins."""
        job, most = self.job, self.batches - batch
        if job.answers_batches or job.plan.collective or self.pace is None:
            return 1
        most = max(min(most, int(_JOB_SECONDS / max(self.pace, 1e-9)), _STEPS_OF_A_JOB), 1)
        before = self.moment
        for count in range(1, most + 1):
            now = Progress(epoch, self.iteration + count)
            if job.validates(before, now) or any(
                    when is not None and (not foreseeable(when) or when(before, now))
                    for when in (job.ask_when, job.end_when, job.validate_when)):
                return count
            before = now
        return most

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
