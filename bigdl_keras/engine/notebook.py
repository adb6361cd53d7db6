"""Where the driver cannot be called, reports are written down and read out at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Report, Snapshot


@dataclass
class Notebook:
    """A reporter that keeps what it hears; it travels back with the outcome of rank 0."""

    entries: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)

    def began(self, rows: int, batches: int) -> None:
        """Training starts."""
        self.entries.append(("on_train_begin", (rows, batches)))

    def ask_epoch_begin(self, epoch: int, snapshot: Snapshot) -> Decision:
        """Nobody answers here."""
        self.entries.append(("on_epoch_begin", (epoch,)))
        return Decision()

    def batch_ended(self, report: BatchReport) -> None:
        """An iteration has finished."""
        self.entries.append(("on_batch_end", (report, None)))

    def ask_batch(self, report: BatchReport, snapshot: Snapshot) -> Decision:
        """Nobody answers here."""
        self.batch_ended(report)
        return Decision()

    def ask_epoch(self, report: EpochReport, snapshot: Snapshot) -> Decision:
        """Nobody answers here."""
        self.entries.append(("on_epoch_end", (report, PastSnapshot())))
        return Decision()

    def stop_requested(self) -> bool:
        """Nobody asks here."""
        return False

    def read_out(self, report: Report) -> None:
        """Tell the report everything, in order."""
        for name, arguments in self.entries:
            getattr(report, name)(*arguments)


_GONE = ("The state ({}) of this moment is not known to the driver, because executors cannot connect to it. "
         "Set spark.driver.host to an address that executors can reach.")


class PastSnapshot:
    """The state of a moment that is over."""

    def values(self) -> np.ndarray:
        """Not to be had any more."""
        raise RuntimeError(_GONE.format("weights"))

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Not to be had any more."""
        raise RuntimeError(_GONE.format("optimizer state"))
