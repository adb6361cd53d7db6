"""Progress counts what is finished."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Progress:
    """How far training has come.

    Attributes:
        epoch: epochs finished (an epoch cut short by a stop counts).
        iteration: updates finished, over all fits.
        stopped: a decision ended training before its last epoch.
        loss: of the last batch, where it is known.
        score: first metric of the last validation, where it is known.
    """

    epoch: int
    iteration: int
    stopped: bool = False
    loss: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class EpochSoFar:
    """What is finished of an epoch in progress.

    Attributes:
        batches: batches done.
        rows: their rows.
        totals: their numbers added up: losses times rows, and increments. Empty before the first batch.
    """

    batches: int = 0
    rows: int = 0
    totals: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def add(self, numbers: np.ndarray, rows: int, loss_count: int) -> EpochSoFar:
        """With one more batch: its losses weigh as much as it has rows, increments add."""
        return EpochSoFar(self.batches + 1, self.rows + rows, accumulate(self.totals, numbers, rows, loss_count))


def accumulate(totals: np.ndarray, numbers: np.ndarray, rows: int, loss_count: int) -> np.ndarray:
    """Add the numbers of a batch: its losses weigh as much as it has rows, increments add."""
    weighted = np.array(numbers, dtype=np.float64)
    weighted[:loss_count] *= rows
    return weighted if not len(totals) else totals + weighted
