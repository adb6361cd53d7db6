"""An array between two tasks is a parcel: a small one travels itself, a large one lies in a file until it is opened.

Files lie in Spark's local folders and stay in the system's cache: a task of the same machine maps them, another machine
calls the process that wrote them (see depot.py). What travels through Spark is where they lie.
"""

from __future__ import annotations

import mmap
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

import numpy as np

TRAVELS_BYTES = 1 << 14
"""Up to so many bytes an array travels itself: a file costs as much."""
_ALIGNMENT = 64  # bytes; of the arrays in a file


class Fetcher(Protocol):
    """Brings what lies on another machine."""

    def fetch(self, place: Place) -> np.ndarray:
        """The array."""


@dataclass(frozen=True)
class Place:
    """Where an array lies.

    Attributes:
        path: of the file, whose name nobody else uses.
        start: byte where it begins.
        length: number of elements.
        dtype: of them.
        host, port: where the process that wrote the file answers.
    """

    path: str
    start: int
    length: int
    dtype: str
    host: str
    port: int

    @property
    def nbytes(self) -> int:
        """Its bytes."""
        return self.length * np.dtype(self.dtype).itemsize

    def map(self) -> np.ndarray:
        """The array, mapped read-only.

        Raises:
            FileNotFoundError: it is not on this machine.
        """
        with open(self.path, "rb") as file:
            pages = mmap.mmap(file.fileno(), self.start + self.nbytes, access=mmap.ACCESS_READ)
        return np.frombuffer(pages, self.dtype, self.length, self.start)


@dataclass(frozen=True)
class Parcel:
    """An array of one axis, or where it lies.

    Attributes:
        content: the array, if it travels itself.
        place: where it lies, if it does not.
    """

    content: np.ndarray | None
    place: Place | None = None

    def part(self, start: int, stop: int) -> Parcel:
        """The parcel of the elements from `start` to `stop`."""
        if self.place is None:
            assert self.content is not None
            return Parcel(self.content[start:stop])
        first = self.place.start + start * np.dtype(self.place.dtype).itemsize
        return Parcel(None, replace(self.place, start=first, length=stop - start))

    def open(self, fetcher: Fetcher) -> np.ndarray:
        """The array, which is not to be written to.

        Args:
            fetcher: is asked for what does not lie on this machine.

        Raises:
            PartsLost: it lies nowhere any more.
        """
        if self.place is None:
            assert self.content is not None
            return self.content
        if not self.place.length:
            return np.empty(0, self.place.dtype)
        with suppress(FileNotFoundError):
            return self.place.map()
        return fetcher.fetch(self.place)


class Shelf:
    """Where one task lays down what it sends: one file for all of it, made when it is needed.

    Args:
        folder: of the file. None: everything travels itself.
        host, port: where this process answers.
    """

    def __init__(self, folder: Path | None, host: str = "", port: int = 0) -> None:
        self._folder = folder
        self._host, self._port = host, port
        self._file: IO[bytes] | None = None
        self._path = ""

    def travels(self, array: np.ndarray) -> bool:
        """Whether an array would travel itself."""
        return self._folder is None or array.nbytes <= TRAVELS_BYTES

    def put(self, array: np.ndarray) -> Parcel:
        """A copy of the array (one axis), as it is now."""
        if self.travels(array):
            return Parcel(array.copy())
        if self._file is None:
            assert self._folder is not None
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path = str(self._folder / uuid.uuid4().hex)
            self._file = open(self._path, "xb", buffering=0)  # noqa: SIM115  (closed by `__exit__`)
        start = -(-self._file.tell() // _ALIGNMENT) * _ALIGNMENT
        self._file.seek(start)
        left = np.ascontiguousarray(array).view(np.uint8).data
        while left:
            left = left[self._file.write(left):]
        return Parcel(None, Place(self._path, start, len(array), array.dtype.str, self._host, self._port))

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
