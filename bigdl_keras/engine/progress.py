"""Progress counts what is finished."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far training has come.

    Attributes:
        epoch: epochs finished (an epoch cut short by a stop counts).
        iteration: updates finished, over all fits.
        stopped: a decision ended training before its last epoch.
    """

    epoch: int
    iteration: int
    stopped: bool = False
