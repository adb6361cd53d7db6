"""The barrier engine on Spark Connect: the same gang, reached through DataFrames alone."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import Block, Minibatches, Source
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.engine import connect_tasks, tasks
from bigdl_keras.engine.barrier import StageJob, converse, gathered
from bigdl_keras.engine.frames import with_predictions
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, Result, TrainingJob
from bigdl_keras.engine.loop import finished
from bigdl_keras.engine.meeting import DriverUnreachable
from bigdl_keras.engine.report import Evaluation, Report
from bigdl_keras.spark import connect, preflight
from bigdl_keras.spark.failures import original_errors

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_logger = logging.getLogger(__name__)


class ConnectEngine:
    """Trains, evaluates and predicts on the executors of a Spark Connect server, from DataFrames.

    Args:
        workers: number of tasks that train together; 0 where nobody knows how many can run at once.
        session: the Spark Connect session.
    """

    name = "barrier"

    def __init__(self, workers: int, session: Any) -> None:
        self.workers = workers
        self.session = session

    @property
    def conf(self) -> Any:
        """The configuration of Spark, which has `get(key, default)`."""
        return connect.ConnectConf(self.session)

    def run(self, job: TrainingJob, source: Source, validation: Source | None, report: Report) -> Result:
        """Train; see `BarrierEngine.run`."""
        return gathered(self._run_gang(job, source, validation, report))

    def evaluate(self, job: EvaluationJob, source: Source) -> Evaluation:
        """Measure the rows of `source`; workers meet only where the plan asks for it."""
        if job.plan.collective:
            evaluation = self._run_gang(job, source, None, Report())[0].evaluation
            assert evaluation is not None
            return evaluation
        rows = _frame_source(source)
        connect.ship(self.session)
        enclosed = connect.enclose(self.session, job)
        answer = rows.prepared().mapInArrow(partial(connect_tasks.evaluate_rows, enclosed, rows.reader),
                                            connect_tasks.ANSWER)
        with original_errors():
            found = connect_tasks.answers(answer.collect()).values()
        totals = np.sum([totals for totals, _ in found], axis=0)
        return finished(np.asarray(totals), sum(count for _, count in found), job.loss_count)

    def predict_frame(self, job: PredictionJob, source: DataFrameSource, prediction_col: str,
                      names: tuple[str, ...] = ()) -> DataFrame:
        """The DataFrame with all its columns and one of predictions; `names` are those of several outputs."""
        connect.ship(self.session)
        predict = partial(connect_tasks.predict_batches, connect.enclose(self.session, job))
        frame: DataFrame = with_predictions(job, source, prediction_col, names, predict)
        return frame

    def _run_gang(self, job: TrainingJob | EvaluationJob, source: Source, validation: Source | None,
                  report: Report) -> list[tasks.Outcome]:
        if not self.workers:
            raise ValueError("Spark Connect does not tell how many tasks can run at once. Say how many shall train "
                             "together: workers=...")
        connect.ship(self.session)
        try:
            return self._attempt(job, source, validation, report)
        except DriverUnreachable as error:
            _logger.warning("%s The fit starts again without: reports come at its end.", error)
            return self._attempt(job, source, validation, report, meet_driver=False)

    def _attempt(self, job: TrainingJob | EvaluationJob, source: Source, validation: Source | None, report: Report,
                 meet_driver: bool = True) -> list[tasks.Outcome]:
        """One gang-scheduled stage."""
        unshuffled = isinstance(job, TrainingJob) and not job.shuffle and self.workers > 1
        stripes = job.batch_size if unshuffled else 0
        sources = [_frame_source(item) for item in (source, validation) if item is not None]
        kept = [item.prepared().persist() for item in sources]

        def release() -> None:
            for frame in kept:
                frame.unpersist()

        def start(task: tasks.GangTask, events: Any) -> StageJob:
            task = replace(task, job=enclosed)
            stage = dealt.mapInArrow(partial(connect_tasks.run_gang_member, task, arrive), connect_tasks.ANSWER,
                                     barrier=True)
            return self._stage_job(stage, events)

        try:
            enclosed = connect.enclose(self.session, job)  # without the key of the gang, which is for no file
            dealt, totals = self._deal(sources, kept, stripes)
            arrive = partial(tasks.dealt_pieces, totals, stripes, self.workers)
            columns = tuple(Block.empty(item.columns) for item in sources)
            conf = connect.ConnectConf(self.session)
            task = tasks.GangTask(job, columns, self.workers, b"", connect.own_host(self.session), 0, unshuffled,
                                  preflight.memory_limit(conf), preflight.ports(conf))
            return converse(task, start, report, release, meet_driver)
        finally:
            release()

    def _stage_job(self, stage: DataFrame, events: Any) -> StageJob:
        tag = f"bigdl_keras-{uuid.uuid4().hex[:12]}"

        def collect() -> list[Any]:
            self.session.addTag(tag)  # of this thread
            return list(connect_tasks.answers(stage.collect()).values())

        return StageJob(collect, partial(self.session.interruptTag, tag), events)

    def _deal(self, sources: list[DataFrameSource], kept: list[DataFrame],
              stripes: int) -> tuple[DataFrame, tuple[int, ...]]:
        """Rows in as many partitions as there are workers, and how many rows there are of each data set."""
        counted = _union([frame.mapInArrow(partial(connect_tasks.count_rows, which), connect_tasks.ANSWER)
                          for which, frame in enumerate(kept)])
        with original_errors():
            counts = connect_tasks.answers(counted.collect())  # partitions are numbered in the union, as they will be
        numbers = connect.numbers_of_partitions(self.session, self.workers)
        streams, totals = [], []
        for which, (source, frame) in enumerate(zip(sources, kept, strict=True)):
            rows = (counts.get(partition, (which, 0)) for partition in range(max(counts) + 1))
            starts = [0, *accumulate(count if of == which else 0 for of, count in rows)]
            totals.append(starts[-1])
            dealer: Any = partial(tasks.deal_pieces, which, starts, starts[-1], self.workers)
            if stripes and which == tasks.TRAINING:
                dealer = partial(tasks.deal_stripes, Minibatches(starts[-1], stripes), starts, self.workers)
            function = partial(connect_tasks.deal, source.reader, numbers, which, dealer)
            streams.append(frame.mapInArrow(function, connect_tasks.DEALT))
        return _union(streams).repartition(self.workers, "number"), tuple(totals)


def _union(frames: list[DataFrame]) -> DataFrame:
    return frames[0] if len(frames) == 1 else frames[0].union(frames[1])


def _frame_source(source: Source) -> DataFrameSource:
    if not isinstance(source, DataFrameSource):
        raise TypeError("On Spark Connect, rows to train on, to validate with or to evaluate must come as DataFrames. "
                        f"Received {source.kind}.")
    return source
