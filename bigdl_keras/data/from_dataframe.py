"""Columns of a DataFrame become blocks through Arrow: no Python object per row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data.block import Block, Column
from bigdl_keras.data.from_rdd import PIECE_BYTES
from bigdl_keras.data.source import (
    Choice,
    Source,
    Structure,
    chosen,
    chosen_columns,
    composed,
    numbers_of,
    storage,
)
from bigdl_keras.registry import suggestion

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import RDD
    from pyspark.sql import DataFrame

PREPARED = "__bigdl_keras_{}"  # columns made ready for Arrow travel under these names
_PIECES = "partition int, data binary"


@dataclass(frozen=True)
class Group:
    """Columns of the DataFrame that together are one column of a block.

    Attributes:
        names: as the user knows them.
        positions: which prepared columns they are.
        column: what one row must look like.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    column: Column


@dataclass(frozen=True)
class ArrowReader:
    """How record batches become blocks: `order` says which groups, or what is made of them. Travels to executors."""

    groups: tuple[Group, ...]
    order: tuple[Choice, ...]

    def block(self, batch: pa.RecordBatch, partition: int, done: int) -> Block:
        """The rows of one record batch that holds prepared columns."""
        arrays: list[Any] = []
        needed = numbers_of(self.order)
        for number, group in enumerate(self.groups):
            if number not in needed:
                arrays.append(None)
                continue
            parts = []
            for name, position in zip(group.names, group.positions, strict=True):
                index = batch.schema.get_field_index(PREPARED.format(position))
                parts.append(column_values(batch.column(index), name, partition, done))
            arrays.append(_assemble(parts, group, partition, done))
        return Block.of(chosen(arrays, self.order))

    def read(self, partition: int, batches: Iterable[pa.RecordBatch]) -> Iterator[Block]:
        """The rows of one partition as blocks; at least one, perhaps of no rows."""
        done = 0
        for batch in batches:
            if batch.num_rows:
                yield self.block(batch, partition, done)
                done += batch.num_rows
        if not done:
            yield Block.of(chosen([group.column.empty() for group in self.groups], self.order))


class DataFrameSource(Source):
    """Columns of a DataFrame: numbers, booleans, arrays of numbers, or pyspark.ml vectors.

    Args:
        frame: the DataFrame. It is read lazily, and left as it is.
        feature_cols: a name or list of names. For a model of one input they form one matrix (vectors and arrays keep
            their lengths); otherwise one column per model input, by position.
        label_cols: a name or list of names, or None where only features are read.
        weight_col: name of the column of sample weights, or None.
        labels: whether labels are needed.
        input_shapes: row shapes of the model's inputs; a flat array column of the same size takes that shape.
        outputs: number of the model's outputs; several label columns of a model of one output form one matrix.
        strings: features may be strings, of which a model makes numbers.

    Raises:
        ValueError: a column is missing or of a type that is not numeric, or the DataFrame has no rows.
    """

    kind = "dataframe"

    def __init__(self, frame: DataFrame, feature_cols: Any, label_cols: Any = None, weight_col: str | None = None,
                 labels: bool = True, input_shapes: Sequence[tuple[int | None, ...]] = ((None,),),
                 outputs: int = 1, strings: bool = False) -> None:
        features = _name_list(feature_cols, "feature_cols", frame)
        targets = _name_list(label_cols, "label_cols", frame) if labels else []
        weights = [weight_col] if weight_col is not None else []
        names = features + targets + weights
        check_columns(frame, names)
        self.frame, self.rows = frame, None
        self.names = tuple(names)
        self.texts = len(features) if strings else 0  # how many of the names may be columns of strings
        positions = iter(range(len(names)))
        feature_groups = _grouped(features, len(input_shapes), positions, "feature_cols", "inputs")
        target_groups = _grouped(targets, outputs, positions, "label_cols", "outputs") if labels else []
        weight_groups = [((name,), (next(positions),)) for name in weights]
        shapes = [*input_shapes, *[None] * (len(target_groups) + len(weight_groups))]
        self._look([*feature_groups, *target_groups, *weight_groups], shapes)
        numbers = iter(range(len(self.columns)))
        self.structure = Structure(_numbered(feature_groups, numbers), _numbered(target_groups, numbers),
                                   _numbered(weight_groups, numbers))

    def _look(self, groups: Sequence[tuple[tuple[str, ...], tuple[int, ...]]],
              shapes: Sequence[tuple[int | None, ...] | None]) -> None:
        """Read the first row to learn shapes and dtypes."""
        cells = _first_cells(self.prepared())
        columns, first = [], []
        for (names, positions), shape in zip(groups, shapes, strict=True):
            array = _joined([cells[position] for position in positions])
            shape = _row_shape(array.shape[1:], shape)
            array = array.reshape(1, *shape)
            columns.append(Group(names, positions, Column(", ".join(names), shape, array.dtype.str)))
            first.append(array)
        self.reader = ArrowReader(tuple(columns), tuple(range(len(columns))))
        self.columns = tuple(group.column for group in columns)
        self.first = tuple(first)

    def prepared(self, keep: bool = False) -> DataFrame:
        """The columns that are read, made ready for Arrow (vectors as arrays), after the original ones if `keep`."""
        columns = [prepare(self.frame, name, position < self.texts).alias(PREPARED.format(position))
                   for position, name in enumerate(self.names)]
        return self.frame.select("*", *columns) if keep else self.frame.select(*columns)

    def select(self, order: Sequence[Choice]) -> DataFrameSource:
        """The same rows with only these columns, in this order."""
        source = object.__new__(DataFrameSource)
        source.frame, source.names, source.texts, source.rows = self.frame, self.names, self.texts, None
        source.structure = Structure(tuple(range(len(order))))
        source.columns, source.first = chosen_columns(self.columns, self.first, order)
        source.reader = replace(self.reader, order=composed(self.reader.order, order))
        return source

    def pieces(self, watched: Callable[[Iterable[Any]], Iterable[Any]] = iter) -> RDD[tuple[int, Block]]:
        """(partition, block) in row order; at least one block of each partition. `watched` sees record batches."""
        return self._packed(watched).rdd.map(_open_piece)

    def read(self) -> Block:
        """All rows, collected to this process."""
        return Block.concatenate([_open_piece(row)[1] for row in self._packed().collect()])

    def _packed(self, watched: Callable[[Iterable[Any]], Iterable[Any]] = iter) -> DataFrame:
        """Rows of (partition, bytes of a block)."""
        return self.prepared().mapInArrow(partial(_write_pieces, self.reader, watched), _PIECES)


def check_columns(frame: DataFrame, names: Sequence[str]) -> None:
    """Raise with the columns that exist if one of `names` does not."""
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"The DataFrame has no column {missing[0]!r}.{suggestion(missing[0], frame.columns)} "
                         f"Its columns are {frame.columns}.")


def prepare(frame: DataFrame, name: str, strings: bool = False) -> Any:
    """The column as numbers, booleans or arrays of them, or if `strings` may come as it is where it is made of them."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions, types

    kind = frame.schema[name].dataType
    column = frame[f"`{name.replace('`', '``')}`"]
    if isinstance(kind, types.UserDefinedType) and kind.typeName() in ("vector", "vectorudt"):
        return vector_to_array(column, "float32")
    inner = kind
    while isinstance(inner, types.ArrayType):
        inner = inner.elementType
    if isinstance(inner, types.DecimalType):
        depth = kind.simpleString().count("array<")
        return column.cast("array<" * depth + "double" + ">" * depth)
    if strings and isinstance(inner, types.StringType):
        return column
    if not isinstance(inner, (types.NumericType, types.BooleanType)):
        raise ValueError(f"Column {name!r} is of type {kind.simpleString()}; numbers, booleans, arrays of numbers and "
                         "vectors can be read. Encode it first, e.g. with StringIndexer.")
    return functions.col(f"`{name.replace('`', '``')}`")


def column_values(array: pa.Array, name: str, partition: int, done: int) -> np.ndarray:
    """An Arrow column as a numpy array with one row per row; nested lists of equal lengths become axes."""
    shape = [len(array)]
    while hasattr(array, "flatten") and _is_list(array):
        _refuse_nulls(array, name, partition, done, shape)
        lengths = np.diff(np.asarray(array.offsets))
        length = int(lengths[0]) if len(lengths) else 0
        if len(lengths) and (lengths != length).any():
            row = int(np.flatnonzero(lengths != length)[0]) // max(prod(shape[1:]), 1)
            raise ValueError(f"Column {name!r} must hold arrays of one length. Partition {partition}, row {done + row} "
                             f"has {lengths[lengths != length][0]} elements, rows before it {length}. Pad or cut them.")
        shape.append(length)
        array = array.flatten()
    _refuse_nulls(array, name, partition, done, shape)
    values = array.to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=storage(values.dtype)).reshape(shape)


def _is_list(array: pa.Array) -> bool:
    import pyarrow.types

    return bool(pyarrow.types.is_list(array.type) or pyarrow.types.is_large_list(array.type))


def _refuse_nulls(array: pa.Array, name: str, partition: int, done: int, shape: Sequence[int]) -> None:
    if array.null_count:
        position = int(np.flatnonzero(np.asarray(array.is_null().to_numpy(zero_copy_only=False)))[0])
        raise ValueError(f"Column {name!r} has a null in partition {partition}, row "
                         f"{done + position // max(prod(shape[1:]), 1)}. Fill it (DataFrame.fillna) or drop such rows "
                         "(DataFrame.dropna) first.")


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """Several columns side by side as one matrix; one column as it is."""
    if len(parts) == 1:
        return parts[0]
    matrix = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    return np.asarray(matrix, dtype=storage(matrix.dtype))


def _assemble(parts: list[np.ndarray], group: Group, partition: int, done: int) -> np.ndarray:
    array = _joined(parts)
    column = group.column
    if prod(array.shape[1:]) != prod(column.shape):
        raise ValueError(f"Column {column.name!r} must hold {prod(column.shape)} numbers in every row, as in the first "
                         f"one. Rows from {done} on in partition {partition} hold {prod(array.shape[1:])}. "
                         "Pad or cut them.")
    return np.asarray(array.reshape(len(array), *column.shape), dtype=column.dtype)


def _row_shape(found: tuple[int, ...], wanted: tuple[int | None, ...] | None) -> tuple[int, ...]:
    """The declared shape of a model input where a flat column has just as many numbers."""
    if wanted is None or len(found) == len(wanted):
        return found
    known = [axis for axis in wanted if axis is not None]
    if len(known) == len(wanted) and prod(known) == prod(found):
        return tuple(known)
    return found


def _name_list(names: Any, argument: str, frame: DataFrame) -> list[str]:
    if names is None:
        raise ValueError(f"`{argument}` must name the columns to read from the DataFrame. "
                         f"Its columns are {frame.columns}.")
    return [names] if isinstance(names, str) else list(names)


def _grouped(names: list[str], count: int, positions: Iterator[int], argument: str,
             what: str) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    """One group per model input (or output)."""
    if count == 1:
        return [(tuple(names), tuple(next(positions) for _ in names))]
    if len(names) != count:
        raise ValueError(f"The model has {count} {what}, so `{argument}` must name {count} columns, one each. "
                         f"Received {names}.")
    return [((name,), (next(positions),)) for name in names]


def _numbered(groups: Sequence[Any], numbers: Iterator[int]) -> Any:
    if not groups:
        return None
    leaves = tuple(next(numbers) for _ in groups)
    return leaves[0] if len(leaves) == 1 else leaves


def _first_cells(prepared: DataFrame) -> list[np.ndarray]:
    """The first row, each prepared cell with a leading axis of 1. Executors need nothing of ours for it."""
    import pyarrow
    from pyspark.sql.pandas.types import to_arrow_type

    head = prepared.limit(1).collect()
    if not head:
        raise ValueError("The DataFrame is empty: there is no row to train on or to predict for.")
    return [column_values(pyarrow.array([cell], to_arrow_type(field.dataType)), field.name, 0, 0)
            for cell, field in zip(head[0], prepared.schema.fields, strict=True)]


def _write_pieces(reader: ArrowReader, watched: Callable[[Iterable[Any]], Iterable[Any]],
                  batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Runs in an executor: the rows of a partition as few large blocks in a binary column."""
    from pyspark import TaskContext

    context = TaskContext.get()
    partition = context.partitionId() if context is not None else 0
    waiting: list[Block] = []
    for block in reader.read(partition, watched(batches)):
        waiting.append(block)
        if sum(item.nbytes for item in waiting) >= PIECE_BYTES:
            yield from _as_batches(partition, Block.concatenate(waiting))
            waiting = []
    if waiting:
        yield from _as_batches(partition, Block.concatenate(waiting))


def _as_batches(partition: int, block: Block) -> Iterator[pa.RecordBatch]:
    import pyarrow

    for piece in block.cut(PIECE_BYTES):
        yield pyarrow.RecordBatch.from_pydict({"partition": pyarrow.array([partition], "int32"),
                                               "data": pyarrow.array([piece.to_bytes()], "binary")})


def _open_piece(row: Any) -> tuple[int, Block]:
    return row[0], Block.from_bytes(row[1])
