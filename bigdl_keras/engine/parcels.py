"""An array between two tasks is a parcel: a small one travels itself, a large one lies in a file until it is opened.

Files lie in Spark's local folders and stay in the system's cache: a task of the same machine maps them, another machine
calls the process that wrote them (see depot.py). What travels through Spark is where they lie. A file that nobody
should need any more is written over under another name (spare_files.py): who has read one makes sure that it is there.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from bigdl_keras.errors import PartsLost

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

    def found(self) -> np.ndarray | None:
        """The array, as far as it lies on this machine."""
        if self.place is None:
            return self.content
        if not self.place.length:
            return np.empty(0, self.place.dtype)
        with suppress(FileNotFoundError):
            return self.place.map()
        return None


@contextmanager
def opened(parcels: Iterable[Parcel], fetcher: Fetcher) -> Iterator[list[np.ndarray]]:
    """The arrays of parcels, which are not to be written to, nor used after the end of the context.

    Args:
        parcels: to open.
        fetcher: is asked for what does not lie on this machine.

    Raises:
        PartsLost: one lies nowhere any more; or, at the end, its file has been written over meanwhile, so that what was
            read from it is not to be used.
    """
    arrays, mapped = [], []
    for parcel in parcels:
        array = parcel.found()
        if array is None:
            assert parcel.place is not None
            arrays.append(fetcher.fetch(parcel.place))
            continue
        arrays.append(array)
        if parcel.place is not None and parcel.place.length:
            mapped.append(parcel.place)
    yield arrays
    for place in mapped:
        if not Path(place.path).exists():
            raise PartsLost(f"{place.path} has been written over while it was read.")


class Shelf:
    """Where one task lays down what it sends: one file for all of it, made when it is needed.

    Args:
        make_file: opens the file for writing. None: everything travels itself.
        host, port: where this process answers.
    """

    def __init__(self, make_file: Callable[[], IO[bytes]] | None, host: str = "", port: int = 0) -> None:
        self._make_file = make_file
        self._host, self._port = host, port
        self._file: IO[bytes] | None = None

    def travels(self, array: np.ndarray) -> bool:
        """Whether an array would travel itself."""
        return self._make_file is None or array.nbytes <= TRAVELS_BYTES

    def put(self, array: np.ndarray) -> Parcel:
        """A copy of the array (one axis), as it is now."""
        if self._make_file is None or self.travels(array):
            return Parcel(array.copy())
        if self._file is None:
            self._file = self._make_file()
        start = -(-self._file.tell() // _ALIGNMENT) * _ALIGNMENT
        self._file.seek(start)
        left = np.ascontiguousarray(array).view(np.uint8).data
        while left:
            left = left[self._file.write(left):]
        return Parcel(None, Place(self._file.name, start, len(array), array.dtype.str, self._host, self._port))

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
