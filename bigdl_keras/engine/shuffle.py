"""The shuffle engine: the paper's algorithm in short stateless tasks that Spark may run, and run again, anywhere.

An iteration is one round: gradients move by shuffle, slice n to task n, which updates slice n of the weights and sends
it back by a second shuffle. Small models take one shuffle: each task gets every gradient and makes the same update.
What a task needs lies in shuffle files, and Spark makes lost ones again from those before them. Once in a while the
driver takes one copy of weights and optimizer state, from which a new chain of rounds begins.
"""

from __future__ import annotations

import logging
import pickle
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import accumulate as running_sums
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import Minibatches, Source
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.engine import shuffle_tasks, tasks
from bigdl_keras.engine.barrier import BarrierEngine, pieces_of
from bigdl_keras.engine.conductor import Conductor
from bigdl_keras.engine.conversation import WorkerTraceback
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, Result, TrainingJob
from bigdl_keras.engine.loop import finished
from bigdl_keras.engine.overdue import Overdue
from bigdl_keras.engine.report import Evaluation, Report
from bigdl_keras.engine.rounds import Failed, Notes, Numbers, Round, Slots, Start, Unmet, Work
from bigdl_keras.errors import RowsLost, WorkerLost
from bigdl_keras.spark import failures, shipping

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext

_logger = logging.getLogger(__name__)

_SMALL = 1 << 21  # elements that one shuffle of whole gradients may move more than two of slices: what a stage costs
_LONGEST_CHAIN = 50  # rounds between two copies at the driver
_CHAIN_BYTES = 4 << 30  # of shuffle files of a chain
_GROUP_PROPERTIES = ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel")
_UNIX_SOCKET = "spark.python.unix.domain.socket.enabled"
_ATTEMPTS = 3  # to bring rows back to where tasks run


class ShuffleEngine:
    """Trains on Spark executors without a gang: works with dynamic allocation, preemption and too few slots.

    Args:
        workers: number of tasks that share each batch; there may be fewer slots.
        context: the SparkContext.
    """

    name = "shuffle"

    def __init__(self, workers: int, context: SparkContext) -> None:
        self.workers = workers
        self.context = context
        self._passes = BarrierEngine(workers, context)  # whose predictions need no gang

    def run(self, job: TrainingJob, source: Source, validation: Source | None, report: Report) -> Result:
        """Train.

        Args:
            job: what to train.
            source: training rows, with columns in the order of the plan's inputs.
            validation: validation rows likewise, or None.
            report: is called in this thread.

        Returns:
            New values, optimizer state and progress. The job's own vectors are left as they were.

        Raises:
            Exception: what the model, a row or the report raised, with its place; what Spark raised after its retries.
        """
        if self.context.getConf().get(_UNIX_SOCKET, "false") != "true":
            _logger.info("Set %s=true before Spark starts: iterations take half the time.", _UNIX_SOCKET)
        if job.drop is not None:
            _logger.warning("Slow workers are dropped from a gang only. For slow tasks, Spark has spark.speculation.")
        if job.compression is not None:
            _logger.warning("compression=%r is for a gang. Slices travel through Spark's shuffle as they are.",
                            job.compression)
        bare = replace(job, values=job.values[:0], optimizer_state=None)
        judge = job.evaluate_plan if validation is not None else None
        more = (self.workers * (self.workers + 1) - 5) * job.trainable_size  # with two slots: P (P + 3) against 2 P + 5
        whole = _sums_over_slices(job.optimizer) or more <= _SMALL
        work = Work(bare, judge, job.validation_batch_size, job.loss_count, self.workers, whole)
        state = job.optimizer_state or job.optimizer.create_state(job.values[:job.trainable_size])
        start = Start(job.values.copy(), {slot: np.array(vector) for slot, vector in state.items()})
        sources = [source] if validation is None else [source, validation]
        with Chain(self.context, work, start, sources, job.timeout_seconds) as chain:
            return Conductor(job, chain, report).run()

    def evaluate(self, job: EvaluationJob, source: Source) -> Evaluation:
        """Measure the rows of `source`."""
        if not job.plan.collective:
            return self._passes.evaluate(job, source)
        work = Work(None, job.plan, job.batch_size, job.loss_count, self.workers, True)
        with Chain(self.context, work, Start(job.values, {}), [source], job.timeout_seconds) as chain:
            return chain.judge()

    def predict(self, job: PredictionJob, source: Source) -> Any:
        """The plan's outputs: a lazy RDD, row for row, for an RDD; a list of arrays for arrays."""
        return self._passes.predict(job, source)

    def predict_frame(self, job: PredictionJob, source: DataFrameSource, prediction_col: str,
                      names: tuple[str, ...] = ()) -> Any:
        """The DataFrame with all its columns and one of predictions; `names` are those of several outputs."""
        return self._passes.predict_frame(job, source, prediction_col, names)


class Chain:
    """Rounds on Spark: RDDs, shuffles and broadcasts, and their end. It is the snapshot that reports may ask.

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
        self._state = start
        self._leg = self._serial = 0
        self._notes = _notebook(context)
        self._work = context.broadcast(work)
        self._start: Any = None
        self._due: tuple[int, float | None] | None = None
        self._gradients: RDD[Any] | None = None
        self._weights: RDD[Any] | None = None
        self._shuffles: list[int] = []
        self._rounds = 0
        self._properties = {key: context.getLocalProperty(key) for key in _GROUP_PROPERTIES}
        context.setJobGroup(self._fit, "bigdl_keras training", interruptOnCancel=True)
        try:
            self.rows, self._rows = self._keep(sources)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Chain:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left on the executors, nor in Spark."""
        try:
            self.context.cancelJobGroup(self._fit)
            if hasattr(self, "_rows"):
                self._rows.mapPartitions(partial(shuffle_tasks.let_go_of_rows, self._fit)).count()
                self._rows.unpersist()
            self._cut()
            self._work.destroy()
        except Exception as trouble:  # do not hide what ended the fit
            _logger.warning("Not all could be cleared away after a fit: %s", trouble)
        self._heard()
        for key, value in self._properties.items():
            self.context._jsc.setLocalProperty(key, value)

    # ---- rounds

    def train(self, epoch: int, batch: int, iteration: int) -> np.ndarray:
        """One iteration. Answers with its numbers; the update itself is due at the next round."""
        self._begin()
        told = Round(self._fit, self._leg, 0, self._work, self._start, self._notes, epoch, batch, iteration, self._due)
        numbers, self._gradients = self._meet(shuffle_tasks.compute_gradient, told)
        self._due, self._weights = (iteration, self.rate), None
        self._rounds += 1
        return np.asarray(np.sum([note.numbers for note in numbers], axis=0))

    def judge(self) -> Evaluation:
        """Measure the rows to evaluate with the weights of now."""
        self._begin()
        told = Round(self._fit, self._leg, 0, self._work, self._start, self._notes, due=self._due)
        totals, _ = self._meet(shuffle_tasks.judge_rows, told)
        return finished(np.sum([note.numbers for note in totals], axis=0), self.rows[-1], self.work.loss_count)

    def settle(self) -> Start:
        """Bring one copy of weights and optimizer state to the driver; the next round begins a new chain there."""
        if self._due is None or self._gradients is None:
            return self._state
        told = self._numbered(Round(self._fit, self._leg, 0, self._work, self._start, self._notes, due=self._due))
        slices = self._gradients.mapPartitionsWithIndex(partial(shuffle_tasks.bring_slice, told))
        owners = [0] if self.work.whole else list(range(self.work.size))
        found = self._with_rows(lambda: self.context.runJob(slices, list, owners))
        values = self._state.values.copy()
        slots = {slot: vector.copy() for slot, vector in self._state.slots.items()}
        for owner, weights, states, parts in found:
            mine = self.work.owned(owner)
            values[mine] = weights
            for slot, part in parts.items():
                slots[slot][mine] = part
            position = 0
            for start, stop in self.work.states if owner == 0 else ():
                values[start:stop] = states[position:position + stop - start]
                position += stop - start
        self._state = Start(_projected(self.work, values), slots)
        self._cut()
        return self._state

    def values(self) -> np.ndarray:
        """The whole value vector."""
        return self.settle().values

    def optimizer_state(self) -> Slots:
        """Each slot of the optimizer as a whole vector."""
        return self.settle().slots

    def replace_values(self, values: np.ndarray) -> None:
        """Train on from these."""
        slots = self.settle().slots
        self._cut()
        self._state = Start(np.array(values, self._state.values.dtype), slots)

    def _begin(self) -> None:
        """Have a chain to go on with: cut one that is long, start one where there is none."""
        moved = 4 * self.work.trainable_size * (self.work.size if self.work.whole else 2)
        longest = min(_LONGEST_CHAIN, max(_CHAIN_BYTES // max(moved, 1), 5))
        if self._rounds >= longest:
            self.settle()
        if self._start is None:
            self._leg += 1
            self._start = self.context.broadcast(self._state)

    def _cut(self) -> None:
        """End the chain: its shuffle files and its start are not needed any more."""
        self._due = self._gradients = self._weights = None
        self._rounds = 0
        scala = self.context._jsc.sc()
        if scala.cleaner().isDefined():
            for number in self._shuffles:
                scala.cleaner().get().doCleanupShuffle(number, False)
        self._shuffles.clear()
        if self._start is not None:
            self._start.destroy()
            self._start = None

    def _meet(self, stage: Callable[..., Any], told: Round) -> tuple[list[Numbers], RDD[Any]]:
        """Run a stage; once more for every sum in the middle of the plan, each time with one more sum known."""
        while True:
            told = self._numbered(told)
            sent, dependency = self._exchange(self._inputs().mapPartitionsWithIndex(partial(stage, told)))
            notes = self._with_rows(partial(self._submit, dependency, told.serial))
            if all(isinstance(note, Numbers) for note in notes):
                return notes, sent
            parts = [note.parts for note in notes if isinstance(note, Unmet)]
            found = [np.sum(of_batch, axis=0) for of_batch in zip(*parts, strict=True)]
            known = told.totals or ((),) * len(found)
            told = replace(told, totals=tuple((*sums, new) for sums, new in zip(known, found, strict=True)))

    def _inputs(self) -> RDD[Any]:
        """What a round reads: the weights on their way, and where its rows are."""
        if self._gradients is None:
            return self._rows
        if self.work.whole:
            return self._gradients.union(self._rows)
        if self._weights is None:
            told = Round(self._fit, self._leg, 0, self._work, self._start, self._notes, due=self._due)
            update = partial(shuffle_tasks.update_slice, self._numbered(told))
            self._weights, _ = self._exchange(self._gradients.mapPartitionsWithIndex(update))
        return self._weights.union(self._rows)

    def _numbered(self, told: Round) -> Round:
        self._serial += 1
        return replace(told, serial=self._serial)

    # ---- Spark

    def _keep(self, sources: list[Source]) -> tuple[list[int], RDD[Any]]:
        """Deal the rows to as many tasks as share them, in the global order, where they are kept in files."""
        from pyspark import StorageLevel

        streams, held, totals = [], [], []
        kinds = (tasks.TRAINING, tasks.VALIDATION)
        stripes = self.work.job.batch_size if self.work.job is not None and self.work.striped else 0
        try:
            for which, source in zip(kinds, sources, strict=False):
                pieces = pieces_of(self.context, source, self.work.size).persist(StorageLevel.MEMORY_AND_DISK)
                held.append(pieces)
                counts = dict(_tried(pieces.mapPartitionsWithIndex(tasks.count_pieces).collect))
                starts = [0, *running_sums(sum(counts[number]) for number in range(pieces.getNumPartitions()))]
                totals.append(starts[-1])
                if stripes and which == tasks.TRAINING:
                    deal = partial(tasks.deal_stripes, Minibatches(starts[-1], stripes), starts, self.work.size)
                else:
                    deal = partial(tasks.deal_pieces, which, starts, starts[-1], self.work.size)
                streams.append(pieces.mapPartitionsWithIndex(deal))
            columns = tuple(tuple(source.columns) for source in sources)
            dealt = self.context.union(streams).partitionBy(self.work.size, partitionFunc=_own_number)
            keep = partial(shuffle_tasks.keep_rows, self._fit, columns, tuple(totals), stripes, self.work.size)
            rows = dealt.mapPartitionsWithIndex(keep, preservesPartitioning=True)
            rows._bypass_serializer = True  # type: ignore[attr-defined]
            rows.persist(StorageLevel.MEMORY_AND_DISK)
            _tried(rows.count)
        finally:
            for pieces in held:
                pieces.unpersist()
        return totals, rows

    def _exchange(self, keyed: RDD[Any]) -> tuple[RDD[Any], Any]:
        """A shuffle of (task, message), which its stage yields in turn as raw bytes: Spark only carries them."""
        from pyspark import RDD
        from pyspark.serializers import NoOpSerializer

        jvm: Any = self.context._jvm
        keyed._bypass_serializer = True  # type: ignore[attr-defined]
        pairs = jvm.PairwiseRDD(keyed._jrdd.rdd()).asJavaPairRDD()
        shuffled = pairs.partitionBy(jvm.PythonPartitioner(self.work.size, id(_own_number)))
        dependency = shuffled.rdd().dependencies().head()
        self._shuffles.append(dependency.shuffleId())
        return RDD(jvm.PythonRDD.valueOfPair(shuffled), self.context, NoOpSerializer()), dependency

    def _submit(self, dependency: Any, serial: int) -> list[Any]:
        """Run the stage that writes a shuffle, and what it needs before. Answers with the notes of its tasks."""
        self.context._jsc.sc().submitMapStage(dependency).get()
        notes = self._heard()
        failed = [(note.consequence, key, note) for key, note in notes.items() if isinstance(note, Failed)]
        if failed:
            _, _, first = min(failed, key=lambda item: item[:2])
            error: BaseException = pickle.loads(first.error)
            raise error from WorkerTraceback(first.text)
        return [notes[self._fit, serial, rank] for rank in range(self.work.size)]

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
        with Overdue(self.context, self._fit, self._timeout_seconds) as overdue:
            try:
                return _tried(run)
            except Exception as error:
                if not overdue.cancelled:
                    raise
                raise WorkerLost(f"No task of a round has ended for {self._timeout_seconds:g} seconds, though some "
                                 "run. A worker hangs, or its machine is overloaded or gone.") from error


def _own_number(key: int) -> int:
    return key


def _tried(run: Callable[[], Any]) -> Any:
    """Raise what a task raised, not Spark's wrapping of it."""
    try:
        return run()
    except Exception as error:
        found = failures.original(error)
        if found is error:
            raise
        raise found from error


def _projected(work: Work, values: np.ndarray) -> np.ndarray:
    """The values after the constraints of weights."""
    if work.job is not None and work.job.constraint_plan is not None:
        projection = work.job.constraint_plan.bind(values)
        projection.forward([])
        projection.updates()
    return values


def _sums_over_slices(optimizer: Any) -> bool:
    """Whether a step needs norms of whole variables, which no task knows that holds a slice only."""
    return bool(optimizer.layerwise) or optimizer.clipnorm is not None or optimizer.global_clipnorm is not None


_notebooks: dict[str, Any] = {}


def _notebook(context: SparkContext) -> Any:
    """The accumulator in which the tasks of all fits of an application leave notes; each fit takes out its own."""
    application = str(context.applicationId)
    if application not in _notebooks:
        _notebooks.clear()
        _notebooks[application] = context.accumulator({}, Notes())  # type: ignore[arg-type]
    return _notebooks[application]
