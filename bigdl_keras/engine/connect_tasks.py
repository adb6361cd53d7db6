"""What executors run for Spark Connect: the tasks of a gang, with rows that come and answers that go as Arrow."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bigdl_keras.data import Block
from bigdl_keras.data.from_dataframe import ArrowReader
from bigdl_keras.engine import tasks
from bigdl_keras.spark.connect import Enclosure

if TYPE_CHECKING:
    import pyarrow as pa

DEALT = "number long, which int, position long, data binary"
ANSWER = "task int, part int, data binary"
_DEALT_BYTES = 64 << 10  # of a piece: Spark puts up to ten thousand of them into one record batch
_ANSWER_BYTES = 4 << 20  # of a row of an answer: messages of Spark Connect must not be large


def count_rows(which: int, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The number of rows of this partition, of data set `which`."""
    yield from _answer(tasks.partition_number(), (which, sum(batch.num_rows for batch in batches)))


def deal(reader: ArrowReader, numbers: list[int], which: int, dealer: Callable[..., Any],
         batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Send the rows of this partition to the workers; `numbers` are what Spark sends to each of them."""
    import pyarrow

    partition = tasks.partition_number()
    pieces = ((partition, block) for block in reader.read(partition, batches))
    for rank, (_, position, block) in dealer(partition, pieces, longest=_DEALT_BYTES):
        yield pyarrow.RecordBatch.from_pydict({
            "number": pyarrow.array([numbers[rank]], "int64"), "which": pyarrow.array([which], "int32"),
            "position": pyarrow.array([position], "int64"), "data": pyarrow.array([block.to_bytes()], "binary")})


def run_gang_member(task: tasks.GangTask, arrive: Callable[[int, Iterable[Any]], Iterator[tasks.Piece]],
                    batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One worker of a gang; the job of the task is enclosed with the plan."""
    rank = tasks.partition_number()
    task = replace(task, job=task.job.open())
    for outcome in tasks.run_gang_member(task, arrive, rank, _dealt(batches)):
        yield from _answer(rank, outcome)


def evaluate_rows(enclosed: Enclosure, reader: ArrowReader,
                  batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Totals and rows of this partition."""
    partition = tasks.partition_number()
    pieces = ((partition, block) for block in reader.read(partition, batches))
    for found in tasks.evaluate_pieces(enclosed.open(), pieces):
        yield from _answer(partition, found)


def predict_batches(enclosed: Enclosure, reader: ArrowReader, schema: Any,
                    batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """See `tasks.predict_batches`."""
    yield from tasks.predict_batches(enclosed.open(), reader, schema, batches)


def answers(rows: Iterable[Any]) -> dict[int, Any]:
    """What each task answered, from the rows that came."""
    parts: dict[int, dict[int, bytes]] = {}
    for row in rows:
        parts.setdefault(row["task"], {})[row["part"]] = bytes(row["data"])
    return {number: pickle.loads(b"".join(found[part] for part in sorted(found))) for number, found in parts.items()}


def _dealt(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, tasks.Piece]]:
    for batch in batches:
        for row in range(batch.num_rows):
            number, which, position = (batch.column(column)[row].as_py() for column in range(3))
            yield number, (which, position, Block.from_bytes(batch.column(3)[row].as_buffer()))


def _answer(number: int, answer: Any) -> Iterator[pa.RecordBatch]:
    import pyarrow

    data = pickle.dumps(answer, protocol=5)
    for part, start in enumerate(range(0, len(data), _ANSWER_BYTES)):
        yield pyarrow.RecordBatch.from_pydict({
            "task": pyarrow.array([number], "int32"), "part": pyarrow.array([part], "int32"),
            "data": pyarrow.array([data[start:start + _ANSWER_BYTES]], "binary")})
