"""Rows come in the partitions of their source; a shuffle deals them to the workers, the same number each, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from bigdl_keras.data import Block, Minibatches, Source
from bigdl_keras.data.from_arrays import ArraySource
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.data.from_rdd import PIECE_BYTES, RddSource
from bigdl_keras.data.minibatches import share
from bigdl_keras.engine import tasks
from bigdl_keras.engine.pulse import Pulse, beating
from bigdl_keras.spark import failures

if TYPE_CHECKING:
    from pyspark import RDD, SparkContext


@dataclass(frozen=True)
class Dealt:
    """Rows that are dealt when somebody asks for them.

    Attributes:
        rdd: (worker, tasks.Piece), in the partition of that worker.
        totals: the number of rows of each data set.
        held: what is kept in Spark until the rows have been dealt.
    """

    rdd: RDD[Any]
    totals: tuple[int, ...]
    held: tuple[RDD[Any], ...]

    def release(self) -> None:
        """Drop what was kept to deal the rows."""
        _unpersist(self.held)


def deal(context: SparkContext, sources: Sequence[Source], workers: int, stripes: int, pulse: Pulse) -> Dealt:
    """Count the rows and say which worker gets which: the same number each.

    Args:
        context: the SparkContext.
        sources: the rows to train on, then those to evaluate, if there are any.
        workers: how many share them.
        stripes: each worker gets its part of every so many neighbouring rows to train on, which will be a batch; 0:
            a range of rows.
        pulse: beats in the tasks.
    """
    from pyspark import StorageLevel

    streams, totals = [], []
    held: list[RDD[Any]] = []
    try:
        for which, source in zip((tasks.TRAINING, tasks.VALIDATION), sources, strict=False):
            pieces = pieces_of(context, source, workers, pulse).persist(StorageLevel.MEMORY_AND_DISK)
            held.append(pieces)
            with failures.original_errors():
                counts = dict(pieces.mapPartitionsWithIndex(partial(beating, pulse, tasks.count_pieces)).collect())
            starts = [0, *accumulate(sum(counts[number]) for number in range(pieces.getNumPartitions()))]
            totals.append(starts[-1])
            if stripes and which == tasks.TRAINING:
                dealer = partial(tasks.deal_stripes, Minibatches(starts[-1], stripes), starts, workers)
            else:
                dealer = partial(tasks.deal_pieces, which, starts, starts[-1], workers)
            stream = pieces.mapPartitionsWithIndex(partial(beating, pulse, dealer))
            # Each stream by itself: a Python stage over their union would hold a second Python worker in every task.
            streams.append(stream.partitionBy(workers, partitionFunc=own_number))
    except BaseException:
        _unpersist(held)
        raise
    return Dealt(context.union(streams), tuple(totals), tuple(held))


def pieces_of(context: SparkContext, source: Source, workers: int,
              pulse: Pulse | None = None) -> RDD[tuple[int, Block]]:
    """(partition, block) of any source, in row order."""
    if isinstance(source, (RddSource, DataFrameSource)):
        return source.pieces() if pulse is None else source.pieces(pulse.over)
    assert isinstance(source, ArraySource)
    block = source.read()
    parts = [(rank, block.take(slice(*share(0, block.rows, rank, workers))).cut(PIECE_BYTES))
             for rank in range(workers)]
    return context.parallelize(parts, workers).flatMap(_spread)


def own_number(key: int) -> int:
    """The partitioner of everything that is sent to a task by its number."""
    return key


def _spread(part: tuple[int, list[Block]]) -> Iterator[tuple[int, Block]]:
    return ((part[0], block) for block in part[1])


def _unpersist(held: Sequence[RDD[Any]]) -> None:
    for rdd in held:
        rdd.unpersist()
