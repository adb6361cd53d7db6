"""The HDF5 library trusts the heaps that hold texts; a damaged one crashes it, so they are walked here first."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator

Content = bytes | mmap.mmap
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL"
_HEADER = 16


def check_file(content: Content) -> dict[int, dict[int, int]]:
    """Raise ValueError unless the start of a HDF5 file and all its global heaps are sound.

    Source: HDF5 File Format Specification 3.0, sections II.A (superblock) and III.E (global heap).

    Returns:
        Address of a heap -> {number of a text: its length}.
    """
    if content[:8] != _SIGNATURE or len(content) < 48:
        raise ValueError("it does not start as a HDF5 file does.")
    sizes = content[13:15] if content[8] < 2 else content[9:11]
    if tuple(sizes) != (8, 8):
        raise ValueError(f"its addresses and lengths have {sizes[0]} and {sizes[1]} bytes instead of 8.")
    heaps = {}
    place = content.find(_HEAP)
    while place >= 0:
        # Anything else that spells the signature is refused by the library itself.
        if content[place + 4 : place + 8] == b"\x01\0\0\0":
            heaps[place] = _texts_in_heap(content, place)
        place = content.find(_HEAP, place + 4)
    return heaps


def _texts_in_heap(content: Content, start: int) -> dict[int, int]:
    """Walk the objects of one heap: each must end inside it, and none may be empty space of no size."""
    (size,) = struct.unpack_from("<Q", content, start + 8) if start + _HEADER <= len(content) else (0,)
    end = start + size
    if size < _HEADER or end > len(content):
        raise ValueError(f"its text heap at byte {start} says it has {size} bytes, of a file of {len(content)}: it was "
                         "cut off, or is damaged.")
    place, texts = start + _HEADER, {}
    while end - place >= _HEADER:
        number, _, _, length = struct.unpack_from("<HHIQ", content, place)
        needed = _HEADER + -(-length // 8) * 8 if number else length
        if not 0 < needed <= end - place:
            raise ValueError(
                f"its text heap at byte {start} holds a text of {length} bytes where {end - place} are left."
            )
        if number:  # 0 is the space that is left, which nothing refers to
            texts[number] = length
        place += needed
    return texts


def check_references(content: Content, heaps: dict[int, dict[int, int]], arrays: Iterable[tuple[int, int]]) -> None:
    """Raise ValueError where a reference to a text (length, heap, number) states a smaller length than the text has.

    Args:
        content: the file.
        heaps: as `check_file` found them.
        arrays: (start, size) of the numbers of arrays, where no references are.
    """
    for start, end in _between(arrays, len(content)):
        for heap, texts in heaps.items():
            pattern = struct.pack("<Q", heap)
            place = content.find(pattern, start, end)
            while place >= 0:
                if 4 <= place <= len(content) - 12:
                    (stated,), (number,) = (
                        struct.unpack_from("<I", content, place - 4),
                        struct.unpack_from("<I", content, place + 8),
                    )
                    if 0 < stated < texts.get(number, 0):
                        raise ValueError(
                            f"a text at byte {place} has {texts[number]} bytes, not {stated} as its reference says."
                        )
                place = content.find(pattern, place + 1, end)


def _between(arrays: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    place = 0
    for start, count in sorted(arrays):
        if start > place:
            yield place, start
        place = max(place, start + count)
    if place < size:
        yield place, size
