"""An RDD of Python rows becomes blocks partition by partition; a bad row is named by partition and position."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data.block import Block, Column
from bigdl_keras.data.sample import Sample
from bigdl_keras.data.source import Choice, Source, Structure, chosen, chosen_columns, composed, storage
from bigdl_keras.graph import nest

if TYPE_CHECKING:
    from pyspark import RDD

_CHUNK_ROWS, _CHUNK_BYTES = 4096, 16 << 20  # rows are Python objects until so many have come
PIECE_BYTES = 64 << 20  # a piece travels as one pickled object, which Spark limits to 2 GiB


@dataclass(frozen=True)
class RowReader:
    """How a row splits into columns. Travels to the executors.

    Attributes:
        form: the nest of a row, with column numbers at its leaves; Samples are read as (features, labels).
        samples: rows are `Sample`s.
        columns: what each column must look like.
        order: which columns to keep, or to make of them, in this order.
    """

    form: Any
    samples: bool
    columns: tuple[Column, ...]
    order: tuple[Choice, ...]

    def read(self, partition: int, rows: Iterable[Any]) -> Iterator[Block]:
        """The rows of one partition as blocks of moderate size; at least one, perhaps of no rows."""
        iterator = iter(rows)
        done, row_bytes = 0, sum(prod(column.shape) * np.dtype(column.dtype).itemsize for column in self.columns)
        longest = min(_CHUNK_ROWS, max(1, _CHUNK_BYTES // max(row_bytes, 1)))
        while chunk := list(islice(iterator, longest)):
            arrays = self._columns_of(chunk, partial(_place, partition, done))
            done += len(chunk)
            yield Block.of(chosen(arrays, self.order))
        if not done:
            yield Block.of(chosen([column.empty() for column in self.columns], self.order))

    def _columns_of(self, rows: list[Any], place: Callable[[int], str]) -> list[np.ndarray]:
        if self.samples:
            _require_types(rows, (Sample,), place)
            rows = [(_bare(row.features), _bare(row.labels)) for row in rows]
        return [_stack(values, column, place)
                for values, column in zip(_split(rows, self.form, place), self.columns, strict=True)]


class RddSource(Source):
    """Rows of an RDD: (x, y), (x, y, weight), `Sample`s, or features alone.

    Args:
        rdd: the RDD. It is read lazily, and left as it is.
        labels: rows carry labels. False (predicting): a row may be features alone.
        inputs: number of arrays that the model takes, to tell (x, y) from two features where labels may be absent,
            and whether a tuple of numbers is several features or one.
        outputs: number of arrays of labels, likewise.
        strings: features may hold strings, of which a model makes numbers.

    Raises:
        ValueError: there is no first row, or it has no form that is known.
    """

    kind = "rdd"

    def __init__(self, rdd: RDD[Any], labels: bool = True, inputs: int = 1, outputs: int = 1,
                 strings: bool = False) -> None:
        self.rdd = rdd
        head = rdd.take(1)
        if not head:
            raise ValueError("The RDD is empty: there is no row to train on or to predict for.")
        row, samples = head[0], isinstance(head[0], Sample)
        if samples:
            row = (_bare(row.features), _bare(row.labels)) if row.labels else (_bare(row.features),)
        parts = _parts(row, samples, labels, inputs)
        numbered, structure, columns, leaves = _survey(parts, (inputs, outputs, outputs), strings)
        self.structure, self.columns, self.rows = structure, columns, None
        if samples or len(parts) > 1:  # a sample always has two parts
            form: Any = (*numbered, _Ignored)[:2] if samples else numbered
        else:  # features alone, or the first of several parts
            form = numbered[0] if parts[0] is row else (numbered[0], *(_Ignored for _ in row[1:]))
        self.first = tuple(leaves)
        self.reader = RowReader(form, samples, columns, tuple(range(len(columns))))

    def select(self, order: Sequence[Choice]) -> RddSource:
        """The same rows with only these columns, in this order."""
        source = object.__new__(RddSource)
        source.rdd, source.rows = self.rdd, None
        source.structure = Structure(tuple(range(len(order))))
        source.columns, source.first = chosen_columns(self.columns, self.first, order)
        source.reader = replace(self.reader, order=composed(self.reader.order, order))
        return source

    def pieces(self, watched: Callable[[Iterable[Any]], Iterable[Any]] = iter) -> RDD[tuple[int, Block]]:
        """(partition, block) in row order; each partition answers with at least one block. `watched` sees the rows."""
        return self.rdd.mapPartitionsWithIndex(partial(read_pieces, self.reader, watched))

    def read(self) -> Block:
        """All rows, collected to this process."""
        return Block.concatenate([block for _, block in self.pieces().collect()])


def read_pieces(reader: RowReader, watched: Callable[[Iterable[Any]], Iterable[Any]], partition: int,
                rows: Iterable[Any]) -> Iterator[tuple[int, Block]]:
    """Runs in an executor: the rows of a partition as few large blocks."""
    waiting: list[Block] = []
    for block in reader.read(partition, watched(rows)):
        waiting.append(block)
        if sum(item.nbytes for item in waiting) >= PIECE_BYTES:
            yield from ((partition, piece) for piece in Block.concatenate(waiting).cut(PIECE_BYTES))
            waiting = []
    if waiting:
        yield partition, Block.concatenate(waiting)


def _in_full(value: Any) -> Any:
    """A vector of pyspark.ml as an array, anything else as it is."""
    return value.toArray() if hasattr(value, "toArray") else value


def _place(partition: int, done: int, row: int) -> str:
    return f"partition {partition}, row {done + row}"


class _Ignored:
    """Stands in a form where a row holds something that nobody reads."""


def _bare(arrays: tuple[np.ndarray, ...]) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays


def _parts(row: Any, samples: bool, labels: bool, inputs: int) -> tuple[Any, ...]:
    """Features, labels and weights of a row, as far as they are wanted."""
    if samples:
        if not labels:
            return tuple(row[:1])
        if len(row) < 2:
            raise ValueError("The first Sample has no label. Make it with Sample.from_ndarray(features, labels).")
        return tuple(row)
    paired = isinstance(row, tuple) and len(row) in (2, 3)
    if labels:
        if not paired:
            raise ValueError("A row to train on must be a tuple (x, y) or (x, y, sample_weight), or a Sample. "
                             f"The first row is {_describe(row)}.")
        return tuple(row)
    if paired and (len(nest.flatten(row[0])) == inputs and (inputs == 1 or isinstance(row[0], (tuple, list, dict)))):
        return (row[0],)
    return (row,)


def _is_leaf(value: Any, several: bool = False) -> bool:
    """Arrays and numbers are leaves; so are lists of numbers, and tuples of them unless `several` are expected."""
    if isinstance(value, dict) or (several and isinstance(value, tuple)):
        return False
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(item, (int, float, np.number, list)) and _is_leaf(item) for item in value)
    return True


def _survey(parts: tuple[Any, ...], expected: tuple[int, int, int], strings: bool,
            ) -> tuple[tuple[Any, ...], Structure, tuple[Column, ...], list[np.ndarray]]:
    """Number the leaves of the first row, and note what each looks like."""
    columns: list[Column] = []
    leaves: list[np.ndarray] = []

    def number(value: Any, name: str, several: bool = False) -> Any:
        value = _in_full(value)
        if isinstance(value, dict):
            return {key: number(value[key], f"{name}[{key!r}]") for key in sorted(value)}
        if not _is_leaf(value, several):
            return tuple(number(item, f"{name}[{position}]") for position, item in enumerate(value))
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" and not (strings and array.dtype.kind in "USTO" and name.startswith("x")):
            raise TypeError(f"`{name}` of the first row must be a number or an array of numbers. Received "
                            f"{_describe(value)}. Encode strings and fill missing values first.")
        leaves.append(np.asarray(array[None], dtype=storage(array.dtype)))
        columns.append(Column(name, array.shape, leaves[-1].dtype.str))
        return len(columns) - 1

    numbered = tuple(number(part, name, count > 1) for part, name, count
                     in zip(parts, ("x", "y", "sample_weight"), expected, strict=False))
    return numbered, Structure(*numbered), tuple(columns), leaves


def _split(rows: list[Any], form: Any, place: Callable[[int], str]) -> list[list[Any]]:
    """One list of values per leaf of `form`, in the order of column numbers."""
    if form is _Ignored:
        return []
    if isinstance(form, dict):
        _require_types(rows, (dict,), place)
        for key in form:
            if missing := [number for number, row in enumerate(rows) if key not in row]:
                raise ValueError(f"{place(missing[0])} has no {key!r}; the first row has {sorted(form)}.")
        return [leaf for key in sorted(form) for leaf in _split([row[key] for row in rows], form[key], place)]
    if isinstance(form, tuple):
        _require_types(rows, (tuple, list), place)
        if form == ():
            return []
        for number, row in enumerate(rows):
            if len(row) != len(form):
                raise ValueError(f"Every row must have the form of the first one, with {len(form)} parts. "
                                 f"{place(number)} has {len(row)}: {_describe(row)}.")
        return [leaf for position, part in enumerate(form)
                for leaf in _split([row[position] for row in rows], part, place)]
    return [rows]


def _require_types(rows: list[Any], types: tuple[type, ...], place: Callable[[int], str]) -> None:
    for number, row in enumerate(rows):
        if not isinstance(row, types):
            raise TypeError(f"All rows must be alike. The first row of the RDD is made of {types[0].__name__}s, "
                            f"but {place(number)} holds {_describe(row)}.")


def _stack(values: list[Any], column: Column, place: Callable[[int], str]) -> np.ndarray:
    """The column as an array; the slow search for the offending row starts only when there is one."""
    wanted = np.dtype(column.dtype)
    if hasattr(values[0], "toArray"):
        values = [_in_full(value) for value in values]
    if wanted.kind == "O":
        return _stack_strings(values, column, place)
    try:
        array = np.asarray(values)
    except ValueError:  # rows of several shapes
        array = np.empty(0, dtype=object)
    if array.shape == (len(values), *column.shape) and np.can_cast(array.dtype, wanted, "same_kind"):
        return np.asarray(array, dtype=wanted)
    for number, value in enumerate(values):
        try:
            single = np.asarray(value)
        except ValueError as error:
            raise ValueError(f"`{column.name}` of {place(number)} is ragged in itself: {error}.") from None
        if single.dtype.kind not in "biuf":
            raise TypeError(f"`{column.name}` must be numbers. {place(number)} holds {_describe(value)}. "
                            "Fill missing values and encode strings first.")
        if single.shape != column.shape:
            raise ValueError(f"`{column.name}` must have shape {column.shape} in every row, as in the first one. "
                             f"{place(number)} has shape {single.shape}. Pad or cut the rows to one shape.")
        if not np.can_cast(single.dtype, wanted, "same_kind"):
            raise TypeError(f"`{column.name}` is {wanted} in the first row of the RDD, but {single.dtype} in "
                            f"{place(number)}: {_describe(value)}. Make all rows of one type, e.g. float32.")
    raise TypeError(f"`{column.name}`: {place(0)} and the rows after it are of mixed types, not all {wanted}.")


def _stack_strings(values: list[Any], column: Column, place: Callable[[int], str]) -> np.ndarray:
    for number, value in enumerate(values):
        if np.shape(value) != column.shape or not all(isinstance(item, (str, bytes)) for item in np.ravel(value)):
            raise TypeError(f"`{column.name}` must be strings of shape {column.shape} in every row, as in the first "
                            f"one. {place(number)} holds {_describe(value)}.")
    return np.asarray(values, dtype=object).reshape(len(values), *column.shape)


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
