"""A worker that takes far longer than usual may give up its part of a batch; all know alike when, and what is left.

The rule is BigDL's (`setDropModuleProperty`): from the times that all workers took in the last iterations a limit is
found which the given share of them exceeded; who exceeds it now ends without a gradient, and the others' are averaged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DropPolicy:
    """How many parts of batches slow workers may leave out.

    Attributes:
        drop_percentage: share of all parts that may be given up, 0.04 for 4 in 100.
        max_drop_percentage: an iteration in which more parts than this share are given up makes no update.
        batch_size: iterations after which the limit is found anew.
        warmup_iteration: iterations at the start of a fit in which nobody gives up.
    """

    drop_percentage: float
    max_drop_percentage: float
    batch_size: int = 100
    warmup_iteration: int = 200

    def __post_init__(self) -> None:
        if not 0 <= self.drop_percentage <= self.max_drop_percentage < 1:
            raise ValueError("Expected 0 <= drop_percentage <= max_drop_percentage < 1 (shares: 0.04 for 4 in 100). "
                             f"Received {self.drop_percentage} and {self.max_drop_percentage}.")
        if self.batch_size < 1 or self.warmup_iteration < 0:
            raise ValueError("Expected batch_size >= 1 and warmup_iteration >= 0, both in iterations. "
                             f"Received {self.batch_size} and {self.warmup_iteration}.")


@dataclass(frozen=True)
class Dropped:
    """What an epoch went without.

    Attributes:
        parts: workers' parts of batches that were given up.
        rows: their rows.
        iterations: those that made no update, because too many gave up.
    """

    parts: int
    rows: int
    iterations: int

    def scalars(self) -> dict[str, float]:
        """Curves for a summary."""
        return {"Dropped/parts": self.parts, "Dropped/rows": self.rows, "Dropped/iterations": self.iterations}


class Stragglers:
    """What every worker of a team knows of the slow ones. All hear the same sums, so all come to the same limit.

    Args:
        policy: of the fit.
        size: of the team.

    Attributes:
        limit: seconds that forward and backward may take.
        finished: rows of the last batch that were not given up.
        updates: whether the last iteration makes an update.
    """

    def __init__(self, policy: DropPolicy, size: int) -> None:
        self.limit = math.inf
        self.finished = 0
        self.updates = True
        self._policy = policy
        self._size = size
        self._iterations = 0
        self._seconds: list[float] = []
        self._dropped = 0
        self._epoch = Dropped(0, 0, 0)

    @property
    def width(self) -> int:
        """How many `words` a worker has."""
        return 2 + self._size

    def words(self, rank: int, rows: int, seconds: float, gave_up: bool) -> np.ndarray:
        """What a worker tells of its part, to be summed: rows finished, or that it gave up; and its seconds."""
        said = np.zeros(self.width)
        if gave_up:
            said[1] = 1
        else:
            said[0], said[2 + rank] = rows, seconds
        return said

    def hear(self, words: np.ndarray, batch_rows: int) -> None:
        """Take in the summed words of an iteration."""
        gave_up = round(words[1])
        self.finished = round(words[0])
        self.updates = self.finished > 0 and gave_up <= self._policy.max_drop_percentage * self._size
        self._iterations += 1
        self._dropped += gave_up
        self._seconds += words[2:].tolist()
        before = self._epoch
        self._epoch = Dropped(before.parts + gave_up, before.rows + batch_rows - self.finished,
                              before.iterations + (not self.updates))
        if self._iterations % self._policy.batch_size == 0:
            if self._iterations > self._policy.warmup_iteration:
                self._find_limit()
            self._seconds, self._dropped = [], 0

    def read(self) -> Dropped:
        """What was dropped since the last reading."""
        found, self._epoch = self._epoch, Dropped(0, 0, 0)
        return found

    def _find_limit(self) -> None:
        """Parts that were given up count as the longest: their seconds, which nobody knows, stand as 0 in the list."""
        allowed = int(self._policy.drop_percentage * self._policy.batch_size * self._size)
        if allowed > self._dropped:
            self.limit = sorted(self._seconds)[-(allowed - self._dropped)]
        else:
            self.limit *= 1.01
