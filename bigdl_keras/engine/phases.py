"""Where an epoch's time went, per worker: a moment belongs to the phase that ends next, so that none is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PHASES = ("data", "forward", "backward", "wait", "reduce_scatter", "update", "all_gather")
"""In the order of an iteration. `wait` is from having the own gradient to having everybody's numbers, which takes as
long as the slowest worker needs; so the exchanges that follow begin together, and their times are their own. Layers
that meet on their way (synchronized batch normalization) wait within forward and backward."""
_WORK = [PHASES.index(name) for name in ("data", "forward", "backward")]
_WAIT = PHASES.index("wait")


class Stopwatch:
    """Adds up the seconds of each phase."""

    def __init__(self) -> None:
        self._seconds = dict.fromkeys(PHASES, 0.0)
        self._last = time.perf_counter()

    def start(self) -> None:
        """From here on; what has passed since the last lap belongs to no phase."""
        self._last = time.perf_counter()

    def lap(self, phase: str) -> None:
        """The time since the last lap, or the start, belongs to `phase`."""
        now = time.perf_counter()
        self._seconds[phase] += now - self._last
        self._last = now

    def read(self) -> np.ndarray:
        """Seconds of each phase since the last reading."""
        seconds = np.array(list(self._seconds.values()))
        self._seconds = dict.fromkeys(PHASES, 0.0)
        return seconds


@dataclass(frozen=True)
class Phases:
    """The seconds of an epoch.

    Attributes:
        seconds: float64 (workers, phases).
    """

    seconds: np.ndarray

    def total(self) -> dict[str, float]:
        """Seconds of each phase, summed over workers."""
        return dict(zip(PHASES, self.seconds.sum(axis=0).tolist(), strict=True))

    def longest(self) -> dict[str, float]:
        """Seconds of each phase on the worker that took longest for it."""
        return dict(zip(PHASES, self.seconds.max(axis=0).tolist(), strict=True))

    def of(self, rank: int) -> dict[str, float]:
        """Seconds of each phase on one worker."""
        return dict(zip(PHASES, self.seconds[rank].tolist(), strict=True))

    @property
    def slowest(self) -> int:
        """Rank of the worker whose own work (data, forward, backward) took longest: the one that others wait for."""
        return int(self.seconds[:, _WORK].sum(axis=1).argmax())

    def waiting(self, rank: int) -> float:
        """Which share of its time a worker waited for the slowest."""
        return float(self.seconds[rank, _WAIT] / max(self.seconds[rank].sum(), 1e-9))

    def scalars(self) -> dict[str, float]:
        """Curves for a summary: the mean over workers of each phase, and its longest time."""
        size = len(self.seconds)
        mean = {f"Phase/{name}": seconds / size for name, seconds in self.total().items()}
        return mean | {f"Phase/{name}/longest": seconds for name, seconds in self.longest().items() if size > 1}

    def verdict(self, place: Callable[[int], str]) -> str:
        """One sentence on the slowest worker; `place` names a worker."""
        slowest, work = self.slowest, self.seconds[:, _WORK].sum(axis=1)
        others = [self.waiting(rank) for rank in range(len(work)) if rank != slowest]
        return (f"{place(slowest).capitalize()} was the slowest: {work[slowest]:.2f} s of its own work, "
                f"{work.mean():.2f} s on average. It waited {self.waiting(slowest):.0%} of its time, "
                f"the others {np.mean(others) if others else 0.0:.0%}.")
