"""Vectors may travel in two bytes a number; they are summed, and kept by their owner, in four.

A format packs a float32 vector into raw bytes and reads it back. It works in pieces that stay in the cache, since what
it saves on the wire it must not spend on memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from bigdl_keras.registry import suggestion

_PIECE = 1 << 15  # numbers; with its scratch well within a core's own cache


class Compression(Protocol):
    """How a float32 vector travels.

    Attributes:
        name: what users call it.
        each_alone: what a number becomes does not depend on the others beside it.
    """

    name: str
    each_alone: bool

    def nbytes(self, length: int) -> int:
        """Bytes of `length` numbers on the wire."""

    def pack(self, vector: np.ndarray, wire: np.ndarray) -> None:
        """Write `vector` into the bytes `wire`, each number rounded to the nearest, ties to even."""

    def unpack(self, wire: np.ndarray, vector: np.ndarray) -> None:
        """Write what `wire` holds into the float32 `vector`."""

    def add(self, wire: np.ndarray, total: np.ndarray) -> None:
        """Add what `wire` holds to the float32 `total`."""


class BrainFloat:
    """bfloat16: the upper half of a float32, with its whole range and 8 significant bits."""

    name = "bf16"
    each_alone = True

    def nbytes(self, length: int) -> int:
        """Two a number."""
        return 2 * length

    def pack(self, vector: np.ndarray, wire: np.ndarray) -> None:
        """Round in integers: half of the last place that stays, less one if that place is even, is added and cut off.

        A NaN could be carried over into a number on this way; it becomes the quiet NaN of its sign instead.
        """
        half = wire.view(np.uint16)
        scratch = np.empty(min(_PIECE, len(vector)), np.uint32)
        for piece in _pieces(len(vector)):
            numbers = vector[piece]
            bits, rounded = numbers.view(np.uint32), scratch[:len(numbers)]
            np.right_shift(bits, 16, out=rounded)
            rounded &= 1
            rounded += 0x7FFF
            rounded += bits
            rounded >>= 16
            half[piece] = rounded
            if np.isnan(numbers.max()):
                where = np.isnan(numbers)
                half[piece][where] = (bits[where] >> 16) | 0x7FC0

    def unpack(self, wire: np.ndarray, vector: np.ndarray) -> None:
        """The lower half is zero."""
        half, bits = wire.view(np.uint16), vector.view(np.uint32)
        for piece in _pieces(len(vector)):
            np.left_shift(half[piece], 16, out=bits[piece], dtype=np.uint32)

    def add(self, wire: np.ndarray, total: np.ndarray) -> None:
        """In float32."""
        half = wire.view(np.uint16)
        scratch = np.empty(min(_PIECE, len(total)), np.uint32)
        for piece in _pieces(len(total)):
            sums = total[piece]
            bits = scratch[:len(sums)]
            np.left_shift(half[piece], 16, out=bits, dtype=np.uint32)
            sums += bits.view(np.float32)


class HalfFloat:
    """IEEE half precision: 11 significant bits, but a small range.

    Gradients are means over a batch and would often fall below that range. So a vector is scaled, by a power of two,
    which costs no digit, such that its largest number lies near the upper end; the scale travels in front.
    """

    name = "fp16"
    each_alone = False
    _HEADER = 4  # bytes of the scale
    _TOP = 14  # the largest number is brought between 2**14 and 2**15; what is larger than 65504 would be infinite

    def nbytes(self, length: int) -> int:
        """Two a number, and four for the scale."""
        return self._HEADER + 2 * length

    def pack(self, vector: np.ndarray, wire: np.ndarray) -> None:
        """Numbers 2**39 times smaller than the largest become zero; NaN and infinity stay what they are."""
        scale = self._scale(vector)
        wire[:self._HEADER].view(np.float32)[0] = scale
        half = wire[self._HEADER:].view(np.float16)
        scratch = np.empty(min(_PIECE, len(vector)), np.float32)
        for piece in _pieces(len(vector)):
            numbers = vector[piece]
            with np.errstate(over="ignore"):  # beside an infinity, whatever does not fit is infinite, too
                half[piece] = np.multiply(numbers, scale, out=scratch[:len(numbers)])

    def unpack(self, wire: np.ndarray, vector: np.ndarray) -> None:
        """Scale back."""
        factor, half = self._parts(wire)
        for piece in _pieces(len(vector)):
            numbers = vector[piece]
            numbers[...] = half[piece]
            numbers *= factor

    def add(self, wire: np.ndarray, total: np.ndarray) -> None:
        """In float32."""
        factor, half = self._parts(wire)
        scratch = np.empty(min(_PIECE, len(total)), np.float32)
        for piece in _pieces(len(total)):
            sums = total[piece]
            numbers = scratch[:len(sums)]
            numbers[...] = half[piece]
            numbers *= factor
            sums += numbers

    def _scale(self, vector: np.ndarray) -> np.float32:
        largest = 0.0
        for piece in _pieces(len(vector)):
            largest = max(largest, float(vector[piece].max()), -float(vector[piece].min()))
        if not 0.0 < largest < np.inf:
            largest = 1.0
        exponent = int(np.frexp(largest)[1]) - 1  # 2**exponent <= largest < 2**(exponent + 1)
        return np.float32(np.ldexp(1.0, min(max(self._TOP - exponent, -126), 126)))

    def _parts(self, wire: np.ndarray) -> tuple[np.float32, np.ndarray]:
        """The factor that undoes the scale, and the numbers."""
        scale = wire[:self._HEADER].view(np.float32)[0]
        return np.float32(1.0) / scale, wire[self._HEADER:].view(np.float16)


def _pieces(length: int) -> Iterator[slice]:
    return (slice(start, min(start + _PIECE, length)) for start in range(0, length, _PIECE))


COMPRESSIONS: dict[str, Compression] = {item.name: item for item in (BrainFloat(), HalfFloat())}


def find_compression(name: str | None) -> Compression | None:
    """The format of that name; None for None.

    Raises:
        ValueError: there is none of that name.
    """
    if name is None:
        return None
    if name not in COMPRESSIONS:
        raise ValueError(f"`compression` must be None, {' or '.join(map(repr, COMPRESSIONS))}. Received {name!r}."
                         f"{suggestion(str(name), tuple(COMPRESSIONS))}")
    return COMPRESSIONS[name]
