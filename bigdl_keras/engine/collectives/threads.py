"""A team of threads in one process reads each other's vectors directly, between two barriers."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from bigdl_keras.engine.collectives.compression import Compression
from bigdl_keras.engine.collectives.rows import Lookups
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.errors import WorkerLost


class ThreadTeam:
    """What the threads of a team share.

    Args:
        size: number of threads.
        timeout_seconds: how long one waits for the others.
    """

    def __init__(self, size: int, timeout_seconds: float) -> None:
        self.size = size
        self.timeout_seconds = timeout_seconds
        self.offers: list[Any] = [None] * size
        self.barrier = threading.Barrier(size)

    def member(self, rank: int) -> Threads:
        """The collective of thread `rank`."""
        return Threads(self, rank)

    def abort(self) -> None:
        """Wake every waiting thread with WorkerLost: one of them has failed."""
        self.barrier.abort()


class Threads:
    """The collective of one thread of a team."""

    compression: Compression | None = None

    def __init__(self, team: ThreadTeam, rank: int) -> None:
        self.rank = rank
        self.size = team.size
        self._team = team
        self._slice = np.empty(0, dtype=np.float32)

    def _meet(self, patient: bool = False) -> None:
        try:
            self._team.barrier.wait(None if patient else self._team.timeout_seconds)
        except threading.BrokenBarrierError:
            raise WorkerLost(f"Thread {self.rank} of {self.size} waits for others that have stopped.") from None

    def sum(self, numbers: np.ndarray, patient: bool = False) -> np.ndarray:
        """Sum over the threads, in the order of ranks."""
        self._team.offers[self.rank] = numbers
        self._meet(patient)
        total = self._team.offers[0].copy()
        for other in self._team.offers[1:]:
            total += other
        self._meet()
        return np.asarray(total)

    def reduce_scatter(self, vector: np.ndarray, lookups: Lookups | None = None) -> np.ndarray:
        """My slice of the sum of all threads' vectors."""
        mine = slice_of(len(vector), self.rank, self.size)
        if lookups is not None:
            return self._reduce_rows(vector, mine, lookups)
        if len(self._slice) != mine.stop - mine.start:
            self._slice = np.empty(mine.stop - mine.start, dtype=vector.dtype)
        self._team.offers[self.rank] = vector
        self._meet()
        np.copyto(self._slice, self._team.offers[0][mine])
        for other in self._team.offers[1:]:
            self._slice += other[mine]
        self._meet()
        return self._slice

    def _reduce_rows(self, vector: np.ndarray, mine: slice, lookups: Lookups) -> np.ndarray:
        self._team.offers[self.rank] = vector, lookups.touched
        self._meet()
        total, part, terms = lookups.begin(), lookups.mine, []
        for rank, (theirs, touched) in enumerate(self._team.offers):
            terms.append(part.choose(touched))
            part.copy(theirs[mine], terms[-1], total, adds=rank > 0)
        lookups.finish(terms)
        self._meet()
        return total

    def all_gather(self, vector: np.ndarray, mine: np.ndarray | None = None, lookups: Lookups | None = None) -> None:
        """Copy the slices that the other threads own."""
        if lookups is not None:
            self._gather_rows(vector, lookups)
            return
        self._team.offers[self.rank] = vector
        self._meet()
        for other in range(self.size):
            if other != self.rank:
                theirs = slice_of(len(vector), other, self.size)
                np.copyto(vector[theirs], self._team.offers[other][theirs])
        self._meet()

    def _gather_rows(self, vector: np.ndarray, lookups: Lookups) -> None:
        self._team.offers[self.rank] = vector, lookups.summed
        self._meet()
        for other, (whole, rows) in enumerate(self._team.offers):
            if other != self.rank:
                theirs, part = slice_of(len(vector), other, self.size), lookups.parts[other]
                part.copy(whole[theirs], rows, vector[theirs])
        self._meet()

    def share(self, vector: np.ndarray) -> None:
        """Copy the vector of thread 0."""
        self._team.offers[self.rank] = vector
        self._meet()
        if self.rank != 0:
            np.copyto(vector, self._team.offers[0])
        self._meet()

    def close(self) -> None:
        """Threads end with their function."""
