"""The driver's ear during a fit: reports become logs, callbacks are asked, their wishes become decisions."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.callbacks import CallbackList, Iteration, SwapEMAWeights
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Evaluation, Report, Snapshot
from bigdl_keras.models.objective import Numbers, Running
from bigdl_keras.models.recovery import Recovery
from bigdl_keras.models.runtime import Program

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_logger = logging.getLogger(__name__)


class FitReport(Report):
    """Hears the engine, keeps the running numbers, and asks the callbacks."""

    def __init__(
        self,
        model: Model,
        callbacks: CallbackList,
        program: Program,
        evaluation: Program | None,
        recovery: Recovery,
    ) -> None:
        assert program.numbers is not None
        self.answers_batches = callbacks.steers_batches
        self.logs: dict[str, Any] = {}
        self._model = model
        self._callbacks = callbacks
        self._numbers: Numbers = program.numbers
        self._evaluation = evaluation
        self._recovery = recovery
        self._running = Running(program.numbers)
        self._rate = _rate(model.optimizer)

    def notes(self) -> dict[str, Any]:
        return self._recovery.notes(self._model, self._callbacks)

    def on_train_begin(self, rows: int, batches: int) -> None:
        self._recovery.check_rows(rows)
        self._callbacks.set_params({**self._callbacks.params, "samples": rows, "steps": batches})

    def on_epoch_begin(self, epoch: int) -> Decision | None:
        self._running = Running(self._numbers)
        self._callbacks.on_epoch_begin(epoch)
        self._recovery.continue_epoch(epoch, self._running, self._model.optimizer)
        return self._decide(None)

    def on_batch_end(self, report: BatchReport, snapshot: Snapshot | None) -> Decision | None:
        self._running.add(report.numbers, report.rows)
        self._model.optimizer.iterations = report.iteration
        if self._callbacks.uses_weights != "batch":
            snapshot = None
        elif snapshot is not None:
            self._receive(snapshot)
        found = self._validated(report)
        if self._callbacks.hears_batches:
            self._callbacks.on_iteration_end(
                Iteration(
                    report.iteration,
                    report.epoch,
                    float(report.numbers[0]),
                    report.rows,
                    report.seconds,
                    report.learning_rate,
                )
            )
            self._callbacks.on_train_batch_end(report.batch, self._running.logs() | found)
        return self._decide(snapshot)

    def on_epoch_end(self, report: EpochReport, snapshot: Snapshot) -> Decision | None:
        logs = self._running.logs() | self._validated(report)
        if self._callbacks.uses_weights is not None:
            self._receive(snapshot)
        dropped = report.dropped
        if dropped is not None:
            logs |= {"dropped_rows": dropped.rows, "dropped_iterations": dropped.iterations}
            _logger.info("Epoch %d: %d parts of batches, %d rows, were dropped with slow workers; "
                         "%d iterations made no update.",
                         report.epoch + 1, dropped.parts, dropped.rows, dropped.iterations)
        self.logs = logs
        if report.phases is not None:
            scalars = report.phases.scalars() | ({} if dropped is None else dropped.scalars())
            self._callbacks.on_phases_measured(report.epoch, scalars)
        self._callbacks.on_epoch_end(report.epoch, logs)
        for callback in self._callbacks:
            if isinstance(callback, SwapEMAWeights):
                callback.on_epoch_shown()
        return self._decide(snapshot)

    def _validated(self, report: BatchReport | EpochReport) -> dict[str, Any]:
        """What validation found at this moment, as logs."""
        if report.validation is None or self._evaluation is None:
            return {}
        self._callbacks.on_test_begin()
        found = logs_of(report.validation, self._evaluation)
        self._callbacks.on_test_end(found)
        self.score = next((float(value) for name, value in found.items() if not name.endswith("loss")), None)
        return {f"val_{name}": value for name, value in found.items()}

    def _receive(self, snapshot: Snapshot) -> None:
        """Bring weights and optimizer state to the model, where callbacks look at them."""
        np.copyto(self._model.runtime.vector.values, snapshot.values())
        if self._callbacks.uses_weights is not None:
            self._model.optimizer.state = {slot: values.copy() for slot, values in snapshot.optimizer_state().items()}
        self._seen = self._model.runtime.vector.values.copy()

    def _decide(self, snapshot: Snapshot | None) -> Decision | None:
        """What the callbacks changed: the stop flag, the learning rate, the weights."""
        rate, before = _rate(self._model.optimizer), self._rate
        self._rate = rate
        values = None
        if snapshot is not None and self._callbacks.uses_weights is not None:
            current = self._model.runtime.vector.values
            if not np.array_equal(current, self._seen, equal_nan=True):
                values = current.copy()
        stop = bool(self._model.stop_training)
        if not stop and rate == before and values is None:
            return None
        return Decision(stop, rate if rate != before else None, values)


def _rate(optimizer: Any) -> float | None:
    """The learning rate that callbacks may change; None where it follows a schedule."""
    return None if optimizer.schedule is not None else float(optimizer.learning_rate)


def logs_of(found: Evaluation, program: Program) -> dict[str, Any]:
    """Loss and metrics of a pass, whose losses are means over its rows and whose increments are sums."""
    assert program.numbers is not None
    running = Running(program.numbers)
    running.add(found.numbers, 1)
    return running.logs()
