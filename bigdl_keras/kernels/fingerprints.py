"""64-bit fingerprints of strings, all strings of one length class at once: FarmHash64, and SipHash with a key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

# Numbers are uint64 arrays, one per string, and wrap around. Constants and steps are those of the published functions:
# FarmHash (Pike, 2014, "na" variant, Hash64) and SipHash-2-4 (Aumasson and Bernstein, 2012).

_K0, _K1, _K2 = (np.uint64(constant) for constant in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_SIP_CONSTANTS = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
_CONCATENATE = np.uint64(0xC6A4A7935BD1E995)


class Packed:
    """Strings as bytes, one after another, so that any 8 bytes of each are one gather.

    Args:
        strings: the bytes of each string.
    """

    def __init__(self, strings: list[bytes]) -> None:
        self.lengths = np.fromiter(map(len, strings), np.int64, len(strings))
        self.starts = np.cumsum(self.lengths) - self.lengths
        self._bytes = np.frombuffer(b"".join(strings) + bytes(8), np.uint8)

    def pick(self, chosen: Any) -> Packed:
        """Some of the strings."""
        part = object.__new__(Packed)
        part.lengths, part.starts, part._bytes = self.lengths[chosen], self.starts[chosen], self._bytes
        return part

    def byte(self, offset: Any) -> Any:
        """The byte at an offset of each string."""
        return self._bytes[self.starts + offset].astype(np.uint64)

    def word(self, offset: Any, width: int = 8) -> Any:
        """`width` bytes from an offset of each string on, the first one lowest."""
        places = (self.starts + offset)[:, None] + np.arange(width)
        return self._bytes[places].view(f"<u{width}")[:, 0].astype(np.uint64)


def _rotate_right(x: Any, count: int) -> Any:
    return (x >> np.uint64(count)) | (x << np.uint64(64 - count))


def _mix(x: Any) -> Any:
    return x ^ (x >> np.uint64(47))


def _join(u: Any, v: Any, multiplier: Any) -> Any:
    """16 bytes to 8."""
    return _mix((v ^ _mix((u ^ v) * multiplier)) * multiplier) * multiplier


def _empty(strings: Packed) -> Any:
    return np.full(len(strings.lengths), _K2)


def _to_3(strings: Packed) -> Any:
    length = strings.lengths
    y = strings.byte(0) + (strings.byte(length >> 1) << np.uint64(8))
    z = length.astype(np.uint64) + (strings.byte(length - 1) << np.uint64(2))
    return _mix(y * _K2 ^ z * _K0) * _K2


def _multiplier(strings: Packed) -> Any:
    return _K2 + strings.lengths.astype(np.uint64) * np.uint64(2)


def _to_7(strings: Packed) -> Any:
    first = strings.lengths.astype(np.uint64) + (strings.word(0, 4) << np.uint64(3))
    return _join(first, strings.word(strings.lengths - 4, 4), _multiplier(strings))


def _to_16(strings: Packed) -> Any:
    multiplier = _multiplier(strings)
    a, b = strings.word(0) + _K2, strings.word(strings.lengths - 8)
    return _join(_rotate_right(b, 37) * multiplier + a, (_rotate_right(a, 25) + b) * multiplier, multiplier)


def _to_32(strings: Packed) -> Any:
    multiplier = _multiplier(strings)
    a, b = strings.word(0) * _K1, strings.word(8)
    c, d = strings.word(strings.lengths - 8) * multiplier, strings.word(strings.lengths - 16) * _K2
    return _join(_rotate_right(a + b, 43) + _rotate_right(c, 30) + d, a + _rotate_right(b + _K2, 18) + c, multiplier)


def _to_64(strings: Packed) -> Any:
    multiplier = _multiplier(strings)
    end = strings.lengths
    a, b = strings.word(0) * _K2, strings.word(8)
    c, d = strings.word(end - 8) * multiplier, strings.word(end - 16) * _K2
    y = _rotate_right(a + b, 43) + _rotate_right(c, 30) + d
    z = _join(y, a + _rotate_right(b + _K2, 18) + c, multiplier)
    e, f = strings.word(16) * multiplier, strings.word(24)
    g, h = (y + strings.word(end - 32)) * multiplier, (z + strings.word(end - 24)) * multiplier
    return _join(_rotate_right(e + f, 43) + _rotate_right(g, 30) + h, e + _rotate_right(f + a, 18) + g, multiplier)


def _absorb(strings: Packed, offset: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """32 bytes into a pair of seeds."""
    w, x, y, z = (strings.word(offset + step) for step in (0, 8, 16, 24))
    a = a + w
    b = _rotate_right(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate_right(a, 44) + c


def _long(strings: Packed, seed: int = 81) -> Any:
    """More than 64 bytes: blocks of 64, then the last 64 once more. Strings leave the loop as they end."""
    end = strings.lengths - 1
    rounds = end // 64
    count = len(end)
    y = np.full(count, np.uint64(seed)) * _K1 + np.uint64(113)
    z = _mix(y * _K2 + np.uint64(113)) * _K2
    x = np.full(count, np.uint64(seed)) * _K2 + strings.word(0)
    zeros = np.zeros(count, np.uint64)
    state = [x, y, z, zeros, zeros.copy(), zeros.copy(), zeros.copy()]
    for block in range(int(rounds.max())):
        going = np.flatnonzero(rounds > block)
        part = strings.pick(going)
        mixed = _round(part, 64 * block, [item[going] for item in state], _K1, np.uint64(1))
        for item, new in zip(state, mixed, strict=True):
            item[going] = new
    x, y, z, v0, v1, w0, w1 = state
    multiplier = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    w0 = w0 + (end & 63).astype(np.uint64)
    v0 = v0 + w0
    w0 = w0 + v0
    x, y, z, v0, v1, w0, w1 = _round(strings, end - 63, [x, y, z, v0, v1, w0, w1], multiplier, np.uint64(9))
    return _join(_join(v0, w0, multiplier) + _mix(y) * _K0 + z, _join(v1, w1, multiplier) + x, multiplier)


def _round(strings: Packed, offset: Any, state: list[Any], multiplier: Any, weight: Any) -> list[Any]:
    """64 bytes into the state."""
    x, y, z, v0, v1, w0, w1 = state
    x = _rotate_right(x + y + v0 + strings.word(offset + 8), 37) * multiplier
    y = _rotate_right(y + v1 + strings.word(offset + 48), 42) * multiplier
    x = x ^ w1 * weight
    y = y + v0 * weight + strings.word(offset + 40)
    z = _rotate_right(z + w0, 33) * multiplier
    v0, v1 = _absorb(strings, offset, v1 * multiplier, x + w0)
    w0, w1 = _absorb(strings, offset + 32, z + w1, y + strings.word(offset + 16))
    return [z, y, x, v0, v1, w0, w1]


_CLASSES: list[tuple[int, Callable[[Packed], Any]]] = [(0, _empty), (3, _to_3), (7, _to_7), (16, _to_16), (32, _to_32),
                                                       (64, _to_64)]


def farm_hash(strings: list[bytes]) -> Any:
    """FarmHash64 of each string, as uint64."""
    packed = Packed(strings)
    result = np.empty(len(strings), np.uint64)
    kinds = np.searchsorted([longest for longest, _ in _CLASSES], packed.lengths)
    functions = [*(function for _, function in _CLASSES), _long]
    for kind in np.unique(kinds):
        chosen = np.flatnonzero(kinds == kind)
        result[chosen] = functions[kind](packed.pick(chosen))
    return result


def _sip_rounds(v: list[Any], count: int) -> None:
    for _ in range(count):
        v[0] = v[0] + v[1]
        v[1] = _rotate_right(v[1], 64 - 13) ^ v[0]
        v[0] = _rotate_right(v[0], 32)
        v[2] = v[2] + v[3]
        v[3] = _rotate_right(v[3], 64 - 16) ^ v[2]
        v[0] = v[0] + v[3]
        v[3] = _rotate_right(v[3], 64 - 21) ^ v[0]
        v[2] = v[2] + v[1]
        v[1] = _rotate_right(v[1], 64 - 17) ^ v[2]
        v[2] = _rotate_right(v[2], 32)


def sip_hash(strings: list[bytes], key: tuple[int, int]) -> Any:
    """SipHash-2-4 of each string under a key of two 64-bit numbers, as uint64."""
    packed = Packed(strings)
    low, high = (np.uint64(part % 2**64) for part in key)
    result = np.empty(len(strings), np.uint64)
    words = packed.lengths // 8
    for count in np.unique(words):
        chosen = np.flatnonzero(words == count)
        part = packed.pick(chosen)
        v = [np.full(len(chosen), half ^ np.uint64(constant))
             for half, constant in zip((low, high, low, high), _SIP_CONSTANTS, strict=True)]
        for place in range(int(count) + 1):
            word = part.word(8 * place) if place < count else _last_word(part, 8 * place)
            v[3] = v[3] ^ word
            _sip_rounds(v, 2)
            v[0] = v[0] ^ word
        v[2] = v[2] ^ np.uint64(0xFF)
        _sip_rounds(v, 4)
        result[chosen] = v[0] ^ v[1] ^ v[2] ^ v[3]
    return result


def _last_word(strings: Packed, offset: int) -> Any:
    """The bytes that are left, with the length of the string in the highest byte."""
    left = (strings.lengths - offset).astype(np.uint64) * np.uint64(8)
    kept = (np.uint64(1) << left) - np.uint64(1)
    return strings.word(offset) & kept | (strings.lengths.astype(np.uint64) << np.uint64(56))


def concatenate(first: Any, second: Any) -> Any:
    """The fingerprint of a pair of fingerprints, as TensorFlow crosses features."""
    result = first ^ _CONCATENATE
    result = (result ^ _mix(second * _CONCATENATE) * _CONCATENATE) * _CONCATENATE
    return _mix(_mix(result) * _CONCATENATE)


def hasher(salt: tuple[int, int] | None) -> Callable[[list[bytes]], Any]:
    """FarmHash64, or SipHash with the salt as its key."""
    return farm_hash if salt is None else partial(sip_hash, key=salt)
