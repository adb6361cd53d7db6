"""A worker's rows lie in files that are mapped into memory: short tasks find them again without reading them anew."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
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
        return Block(tuple(self.map_column(number, "r") for number in range(len(self.columns))), self.rows)

    def delete(self) -> None:
        """Remove the files; processes that have them mapped keep them until they let go."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.path.isdir(parent := os.path.dirname(self.folder)) and not os.listdir(parent):
            shutil.rmtree(parent, ignore_errors=True)

    def map_column(self, number: int, mode: str) -> np.ndarray:
        """One column, mapped with a mode of numpy.memmap."""
        column = self.columns[number]
        shape = (self.rows, *column.shape)
        if not prod(shape):  # a file of no bytes cannot be mapped
            return np.empty(shape, column.dtype)
        try:
            mapped = np.memmap(Path(self.folder) / f"{number}", column.dtype, mode, shape=shape)  # type: ignore[call-overload]
        except FileNotFoundError:
            raise RowsLost(f"The rows from {self.start} on are not on this machine any more.") from None
        return np.asarray(mapped)


class RowWriter:
    """Writes rows, piece by piece and in any order, to files in one of Spark's local folders.

    Args:
        name: of the folder that the files of one fit lie in.
        columns: of the rows.
        rows: number of rows.
        start: global index of the first.
        total: rows of the whole data set.
    """

    def __init__(self, name: str, columns: tuple[Column, ...], rows: int, start: int, total: int) -> None:
        base = os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")[0]
        folder = Path(base) / name / uuid.uuid4().hex  # two attempts of a task must not meet
        folder.mkdir(parents=True)
        self.kept = RowsOnDisk(str(folder), columns, rows, start, total)
        self._arrays = [self.kept.map_column(number, "w+") for number in range(len(columns))]

    def put(self, position: int, block: Block) -> None:
        """Write a piece whose first row is row `position` of these."""
        for array, values in zip(self._arrays, block.arrays, strict=True):
            array[position:position + block.rows] = values
