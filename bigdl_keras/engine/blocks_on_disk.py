"""A worker's rows lie in files that are mapped into memory: short tasks find them again without reading them anew."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from bigdl_keras.data.block import Block, Column
from bigdl_keras.errors import RowsLost


@dataclass(frozen=True)
class RowsOnDisk:
    """Where some rows lie: one file per column.

    Attributes:
        folder: that holds the files.
        columns: what the files hold.
        rows: number of rows.
        start: global index of the first.
        total: rows of the whole data set.
    """

    folder: str
    columns: tuple[Column, ...]
    rows: int
    start: int
    total: int

    def open(self) -> Block:
        """The rows, mapped read-only.

        Raises:
            RowsLost: the files are not on this machine.
        """
        return Block(tuple(self._map(number, "r") for number in range(len(self.columns))), self.rows)

    def delete(self) -> None:
        """Remove the files; processes that have them mapped keep them until they let go."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.path.isdir(parent := os.path.dirname(self.folder)) and not os.listdir(parent):
            shutil.rmtree(parent, ignore_errors=True)

    def _map(self, number: int, mode: str) -> np.ndarray:
        column = self.columns[number]
        shape = (self.rows, *column.shape)
        if not prod(shape):  # a file of no bytes cannot be mapped
            return np.empty(shape, column.dtype)
        try:
            mapped = np.memmap(Path(self.folder) / f"{number}", column.dtype, mode, shape=shape)  # type: ignore[call-overload]
        except FileNotFoundError:
            raise RowsLost(f"The rows from {self.start} on are not on this machine any more.") from None
        return np.asarray(mapped)


def write_rows(name: str, columns: tuple[Column, ...], start: int, rows: int, total: int,
               pieces: Iterable[tuple[int, Block]]) -> RowsOnDisk:
    """Write pieces of a range of rows, in any order, to files in one of Spark's local folders.

    Args:
        name: of the folder that the files of one fit lie in.
        columns: of the rows.
        start, rows: the range of global row indexes.
        total: rows of the whole data set.
        pieces: (global index of its first row, rows).
    """
    base = os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")[0]
    folder = Path(base) / name / uuid.uuid4().hex  # two attempts of a task must not meet
    folder.mkdir(parents=True)
    kept = RowsOnDisk(str(folder), columns, rows, start, total)
    arrays = [kept._map(number, "w+") for number in range(len(columns))]
    for first, block in pieces:
        for array, values in zip(arrays, block.arrays, strict=True):
            array[first - start:first - start + block.rows] = values
    return kept
