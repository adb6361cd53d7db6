"""What the short tasks of the shuffle engine do: update what came by the shuffle, compute a gradient, send it on.

A task keeps nothing that it could not do without: what it needs comes with its records, and what its process keeps
between tasks (member.py) is only a way not to build it again. So Spark may run any task again, anywhere.
"""

from __future__ import annotations

import pickle
import struct
import traceback
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits

from bigdl_keras.data import Block, Minibatches
from bigdl_keras.data.block import Column
from bigdl_keras.data.minibatches import BatchRows, share
from bigdl_keras.engine.blocks_on_disk import RowsOnDisk, RowWriter
from bigdl_keras.engine.depot import Courier
from bigdl_keras.engine.loop import Shard
from bigdl_keras.engine.member import FETCH_SECONDS, Member, SumUnknown, dismiss, member_of
from bigdl_keras.engine.parcels import Parcel, Shelf, opened
from bigdl_keras.engine.progress import accumulate
from bigdl_keras.engine.rounds import Base, Failed, History, Numbers, Round, Spent, Unmet, Update
from bigdl_keras.engine.slice_state import SliceState
from bigdl_keras.engine.tasks import TRAINING, Piece, pickled
from bigdl_keras.errors import PartsLost, RowsLost, add_place

_KEY = struct.Struct("!q")


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
    """The fit has ended: remove its files on this machine, and the replica of this process."""
    for record in records:
        for handle in pickle.loads(record)[1]:
            handle.delete()
    dismiss(fit)
    return iter(())


# ---- the messages of a stage

@dataclass
class Inbox:
    """What a task has received.

    Attributes:
        rows: where its rows are, by data set.
        gradients: by task, its gradient and its part of the states' average.
        weights: by owner, its slice of the weights and the states.
        history: of the slice that this task owns.
    """

    rows: tuple[RowsOnDisk, ...] = ()
    gradients: dict[int, tuple[Parcel, Parcel]] = field(default_factory=dict)
    weights: dict[int, tuple[Parcel, Parcel]] = field(default_factory=dict)
    history: History = field(default_factory=History)

    @classmethod
    def of(cls, told: Round, rank: int, records: Iterable[bytes]) -> Inbox:
        """Open all records. (All: a task that leaves some costs Spark a new Python process.)"""
        box = cls()
        if told.seeds is not None:
            bases = [seed.base for seed in told.seeds if seed.base is not None]
            box.weights = {owner: (base.weights, base.states) for owner, base in enumerate(bases)}
            box.history = told.seeds[rank % len(told.seeds)]
        for record in records:
            kind, *content = pickle.loads(record)
            if kind == "gradient":
                box.gradients[content[0]] = (content[1], content[2])
            elif kind == "weights":
                box.weights[content[0]] = (content[1], content[2])
            elif kind == "history":
                box.history = content[0]
            else:
                box.rows = content[0]
        return box

    def updated(self, told: Round) -> History:
        """The history of the slice with the update that is due."""
        if told.due is None:
            return self.history
        size = told.work.value.size
        if len(self.gradients) != size:
            raise _Incomplete(f"{len(self.gradients)} of {size} gradients have come.")
        gradients, states = zip(*(self.gradients[sender] for sender in range(size)), strict=True)
        return self.history.then(Update(told.due.iteration, told.due.rate, gradients, states))


# ---- stages

def update_slice(told: Round, rank: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """A stage: task n sums the gradients of slice n, updates it, and sends it to all."""
    try:
        member, box = _ready(told), Inbox.of(told, rank, records)
        member.watch.lap("wait")
        base = _base(member, told, rank, box.updated(told), told.leg)
    except PartsLost:
        raise
    except Exception as error:
        _note_failure(told, rank, error)
        return
    told.notes.add({(told.fit, told.serial, rank): Spent(member.watch.read())})
    message = pickle.dumps(("weights", rank, base.weights, base.states), protocol=5)
    for number in range(member.work.size):
        yield _KEY.pack(number)
        yield message
    yield _KEY.pack(rank)
    yield pickle.dumps(("history", History(base)), protocol=5)


def keep_history(told: Round, settled: bool, rank: int,
                 records: Iterable[bytes]) -> Iterator[tuple[int, History]]:
    """A stage: the history of a slice in short, to begin the next chain of rounds with.

    Args:
        settled: without updates, so that it is the state of now.
    """
    member = _ready(told)
    history = Inbox.of(told, rank, records).updated(told)
    known = settled or (member.state is not None and member.state.version == history.version)
    waiting = () if known or history.version == 1 else history.updates[-1:]
    followed = History(history.base, history.updates[:len(history.updates) - len(waiting)])
    yield rank, History(_base(member, told, rank, followed, told.leg + 1), waiting)


def copied(key: bytes, parcel: Parcel) -> np.ndarray:
    """What a parcel holds, for a driver that cannot call who has it."""
    with closing(Courier(key, FETCH_SECONDS)) as courier, opened([parcel], courier) as (array,):
        return array.copy()


def compute_gradient(told: Round, rank: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """A stage: bring my weights up to date, compute my part of the gradient, and send slice n of it to task n."""
    try:
        with threadpool_limits(1, user_api="blas"):
            member, box = _ready(told), Inbox.of(told, rank, records)
            member.watch.lap("wait")  # for what other tasks have sent
            history = _catch_up(box, member, told)
            member.watch.lap("all_gather")
            mine = member.batch(box.rows[TRAINING], rank, told.epoch, told.batch)
            rows = member.shard(box.rows[TRAINING]).block.take(mine.index)
            member.watch.lap("data")
            note = _gradient(member, rows, mine, told)
            with member.shelf(told, told.leg, "gradient") as shelf:
                sent = list(_sent(member, rank, shelf, history, note.rows / mine.batch_rows)) \
                    if isinstance(note, Numbers) else []
            member.watch.lap("reduce_scatter")
    except (RowsLost, PartsLost):
        raise
    except Exception as error:
        _note_failure(told, rank, error)
        return
    if isinstance(note, Numbers):
        note = replace(note, seconds=member.watch.read())
    told.notes.add({(told.fit, told.serial, rank): note})
    yield from sent


def judge_rows(told: Round, rank: int, records: Iterable[bytes]) -> Iterator[bytes]:
    """A stage: bring my weights up to date and measure my rows of the data set to evaluate."""
    try:
        with threadpool_limits(1, user_api="blas"):
            member, box = _ready(told), Inbox.of(told, rank, records)
            _catch_up(box, member, told)
            note = _judgement(member, member.shard(box.rows[-1]), told)
    except (RowsLost, PartsLost):
        raise
    except Exception as error:
        _note_failure(told, rank, error)
        return
    told.notes.add({(told.fit, told.serial, rank): note})
    yield from ()


def _ready(told: Round) -> Member:
    member = member_of(told)
    member.begin(told)
    member.watch.start()
    return member


def _catch_up(box: Inbox, member: Member, told: Round) -> History:
    """Bring the values up to date. Answers with the history of the slice that this task owns."""
    work = member.work
    if member.state is not None:
        history = box.updated(told)
        member.state.follow(history, told.start.value)
        member.put_states(member.state.states)  # also where nothing was left to follow: a task may run again
        return history
    if told.due is None and told.seeds is None:
        np.copyto(member.values, told.start.value.values)
        return box.history
    if len(box.weights) != work.size:
        raise _Incomplete(f"{len(box.weights)} of {work.size} slices of weights have come.")
    for owner, (weights, _) in box.weights.items():
        with opened([weights], member.courier) as (values,):
            member.values[work.owned(owner)] = values
    with opened([box.weights[0][1]], member.courier) as (states,):
        member.take_states(states)
    return box.history


def _base(member: Member, told: Round, rank: int, history: History, leg: int) -> Base:
    """Make the updates of a history, and lay down what it has led to."""
    mine = member.work.owned(rank)
    state = member.state or SliceState(member.work, rank, np.empty(mine.stop - mine.start, member.values.dtype),
                                       member.courier, member.watch)
    state.follow(history, told.start.value)
    assert state.states is not None  # which an update has brought
    with member.shelf(told, leg, "base") as shelf:
        base = Base.of(state.version, state.weights, state.slots, state.states, shelf)
    member.watch.lap("all_gather")
    return base


def _gradient(member: Member, rows: Block, mine: BatchRows, told: Round) -> Numbers | Unmet:
    member.known = iter(told.totals[0] if told.totals else ())
    try:
        numbers = member.replica.compute_gradient(rows.arrays, mine.places, mine.batch_rows, told.iteration)
    except SumUnknown as meeting:
        member.replica.as_left = False
        return Unmet((meeting.part,))
    member.replica.as_left = True  # gradients are summed elsewhere
    return Numbers(np.zeros(0), numbers, rows.rows)


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
        except SumUnknown as meeting:
            unmet.append(meeting.part)
        else:
            unmet.append(None)
            totals = accumulate(totals, numbers, mine.batch_rows, work.loss_count)
    if any(part is not None for part in unmet):
        return Unmet(tuple(unmet))
    return Numbers(np.zeros(0), totals, shard.block.rows)


def _sent(member: Member, rank: int, shelf: Shelf, history: History, share_of_rows: float) -> Iterator[bytes]:
    """Key and message, in turn: slices of the gradient to their owners, the history of my slice to myself."""
    work = member.work
    gradient, states = shelf.put(member.gradients), shelf.put(member.states(share_of_rows))
    message = pickle.dumps(("gradient", rank, gradient, states), protocol=5)
    for number in range(work.size):
        if not work.whole:
            mine = work.owned(number)
            message = pickle.dumps(("gradient", rank, gradient.part(mine.start, mine.stop), states), protocol=5)
        yield _KEY.pack(number)
        yield message
    yield _KEY.pack(rank)
    yield pickle.dumps(("history", _shortened(member, rank, shelf, history)), protocol=5)


def _shortened(member: Member, rank: int, shelf: Shelf, history: History) -> History:
    """The same history in less, where what it has led to takes no room; with what constraints have made of weights."""
    state = member.state
    if state is not None:
        if state.states is None:
            return history
        arrays = (state.weights, state.states, *state.slots.values())
        if history.updates and all(shelf.travels(array) for array in arrays):
            return History(Base.of(state.version, state.weights, state.slots, state.states, shelf))
        return history
    if member.projection is None or history.base is None:
        return history
    return History(replace(history.base, weights=shelf.put(member.values[member.work.owned(rank)])))


def _note_failure(told: Round, rank: int, error: Exception) -> None:
    """The error travels as data: Spark would run the task again, and it would fail again."""
    text, consequence = traceback.format_exc(), isinstance(error, _Incomplete)
    add_place(error, f"worker {rank} of {told.work.value.size}")
    told.notes.add({(told.fit, told.serial, rank): Failed(pickled(error), text, consequence)})
