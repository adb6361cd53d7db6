"""The barrier engine: one gang-scheduled Spark stage for a whole fit, whose tasks exchange slices over sockets."""

from __future__ import annotations

import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import Block, Source
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.data.from_rdd import RddSource
from bigdl_keras.engine import dealing, tasks
from bigdl_keras.engine.collectives.handshake import new_key
from bigdl_keras.engine.conversation import Conversation
from bigdl_keras.engine.dealing import pieces_of
from bigdl_keras.engine.frames import with_predictions
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, Result, TrainingJob
from bigdl_keras.engine.loop import finished
from bigdl_keras.engine.meeting import DriverUnreachable, Event, Meeting
from bigdl_keras.engine.overdue import Overdue, deadline, no_rows
from bigdl_keras.engine.predicting import Predictor
from bigdl_keras.engine.pulse import Listener, Pulse, beating
from bigdl_keras.engine.report import Evaluation, Report
from bigdl_keras.engine.waiting import Waiting
from bigdl_keras.spark import failures, preflight, session, shipping

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext
    from pyspark.sql import DataFrame

_logger = logging.getLogger(__name__)
_UNSUPPORTED_LINEAGE = "SPARK-24820"


@dataclass(frozen=True)
class Gathering:
    """Rows on their way to a gang.

    Attributes:
        rdd: of as many partitions as workers.
        arrive: reads the partition of a worker.
        release: drops what was kept to deal the rows.
    """

    rdd: RDD[Any]
    arrive: Callable[[int, Any], Iterator[tasks.Piece]]
    release: Callable[[], None] = lambda: None


class BarrierEngine:
    """Trains and evaluates on Spark executors.

    Args:
        workers: number of tasks that train together.
        context: the SparkContext.
    """

    name = "barrier"

    def __init__(self, workers: int, context: SparkContext) -> None:
        self.workers = workers
        self.context = context

    @property
    def conf(self) -> Any:
        """The configuration of Spark, which has `get(key, default)`."""
        return self.context.getConf()

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
            ValueError: Spark cannot run so many workers at once.
            WorkerLost: a worker died.
            Exception: what the model, a row or the report raised, with its place.
        """
        return gathered(self._run_gang(job, source, validation, report))

    def evaluate(self, job: EvaluationJob, source: Source) -> Evaluation:
        """Measure the rows of `source`; workers meet only where the plan asks for it."""
        if job.plan.collective:
            evaluation = self._run_gang(job, source, None, Report())[0].evaluation
            assert evaluation is not None
            return evaluation
        shipping.ship(self.context)
        pieces = pieces_of(self.context, source, self.workers)
        with failures.original_errors():
            found = pieces.mapPartitions(partial(tasks.evaluate_pieces, job)).collect()
        totals = np.sum([totals for totals, _ in found], axis=0)
        return finished(np.asarray(totals), sum(rows for _, rows in found), job.loss_count)

    def predict(self, job: PredictionJob, source: Source) -> Any:
        """The plan's outputs: a lazy RDD, row for row, for an RDD; a list of arrays for arrays."""
        if isinstance(source, RddSource):
            shipping.ship(self.context)
            return source.rdd.mapPartitionsWithIndex(partial(tasks.predict_rows, job, source.reader))
        return Predictor(job).outputs(source.read())

    def predict_frame(self, job: PredictionJob, source: DataFrameSource, prediction_col: str,
                      names: tuple[str, ...] = ()) -> DataFrame:
        """The DataFrame with all its columns and one of predictions; `names` are those of several outputs."""
        shipping.ship(self.context)
        frame: DataFrame = with_predictions(job, source, prediction_col, names)
        return frame

    def _run_gang(self, job: TrainingJob | EvaluationJob, source: Source, validation: Source | None,
                  report: Report) -> list[tasks.Outcome]:
        preflight.check_gang(self.context, self.workers)
        shipping.ship(self.context)
        attempt = partial(self._attempt, job, source, validation, report)
        try:
            return attempt()
        except DriverUnreachable as error:
            _logger.warning("%s The fit starts again without: reports come at its end.", error)
            return attempt(meet_driver=False)
        except Exception as error:
            if _UNSUPPORTED_LINEAGE not in str(error):
                raise
            return attempt(deal=True)

    def _attempt(self, job: TrainingJob | EvaluationJob, source: Source, validation: Source | None, report: Report,
                 meet_driver: bool = True, deal: bool = False) -> list[tasks.Outcome]:
        """One gang-scheduled stage."""
        unshuffled = isinstance(job, TrainingJob) and not job.shuffle and self.workers > 1
        columns = tuple(Block.empty(item.columns) for item in (source, validation) if item is not None)
        host, seconds = session.driver_host(self.context), job.timeout_seconds
        task = tasks.GangTask(job, columns, self.workers, b"", host, 0, unshuffled,
                              preflight.memory_limit(self.context), preflight.ports(self.context))
        group = f"bigdl_keras-{uuid.uuid4().hex[:12]}"
        with Listener(host, seconds, task.ports) as listener:
            overdue = Overdue(self.context, group, seconds, listener.heard, only_beating=True)
            with session.job_group(self.context, group), deadline(overdue, no_rows(seconds)):
                gathering = gather(self.context, source, validation, self.workers, listener.pulse,
                                   job.batch_size if unshuffled else 0, deal)

            def start(task: tasks.GangTask, events: queue.Queue[Event]) -> StageJob:
                run = partial(beating, listener.pulse, partial(tasks.run_gang_member, task, gathering.arrive))
                return self._stage_job(gathering.rdd.barrier().mapPartitionsWithIndex(run), group, events)

            try:
                return converse(task, start, report, gathering.release, meet_driver, listener.heard)
            finally:
                gathering.release()

    def _stage_job(self, stage: RDD[Any], group: str, events: queue.Queue[Event]) -> StageJob:
        from pyspark import InheritableThread

        def collect() -> list[Any]:
            self.context.setJobGroup(group, "bigdl_keras training", interruptOnCancel=True)
            return list(stage.collect())

        return StageJob(collect, partial(self.context.cancelJobGroup, group), events, InheritableThread)


def converse(task: tasks.GangTask, start: Callable[[tasks.GangTask, queue.Queue[Event]], StageJob], report: Report,
             began: Callable[[], None], meet_driver: bool, heard: Callable[[], int] = int) -> list[tasks.Outcome]:
    """Start a gang and talk with it until it ends. Answers with the outcome of every worker, by rank.

    Args:
        task: what the gang does; it is given a key, and where to meet.
        start: starts the stage.
        report: is called in this thread.
        began: called when all workers hold their rows.
        meet_driver: False where executors cannot call the driver.
        heard: counts beats of workers that read their rows.
    """
    events: queue.Queue[Event] = queue.Queue(maxsize=4096)
    key = new_key()
    meeting = Meeting(task.size, task.host, key, events, task.ports)
    try:
        stage_job = start(replace(task, key=key, port=meeting.port if meet_driver else 0), events)
        try:
            waiting = Waiting(meeting if meet_driver else None, task.job.timeout_seconds, heard)
            outcomes = Conversation(meeting, events, report, began, waiting).until_end()
        finally:
            stage_job.cancel()
    finally:
        meeting.close()
    ordered = sorted(outcomes, key=lambda outcome: outcome.rank)
    if ordered[0].notebook is not None:
        ordered[0].notebook.read_out(report)
    return ordered


def gathered(outcomes: list[tasks.Outcome]) -> Result:
    """What all workers of a fit bring back, by rank."""
    first = outcomes[0]
    assert first.values is not None and first.progress is not None and first.state is not None
    state = {slot: np.concatenate([outcome.state[slot] for outcome in outcomes if outcome.state is not None])
             for slot in first.state}
    return Result(first.values, state, first.progress)


class StageJob:
    """A Spark job in a thread of its own, so that the caller's thread stays with callbacks and Ctrl-C.

    Args:
        collect: runs the job.
        interrupt: ends it from another thread.
        events: gets one event when the job ends: 'finished' with the results, or 'broken' with the error.
        thread: makes the thread.
    """

    def __init__(self, collect: Callable[[], list[Any]], interrupt: Callable[[], Any], events: queue.Queue[Event],
                 thread: Callable[..., threading.Thread] = threading.Thread) -> None:
        self._job = collect
        self._interrupt = interrupt
        self._events = events
        self._done = False
        self._thread = thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            results = self._job()
        except BaseException as error:
            event = Event("broken", -1, {"error": error})
        else:
            event = Event("finished", -1, {"results": results})
        self._done = True
        self._events.put(event)

    def cancel(self) -> None:
        """End the job, if it has not ended, and wait until its tasks have let go of their slots."""
        if self._done:
            self._thread.join()
            return
        self._interrupt()
        deadline = time.monotonic() + 20.0
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._thread.join(0.1)
            while not self._events.empty():  # make room for threads that wait to tell us something
                self._events.get_nowait()


def gather(context: SparkContext, source: Source, validation: Source | None, workers: int, pulse: Pulse,
           stripes: int = 0, deal: bool = False) -> Gathering:
    """Bring the rows to as many partitions as there are workers, in the global order.

    Rows stay where they are if there are as many partitions as workers and no validation rows to go with them;
    otherwise (or with `deal`) they are dealt by a shuffle, the same number to each worker. With `stripes`, each worker
    gets its part of every `stripes` neighbouring rows, which will be a batch. `pulse` beats in the tasks.
    """
    pieces = pieces_of(context, source, workers, pulse)
    if not deal and not stripes and validation is None and pieces.getNumPartitions() == workers:
        return Gathering(pieces, tasks.as_pieces)
    dealt = dealing.deal(context, [item for item in (source, validation) if item is not None], workers, stripes, pulse)
    return Gathering(dealt.rdd, partial(tasks.dealt_pieces, dealt.totals, stripes, workers), dealt.release)
