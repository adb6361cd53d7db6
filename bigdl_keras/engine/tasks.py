"""What executors run: top-level functions, to which arguments bring all they need."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from bigdl_keras.data import Block, Minibatches
from bigdl_keras.data.from_dataframe import PREPARED, ArrowReader
from bigdl_keras.data.from_rdd import RowReader
from bigdl_keras.data.minibatches import share
from bigdl_keras.engine.assembling import assemble
from bigdl_keras.engine.collectives import Collective
from bigdl_keras.engine.collectives.alone import Alone
from bigdl_keras.engine.collectives.compression import find_compression
from bigdl_keras.engine.collectives.handshake import Door
from bigdl_keras.engine.collectives.ports import ANY
from bigdl_keras.engine.collectives.sockets import Address, join
from bigdl_keras.engine.job import EvaluationJob, PredictionJob, TrainingJob
from bigdl_keras.engine.loop import Shard, evaluate
from bigdl_keras.engine.mapped import hold_rows
from bigdl_keras.engine.meeting import Delegate
from bigdl_keras.engine.memory import keep_freed_memory
from bigdl_keras.engine.notebook import Notebook
from bigdl_keras.engine.predicting import Predictor
from bigdl_keras.engine.progress import Progress, accumulate
from bigdl_keras.engine.replica import Replica
from bigdl_keras.engine.report import Evaluation
from bigdl_keras.errors import WorkerLost, add_place
from bigdl_keras.graph import nest

if TYPE_CHECKING:
    import pyarrow as pa

_logger = logging.getLogger(__name__)

TRAINING, VALIDATION = 0, 1
Piece = tuple[int, int, Block]
"""(TRAINING or VALIDATION, position of the first row: in the global order, or among those of a worker; rows)"""
DEALT_BYTES = 4 << 20  # of a dealt piece: Spark puts some of them for each worker aside before it writes them


@dataclass(frozen=True)
class GangTask:
    """What every worker of a gang is given.

    Attributes:
        job: a TrainingJob or EvaluationJob.
        columns: empty blocks with the columns of the training and the validation rows, for workers without rows.
        size: number of workers.
        striped: training rows were dealt by `deal_stripes`.
        memory_limit: bytes of rows above which they are kept in files.
        ports: that our processes may listen on.
        key: of this job; it travels in the closure of the task only.
        host, port: where the driver is met; port 0: meet through Spark.
    """

    job: Any
    columns: tuple[Block, ...]
    size: int
    key: bytes = field(repr=False)
    host: str = ""
    port: int = 0
    striped: bool = False
    memory_limit: int = 256 << 20
    ports: Sequence[int] = ANY


@dataclass(frozen=True)
class Outcome:
    """What a worker brings back: rank 0 the values or the evaluation, every rank its slice of the optimizer state."""

    rank: int
    values: np.ndarray | None = None
    state: dict[str, np.ndarray] | None = None
    progress: Progress | None = None
    evaluation: Evaluation | None = None
    notebook: Notebook | None = None


@dataclass(frozen=True)
class Failure:
    """How a worker ended otherwise.

    Attributes:
        rank: who.
        error: pickled exception.
        text: its traceback.
        consequence: the error only follows from that of another worker.
    """

    rank: int
    error: bytes
    text: str
    consequence: bool


def count_pieces(partition: int, pieces: Iterable[tuple[int, Block]]) -> Iterator[tuple[int, list[int]]]:
    """Number of rows of each block of a partition."""
    yield partition, [block.rows for _, block in pieces]


def deal_pieces(which: int, starts: list[int], total: int, size: int, partition: int,
                pieces: Iterable[tuple[int, Block]], longest: int = DEALT_BYTES) -> Iterator[tuple[int, Piece]]:
    """Send rows to workers so that each holds an equal, contiguous range of the global order."""
    position = starts[partition]
    for _, block in pieces:
        for rank in range(size):
            first, last = share(0, total, rank, size)
            first, last = max(first, position), min(last, position + block.rows)
            if first < last:
                for piece in block.take(slice(first - position, last - position)).cut(longest):
                    yield rank, (which, first, piece)
                    first += piece.rows
        position += block.rows


def deal_stripes(rule: Minibatches, starts: list[int], size: int, partition: int,
                 pieces: Iterable[tuple[int, Block]], longest: int = DEALT_BYTES) -> Iterator[tuple[int, Piece]]:
    """Send rows to workers so that each holds its part of every (unshuffled) batch."""
    position = starts[partition]
    for _, block in pieces:
        owners = rule.striped_owners(position, position + block.rows, size)
        for rank in range(size):
            index = np.flatnonzero(owners == rank)
            done = 0
            for piece in block.take(index).cut(longest) if len(index) else ():
                yield rank, (TRAINING, position + int(index[done]), piece)
                done += piece.rows
        position += block.rows


def as_pieces(rank: int, pieces: Iterable[tuple[int, Block]]) -> Iterator[Piece]:
    """The blocks of a partition that is trained on where it is."""
    position = 0
    for _, block in pieces:
        yield TRAINING, position, block
        position += block.rows


def dealt_pieces(totals: tuple[int, ...], stripes: int, size: int, rank: int,
                 pieces: Iterable[tuple[int, Piece]]) -> Iterator[Piece]:
    """The blocks that were dealt to this worker, with positions among its own rows.

    Args:
        totals: rows of all workers, of training and of validation.
        stripes: training rows were dealt by `deal_stripes`, for batches of so many rows.
        size: number of workers.
        rank: mine.
        pieces: what was dealt.
    """
    rule = Minibatches(totals[TRAINING], stripes) if stripes else None
    for _, (which, position, block) in pieces:
        if rule is not None and which == TRAINING:
            yield which, rule.striped_before(position, rank, size), block
        else:
            yield which, position - share(0, totals[which], rank, size)[0], block


def run_gang_member(task: GangTask, arrive: Callable[[int, Iterable[Any]], Iterator[Piece]], rank: int,
                    items: Iterable[Any]) -> Iterator[Outcome | Failure]:
    """One worker of a gang, from its rows to its outcome. Errors come back as data: the driver sees their type."""
    host = _own_host(rank)
    delegate: Delegate | None = None
    try:
        with threadpool_limits(1, user_api="blas"), Door(host, task.key, ports=task.ports) as door:
            keep_freed_memory()
            if task.port:
                delegate = Delegate(task.host, task.port, task.key, rank, host)
            blocks = hold_rows(task.columns, arrive(rank, items), task.memory_limit)
            address = Address(host, door.port)
            addresses = delegate.exchange_addresses(address) if delegate is not None else _gather_addresses(address)
            outcome = _run_in_team(task, rank, blocks, addresses, door, delegate)
        if delegate is not None:
            delegate.close()  # before Spark takes the outcome, which may take its time
        yield outcome
    except Exception as error:
        text, consequence = traceback.format_exc(), isinstance(error, (WorkerLost, ConnectionError))
        add_place(error, f"worker {rank} of {task.size} on {host}")
        if delegate is not None:
            delegate.failed(error, text, consequence)
            delegate.close()
        yield Failure(rank, pickled(error), text, consequence)


def _run_in_team(task: GangTask, rank: int, blocks: list[Block], addresses: list[Address], door: Door,
                 delegate: Delegate | None) -> Outcome:
    timeout = task.job.timeout_seconds
    compression = find_compression(getattr(task.job, "compression", None))
    team: Collective = join(rank, addresses, door, task.key, timeout, compression) if task.size > 1 else Alone()
    door.close()  # all have come: from here on nobody has to listen any more
    try:
        shards = locate(blocks, team)
        if task.striped:
            shards[TRAINING] = replace(shards[TRAINING], start=0, portion=(rank, task.size), striped=True)
        if isinstance(task.job, EvaluationJob):
            replica = Replica(task.job.plan, task.job.values, total=team.sum)
            found = evaluate(shards[TRAINING], replica, task.job.batch_size, task.job.loss_count, team)
            return Outcome(rank, evaluation=found if rank == 0 else None)
        job: TrainingJob = task.job
        notebook = Notebook() if delegate is None else None
        held = shards[VALIDATION] if len(shards) > 1 else None
        loop = assemble(job, shards[TRAINING], held, team, delegate if delegate is not None else notebook)
        progress = loop.run()
        return Outcome(rank, loop.values if rank == 0 else None, loop.state, progress, None, notebook)
    finally:
        team.close()


def locate(blocks: list[Block], team: Collective) -> list[Shard]:
    """Find, together with the team, where this worker's rows stand in the global order."""
    counts = np.zeros((team.size, len(blocks)))
    counts[team.rank] = [block.rows for block in blocks]
    counts = team.sum(counts)
    starts, totals = counts[:team.rank].sum(axis=0), counts.sum(axis=0)
    return [Shard(block, int(start), int(total)) for block, start, total in zip(blocks, starts, totals, strict=True)]


def evaluate_pieces(job: EvaluationJob, pieces: Iterable[tuple[int, Block]]) -> Iterator[tuple[np.ndarray, int]]:
    """Totals and rows of a partition, for plans that need no team."""
    keep_freed_memory()
    replica = Replica(job.plan, job.values)
    totals, rows = np.zeros(0), 0
    with threadpool_limits(1, user_api="blas"):
        for _, block in pieces:
            for start in range(0, block.rows, job.batch_size):
                batch = block.take(slice(start, start + job.batch_size))
                numbers = replica.evaluate(batch.arrays, np.arange(batch.rows), batch.rows)
                totals = accumulate(totals, numbers, batch.rows, job.loss_count)
                rows += batch.rows
    if rows:
        yield totals, rows


def predict_rows(job: PredictionJob, reader: RowReader, partition: int, rows: Iterable[Any]) -> Iterator[Any]:
    """The outputs of each row, in order."""
    keep_freed_memory()
    predictor = Predictor(job)
    with threadpool_limits(1, user_api="blas"):
        for block in reader.read(partition, rows):
            if block.rows:
                for outputs in predictor.batches(block):
                    if job.structure is None:
                        yield from outputs[0]
                    else:
                        yield from (nest.pack(job.structure, row) for row in zip(*outputs, strict=True))


def predict_batches(job: PredictionJob, reader: ArrowReader, schema: Any,
                    batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Record batches without their prepared columns, with a column of predictions (of `schema`, an Arrow field)."""
    import pyarrow

    keep_freed_memory()
    predictor = Predictor(job)
    partition, done = partition_number(), 0
    with threadpool_limits(1, user_api="blas"):
        for batch in batches:
            kept = [number for number, name in enumerate(batch.schema.names) if not name.startswith(PREPARED[:-2])]
            columns = [batch.column(number) for number in kept]
            outputs = predictor.outputs(reader.block(batch, partition, done))
            done += batch.num_rows
            yield pyarrow.RecordBatch.from_arrays([*columns, arrow_column(outputs, schema.type)],
                                                  names=[*(batch.schema.names[number] for number in kept), schema.name])


def arrow_column(outputs: list[np.ndarray], kind: Any) -> Any:
    """Outputs of rows as an Arrow array: numbers, (nested) lists, or a struct of several outputs."""
    import pyarrow

    if pyarrow.types.is_struct(kind):
        fields = [kind.field(number) for number in range(kind.num_fields)]
        return pyarrow.StructArray.from_arrays([arrow_column([output], one.type) for output, one
                                                in zip(outputs, fields, strict=True)], fields=fields)
    output = outputs[0]
    array = pyarrow.array(np.ascontiguousarray(output).reshape(-1))
    axes = list(output.shape[1:]) if pyarrow.types.is_list(kind) else []
    for depth in range(len(axes), 0, -1):
        count = int(np.prod(output.shape[:depth], dtype=np.int64))
        array = pyarrow.ListArray.from_arrays(pyarrow.array(np.arange(count + 1) * axes[depth - 1], "int32"), array)
    return array.cast(kind)


def partition_number() -> int:
    """Which partition this task works on."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return context.partitionId() if context is not None else 0


def _own_host(rank: int) -> str:
    """The address of this executor, as the driver knows it."""
    from pyspark import BarrierTaskContext

    address = str(BarrierTaskContext.get().getTaskInfos()[rank].address)
    return (address.rsplit(":", 1)[0] if ":" in address else address).strip("[]")


def _gather_addresses(address: Address) -> list[Address]:
    """Meet through Spark where the driver cannot be called: one allGather, which takes a second."""
    from pyspark import BarrierTaskContext

    said = BarrierTaskContext.get().allGather(f"{address.port} {address.host}")
    return [Address(text.split(" ", 1)[1], int(text.split(" ", 1)[0])) for text in said]


def pickled(error: BaseException) -> bytes:
    """The exception, or what can be told of it where it does not survive pickling."""
    from pyspark import cloudpickle

    try:
        data = bytes(cloudpickle.dumps(error))
        cloudpickle.loads(data)
        return data
    except Exception:
        return bytes(cloudpickle.dumps(RuntimeError(f"{type(error).__name__}: {error}")))
