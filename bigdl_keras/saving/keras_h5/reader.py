"""HDF5 is read through one narrow door: links inside the file, plain numbers, sizes checked before reading."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from ..limits import DEFAULT_LIMITS, Limits
from .heaps import Content, check_file, check_references

# How the library encodes the type of the letters of a text: numbers of one byte.
_BYTE_TYPE = b"\x10\0\0\0\x01\0\0\0"
_MAX_ATTRIBUTE_BYTES = 64 * 2**20


class H5Reader:
    """A file opened for reading, with a budget for what it may unpack.

    Args:
        source: a path, or the bytes of a file that lies inside an archive.
        name: what to call it in errors.
        limits: caps on what it may ask for.
    """

    def __init__(self, source: str | Path | bytes, name: str | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self.name = name or str(source)
        self.size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
        self.limits = limits
        self._left = limits.max_array_bytes
        if isinstance(source, bytes):
            self._open(source, io.BytesIO(source))
        else:
            with Path(source).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                self._open(content, str(source))

    def _open(self, content: Content, source: Any) -> None:
        heaps = check_file(content)
        self._file = h5py.File(source, "r")
        try:
            check_references(content, heaps, self._places_of_numbers())
        except BaseException:
            self._file.close()
            raise

    def _places_of_numbers(self) -> list[tuple[int, int]]:
        places = []

        def note(name: str, found: Any) -> None:
            if isinstance(found, h5py.Dataset) and (offset := found.id.get_offset()) is not None:
                places.append((int(offset), int(found.id.get_storage_size())))

        self._file.visititems(note)
        return places

    def __enter__(self) -> H5Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def root(self) -> h5py.Group:
        """The top group."""
        return self._file

    def find(self, group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
        """What stands at `path` below `group`, or None; a link that leaves the file is refused."""
        place: Any = group
        for step in path.split("/"):
            if not step or step == ".":
                continue
            if step == ".." or not isinstance(place, h5py.Group):
                return None
            link = place.get(step, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                raise ValueError(
                    f"'{place.name}/{step}' is a {type(link).__name__}; links to other places are not followed."
                )
            place = place[step]
        return place if isinstance(place, h5py.Group | h5py.Dataset) else None

    def group(self, parent: h5py.Group, path: str) -> h5py.Group | None:
        """The group at `path`, or None."""
        found = self.find(parent, path)
        return found if isinstance(found, h5py.Group) else None

    def stored(self, parent: h5py.Group, path: str) -> StoredArray:
        """The array at `path`; its size is checked now, its numbers are read later."""
        found = self.find(parent, path)
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"array '{path}' is named in group '{parent.name}' but is not there.")
        return StoredArray(self, found)

    def keys(self, group: h5py.Group) -> list[str]:
        """Names in a group, in HDF5's (alphabetical) order."""
        return list(group.keys())

    def numbered(self, group: h5py.Group) -> Iterator[StoredArray]:
        """Arrays '0', '1', ... of a group, in the order of the numbers."""
        names = [name for name in group if name.isascii() and name.isdigit() and len(name) < 9]
        for name in sorted(names, key=int):
            yield self.stored(group, name)

    def text(self, place: h5py.Group | h5py.Dataset, name: str) -> str | None:
        """A text attribute, or None."""
        if name not in place.attrs:
            return None
        self._check_attribute(place, name)
        value = place.attrs[name]
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(())[()]
        if isinstance(value, bytes):
            return value.decode("utf-8")
        return value if isinstance(value, str) else None

    def names(self, place: h5py.Group, name: str) -> list[str] | None:
        """A list of texts, which Keras cuts into `name`0, `name`1, ... when it is longer than 64 KB; None if absent."""
        if name in place.attrs:
            return self._text_list(place, name)
        parts: list[str] = []
        number = 0
        while f"{name}{number}" in place.attrs:
            parts += self._text_list(place, f"{name}{number}")
            number += 1
        return parts if number else None

    def _text_list(self, place: h5py.Group, name: str) -> list[str]:
        self._check_attribute(place, name)
        value = place.attrs[name]
        if isinstance(value, h5py.Empty):
            return []
        items = np.asarray(value).ravel().tolist()
        texts = [item.decode("utf-8") if isinstance(item, bytes) else item for item in items]
        if not all(isinstance(item, str) for item in texts):
            raise ValueError(f"attribute '{name}' of '{place.name}' must hold names.")
        return texts

    def _check_attribute(self, place: h5py.Group | h5py.Dataset, name: str) -> None:
        identity = place.attrs.get_id(name)
        kind = identity.get_type()
        text = isinstance(kind, h5py.h5t.TypeStringID) and (
            not kind.is_variable_str() or kind.encode()[10:18] == _BYTE_TYPE
        )
        # An empty list of names is stored as an empty array of floats.
        if not text and not isinstance(kind, h5py.h5t.TypeFloatID | h5py.h5t.TypeIntegerID):
            raise ValueError(f"attribute '{name}' of '{place.name}' does not hold text.")
        count = int(identity.dtype.itemsize)
        for size in identity.shape or ():
            count *= int(size)
        if count > min(_MAX_ATTRIBUTE_BYTES, max(self.size, 4096) * 4):
            raise ValueError(f"attribute '{name}' of '{place.name}' says it has {count} bytes.")

    def spend(self, count: int) -> None:
        """Take `count` bytes from the budget."""
        self._left -= count
        if self._left < 0:
            raise ValueError(f"its arrays need more than the {self.limits.max_array_bytes} bytes allowed.")


@dataclass(frozen=True)
class StoredArray:
    """An array in an open file, checked but not read yet."""

    reader: H5Reader
    dataset: h5py.Dataset

    def __post_init__(self) -> None:
        dataset = self.dataset
        if dataset.dtype.kind not in "fiub" or dataset.dtype.itemsize > 16 or dataset.shape is None:
            raise ValueError(f"array '{dataset.name}' holds {dataset.dtype}, not numbers.")
        if dataset.external or dataset.is_virtual:
            raise ValueError(f"array '{dataset.name}' keeps its numbers in another file, which is not followed.")
        stored = dataset.id.get_storage_size()
        packed = dataset.id.get_create_plist().get_nfilters() > 0
        if (
            stored > self.reader.size
            or (not packed and self.byte_count > max(stored, 0))
            or (packed and self.byte_count > self.reader.size * self.reader.limits.max_expansion)
        ):
            raise ValueError(
                f"array '{dataset.name}' says it has shape {dataset.shape} ({self.byte_count} bytes), but the file "
                f"holds {stored} bytes of it."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return tuple(int(size) for size in self.dataset.shape)

    @property
    def byte_count(self) -> int:
        """What it takes in memory, by Python integers that cannot overflow."""
        count = int(self.dataset.dtype.itemsize)
        for size in self.shape:
            count *= size
        return count

    def read(self) -> np.ndarray:
        """Its numbers."""
        self.reader.spend(self.byte_count)
        value = np.asarray(self.dataset[()])
        return value if value.dtype.isnative else value.astype(value.dtype.newbyteorder("="))
