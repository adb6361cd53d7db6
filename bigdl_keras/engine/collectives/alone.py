"""A team of one: every sum is its only term."""

from __future__ import annotations

import numpy as np

from bigdl_keras.engine.collectives.compression import Compression
from bigdl_keras.engine.collectives.rows import Lookups


class Alone:
    """The collective of a single worker."""

    rank = 0
    size = 1
    compression: Compression | None = None

    def sum(self, numbers: np.ndarray, patient: bool = False) -> np.ndarray:
        """`numbers` themselves."""
        return numbers

    def reduce_scatter(self, vector: np.ndarray, lookups: Lookups | None = None) -> np.ndarray:
        """`vector` itself."""
        if lookups is not None:
            lookups.summed = lookups.touched
        return vector

    def all_gather(self, vector: np.ndarray, mine: np.ndarray | None = None, lookups: Lookups | None = None) -> None:
        """Nothing to gather."""

    def share(self, vector: np.ndarray) -> None:
        """Nobody to share with."""

    def close(self) -> None:
        """Nothing to leave."""
