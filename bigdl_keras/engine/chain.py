"""Rounds of short tasks on Spark: RDDs, shuffles and broadcasts, and their end."""

from __future__ import annotations

import logging
import pickle
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import Source
from bigdl_keras.engine import shuffle_tasks
from bigdl_keras.engine.conductor import Step
from bigdl_keras.engine.conversation import WorkerTraceback
from bigdl_keras.engine.dealing import own_number
from bigdl_keras.engine.depot import Courier
from bigdl_keras.engine.kept_rows import kept_rows
from bigdl_keras.engine.loop import finished
from bigdl_keras.engine.overdue import Overdue, deadline, no_rows
from bigdl_keras.engine.parcels import Parcel, opened
from bigdl_keras.engine.phases import PHASES, Phases
from bigdl_keras.engine.pulse import Listener, beating
from bigdl_keras.engine.report import Evaluation
from bigdl_keras.engine.rounds import (
    Base,
    Due,
    Failed,
    History,
    Notes,
    Numbers,
    Round,
    Slots,
    Spent,
    Start,
    Unmet,
    Work,
)
from bigdl_keras.errors import PartsLost, RowsLost
from bigdl_keras.spark import session, shipping
from bigdl_keras.spark.failures import original_errors

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

_logger = logging.getLogger(__name__)

_LONGEST_CHAIN = 50  # rounds that Spark can make again one from the other
_CHAIN_BYTES = 1 << 29  # that a task may write in a chain of rounds
_ATTEMPTS = 3  # to bring rows back to where tasks run
_DRIVER_SECONDS = 10.0  # that an executor may be silent when the driver calls it


class Chain:
    """The rounds of one fit, each made from the one before. It is the snapshot that reports may ask.

    Lineage does not grow with them: after some rounds a new chain begins with what the old one has led to.

    Args:
        context: the SparkContext.
        work: what stays the same.
        start: weights and optimizer state to begin with.
        sources: the rows to train on, then those to evaluate, as far as there are any.
        timeout_seconds: tasks of which none ends for longer hang.
    """

    def __init__(self, context: SparkContext, work: Work, start: Start, sources: list[Source],
                 timeout_seconds: float) -> None:
        shipping.ship(context)
        self.context = context
        self.work = work
        self.judges = work.judge is not None
        self._timeout_seconds = timeout_seconds
        self.rate: float | None = None
        self._fit = f"bigdl_keras-{uuid.uuid4().hex[:12]}"
        self._start = start
        self._values: np.ndarray | None = start.values  # of now, as far as the driver knows them
        self._slots: Slots | None = start.slots
        self._seeds: tuple[History, ...] | None = None
        self._leg = self._serial = self._last = self._oldest = self._origin = self._rounds = 0
        self._notes = _notebook(context)
        self._work = context.broadcast(work)
        self._sent_start: Any = context.broadcast(start)
        self._due: Due | None = None
        self._gradients: RDD[Any] | None = None
        self._weights: RDD[Any] | None = None
        self._shuffles: list[int] = []
        self._seconds = np.zeros((work.size, len(PHASES)))
        self._courier: Courier | None = Courier(work.key, _DRIVER_SECONDS)
        self._listener = Listener(session.driver_host(context), timeout_seconds, work.ports)
        self._end = ExitStack()
        self._end.enter_context(self._listener)
        self._end.enter_context(session.job_group(context, self._fit))
        try:
            with deadline(self._overdue(only_beating=True), no_rows(timeout_seconds)):
                self.rows, self._rows = kept_rows(context, self._fit, work, sources, self._listener.pulse)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left on the executors, nor in Spark."""
        try:
            if self._courier is not None:
                self._courier.close()
            self.context.cancelJobGroup(self._fit)
            if hasattr(self, "_rows"):
                self._rows.mapPartitions(partial(shuffle_tasks.let_go_of_rows, self._fit)).count()
                self._rows.unpersist()
            self._cut()
            self._sent_start.destroy()
            self._work.destroy()
        except Exception as trouble:  # do not hide what ended the fit
            _logger.warning("Not all could be cleared away after a fit: %s", trouble)
        self._heard()
        self._end.close()

    # ---- rounds

    def train(self, steps: Sequence[Step]) -> list[np.ndarray]:
        """Some iterations, in one job; several only of a plan without sums in its middle.

        Returns:
            The numbers of each. The update of the last one is due at the next round.
        """
        if self._rounds and self._rounds + len(steps) > self._longest:
            self._begin_anew(settled=False)
        began, before, serials = time.perf_counter(), self._seconds.sum(axis=1), []
        for step in steps[:-1]:
            told = self._told(step)
            serials.append(told.serial)
            self._gradients, _ = self._stage(shuffle_tasks.compute_gradient, told)
            self._follow(step)
        told = self._told(steps[-1])
        notes, self._gradients = self._meet(shuffle_tasks.compute_gradient, told, serials)
        self._follow(steps[-1])
        self._last = told.serial
        worked = self._seconds.sum(axis=1) - before  # the rest a task has waited, for Spark and for the others
        self._seconds[:, PHASES.index("wait")] += np.maximum(time.perf_counter() - began - worked, 0.0)
        return [np.asarray(np.sum([note.numbers for note in of_step], axis=0)) for of_step in notes]

    def judge(self) -> Evaluation:
        """Measure the rows to evaluate with the weights of now."""
        (totals,), _ = self._meet(shuffle_tasks.judge_rows, self._told())
        return finished(np.sum([note.numbers for note in totals], axis=0), self.rows[-1], self.work.loss_count)

    def phases(self) -> Phases:
        """Where the time of the tasks went since the last asking."""
        seconds, self._seconds = self._seconds, np.zeros_like(self._seconds)
        return Phases(seconds)

    def settle(self) -> Start:
        """Bring weights and optimizer state to the driver."""
        return Start(self.values(), self.optimizer_state())

    def values(self) -> np.ndarray:
        """The whole value vector."""
        bases = self._settled()
        if self._values is None:
            values = self._start.values.copy()
            with self._opened([parcel for base in bases for parcel in (base.weights, base.states)]) as arrays:
                for owner, (weights, states) in enumerate(zip(arrays[::2], arrays[1::2], strict=True)):
                    values[self.work.owned(owner)] = weights
                    self.work.put_states(values, states)
            self._values = _projected(self.work, values)
        return self._values

    def optimizer_state(self) -> Slots:
        """Each slot of the optimizer as a whole vector."""
        bases = self._settled()
        if self._slots is None:
            self._slots = {}
            for slot, vector in self._start.slots.items():
                with self._opened([base.slots[slot] for base in bases]) as parts:
                    self._slots[slot] = np.concatenate([vector[:0], *parts])
        return self._slots

    def replace_values(self, values: np.ndarray) -> None:
        """Train on from these."""
        slots = self.optimizer_state()
        self._cut()
        self._start = Start(np.array(values, self._start.values.dtype), slots)
        self._values, self._slots, self._seeds = self._start.values, slots, None
        self._origin += 1
        self._send(self._start)

    def _send(self, start: Start) -> None:
        """Tell executors this Start instead of the one before."""
        self._sent_start.destroy()
        self._sent_start = self.context.broadcast(start)

    @property
    def _longest(self) -> int:
        """Rounds of a chain, whose files take room until it ends."""
        work, state = self.work, 1 + len(self._start.slots)
        vectors = 1 + state / work.size  # a gradient, and a slice of the state
        if work.whole:
            vectors = work.size + state if work.encrypted else 1
        written = int(4 * work.trainable_size * vectors)
        return min(_LONGEST_CHAIN, max(_CHAIN_BYTES // max(written, 1), 5))

    def _told(self, step: Step | None = None) -> Round:
        self._serial += 1
        epoch, batch, iteration = (0, 0, 0) if step is None else (step.epoch, step.batch, step.iteration)
        seeds = self._seeds if self._gradients is None else None
        return Round(self._fit, self._leg, self._serial, self._oldest, self._work, self._sent_start, self._origin,
                     self._notes, seeds, epoch, batch, iteration, self._due)

    def _follow(self, step: Step) -> None:
        """A round has been made: its update is due."""
        self._due = Due(step.iteration, self.rate)
        self._weights = self._values = self._slots = None
        self._rounds += 1

    def _begin_anew(self, settled: bool) -> None:
        """End the chain; the next one begins with what it has led to. The driver learns where that lies.

        Args:
            settled: with the update that is due. Without, whoever has followed so far need not read it all again.
        """
        assert self._gradients is not None
        told, settled = self._told(), settled or not self.work.whole
        keep = partial(shuffle_tasks.keep_history, told, settled)
        owners = [0] if self.work.whole else list(range(self.work.size))
        histories = self._gradients.mapPartitionsWithIndex(keep)
        found = dict(self._with_rows(lambda: self.context.runJob(histories, list, owners)))
        self._cut()
        if self._seeds is None:  # from here on all optimizer state comes from the seeds
            self._send(Start(self._start.values, {}))
        self._seeds = tuple(found[owner] for owner in owners)
        self._oldest = told.serial if settled else self._last

    def _settled(self) -> list[Base]:
        """What the next chain begins with, once no update is due."""
        if self._due is not None:
            self._begin_anew(settled=True)
        return [seed.base for seed in self._seeds or () if seed.base is not None]

    @contextmanager
    def _opened(self, parcels: list[Parcel]) -> Iterator[list[np.ndarray]]:
        """What parcels hold; by way of executors, if the driver cannot call those that have it."""
        arrays: list[np.ndarray] | None = None
        with ExitStack() as stack:
            if self._courier is not None:
                try:
                    arrays = stack.enter_context(opened(parcels, self._courier))
                except PartsLost as error:
                    _logger.info("%s From now on Spark brings it to the driver.", error)
                    self._courier.close()
                    self._courier = None
            if arrays is None:
                sent = self.context.parallelize(parcels, len(parcels))
                with original_errors():
                    arrays = sent.map(partial(shuffle_tasks.copied, self.work.key)).collect()
            yield arrays

    def _stage(self, stage: Callable[..., Any], told: Round) -> tuple[RDD[Any], Any]:
        """The RDD of what a stage sends, and the shuffle that it is sent by."""
        run = partial(beating, self._listener.pulse, partial(stage, told))
        return self._exchange(self._inputs().mapPartitionsWithIndex(run))

    def _meet(self, stage: Callable[..., Any], told: Round,
              serials: Sequence[int] = ()) -> tuple[list[list[Numbers]], RDD[Any]]:
        """Run a stage and those before it; once more for every sum in its plan's middle, with one more sum known.

        Args:
            stage: function of the last stage.
            told: what it is told.
            serials: of the stages before whose notes are wanted, too.

        Returns:
            The notes of each stage, by task, and what the last one sends.
        """
        while True:
            sent, dependency = self._stage(stage, told)
            *before, last = self._with_rows(partial(self._submit, dependency, [*serials, told.serial]))
            if all(isinstance(note, Numbers) for note in last):
                return [*before, last], sent
            parts = [note.parts for note in last if isinstance(note, Unmet)]
            found = [np.sum(of_batch, axis=0) for of_batch in zip(*parts, strict=True)]
            known = told.totals or ((),) * len(found)
            self._serial += 1
            told = replace(told, serial=self._serial,
                           totals=tuple((*sums, new) for sums, new in zip(known, found, strict=True)))

    def _inputs(self) -> RDD[Any]:
        """What a round reads: the weights on their way, and where its rows are."""
        if self._gradients is None:
            return self._rows
        if self.work.whole:
            return self._gradients.union(self._rows)
        if self._weights is None:
            update = partial(shuffle_tasks.update_slice, self._told())
            self._weights, _ = self._exchange(self._gradients.mapPartitionsWithIndex(update))
        return self._weights.union(self._rows)

    # ---- Spark

    def _exchange(self, keyed: RDD[Any]) -> tuple[RDD[Any], Any]:
        """A shuffle of (task, message), which its stage yields in turn as raw bytes: Spark only carries them."""
        from pyspark import RDD
        from pyspark.serializers import NoOpSerializer

        jvm: Any = self.context._jvm
        keyed._bypass_serializer = True  # type: ignore[attr-defined]
        pairs = jvm.PairwiseRDD(keyed._jrdd.rdd()).asJavaPairRDD()
        shuffled = pairs.partitionBy(jvm.PythonPartitioner(self.work.size, id(own_number)))
        dependency = shuffled.rdd().dependencies().head()
        self._shuffles.append(dependency.shuffleId())
        return RDD(jvm.PythonRDD.valueOfPair(shuffled), self.context, NoOpSerializer()), dependency

    def _submit(self, dependency: Any, serials: Sequence[int]) -> list[list[Any]]:
        """Run the stage that writes a shuffle, and what it needs before. Answers with the notes of these stages."""
        self.context._jsc.sc().submitMapStage(dependency).get()
        notes = self._heard()
        failed = [(note.consequence, key, note) for key, note in notes.items() if isinstance(note, Failed)]
        if failed:
            _, _, first = min(failed, key=lambda item: item[:2])
            error: BaseException = pickle.loads(first.error)
            raise error from WorkerTraceback(first.text)
        for (_, _, rank), note in notes.items():
            if isinstance(note, Spent) and len(note.seconds):
                self._seconds[rank] += note.seconds
        return [[notes[self._fit, serial, rank] for rank in range(self.work.size)] for serial in serials]

    def _cut(self) -> None:
        """End the chain: its shuffle files are not needed any more."""
        self._due = self._gradients = self._weights = None
        self._rounds = 0
        self._leg += 1
        scala = self.context._jsc.sc()
        if scala.cleaner().isDefined():
            for number in self._shuffles:
                scala.cleaner().get().doCleanupShuffle(number, False)
        self._shuffles.clear()

    def _heard(self) -> dict[Any, Any]:
        """This fit's notes that have come since."""
        board = self._notes.value
        return {key: board.pop(key) for key in list(board) if key[0] == self._fit}

    def _with_rows(self, run: Callable[[], Any]) -> Any:
        """Run a job; where rows have moved, write them anew and run it again."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._in_time(run)
            except RowsLost as error:
                if attempt == _ATTEMPTS:
                    raise
                _logger.warning("%s They are written again.", error)
                self._rows.unpersist(blocking=True)
                self._rows.persist()
        raise AssertionError("unreachable")

    def _in_time(self, run: Callable[[], Any]) -> Any:
        """Run a job; tasks that hang end it."""
        message = (f"No task of a round has ended for {self._timeout_seconds:g} seconds, though some run. A worker "
                   "hangs, or its machine is overloaded or gone.")
        with deadline(self._overdue(), message), original_errors():
            return run()

    def _overdue(self, only_beating: bool = False) -> Overdue:
        return Overdue(self.context, self._fit, self._timeout_seconds, self._listener.heard, only_beating)


def _projected(work: Work, values: np.ndarray) -> np.ndarray:
    """The values after the constraints of weights."""
    if work.job is not None and work.job.constraint_plan is not None:
        projection = work.job.constraint_plan.bind(values)
        projection.forward([])
        projection.updates()
    return values


_notebooks: dict[str, Any] = {}


def _notebook(context: SparkContext) -> Any:
    """The accumulator in which the tasks of all fits of an application leave notes; each fit takes out its own."""
    application = str(context.applicationId)
    if application not in _notebooks:
        _notebooks.clear()
        _notebooks[application] = context.accumulator({}, Notes())  # type: ignore[arg-type]
    return _notebooks[application]
