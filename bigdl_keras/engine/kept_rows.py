"""The rows of a fit lie in files beside the short tasks that need them; a cached RDD knows where."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bigdl_keras.data import Source
from bigdl_keras.engine import shuffle_tasks
from bigdl_keras.engine.dealing import deal
from bigdl_keras.engine.pulse import Pulse, beating
from bigdl_keras.engine.rounds import Work
from bigdl_keras.spark.failures import original_errors

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext


def kept_rows(context: SparkContext, fit: str, work: Work, sources: list[Source],
              pulse: Pulse) -> tuple[list[int], RDD[Any]]:
    """Deal the rows to as many tasks as share them, in the global order, where they are kept in files.

    Args:
        context: the SparkContext.
        fit: names the folders of the files.
        work: how many tasks there are, and how rows form batches.
        sources: the rows to train on, then those to evaluate.
        pulse: beats in the tasks.

    Returns:
        The number of rows of each source, and a persisted RDD of where they lie, one partition a task.
    """
    from pyspark import StorageLevel

    stripes = work.job.batch_size if work.job is not None and work.striped else 0
    dealt = deal(context, sources, work.size, stripes, pulse)
    try:
        columns = tuple(tuple(source.columns) for source in sources)
        keep = partial(shuffle_tasks.keep_rows, fit, columns, dealt.totals, stripes, work.size)
        rows = dealt.rdd.mapPartitionsWithIndex(partial(beating, pulse, keep), preservesPartitioning=True)
        rows._bypass_serializer = True  # type: ignore[attr-defined]
        rows.persist(StorageLevel.MEMORY_AND_DISK)
        with original_errors():
            rows.count()
    finally:
        dealt.release()
    return list(dealt.totals), rows
