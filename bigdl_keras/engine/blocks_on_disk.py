"""A worker's rows lie in named files that any process of its machine maps: short tasks need not read them anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from bigdl_keras.data.block import Block, Column
from bigdl_keras.engine.mapped import ColumnFile, MappedBlock, local_folder, map_column
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
        arrays = []
        for path, column in zip(self.paths, self.columns, strict=True):
            try:
                with path.open("rb") as file:
                    arrays.append(map_column(file, column, self.rows))
            except FileNotFoundError:
                raise RowsLost(f"The rows from {self.start} on are not on this machine any more.") from None
        return MappedBlock(tuple(arrays), self.rows)

    @property
    def paths(self) -> list[Path]:
        """The file of each column."""
        return [Path(self.folder) / str(number) for number in range(len(self.columns))]

    def delete(self) -> None:
        """Remove the files; processes that have them mapped keep them until they let go."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # others' rows are still there, or another task was first
            os.rmdir(os.path.dirname(self.folder))


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
        folder = local_folder() / name / uuid.uuid4().hex  # two attempts of a task must not meet
        folder.mkdir(parents=True)
        self._kept = RowsOnDisk(str(folder), columns, rows, start, total)
        self._files = [ColumnFile(column, path) for column, path in zip(columns, self._kept.paths, strict=True)]

    def put(self, position: int, block: Block) -> None:
        """Write a piece whose first row is row `position` of these."""
        for file, values in zip(self._files, block.arrays, strict=True):
            file.put(position, values)

    def finish(self) -> RowsOnDisk:
        """Where they lie, now that all are there."""
        for file in self._files:
            file.map(0)  # closes it
        return self._kept
