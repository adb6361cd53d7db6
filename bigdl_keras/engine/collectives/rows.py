"""Of tables that are only looked up, workers tell each other the rows that a batch has touched, and leave out the rest.

In memory, vectors and their slices stay whole: zero wherever nobody touched them. So what is exchanged is the same, bit
for bit, whether rows travel alone or whole tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigdl_keras.engine.collectives.compression import Compression
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.graph.plan import Window
from bigdl_keras.graph.tables import distinct, few

Rows = tuple[np.ndarray | None, ...]
"""For each table, numbers of rows, ascending; None: all of them."""

_NUMBER = np.dtype(np.uint32)  # a row, or how many, on the wire


@dataclass(frozen=True)
class Table:
    """Rows of a table that lie in a vector, one after another.

    Attributes:
        start: where the first of them begins.
        first: which row of the whole table that is.
        rows, width: how many, and how long.
    """

    start: int
    first: int
    rows: int
    width: int

    def of(self, vector: np.ndarray) -> np.ndarray:
        """These rows of a vector."""
        return vector[self.start : self.start + self.rows * self.width].reshape(self.rows, self.width)


@dataclass(frozen=True)
class Part:
    """A slice of a vector: rows of tables, and what lies between them (rows that the slice cuts in two as well)."""

    length: int
    tables: tuple[Table, ...]
    between: tuple[slice, ...]

    @classmethod
    def cut(cls, windows: Sequence[Window], span: slice) -> Part:
        """The slice `span` of a vector in which tables have these windows."""
        tables, between, reached = [], [], span.start
        for window in windows:
            rows, width = window.shape[0], int(np.prod(window.shape[1:], dtype=np.int64))
            first = min(max(-(-(span.start - window.start) // max(width, 1)), 0), rows)
            last = min(max((span.stop - window.start) // max(width, 1), first), rows)
            start, stop = window.start + first * width, window.start + last * width
            if first == last:
                start = stop = reached
            between.append(slice(reached - span.start, start - span.start))
            tables.append(Table(start - span.start, first, last - first, width))
            reached = stop
        between.append(slice(reached - span.start, span.stop - span.start))
        return cls(span.stop - span.start, tuple(tables), tuple(item for item in between if item.stop > item.start))

    def choose(self, rows: Rows) -> Rows:
        """Which rows of this part they are, of rows of the whole tables."""
        return tuple(None if touched is None else _within(touched, table)
                     for table, touched in zip(self.tables, rows, strict=True))

    def count(self, rows: Rows) -> int:
        """How many numbers these rows and what lies between are."""
        count: int = sum(item.stop - item.start for item in self.between)
        for table, touched in zip(self.tables, rows, strict=True):
            count += (table.rows if touched is None else len(touched)) * table.width
        return count

    def gather(self, vector: np.ndarray, rows: Rows, out: np.ndarray | None = None) -> np.ndarray:
        """What lies between and these rows of a slice, side by side."""
        packed = np.empty(self.count(rows), vector.dtype) if out is None else out
        for whole, which, numbers in self._pairs(vector, rows, packed):
            numbers[...] = whole[which]
        return packed

    def scatter(self, packed: np.ndarray, rows: Rows, vector: np.ndarray) -> None:
        """Put back what `gather` took."""
        for whole, which, numbers in self._pairs(vector, rows, packed):
            whole[which] = numbers

    def add(self, packed: np.ndarray, rows: Rows, vector: np.ndarray) -> None:
        """Add what `gather` took to a slice."""
        for whole, which, numbers in self._pairs(vector, rows, packed):
            whole[which] += numbers

    def copy(self, source: np.ndarray, rows: Rows, target: np.ndarray, adds: bool = False) -> None:
        """Put what lies between and these rows of a slice into another slice, or add them there."""
        for (old, which), (new, _) in zip(self._pieces(source, rows), self._pieces(target, rows), strict=True):
            if adds:
                new[which] += old[which]
            else:
                new[which] = old[which]

    def _pieces(self, vector: np.ndarray, rows: Rows) -> Iterator[tuple[np.ndarray, Any]]:
        """Pieces of a slice, and which elements of each."""
        for span in self.between:
            yield vector[span], slice(None)
        for table, touched in zip(self.tables, rows, strict=True):
            yield table.of(vector), slice(None) if touched is None else touched

    def _pairs(self, vector: np.ndarray, rows: Rows,
               packed: np.ndarray) -> Iterator[tuple[np.ndarray, Any, np.ndarray]]:
        """Pieces of a slice, which elements of each, and their place in `packed`."""
        position = 0
        for whole, which in self._pieces(vector, rows):
            count = len(whole) if isinstance(which, slice) else len(which)
            length = count * int(np.prod(whole.shape[1:], dtype=np.int64))
            yield whole, which, packed[position : position + length].reshape(count, *whole.shape[1:])
            position += length


def _within(touched: np.ndarray, table: Table) -> np.ndarray:
    first, last = np.searchsorted(touched, (table.first, table.first + table.rows))
    return touched[first:last] - table.first


def _union(terms: Sequence[np.ndarray | None], table: Table) -> np.ndarray | None:
    known = [rows for rows in terms if rows is not None]
    found = distinct(np.concatenate(known)) if len(known) == len(terms) else None
    return found if found is not None and few(found, table.rows) else None


def worth_it(windows: Sequence[Window], length: int) -> bool:
    """Whether tables are at least half of a vector: what lies between them is copied for the sake of their rows."""
    return 2 * sum(window.stop - window.start for window in windows) >= max(length, 1)


class Lookups:
    """What one worker knows, during a fit, of the rows that were touched.

    Args:
        windows: of the tables, in the order of the vector.
        length: of the vector.
        rank, size: mine, and of the team.
        dtype: of the vector.

    Attributes:
        parts: the slices of all workers.
        touched: rows of the whole tables in my gradient.
        summed: rows of my slice in the sum of all gradients.
    """

    def __init__(self, windows: Sequence[Window], length: int, rank: int, size: int, dtype: Any) -> None:
        self.parts = [Part.cut(windows, slice_of(length, other, size)) for other in range(size)]
        self.mine = self.parts[rank]
        self.touched: Rows = (None,) * len(windows)
        self.summed: Rows = (None,) * len(windows)
        self._dtype = dtype
        self._total: np.ndarray | None = None
        self._cleared: Rows = self.summed

    @property
    def spares_rows(self) -> bool:
        """Whether the last sum left rows of my slice alone."""
        return any(rows is not None for rows in self.summed)

    def begin(self) -> np.ndarray:
        """My slice of a sum, its tables zero."""
        if self._total is None:
            self._total = np.empty(self.mine.length, self._dtype)
        for table, touched in zip(self.mine.tables, self._cleared, strict=True):
            table.of(self._total)[slice(None) if touched is None else touched] = 0
        return self._total

    def finish(self, terms: Sequence[Rows]) -> None:
        """These rows of my slice came from the workers: note which there are."""
        self.summed = self._cleared = tuple(
            _union(touched, table) for touched, table in zip(zip(*terms, strict=True), self.mine.tables, strict=True))

    def scribbled(self) -> None:
        """The sum was used as scratch: any of its rows may have changed."""
        self._cleared = (None,) * len(self.summed)


class Frame:
    """How a part travels: how many rows of each table, which ones (not where all do), and the numbers.

    Args:
        part: the slice.
        dtype: of its numbers.
        compression: of the numbers on the wire.
    """

    def __init__(self, part: Part, dtype: Any, compression: Compression | None) -> None:
        self.part = part
        self.dtype = np.dtype(dtype)
        self.compression = compression

    @property
    def longest(self) -> int:
        """Bytes of the frame in which every table travels whole: no frame is longer."""
        return self._nbytes((None,) * len(self.part.tables))

    def pack(self, vector: np.ndarray, rows: Rows) -> np.ndarray:
        """The frame for these rows of a slice."""
        rows = tuple(self._shorter(table, touched) for table, touched in zip(self.part.tables, rows, strict=True))
        frame = np.empty(self._nbytes(rows), np.uint8)
        counts = [table.rows if touched is None else len(touched)
                  for table, touched in zip(self.part.tables, rows, strict=True)]
        listed = [touched for touched in rows if touched is not None]
        head = np.concatenate([np.array(counts), *listed]).astype(_NUMBER)
        frame[: head.nbytes].view(_NUMBER)[...] = head
        body = frame[head.nbytes :]
        if self.compression is None:
            self.part.gather(vector, rows, body.view(self.dtype))
        else:
            self.compression.pack(self.part.gather(vector, rows), body)
        return frame

    def unpack(self, frame: np.ndarray) -> tuple[np.ndarray, Rows]:
        """The numbers of a frame, and of which rows they are.

        Raises:
            ValueError: it is no frame of this part.
        """
        tables, start = self.part.tables, len(self.part.tables) * _NUMBER.itemsize
        if len(frame) < start:
            raise ValueError(f"it sent {len(frame)} bytes for {len(tables)} tables")
        rows: list[np.ndarray | None] = []
        for table, count in zip(tables, frame[:start].view(_NUMBER).tolist(), strict=True):
            if count == table.rows:
                rows.append(None)
                continue
            stop = start + count * _NUMBER.itemsize
            if count > table.rows or stop > len(frame):
                raise ValueError(f"it announced {count} of {table.rows} rows in a frame of {len(frame)} bytes")
            touched = frame[start:stop].view(_NUMBER).astype(np.int64)
            if count and (touched[-1] >= table.rows or (np.diff(touched) <= 0).any()):
                raise ValueError(f"it sent numbers of rows that are not ascending or not below {table.rows}")
            rows.append(touched)
            start = stop
        if len(frame) != self._nbytes(tuple(rows)):
            raise ValueError(f"it sent {len(frame)} bytes where its rows take {self._nbytes(tuple(rows))}")
        if self.compression is None:
            return frame[start:].view(self.dtype), tuple(rows)
        numbers = np.empty(self.part.count(tuple(rows)), np.float32)
        self.compression.unpack(frame[start:], numbers)
        return numbers, tuple(rows)

    def _shorter(self, table: Table, touched: np.ndarray | None) -> np.ndarray | None:
        """The rows to list; None where the whole table takes no more bytes."""
        row = self._bytes(table.width) - self._bytes(0)
        if touched is None or len(touched) * (row + _NUMBER.itemsize) >= table.rows * row:
            return None
        return touched

    def _bytes(self, count: int) -> int:
        return count * self.dtype.itemsize if self.compression is None else self.compression.nbytes(count)

    def _nbytes(self, rows: Rows) -> int:
        listed = sum(len(touched) for touched in rows if touched is not None)
        return (len(rows) + listed) * _NUMBER.itemsize + self._bytes(self.part.count(rows))
