"""The three verbs of a team, and one for rank 0 to share; engines differ only in who answers them.

All workers call the same verbs in the same order. Sums are taken in the order of ranks, so every worker gets the same
bits, and so does every run.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Collective(Protocol):
    """What the training loop asks of its team.

    Attributes:
        rank: my number, from 0.
        size: number of workers.
    """

    rank: int
    size: int

    def sum(self, numbers: np.ndarray, patient: bool = False) -> np.ndarray:
        """Sum of a small float64 array over all workers. `patient`: no deadline, for rank 0 is with the user's code."""

    def reduce_scatter(self, vector: np.ndarray) -> np.ndarray:
        """My slice of the sum of all workers' vectors, in a buffer that the next call overwrites."""

    def all_gather(self, vector: np.ndarray) -> None:
        """Fill `vector` with every worker's own slice of it."""

    def share(self, vector: np.ndarray) -> None:
        """Fill `vector` with that of rank 0."""

    def close(self) -> None:
        """Leave the team."""
