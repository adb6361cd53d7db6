"""The driver listens to the gang until it ends: reports go to the callbacks, their decisions back, errors up."""

from __future__ import annotations

import logging
import pickle
import queue
import time
from collections.abc import Callable

import numpy as np

from bigdl_keras.engine import wire
from bigdl_keras.engine.collectives.sockets import LIKELY_CAUSE
from bigdl_keras.engine.meeting import Event, Meeting
from bigdl_keras.engine.report import Decision, Report
from bigdl_keras.engine.tasks import Failure, Outcome
from bigdl_keras.engine.waiting import SILENT_EXECUTOR, Waiting
from bigdl_keras.errors import WorkerLost, WorkerSilent
from bigdl_keras.spark import failures

_logger = logging.getLogger(__name__)
_PATIENCE_SECONDS = 15.0  # between a worker's death and Spark's noticing it


class WorkerTraceback(Exception):
    """The traceback of an error that came from a worker; it is shown as the cause of that error."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Conversation:
    """Handles what the driver hears during a fit.

    Args:
        meeting: where the workers are connected.
        events: what is heard; the stage's end is an event, too.
        report: the callbacks' side.
        began: called when all workers hold their rows.
        waiting: knows who has come and who has gone home.
    """

    def __init__(self, meeting: Meeting, events: queue.Queue[Event], report: Report, began: Callable[[], None],
                 waiting: Waiting) -> None:
        self._meeting = meeting
        self._waiting = waiting
        self._events = events
        self._report = report
        self._began = began
        self._iteration = 0
        self._lost: Event | None = None
        self._failed: Event | None = None
        self._deadline: float | None = None

    def until_end(self) -> list[Outcome]:
        """Listen until the stage has ended.

        Returns:
            The outcome of every worker.

        Raises:
            WorkerLost: a worker died.
            Exception: what a worker raised, or the report.
        """
        while True:
            event = self._next()
            if event.kind == "finished":
                return self._outcomes(event.header["results"])
            if event.rank == 0:
                self._hear(event)

    def expect(self, kind: str) -> Event:
        """The next event of that kind from rank 0."""
        while True:
            event = self._next()
            if event.rank == 0 and event.kind == kind:
                return event

    def ask(self, what: str) -> dict[str, np.ndarray]:
        """Vectors that rank 0 is asked for."""
        self._meeting.send(0, {"kind": what})
        event = self.expect("snapshot")
        return wire.unpack_vectors(event.header, event.payload)

    def _next(self) -> Event:
        """The next event that is not the death of a worker or of the stage."""
        while True:
            try:
                event = self._events.get(timeout=1.0)
            except queue.Empty:
                if self._deadline is None:
                    self._waiting.check()
                elif time.monotonic() > self._deadline:
                    raise self._told() from None
                continue
            if event.kind == "broken":
                raise self._broken(event.header["error"])
            if event.kind == "gone":
                self._lost = self._lost or event
                self._end_soon(dismiss=True)
            elif event.kind == "failed":
                consequence = bool(event.header["consequence"])
                if self._failed is None or not consequence:
                    self._failed = event
                if event.header["type"] == WorkerSilent.__name__:
                    raise self._told()  # nobody else would say more about it
                self._end_soon(dismiss=not consequence)  # else somebody else has died: hear who
            elif event.kind == "goodbye":
                self._waiting.said_goodbye(event.rank)
            else:
                return event

    def _end_soon(self, dismiss: bool) -> None:
        """A worker has ended too early: send the others home, and wait for Spark to say what happened."""
        if self._deadline is None:
            self._deadline = time.monotonic() + _PATIENCE_SECONDS
        if dismiss:
            self._meeting.dismiss()

    def _hear(self, event: Event) -> None:
        header = event.header
        if event.kind == "began":
            self._began()
            self._report.on_train_begin(header["rows"], header["batches"])
        elif event.kind == "epoch_began":
            self._answer(self._report.on_epoch_begin(header["epoch"]))
        elif event.kind == "batch":
            report = wire.unpack_batch(header, event.payload)
            self._iteration = report.iteration
            if header.get("asks"):
                self._answer(self._report.on_batch_end(report, RemoteSnapshot(self)))
            else:
                decision = self._report.on_batch_end(report, None)
                if decision is not None and decision.stop:
                    self._meeting.send(0, {"kind": "stop"})
        elif event.kind == "epoch":
            epoch = wire.unpack_epoch(header, event.payload)
            if epoch.phases is not None and len(epoch.phases.seconds) > 1:
                _logger.info("Epoch %d: %s", epoch.epoch + 1, epoch.phases.verdict(self._meeting.place))
            self._answer(self._report.on_epoch_end(epoch, RemoteSnapshot(self)))

    def _answer(self, decision: Decision | None) -> None:
        decision = decision or Decision()
        vectors = {} if decision.values is None else {"values": np.asarray(decision.values)}
        header, payload = wire.pack_vectors(vectors)
        rate = None if decision.learning_rate is None else float(decision.learning_rate)
        answer = {"kind": "decision", "stop": bool(decision.stop), "learning_rate": rate}
        self._meeting.send(0, {**answer, **header}, payload)

    def _outcomes(self, results: list[Outcome | Failure]) -> list[Outcome]:
        broken = [result for result in results if isinstance(result, Failure)]
        if not broken:
            return [result for result in results if isinstance(result, Outcome)]
        first = min(broken, key=lambda failure: (failure.consequence, failure.rank))
        if first.consequence and self._lost is not None:
            raise self._loss(None)
        error: BaseException = pickle.loads(first.error)
        raise error from WorkerTraceback(first.text)

    def _told(self) -> BaseException:
        """What to raise when other workers take too long to end: what the first one told before it ended."""
        if self._failed is None or (self._failed.header["consequence"] and self._lost is not None):
            return self._loss(None)
        header = self._failed.header
        error = failures.rebuilt(header["type"], header["message"])
        error.__cause__ = WorkerTraceback(header["text"])
        return error

    def _broken(self, error: BaseException) -> BaseException:
        """What to raise for a stage that Spark gave up."""
        if self._lost is None:
            self._catch_up()
        found = failures.original(error)
        if found is error and self._lost is None and (rank := failures.dead_task(error)) is not None:
            self._lost = Event("gone", rank, {})
        return found if found is not error or self._lost is None else self._loss(error)

    def _catch_up(self) -> None:
        """Spark was first to notice: a moment later the broken connection says which worker it was."""
        deadline = time.monotonic() + 1.0
        while self._lost is None and (left := deadline - time.monotonic()) > 0:
            try:
                event = self._events.get(timeout=left)
            except queue.Empty:
                return
            if event.kind == "gone":
                self._lost = event

    def _loss(self, cause: BaseException | None) -> WorkerLost:
        where = "A worker" if self._lost is None else self._meeting.place(self._lost.rank).capitalize()
        what, why = f"died after iteration {self._iteration}", LIKELY_CAUSE
        if cause is not None and failures.is_silence(cause):
            what, why = f"was given up by Spark after iteration {self._iteration}", SILENT_EXECUTOR
        error = WorkerLost(f"{where} {what}. {why} The SparkContext is still good: call fit again.")
        error.__cause__ = cause
        return error


class RemoteSnapshot:
    """The state of training, asked from rank 0 while it waits for an answer."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def values(self) -> np.ndarray:
        """The whole value vector."""
        return self._conversation.ask("values")["values"]

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Each slot of the optimizer as a whole vector."""
        return self._conversation.ask("optimizer_state")
