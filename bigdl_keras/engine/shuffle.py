"""The shuffle engine: the paper's algorithm in short stateless tasks that Spark may run, and run again, anywhere.

An iteration is one round: gradients go to the owners of slices, task n updates slice n of the weights and sends it back
by a second shuffle. Where every task can as well make the whole update, one shuffle is enough. Through Spark's shuffle
goes what is small, and of what is large where it lies (parcels.py); what has led to a slice is its history, from which
any task can make it again (slice_state.py).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import Source
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.engine.barrier import BarrierEngine
from bigdl_keras.engine.chain import Chain
from bigdl_keras.engine.collectives.handshake import new_key
from bigdl_keras.engine.conductor import Conductor
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, Result, TrainingJob
from bigdl_keras.engine.report import Evaluation, Report
from bigdl_keras.engine.rounds import Start, Work
from bigdl_keras.spark import preflight

if TYPE_CHECKING:
    from pyspark import SparkContext

_logger = logging.getLogger(__name__)

_STAGE_WORTH = 60_000_000  # elements that tasks may read and update more rather than run a second stage
_UNIX_SOCKET = "spark.python.unix.domain.socket.enabled"


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
        work = self._work(bare, judge, job.validation_batch_size, job.loss_count, self._whole(job))
        state = job.optimizer_state or job.optimizer.create_state(job.values[:job.trainable_size])
        start = Start(job.values.copy(), {slot: np.array(vector) for slot, vector in state.items()})
        sources = [source] if validation is None else [source, validation]
        with Chain(self.context, work, start, sources, job.timeout_seconds) as chain:
            return Conductor(job, chain, report).run()

    def evaluate(self, job: EvaluationJob, source: Source) -> Evaluation:
        """Measure the rows of `source`."""
        if not job.plan.collective:
            return self._passes.evaluate(job, source)
        work = self._work(None, job.plan, job.batch_size, job.loss_count, True)
        with Chain(self.context, work, Start(job.values, {}), [source], job.timeout_seconds) as chain:
            return chain.judge()

    def predict(self, job: PredictionJob, source: Source) -> Any:
        """The plan's outputs: a lazy RDD, row for row, for an RDD; a list of arrays for arrays."""
        return self._passes.predict(job, source)

    def predict_frame(self, job: PredictionJob, source: DataFrameSource, prediction_col: str,
                      names: tuple[str, ...] = ()) -> Any:
        """The DataFrame with all its columns and one of predictions; `names` are those of several outputs."""
        return self._passes.predict_frame(job, source, prediction_col, names)

    def _whole(self, job: TrainingJob) -> bool:
        """Whether every task makes the whole update."""
        more = (8 * max(self.workers - 2, 0) + 5 * (1 - 1 / self.workers)) * job.trainable_size
        return _sums_over_slices(job.optimizer) or more <= _STAGE_WORTH

    def _work(self, job: TrainingJob | None, judge: Any, batch_size: int, loss_count: int, whole: bool) -> Work:
        driver = str(self.context.getConf().get("spark.driver.host", ""))
        return Work(job, judge, batch_size, loss_count, self.workers, whole, new_key(), driver,
                    preflight.is_encrypted(self.context), preflight.ports(self.context))


def _sums_over_slices(optimizer: Any) -> bool:
    """Whether a step needs norms of whole variables, which no task knows that holds a slice only."""
    return bool(optimizer.layerwise) or optimizer.clipnorm is not None or optimizer.global_clipnorm is not None
