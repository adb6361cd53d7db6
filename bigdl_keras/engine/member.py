"""What a process keeps between the short tasks of a fit that it runs, so as not to build it again: nothing more."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from bigdl_keras.data import Minibatches
from bigdl_keras.data.minibatches import BatchRows
from bigdl_keras.engine.blocks_on_disk import RowsOnDisk
from bigdl_keras.engine.depot import Courier, Depot, folder_of_leg, own_address
from bigdl_keras.engine.loop import Shard
from bigdl_keras.engine.mapped import local_folder
from bigdl_keras.engine.memory import keep_freed_memory
from bigdl_keras.engine.parcels import Shelf
from bigdl_keras.engine.phases import Stopwatch
from bigdl_keras.engine.replica import Replica
from bigdl_keras.engine.rounds import Round, Start, Work
from bigdl_keras.engine.slice_state import SliceState
from bigdl_keras.engine.spare_files import SpareFiles

_FITS_AT_ONCE = 2  # whose replicas a process keeps
_LEGS_KEPT = 2  # chains of rounds before this one, whose files their processes may take for new ones
FETCH_SECONDS = 60.0
"""How long a process of another machine may be silent."""


class SumUnknown(BaseException):
    """A plan has come to a sum that is not known yet. (No Exception: nobody on the way adds to its message.)"""

    def __init__(self, part: np.ndarray) -> None:
        self.part = part


class Member:
    """The replica of this process, and the rows it has opened, for all tasks of a fit that it runs.

    Args:
        fit: its name.
        work: what stays the same.
        start: weights to begin with.

    Attributes:
        state: the whole state of training, where every task makes every update; None where task n updates slice n.
    """

    def __init__(self, fit: str, work: Work, start: Start) -> None:
        self.work = work
        self.origin = -1
        self.values = np.zeros_like(start.values)
        self.gradients = np.zeros(work.trainable_size, self.values.dtype)
        self.known: Iterator[np.ndarray] = iter(())
        self.watch = Stopwatch()
        self.courier = Courier(work.key, FETCH_SECONDS)
        self.state: SliceState | None = None
        self._start = start
        self._folder = local_folder() / fit
        self._files = SpareFiles(self._folder / "spare")
        self._leg = 0
        self._depot: Depot | None = None
        self._shards: dict[str, Shard] = {}
        self._dealt: dict[tuple[str, int], list[BatchRows]] = {}
        self.projection: Any = None
        self.judge = None if work.judge is None else Replica(work.judge, self.values, total=self._total)
        if work.job is not None:
            self.replica = Replica(work.job.plan, self.values, self.gradients, work.job.seed, self._total,
                                   work.job.refuses_nan)
            self.watch = self.replica.watch
            constraints = work.job.constraint_plan
            if constraints is not None:
                self.projection = constraints.bind(self.values)
            if work.whole:
                self.state = SliceState(work, 0, self.values[:work.trainable_size], self.courier, self.watch,
                                        self.take_states)

    def _total(self, numbers: np.ndarray) -> np.ndarray:
        """The sum over all tasks, if it is known already; else the run ends here and is repeated when it is."""
        for total in self.known:
            return total.copy()
        raise SumUnknown(np.array(numbers, dtype=np.float64))

    # ---- rows

    def shard(self, handle: RowsOnDisk) -> Shard:
        """The rows behind a handle."""
        if handle.folder not in self._shards:
            self._shards[handle.folder] = Shard(handle.open(), handle.start, handle.total)
        return self._shards[handle.folder]

    def batch(self, handle: RowsOnDisk, rank: int, epoch: int, batch: int) -> BatchRows:
        """My rows of one batch."""
        key = (handle.folder, epoch)
        if key not in self._dealt:
            for old in [other for other in self._dealt if other[0] == handle.folder]:
                del self._dealt[old]
            job = self.work.job
            assert job is not None
            rule = Minibatches(handle.total, job.batch_size, job.shuffle, job.seed)
            shard = self.shard(handle)
            if self.work.striped:
                shard = replace(shard, start=0, portion=(rank, self.work.size), striped=True)
            self._dealt[key] = list(shard.batches(rule, epoch))
        return self._dealt[key][batch]

    # ---- values

    def begin(self, told: Round) -> None:
        """Take the values that no update changes from the Start; let go of the parcels that nobody needs any more."""
        self._files.release(told.oldest)
        if told.leg > self._leg:
            for old in self._folder.glob(folder_of_leg(Path(), "*").name):
                if int(old.name.rpartition("-")[2]) < told.leg - _LEGS_KEPT:
                    rmtree(old, ignore_errors=True)
            self._leg = told.leg
        self._start = told.start.value
        if self.origin != told.origin:
            np.copyto(self.values, self._start.values)
            self.origin = told.origin
            if self.state is not None:
                self.state.forget()

    def put_states(self, states: np.ndarray | None) -> None:
        """Write the averaged states, or those of the Start, into the value vector. (My own batch has moved them.)"""
        if states is not None:
            self.work.put_states(self.values, states)
            return
        for start, stop in self.work.states:
            self.values[start:stop] = self._start.values[start:stop]

    def take_states(self, states: np.ndarray | None) -> None:
        """Complete an update: put the states, and apply constraints."""
        self.put_states(states)
        if self.projection is not None and states is not None:
            self.projection.forward([])
            self.projection.updates()

    def states(self, share_of_rows: float) -> np.ndarray:
        """My part of the states' average."""
        parts = [self.values[start:stop].astype(np.float64) * share_of_rows for start, stop in self.work.states]
        return np.concatenate([np.zeros(0), *parts])

    # ---- parcels

    def shelf(self, told: Round, leg: int, kind: str) -> Shelf:
        """Where a task lays down what it sends.

        Args:
            told: what the task is told.
            leg: the chain of rounds that it is for.
            kind: of its contents.
        """
        if self.work.encrypted:
            return Shelf(None)
        if self._depot is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._depot = Depot(self._folder, own_address(self.work.driver), self.work.key, self.work.ports)
        make_file = partial(self._files.open, folder_of_leg(self._folder, leg), kind, told.serial)
        return Shelf(make_file, self._depot.host, self._depot.port)


_members: OrderedDict[str, Member] = OrderedDict()


def member_of(told: Round) -> Member:
    """The member of this process for a fit."""
    member = _members.get(told.fit)
    if member is None:
        keep_freed_memory()
        member = _members[told.fit] = Member(told.fit, told.work.value, told.start.value)
        while len(_members) > _FITS_AT_ONCE:
            _members.popitem(last=False)[1].courier.close()
    _members.move_to_end(told.fit)
    return member


def dismiss(fit: str) -> None:
    """The fit has ended: let go of what this process and its machine keep for it."""
    member: Any = _members.pop(fit, None)
    if member is not None:
        member.courier.close()
    rmtree(local_folder() / fit, ignore_errors=True)
