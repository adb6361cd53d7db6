"""Rows too many for memory lie in files: they are mapped, and what was read of them does not stay resident."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from bigdl_keras.data import Block, Column

_RESIDENT_BYTES = 128 << 20  # of mapped rows: more are let go before others are read
_WINDOW_BYTES = 32 << 20  # of a file that rows are gathered from at a time
_AROUND_BYTES = 2 << 20  # that the kernel may bring in with a row: what it keeps together in its cache


def local_folder() -> Path:
    """Where Spark wants this process to keep what does not fit into memory."""
    return Path(os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")[0])


class ColumnFile:
    """A file of one column, written piece by piece and in any order.

    Written, not mapped for writing: pages that a process has dirtied count as its memory.

    Args:
        column: what it holds.
        path: of the file. None: it has no name, and is gone when nobody has it open or mapped, whatever happens.
    """

    def __init__(self, column: Column, path: Path | None = None) -> None:
        self._column = column
        self._file: IO[bytes] = path.open("w+b") if path is not None \
            else tempfile.TemporaryFile(dir=local_folder())  # noqa: SIM115  (closed by `map`)

    def put(self, position: int, values: np.ndarray) -> None:
        """Write values whose first one is row `position`."""
        flat = np.ascontiguousarray(values, dtype=self._column.dtype).reshape(-1)
        if len(flat):
            self._file.seek(position * (flat.nbytes // len(values)))
            self._file.write(flat.view(np.uint8).data)

    def map(self, rows: int) -> np.ndarray:
        """The column, mapped read-only; nothing more is written."""
        with self._file as file:
            file.flush()
            return map_column(file, self._column, rows)


def map_column(file: IO[bytes], column: Column, rows: int) -> np.ndarray:
    """The first rows of a file as a read-only array."""
    shape = (rows, *column.shape)
    if 0 in shape:  # a file of no bytes cannot be mapped
        return np.empty(shape, column.dtype)
    dtype = np.dtype(column.dtype)
    length = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    return np.frombuffer(mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ), dtype).reshape(shape)


@dataclass(frozen=True)
class MappedBlock(Block):
    """A block whose columns are mapped from files.

    What is read of them stays in the system's cache of files as long as there is room, but not with this process.
    """

    _touched: list[int] = field(default_factory=lambda: [0], repr=False, compare=False)

    def take(self, index: np.ndarray | slice) -> Block:
        """The rows at `index`, best in ascending order; pages read before them are let go once they are many."""
        if isinstance(index, slice):
            for array in self.arrays:
                self._make_room(array[index].nbytes + _AROUND_BYTES)
            return super().take(index)
        return Block.of([self._gather(array, index) for array in self.arrays])

    def _gather(self, array: np.ndarray, index: np.ndarray) -> np.ndarray:
        gathered = np.empty((len(index), *array.shape[1:]), array.dtype)
        windows = index // max(1, _WINDOW_BYTES // max(array[:1].nbytes, 1))
        bounds = [0, *(np.flatnonzero(np.diff(windows)) + 1).tolist(), len(index)]
        for start, stop in pairwise(bounds):
            self._make_room(min(_WINDOW_BYTES, (stop - start) * _AROUND_BYTES) + _AROUND_BYTES)
            gathered[start:stop] = array[index[start:stop]]
        return gathered

    def _make_room(self, size: int) -> None:
        """Let go of what was read, if `size` bytes more were too many."""
        self._touched[0] += size
        if self._touched[0] > _RESIDENT_BYTES:
            self._touched[0] = size
            for array in self.arrays:
                _let_go(array)


def _let_go(array: np.ndarray) -> None:
    """Views of the array stay good: what is read again comes again."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapped = base.obj if isinstance(base, memoryview) else base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


class Hold:
    """Rows that arrive: in memory as long as they are few, then in files without names.

    Args:
        empty: the block of no rows.
    """

    def __init__(self, empty: Block) -> None:
        self._empty = empty
        self._waiting: list[tuple[int, Block]] = []
        self._files: list[ColumnFile] | None = None
        self._rows = 0
        self.bytes_in_memory = 0

    def put(self, position: int, block: Block) -> None:
        """Take rows of which the first one will be my row `position`."""
        self._rows += block.rows
        if self._files is None:
            self._waiting.append((position, block))
            self.bytes_in_memory += block.nbytes
            return
        for file, values in zip(self._files, block.arrays, strict=True):
            file.put(position, values)

    def spill(self) -> None:
        """Move what there is, and what will come, to files."""
        if self._files is not None:
            return
        self._files = [ColumnFile(Column("", array.shape[1:], array.dtype.str)) for array in self._empty.arrays]
        waiting, self._waiting, self._rows, self.bytes_in_memory = self._waiting, [], 0, 0
        for position, block in waiting:
            self.put(position, block)

    def block(self) -> Block:
        """All rows, in order."""
        if self._files is not None:
            return MappedBlock(tuple(file.map(self._rows) for file in self._files), self._rows)
        waiting, self._waiting = self._waiting, []
        parts = [block for _, block in sorted(waiting, key=lambda item: item[0]) if block.rows]
        return Block.concatenate(parts or [self._empty])


def hold_rows(empties: Iterable[Block], pieces: Iterable[tuple[int, int, Block]], limit: int) -> list[Block]:
    """The rows of several data sets that arrive as (data set, position in it, rows), in any order.

    Args:
        empties: a block of no rows for each data set.
        pieces: what arrives.
        limit: bytes of rows that are kept in memory, all data sets together.
    """
    holds = [Hold(empty) for empty in empties]
    for which, position, block in pieces:
        holds[which].put(position, block)
        if sum(hold.bytes_in_memory for hold in holds) > limit:
            max(holds, key=lambda hold: hold.bytes_in_memory).spill()
    return [hold.block() for hold in holds]
