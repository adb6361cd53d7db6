"""The rows of a fit lie in files beside the short tasks that need them; a cached RDD knows where."""

from __future__ import annotations

from functools import partial
from itertools import accumulate as running_sums
from typing import TYPE_CHECKING, Any

from bigdl_keras.data import Minibatches, Source
from bigdl_keras.engine import shuffle_tasks, tasks
from bigdl_keras.engine.barrier import original_errors, pieces_of
from bigdl_keras.engine.rounds import Work

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext


def kept_rows(context: SparkContext, fit: str, work: Work, sources: list[Source]) -> tuple[list[int], RDD[Any]]:
    """Deal the rows to as many tasks as share them, in the global order, where they are kept in files.

    Args:
        context: the SparkContext.
        fit: names the folders of the files.
        work: how many tasks there are, and how rows form batches.
        sources: the rows to train on, then those to evaluate.

    Returns:
        The number of rows of each source, and a persisted RDD of where they lie, one partition a task.
    """
    from pyspark import StorageLevel

    streams, held, totals = [], [], []
    kinds = (tasks.TRAINING, tasks.VALIDATION)
    stripes = work.job.batch_size if work.job is not None and work.striped else 0
    try:
        for which, source in zip(kinds, sources, strict=False):
            pieces = pieces_of(context, source, work.size).persist(StorageLevel.MEMORY_AND_DISK)
            held.append(pieces)
            with original_errors():
                counts = dict(pieces.mapPartitionsWithIndex(tasks.count_pieces).collect())
            starts = [0, *running_sums(sum(counts[number]) for number in range(pieces.getNumPartitions()))]
            totals.append(starts[-1])
            if stripes and which == tasks.TRAINING:
                deal = partial(tasks.deal_stripes, Minibatches(starts[-1], stripes), starts, work.size)
            else:
                deal = partial(tasks.deal_pieces, which, starts, starts[-1], work.size)
            streams.append(pieces.mapPartitionsWithIndex(deal))
        columns = tuple(tuple(source.columns) for source in sources)
        dealt = context.union(streams).partitionBy(work.size, partitionFunc=own_number)
        keep = partial(shuffle_tasks.keep_rows, fit, columns, tuple(totals), stripes, work.size)
        rows = dealt.mapPartitionsWithIndex(keep, preservesPartitioning=True)
        rows._bypass_serializer = True  # type: ignore[attr-defined]
        rows.persist(StorageLevel.MEMORY_AND_DISK)
        with original_errors():
            rows.count()
    finally:
        for pieces in held:
            pieces.unpersist()
    return totals, rows


def own_number(key: int) -> int:
    """The partitioner of everything that is sent to a task by its number."""
    return key

