"""The three verbs of a team, and one for rank 0 to share; engines differ only in who answers them.

All workers call the same verbs in the same order. Sums are taken in the order of ranks, so every worker gets the same
bits, and so does every run.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from bigdl_keras.engine.collectives.compression import Compression
from bigdl_keras.engine.collectives.rows import Lookups


class Collective(Protocol):
    """What the training loop asks of its team.

    Attributes:
        rank: my number, from 0.
        size: number of workers.
        compression: how gradients and weights travel; None: as they are.
    """

    rank: int
    size: int
    compression: Compression | None

    def sum(self, numbers: np.ndarray, patient: bool = False) -> np.ndarray:
        """Sum of a small float64 array over all workers. `patient`: no deadline, for rank 0 is with the user's code."""

    def reduce_scatter(self, vector: np.ndarray, lookups: Lookups | None = None) -> np.ndarray:
        """My slice of the sum of all workers' vectors, in a buffer that the next call overwrites.

        With compression, what comes from others was rounded; sums are in full precision. With `lookups`, tables are
        zero but for the rows that it says, and it is told those of the sum.
        """

    def all_gather(self, vector: np.ndarray, mine: np.ndarray | None = None, lookups: Lookups | None = None) -> None:
        """Fill `vector` with every worker's own slice of it; of tables, with `lookups`, with the rows of the last sum.

        The slices are exact, unless `mine` is given: my slice in full precision, kept outside of the vector. Then
        slices travel compressed, and everybody, their owners too, gets what has travelled: all vectors are the same.
        """

    def share(self, vector: np.ndarray) -> None:
        """Fill `vector` with that of rank 0."""

    def close(self) -> None:
        """Leave the team."""
