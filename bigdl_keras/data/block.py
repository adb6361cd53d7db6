"""A Block is rows held as columns: after it is made, no Python runs per row."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

_MAGIC = b"bkblock1"
_HEADER = struct.Struct("<8sI")
_ALIGNMENT = 64
_LONGEST_HEADER = 1 << 24


@dataclass(frozen=True)
class Column:
    """What every row of a column has in common: a name for messages, the shape of one row, the dtype."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def empty(self) -> np.ndarray:
        """The column of no rows."""
        return np.empty((0, *self.shape), dtype=self.dtype)


@dataclass(frozen=True)
class Block:
    """Equally many rows of each column.

    Attributes:
        arrays: one array per column, rows along the first axis.
        rows: number of rows.
    """

    arrays: tuple[np.ndarray, ...]
    rows: int

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray]) -> Block:
        """The block of these columns, which must have equally many rows."""
        lengths = {len(array) for array in arrays}
        if len(lengths) != 1:
            raise ValueError(f"The columns of a block must have equally many rows. Received {sorted(lengths)}.")
        return cls(tuple(arrays), lengths.pop())

    @classmethod
    def empty(cls, columns: Sequence[Column]) -> Block:
        """The block of no rows."""
        return cls(tuple(column.empty() for column in columns), 0)

    @classmethod
    def concatenate(cls, blocks: Sequence[Block]) -> Block:
        """The rows of all blocks, in order."""
        if len(blocks) == 1:
            return blocks[0]
        return cls.of([np.concatenate(parts) for parts in zip(*(block.arrays for block in blocks), strict=True)])

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        return sum(array.nbytes for array in self.arrays)

    def take(self, index: np.ndarray | slice) -> Block:
        """The rows at `index` in that order: a copy for an index array, a view for a slice."""
        arrays = tuple(array[index] for array in self.arrays)
        return Block(arrays, len(arrays[0]))

    def cut(self, longest: int) -> list[Block]:
        """The block in pieces of at most `longest` bytes (and at least one row)."""
        step = max(1, longest * max(self.rows, 1) // max(self.nbytes, 1))
        if self.rows <= step:
            return [self]
        return [self.take(slice(start, start + step)) for start in range(0, self.rows, step)]

    def to_bytes(self) -> bytes:
        """The block as a header of shapes and dtypes and raw aligned buffers; nothing in it can execute."""
        arrays = [np.ascontiguousarray(array) for array in self.arrays]
        header = json.dumps([[array.dtype.str, list(array.shape)] for array in arrays]).encode()
        parts: list[Any] = [_HEADER.pack(_MAGIC, len(header)), header]
        position = _HEADER.size + len(header)
        for array in arrays:
            padding = -position % _ALIGNMENT
            parts += [bytes(padding), array.reshape(-1).view(np.uint8).data]
            position += padding + array.nbytes
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> Block:
        """The block that `to_bytes` wrote; its arrays are views of `data`.

        Raises:
            ValueError: `data` was not written by `to_bytes` or is cut short.
        """
        view = memoryview(data)
        if len(view) < _HEADER.size:
            raise ValueError(f"A block needs at least {_HEADER.size} bytes. Received {len(view)}.")
        magic, length = _HEADER.unpack_from(view)
        if magic != _MAGIC or length > _LONGEST_HEADER:
            raise ValueError("These bytes are not a block of rows.")
        position = _HEADER.size + length
        arrays = []
        for dtype_name, shape in json.loads(bytes(view[_HEADER.size:position])):
            dtype = np.dtype(dtype_name)
            if dtype.kind not in "biuf" or any(not isinstance(axis, int) or axis < 0 for axis in shape):
                raise ValueError(f"A block holds numbers. Received dtype {dtype_name!r} with shape {shape}.")
            position += -position % _ALIGNMENT
            stop = position + prod(shape) * dtype.itemsize
            if stop > len(view):
                raise ValueError(f"A block was cut short: {stop} bytes expected, {len(view)} received.")
            arrays.append(np.frombuffer(view[position:stop], dtype=dtype).reshape(shape))
            position = stop
        return cls.of(arrays)
