"""A fit goes on from its last snapshot when a worker is lost; what has been told to the driver is not told again."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bigdl_keras.data import Source
from bigdl_keras.engine.barrier import BarrierEngine
from bigdl_keras.engine.checkpoints import CheckpointFolder, TrainingState
from bigdl_keras.engine.job import Result, TrainingJob
from bigdl_keras.engine.notebook import PastSnapshot
from bigdl_keras.engine.progress import EpochSoFar, Progress
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Report, Snapshot
from bigdl_keras.engine.selection import Engine
from bigdl_keras.engine.triggers import Moment, Or
from bigdl_keras.errors import PartsLost, WorkerLost
from bigdl_keras.spark import failures, preflight

_logger = logging.getLogger(__name__)
_SIGNS_OF_LOSS = ("ExecutorLostFailure", "Python worker exited unexpectedly", "FetchFailed",
                  "Could not recover from a failed barrier")
_BEGIN, _END = -1, -2  # in place of an iteration: the begin and the end of an epoch
_QUIET_SECONDS = 2.0  # in which slots usually come back
_COST_SHARE = 20.0  # snapshots of the driver's own may take one part in so many of the time


@dataclass(frozen=True)
class RetryPolicy:
    """How hard a fit is to kill.

    Attributes:
        times: losses in a row that are forgiven; 0 gives up at the first one.
        interval_seconds: a loss starts a new row when the one before is longer ago than times * interval_seconds.
        snapshot_seconds: the driver keeps a snapshot so often, so that a loss undoes little more than that.
        timeout_seconds: a worker that is silent for longer is lost.
        slots_seconds: how long lost task slots are waited for before the fit goes on with those that are left.
    """

    times: int = 5
    interval_seconds: float = 120.0
    snapshot_seconds: float = 10.0
    slots_seconds: float = 60.0
    timeout_seconds: float = 300.0

    @classmethod
    def of(cls, get: Callable[[str, str], str]) -> RetryPolicy:
        """The policy of a Spark configuration, read by `conf.get`."""
        usual = cls()
        return cls(int(get("spark.bigdl_keras.failure.retryTimes", str(usual.times))),
                   float(get("spark.bigdl_keras.failure.retryTimeInterval", str(usual.interval_seconds))),
                   float(get("spark.bigdl_keras.failure.snapshotSeconds", str(usual.snapshot_seconds))),
                   float(get("spark.bigdl_keras.failure.slotsSeconds", str(usual.slots_seconds))),
                   float(get("spark.bigdl_keras.failure.timeoutSeconds", str(usual.timeout_seconds))))


@dataclass(frozen=True)
class Keep:
    """Where checkpoints go, and when.

    Attributes:
        folder: the place.
        trigger: called with two moments.
        fresh: the fit does not go on from what lies there; the first checkpoint takes the place of all that.
    """

    folder: CheckpointFolder
    trigger: Callable[[Moment, Moment], bool]
    fresh: bool = True


def train(engine: Engine, job: TrainingJob, source: Source, validation: Source | None, report: Report,
          policy: RetryPolicy | None = None, keeps: Sequence[Keep] = ()) -> Result:
    """Run a fit; begin again from the last snapshot when a worker is lost.

    Args:
        engine: where it runs.
        job: what to train.
        source, validation: the rows.
        report: hears every batch and epoch once, in order, also those that are computed twice.
        policy: how often to begin again.
        keeps: where checkpoints are written, and when.

    Returns:
        What the engine brought back.

    Raises:
        WorkerLost: too many losses in a row.
        Exception: what the model, a row or the report raised.
    """
    policy = policy or RetryPolicy()
    chronicle = Chronicle(job, report, None if engine.name == "local" else policy.snapshot_seconds, keeps)
    losses, last = 0, -np.inf
    while True:
        try:
            return engine.run(chronicle.job(), source, validation, chronicle)
        except Exception as error:
            if not is_loss(error):
                raise
            losses = losses + 1 if time.monotonic() - last < policy.times * policy.interval_seconds else 1
            last = time.monotonic()
            if not policy.times:
                raise
            if losses > policy.times:
                raise _given_up(error, losses, chronicle.origin, bool(keeps)) from error
            _logger.warning("%s. Retry %d of %d goes on from %s.", failures.summary(error).partition(". ")[0], losses,
                            policy.times, chronicle.place)
        engine = _recovered(engine, policy.slots_seconds)


def _given_up(error: Exception, losses: int, origin: str, kept: bool) -> WorkerLost:
    """What to raise after too many losses in a row."""
    ways = "fit(..., resume=True) goes on from the last checkpoint" if kept else (
        "With model.set_checkpoint(path), fit(..., resume=True) could go on from the last checkpoint")
    return WorkerLost(
        f"The fit is given up after {losses} losses in a row, {losses - 1} retries included; the last one would have "
        f"gone on from {origin}. What happened last: {failures.summary(error)} Look for the cause first; "
        f"fit(retry_times=...) or spark.bigdl_keras.failure.retryTimes allow more retries. {ways}.")


def is_loss(error: BaseException) -> bool:
    """Whether a fit failed by no fault of its own: a worker or executor died, hung or could not be reached."""
    if isinstance(error, (WorkerLost, PartsLost, ConnectionError)):
        return True
    text = str(error)
    return "Traceback (most recent call last)" not in text and any(sign in text for sign in _SIGNS_OF_LOSS)


def _recovered(engine: Engine, seconds: float) -> Engine:
    """The engine to go on with: the same, once Spark has as many task slots free again, or one of fewer workers."""
    if not isinstance(engine, BarrierEngine):
        return engine
    context, workers, started = engine.context, engine.workers, time.monotonic()
    told = False
    while (slots := preflight.free_slots(context)) < workers and time.monotonic() < started + seconds:
        if not told and time.monotonic() > started + _QUIET_SECONDS:
            told = True
            _logger.warning("Spark has %d of %d task slots free: the retry waits for the others for up to %g s. A lost "
                            "executor has to be replaced, one that hangs first to be given up (spark.network.timeout).",
                            slots, workers, seconds)
        time.sleep(0.2)
    if not 0 < slots < workers:
        return engine
    _logger.warning("Spark has %d of %d task slots left after %g s: going on with %d workers.", slots, workers,
                    seconds, slots)
    return BarrierEngine(slots, context)


class Chronicle(Report):
    """Hears a fit that may be begun several times, tells it on once, and keeps states to go on from.

    A batch that is computed again gives the same numbers, so that the answers given the first time still hold.

    Args:
        job: the fit.
        report: is told each batch and epoch once.
        snapshot_seconds: keep a state in memory so often, or None.
        keeps: where states are written, and when.
    """

    def __init__(self, job: TrainingJob, report: Report, snapshot_seconds: float | None,
                 keeps: Sequence[Keep] = ()) -> None:
        self.answers_batches = report.answers_batches
        self.state: TrainingState | None = None
        self._job = job
        self._report = report
        self._keeps = keeps
        self._seconds = self._pause = snapshot_seconds
        self._kept_at = time.monotonic()
        self._now = Progress(job.initial_epoch, job.iteration)
        self._so_far = job.so_far
        self._begun = job.initial_epoch - 1
        self._told = False
        self._ended = False
        schedule = job.optimizer.schedule
        self._rate = self._first_rate = float(job.optimizer.learning_rate) if schedule is None else None
        self._answers: dict[tuple[int, int], Decision | None] = {}
        self._unused = {number for number, keep in enumerate(keeps) if keep.fresh}

    @property
    def origin(self) -> str:
        """Where the next attempt starts."""
        return "the start of the fit" if self.state is None else self.state.place

    @property
    def place(self) -> str:
        """Where the next attempt starts, and what it does again."""
        start = self._job.iteration if self.state is None else self.state.iteration
        return f"{self.origin}; {self._now.iteration - start} iterations are done again"

    def job(self) -> TrainingJob:
        """The fit from its last state on."""
        asks = [keep.trigger for keep in self._keeps]
        job = replace(self._job, ask_seconds=self._seconds, ask_when=_any([self._job.ask_when, *asks]))
        optimizer = copy.deepcopy(job.optimizer)  # that of the driver is already as callbacks have set it meanwhile
        rate = self._first_rate if self.state is None else self.state.learning_rate
        if rate is not None:
            optimizer.learning_rate = rate
        if self.state is None:
            return replace(job, optimizer=optimizer)
        state = self.state
        return replace(job, values=state.values, optimizer=optimizer, optimizer_state=state.optimizer_state,
                       iteration=state.iteration, initial_epoch=state.epoch, so_far=state.so_far)

    def on_train_begin(self, rows: int, batches: int) -> None:
        if not self._told:
            self._report.on_train_begin(rows, batches)
        self._told = True

    def on_epoch_begin(self, epoch: int) -> Decision | None:
        if epoch <= self._begun:
            return self._answers.get((epoch, _BEGIN))
        self._begun = epoch
        if epoch != self._job.initial_epoch:
            self._so_far = EpochSoFar()
        decision = self._report.on_epoch_begin(epoch)
        self._advance(self._now, self._now, decision, (epoch, _BEGIN))
        return decision

    def on_batch_end(self, report: BatchReport, snapshot: Snapshot | None) -> Decision | None:
        if report.iteration <= self._now.iteration:
            return self._answers.get((report.epoch, report.iteration))
        self._so_far = self._so_far.add(report.numbers, report.rows, self._job.loss_count)
        snapshot = None if snapshot is None else OnceSnapshot(snapshot)
        decision = self._report.on_batch_end(report, snapshot)
        before, now = self._now, Progress(report.epoch, report.iteration, loss=float(report.numbers[0]),
                                          score=self._report.score)
        self._advance(before, now, decision, (report.epoch, report.iteration))
        if snapshot is not None and not self._ended:
            self._consider(before, now, self._so_far, snapshot, decision)
        return decision

    def on_epoch_end(self, report: EpochReport, snapshot: Snapshot) -> Decision | None:
        if report.epoch < self._now.epoch:
            return self._answers.get((report.epoch, _END))
        snapshot = OnceSnapshot(snapshot)
        decision = self._report.on_epoch_end(report, snapshot)
        before, now = self._now, Progress(report.epoch + 1, report.iteration, loss=self._now.loss,
                                          score=self._report.score)
        self._advance(before, now, decision, (report.epoch, _END))
        if self._ended and (decision is None or not decision.stop):  # by a score, which only the driver knows
            decision = replace(decision or Decision(), stop=True)
            self._answers[report.epoch, _END] = decision
        self._consider(before, now, EpochSoFar(), snapshot, decision)
        return decision

    def _advance(self, before: Progress, now: Progress, decision: Decision | None, place: tuple[int, int]) -> None:
        self._now = now
        if decision is not None:
            self._answers[place] = decision
            self._ended = self._ended or decision.stop
            self._rate = self._rate if decision.learning_rate is None else float(decision.learning_rate)
        end = self._job.end_when
        self._ended = self._ended or (end is not None and before is not now and end(before, now))

    def _consider(self, before: Progress, now: Progress, so_far: EpochSoFar, snapshot: Snapshot,
                  decision: Decision | None) -> None:
        """Keep the present state where it is time to, in memory or in a folder."""
        due = [number for number, keep in enumerate(self._keeps) if keep.trigger(before, now)]
        started = time.monotonic()
        late = self._pause is not None and started - self._kept_at >= self._pause
        if not due and not late:
            return
        if isinstance(snapshot, OnceSnapshot) and snapshot.past:
            if due:
                _logger.warning("No checkpoint of iteration %d: executors cannot connect to the driver. Set "
                                "spark.driver.host to an address that they can reach.", now.iteration)
            return
        state = self._capture(now, so_far, snapshot, decision, self._report.notes() if due else {})
        for number in due:
            self._write(number, state)
        self._answers.clear()
        self.state, self._kept_at = state, time.monotonic()
        if self._seconds is not None and not due:
            self._pause = max(self._seconds, _COST_SHARE * (self._kept_at - started))

    def _capture(self, now: Progress, so_far: EpochSoFar, snapshot: Snapshot, decision: Decision | None,
                 notes: dict[str, Any]) -> TrainingState:
        values = snapshot.values() if decision is None or decision.values is None else decision.values
        slots = {slot: np.array(vector) for slot, vector in snapshot.optimizer_state().items()}
        return TrainingState(np.array(values), slots, now.iteration, now.epoch, so_far, self._job.seed, self._rate,
                             self._ended, notes)

    def _write(self, number: int, state: TrainingState) -> None:
        keep, started = self._keeps[number], time.monotonic()
        name = keep.folder.write(state, alone=number in self._unused)
        self._unused.discard(number)
        _logger.info("Checkpoint %s of %s written to %s in %.3f s.", name, state.place, keep.folder.shown,
                     time.monotonic() - started)


class OnceSnapshot:
    """A snapshot whose vectors are brought to the driver once, whoever asks.

    Args:
        snapshot: where they come from.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._values: np.ndarray | None = None
        self._state: dict[str, np.ndarray] | None = None

    @property
    def past(self) -> bool:
        """Whether the moment is over, so that nothing can be asked."""
        return isinstance(self._snapshot, PastSnapshot)

    def values(self) -> np.ndarray:
        """The whole value vector."""
        if self._values is None:
            self._values = self._snapshot.values()
        return self._values

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Each slot of the optimizer as a whole vector."""
        if self._state is None:
            self._state = self._snapshot.optimizer_state()
        return self._state


def _any(triggers: Sequence[Any]) -> Any:
    """A trigger that fires where one of these does; None for none."""
    given = [trigger for trigger in triggers if trigger is not None]
    return Or(*given) if given else None
