"""What the short tasks of the shuffle engine do: update what came by the shuffle, compute a gradient, send it on.

A task keeps nothing that it could not do without: what it needs comes with its records, and the replica that its
process keeps between tasks is only a way not to build it again. So Spark may run any task again, anywhere.
"""

from __future__ import annotations

import pickle
import struct
import traceback
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bigdl_keras.data import Block, Minibatches
from bigdl_keras.data.block import Column
from bigdl_keras.data.minibatches import BatchRows, share
from bigdl_keras.engine.blocks_on_disk import RowsOnDisk, RowWriter
from bigdl_keras.engine.loop import Shard
from bigdl_keras.engine.memory import keep_freed_memory
from bigdl_keras.engine.progress import accumulate
from bigdl_keras.engine.replica import Replica
from bigdl_keras.engine.rounds import Failed, Numbers, Round, Slots, Start, Unmet, Work
from bigdl_keras.engine.tasks import TRAINING, Piece, pickled
from bigdl_keras.errors import RowsLost, add_place
from bigdl_keras.optimizers.slices import Slice, alone

_FITS_AT_ONCE = 2  # whose replicas a process keeps
_KEY = struct.Struct("!q")

class _Meeting(BaseException):
    """A plan has come to a sum that is not known yet. (No Exception: nobody on the way adds to its message.)"""

    def __init__(self, part: np.ndarray) -> None:
        self.part = part


class _Incomplete(RuntimeError):
    """Another task has not sent its part, because it failed."""


# ---- rows

def keep_rows(name: str, columns: tuple[tuple[Column, ...], ...], totals: tuple[int, ...], stripes: int, size: int,
              rank: int, items: Iterable[tuple[int, Piece]]) -> Iterator[bytes]:
    """Write the rows that were dealt to this task to files, and say where they are.

    With `stripes`, training rows are this task's part of every batch of so many rows.
    """
    rule = Minibatches(totals[TRAINING], stripes or 1)
    shares = [share(0, total, rank, size) for total in totals]
    if stripes:
        shares[TRAINING] = (0, rule.striped_before(totals[TRAINING], rank, size))
    writers = [RowWriter(name, of_set, stop - start, start, total)
               for of_set, (start, stop), total in zip(columns, shares, totals, strict=True)]
    for _, (which, position, block) in items:
        if stripes and which == TRAINING:
            position = rule.striped_before(position, rank, size)
        writers[which].put(position - shares[which][0], block)
    yield pickle.dumps(("rows", tuple(writer.finish() for writer in writers)))


def let_go_of_rows(fit: str, records: Iterable[bytes]) -> Iterator[None]:
    """The fit has ended: remove the files and the replica of this process."""
    _members.pop(fit, None)
    for record in records:
        for handle in pickle.loads(record)[1]:
            handle.delete()
    return iter(())


# ---- what a process keeps

class Member:
    """The replica of this process, and the rows it has opened, for all tasks of a fit that it runs."""

    def __init__(self, work: Work, length: int, dtype: Any) -> None:
        self.work = work
        self.leg = -1
        self.values = np.zeros(length, dtype)
        self.gradients = np.zeros(work.trainable_size, dtype)
        self.known: Iterator[np.ndarray] = iter(())
        if work.job is not None:
            self.replica = Replica(work.job.plan, self.values, self.gradients, work.job.seed, self._total,
                                   work.job.refuses_nan)
            constraints = work.job.constraint_plan
            self.projection = None if constraints is None else constraints.bind(self.values)
        self.judge = None if work.judge is None else Replica(work.judge, self.values, total=self._total)
        self._shards: dict[str, Shard] = {}
        self._dealt: dict[tuple[str, int], list[BatchRows]] = {}

    def _total(self, numbers: np.ndarray) -> np.ndarray:
        """The sum over all tasks, if it is known already; else the run ends here and is repeated when it is."""
        for total in self.known:
            return total.copy()
        raise _Meeting(np.array(numbers, dtype=np.float64))

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

    def begin(self, told: Round) -> Slots | None:
        """Take the values that no update changes from where the chain of rounds began."""
        start: Start = told.start.value
        if self.leg != told.leg or told.due is None:
            np.copyto(self.values, start.values)
            self.leg = told.leg
        return start.slots if told.due is None else None

    def put_states(self, states: np.ndarray) -> None:
        """Write the averaged states into the value vector."""
        position = 0
        for start, stop in self.work.states:
            self.values[start:stop] = states[position:position + stop - start]
            position += stop - start

    def states(self, share_of_rows: float) -> np.ndarray:
        """My part of the states' average."""
        parts = [self.values[start:stop].astype(np.float64) * share_of_rows for start, stop in self.work.states]
        return np.concatenate([np.zeros(0), *parts])

    def project(self) -> None:
        """Apply the constraints of weights."""
        if self.projection is not None:
            self.projection.forward([])
            self.projection.updates()


_members: OrderedDict[str, Member] = OrderedDict()


def _member(told: Round) -> Member:
    member = _members.get(told.fit)
    if member is None:
        keep_freed_memory()
        start: Start = told.start.value
        member = _members[told.fit] = Member(told.work.value, len(start.values), start.values.dtype)
        while len(_members) > _FITS_AT_ONCE:
            _members.popitem(last=False)
    _members.move_to_end(told.fit)
    return member


# ---- the messages of a stage

@dataclass
class Inbox:
    """What a task has received."""

    rows: tuple[RowsOnDisk, ...] = ()
    gradients: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    weights: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    state: tuple[np.ndarray, bytes] | None = None
    slots: bytes = b""

    @classmethod
    def of(cls, records: Iterable[bytes]) -> Inbox:
        """Open all records. (All: a task that leaves some costs Spark a new Python process.)"""
        box = cls()
        for record in records:
            kind, *content = pickle.loads(record)
            if kind == "gradient":
                box.gradients[content[0]] = (content[1], content[2])
            elif kind == "weights":
                box.weights[content[0]] = (content[1], content[2])
            elif kind == "state":
                box.state = (content[0], content[1])
            elif kind == "slots":
                box.slots = content[0]
            else:
                box.rows = content[0]
        return box


def _updated(box: Inbox, work: Work, owner: int, due: tuple[int, float | None]) -> tuple[np.ndarray, np.ndarray, Slots]:
    """Sum the gradients of my slice in the order of tasks and let the optimizer step.

    Returns:
        The slice of new weights, the averaged states, and the slots of the slice.
    """
    if len(box.gradients) != work.size or box.state is None:
        raise _Incomplete(f"{len(box.gradients)} of {work.size} gradients have come.")
    assert work.job is not None
    gradient, states = box.gradients[0][0], box.gradients[0][1]
    for sender in range(1, work.size):
        gradient += box.gradients[sender][0]
        states = states + box.gradients[sender][1]
    weights, packed = box.state
    slots: Slots = pickle.loads(packed)
    iteration, rate = due
    optimizer = work.job.optimizer
    if rate is not None:  # a copy, for the task of an earlier iteration may run again in this process
        optimizer = deepcopy(optimizer)
        optimizer.learning_rate = rate
    mine = work.owned(owner)
    part = Slice.cut(work.job.names, work.job.shapes, mine.start, mine.stop)
    optimizer.step(weights, gradient, slots, iteration, part, alone if work.whole else _nobody)
    return weights, states, slots


def _nobody(numbers: np.ndarray) -> np.ndarray:
    raise NotImplementedError("An optimizer that sums over slices must say so: `layerwise = True`.")


# ---- stages

def update_slice(told: Round, rank: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """A stage: task n sums the gradients of slice n, updates it, and sends it to all."""
    try:
        work: Work = told.work.value
        assert told.due is not None
        weights, states, slots = _updated(Inbox.of(records), work, rank, told.due)
    except Exception as error:
        _note_failure(told, rank, error)
        return
    message = pickle.dumps(("weights", rank, weights, states), protocol=5)
    for number in range(work.size):
        yield _KEY.pack(number)
        yield message
    yield _KEY.pack(rank)
    yield pickle.dumps(("slots", pickle.dumps(slots, protocol=5)), protocol=5)


def bring_slice(told: Round, rank: int,
                records: Iterable[bytes]) -> Iterator[tuple[int, np.ndarray, np.ndarray, Slots]]:
    """A stage: the update that is due, to be handed to the driver."""
    work: Work = told.work.value
    assert told.due is not None
    yield (rank, *_updated(Inbox.of(records), work, rank, told.due))


def compute_gradient(told: Round, rank: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """A stage: bring my weights up to date, compute my part of the gradient, and send slice n of it to task n."""
    try:
        with threadpool_limits(1, user_api="blas"):
            box, member = Inbox.of(records), _member(told)
            packed = _catch_up(box, member, told, rank)
            mine = member.batch(box.rows[TRAINING], rank, told.epoch, told.batch)
            note = _gradient(member, member.shard(box.rows[TRAINING]).block.take(mine.index), mine, told)
    except RowsLost:
        raise
    except Exception as error:
        _note_failure(told, rank, error)
        return
    told.notes.add({(told.fit, told.serial, rank): note})
    if isinstance(note, Numbers):
        yield from _sent(member, rank, member.states(note.rows / mine.batch_rows), packed)


def judge_rows(told: Round, rank: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """A stage: bring my weights up to date and measure my rows of the data set to evaluate."""
    try:
        with threadpool_limits(1, user_api="blas"):
            box, member = Inbox.of(records), _member(told)
            _catch_up(box, member, told, rank)
            note = _judgement(member, member.shard(box.rows[-1]), told)
    except RowsLost:
        raise
    except Exception as error:
        _note_failure(told, rank, error)
        return
    told.notes.add({(told.fit, told.serial, rank): note})
    yield from ()


def _catch_up(box: Inbox, member: Member, told: Round, rank: int) -> bytes:
    """Bring the values up to date. Answers with the slots of my slice, packed, which travel with the weights."""
    work, slots = member.work, member.begin(told)
    mine = work.owned(rank)
    if told.due is None:
        assert slots is not None
        return pickle.dumps({slot: vector[mine] for slot, vector in slots.items()}, protocol=5)
    if work.whole:
        weights, states, slots = _updated(box, work, rank, told.due)
        member.values[mine] = weights
        packed = pickle.dumps(slots, protocol=5)
    else:
        if len(box.weights) != work.size:
            raise _Incomplete(f"{len(box.weights)} of {work.size} slices of weights have come.")
        for owner, (weights, _) in box.weights.items():
            member.values[work.owned(owner)] = weights
        states, packed = box.weights[0][1], box.slots
    member.put_states(states)
    member.project()
    return packed


def _gradient(member: Member, rows: Block, mine: BatchRows, told: Round) -> Numbers | Unmet:
    member.known = iter(told.totals[0] if told.totals else ())
    try:
        numbers = member.replica.compute_gradient(rows.arrays, mine.places, mine.batch_rows, told.iteration)
    except _Meeting as meeting:
        return Unmet((meeting.part,))
    return Numbers(numbers, rows.rows)


def _judgement(member: Member, shard: Shard, told: Round) -> Numbers | Unmet:
    work, judge = member.work, member.judge
    assert judge is not None
    unmet: list[np.ndarray | None] = []
    totals = np.zeros(judge.width(shard.block.arrays) if not judge.plan.collective else 0)
    for number, mine in enumerate(shard.batches(Minibatches(shard.rows, work.batch_size), epoch=0)):
        if not len(mine.places) and not judge.plan.collective:
            continue
        member.known = iter(told.totals[number] if told.totals else ())
        try:
            numbers = judge.evaluate(shard.block.take(mine.index).arrays, mine.places, mine.batch_rows)
        except _Meeting as meeting:
            unmet.append(meeting.part)
        else:
            unmet.append(None)
            totals = accumulate(totals, numbers, mine.batch_rows, work.loss_count)
    return Numbers(totals, shard.block.rows) if all(part is None for part in unmet) else Unmet(tuple(unmet))


def _sent(member: Member, rank: int, states: np.ndarray, packed: bytes) -> Iterator[bytes]:
    """Key and message, in turn: slices of the gradient to their owners, my slice of weights and slots to myself."""
    work, message = member.work, b""
    for number in range(work.size):
        if not number or not work.whole:
            message = pickle.dumps(("gradient", rank, member.gradients[work.owned(number)], states), protocol=5)
        yield _KEY.pack(number)
        yield message
    yield _KEY.pack(rank)
    yield pickle.dumps(("state", member.values[work.owned(rank)], packed), protocol=5)


def _note_failure(told: Round, rank: int, error: Exception) -> None:
    """The error travels as data: Spark would run the task again, and it would fail again."""
    text, consequence = traceback.format_exc(), isinstance(error, _Incomplete)
    add_place(error, f"worker {rank} of {told.work.value.size}")
    told.notes.add({(told.fit, told.serial, rank): Failed(pickled(error), text, consequence)})
