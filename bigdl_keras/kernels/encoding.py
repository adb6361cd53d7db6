"""Strings and identifiers become whole numbers: an encoder is plain data that travels, with one method over arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np

from bigdl_keras.kernels.fingerprints import concatenate, farm_hash, hasher
from bigdl_keras.kernels.table import KERNELS, Kernel

DROPPED = -1
"""The number of what no category stands for: it is counted nowhere."""
_CROSSING_SEED = 0xDECAFCAFFE  # TensorFlow's
_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_LOWER = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))  # the 26 letters of ASCII, as TensorFlow


def as_bytes(x: Any, encoding: str = "utf-8") -> list[bytes]:
    """The strings of an array, flat.

    Raises:
        TypeError: an element is neither a string, bytes nor a whole number.
    """
    flat = np.asarray(x).reshape(-1)
    if flat.dtype.kind == "f":  # as TensorFlow, before it writes them down
        flat = flat.astype(np.int64)
    if flat.dtype.kind in "biu":
        return [b"%d" % item for item in flat.tolist()]
    return [item.encode(encoding) if isinstance(item, str) else _bytes_of(item, place)
            for place, item in enumerate(flat.tolist())]


def _bytes_of(item: Any, place: int) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, (int, np.integer)):
        return b"%d" % item
    raise TypeError(f"Strings were expected. Received {item!r} of type {type(item).__name__} at position {place}. Fill "
                    "missing values first, e.g. with DataFrame.fillna('').")


class Encoder(ABC):
    """From arrays of strings or whole numbers to numbers."""

    dtype = "int64"

    @abstractmethod
    def __call__(self, *arrays: Any) -> Any:
        """The numbers."""

    def shape(self, *shapes: Any) -> Any:
        """Their shape."""
        return shapes[0]

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: tables are made again where they are needed."""
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class HashEncoder(Encoder):
    """The bin of each string or number: its fingerprint modulo `bins`.

    Args:
        bins: how many there are.
        mask_value: what has bin 0 for itself, or None.
        salt: key of SipHash; None for FarmHash.
    """

    bins: int
    mask_value: Any = None
    salt: tuple[int, int] | None = None

    def __call__(self, *arrays: Any) -> Any:
        x = np.asarray(arrays[0])
        masked = self.mask_value is not None and self.bins > 1
        prints = hasher(self.salt)(as_bytes(x)) % np.uint64(self.bins - masked)
        numbers = prints.astype(np.int64).reshape(x.shape)
        return np.where(self._is_masked(x), 0, numbers + 1) if masked else numbers

    def _is_masked(self, x: Any) -> Any:
        if x.dtype.kind in "biuf":
            return np.equal(x, self.mask_value)
        wanted = as_bytes(self.mask_value)[0]
        return np.fromiter((item == wanted for item in as_bytes(x)), bool, x.size).reshape(x.shape)


@dataclass(frozen=True)
class CrossEncoder(Encoder):
    """The bin of each combination of values."""

    bins: int

    def __call__(self, *arrays: Any) -> Any:
        x = [np.asarray(item) for item in arrays]
        prints = np.full(x[0].size, _CROSSING_SEED, np.uint64)
        for item in x:
            whole = item.dtype.kind in "biu"
            own = item.reshape(-1).astype(np.int64).astype(np.uint64) if whole else farm_hash(as_bytes(item))
            prints = concatenate(prints, own)
        return (prints % np.uint64(self.bins)).astype(np.int64).reshape(x[0].shape)


@dataclass(frozen=True)
class TableEncoder(Encoder):
    """The place of each token in a vocabulary.

    Args:
        tokens: the vocabulary: all strings (as bytes) or all whole numbers.
        first: number of the first token.
        unknown: how many numbers, before `first`, tokens share that are not in the vocabulary; at 0 they are an error.
        mask_token, mask_number: a token with a number of its own; None for none.
        hashed: whole numbers that are unknown share by FarmHash instead of by remainder.
        salt: key of SipHash; None for FarmHash.
    """

    tokens: tuple[Any, ...]
    first: int = 1
    unknown: int = 1
    mask_token: Any = None
    mask_number: int = 0
    hashed: bool = True
    salt: tuple[int, int] | None = None

    @cached_property
    def _table(self) -> dict[Any, int]:
        table = dict(zip(self.tokens, range(self.first, self.first + len(self.tokens)), strict=True))
        if self.mask_token is not None:
            table[self.mask_token] = self.mask_number
        return table

    def __call__(self, *arrays: Any) -> Any:
        x = np.asarray(arrays[0])
        whole = x.dtype.kind in "biu"
        return self.numbers(x.reshape(-1).tolist() if whole else as_bytes(x)).reshape(x.shape)

    def numbers(self, flat: list[Any]) -> Any:
        """The numbers of a list of tokens."""
        default = self.first - 1 if self.unknown == 1 else -2
        found = np.fromiter(map(self._table.get, flat, repeat(default)), np.int64, len(flat))
        if self.unknown != 1 and (missing := np.flatnonzero(found == -2)).size:
            found[missing] = self._share([flat[place] for place in missing])
        return found

    def _share(self, tokens: list[Any]) -> Any:
        if not self.unknown:
            names = sorted({str(token.decode() if isinstance(token, bytes) else token) for token in tokens})
            raise ValueError(f"With num_oov_indices=0 every token must be in the vocabulary. Not in it: {names[:5]}. "
                             "Use num_oov_indices=1 to give them a number.")
        start = self.first - self.unknown
        if isinstance(tokens[0], int) and not self.hashed:
            return np.asarray(tokens) % self.unknown + start
        prints = hasher(self.salt)([_bytes_of(token, place) for place, token in enumerate(tokens)])
        return (prints % np.uint64(self.unknown)).astype(np.int64) + start


@dataclass(frozen=True)
class TokenEncoder(Encoder):
    """The token that a number stands for, where tokens are whole numbers: the reverse of `TableEncoder`."""

    tokens: tuple[int, ...]
    first: int
    unknown_token: int
    mask_token: int | None = None

    def __call__(self, *arrays: Any) -> Any:
        return tokens_at(np.asarray(self.tokens, np.int64), self.first, self.unknown_token, self.mask_token, arrays[0])


def tokens_at(tokens: Any, first: int, unknown_token: Any, mask_token: Any, numbers: Any) -> Any:
    """The tokens that numbers stand for, as an array like `tokens`."""
    ends = np.asarray([unknown_token, unknown_token if mask_token is None else mask_token])
    places = np.asarray(numbers).astype(np.int64, copy=False)
    inside = (places >= first) & (places < first + len(tokens))
    place = np.where(inside, places - first, len(tokens) + (places == 0))
    return np.concatenate([tokens, ends])[place]


@dataclass(frozen=True)
class TextEncoder(Encoder):
    """The numbers of the tokens of each text, in as many places as the longest has, or `length`; or their counts.

    Args:
        table: from tokens to numbers.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of an array of
            str.
        split: "whitespace", "character", None (each text is one token), or a function of an array of str.
        ngrams: lengths of the runs of tokens that are looked up instead of tokens; None for tokens.
        length: places of a row; texts are cut or filled with `table.mask_number`.
        bins: answer with float32 counts of the numbers 0 .. bins - 1 instead; 0 for the numbers themselves.
        encoding: of strings.
    """

    table: TableEncoder
    standardize: Any = "lower_and_strip_punctuation"
    split: Any = "whitespace"
    ngrams: tuple[int, ...] | None = None
    length: int | None = None
    bins: int = 0
    encoding: str = "utf-8"

    @property
    def dtype(self) -> str:  # type: ignore[override]
        return "float32" if self.bins else "int64"

    def __call__(self, *arrays: Any) -> Any:
        x = np.asarray(arrays[0])
        rows = list(self.rows(x))
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        numbers = self.table.numbers([token for row in rows for token in row])
        row = np.repeat(np.arange(len(rows)), lengths)
        if self.bins:
            kept = (numbers >= 0) & (numbers < self.bins)
            counts = np.bincount(row[kept] * self.bins + numbers[kept], minlength=len(rows) * self.bins)
            return counts.reshape(len(rows), self.bins).astype(np.float32)
        width = int(lengths.max(initial=0)) if self.length is None else self.length
        place = np.arange(len(numbers)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        padded = np.zeros((len(rows), width), np.int64)
        kept = place < width
        padded[row[kept], place[kept]] = numbers[kept]
        return padded.reshape(x.shape) if self._keeps_shape else padded

    @property
    def _keeps_shape(self) -> bool:
        return self.split is None and self.ngrams is None and self.length is None

    def shape(self, *shapes: Any) -> Any:
        return shapes[0] if self._keeps_shape and not self.bins else (shapes[0][0], self.bins or self.length)

    def rows(self, x: Any) -> Iterator[list[bytes]]:
        """The tokens of each text."""
        if self.split and x.ndim > 1 and x.shape[-1] != 1:
            raise ValueError("Texts to be split must come one a row, in an array (rows,) or (rows, 1). Received shape "
                             f"{x.shape}. With split=None the last axis holds the tokens of a row.")
        for tokens in self._split(self._standardized(x), x):
            yield tokens if self.ngrams is None else [
                b" ".join(tokens[start:start + width]) for width in self.ngrams
                for start in range(len(tokens) - width + 1)]

    def _standardized(self, x: Any) -> list[bytes]:
        if callable(self.standardize):
            return as_bytes(self.standardize(self._text(as_bytes(x, self.encoding))), self.encoding)
        flat = as_bytes(x, self.encoding)
        if self.standardize is None:
            return flat
        lower = _LOWER if self.standardize.startswith("lower") else None
        delete = _PUNCTUATION if self.standardize.endswith("strip_punctuation") else b""
        return [text.translate(lower, delete) for text in flat]

    def _split(self, flat: list[bytes], x: Any) -> list[list[bytes]]:
        if callable(self.split):
            return [as_bytes(tokens, self.encoding) for tokens in self.split(self._text(flat))]
        if self.split == "whitespace":
            return [text.split() for text in flat]
        if self.split == "character":
            return [[character.encode(self.encoding) for character in text.decode(self.encoding)] for text in flat]
        width = x.shape[-1] if x.ndim > 1 else 1
        return [flat[start:start + width] for start in range(0, len(flat), width)]

    def _text(self, flat: list[bytes]) -> Any:
        return np.asarray([text.decode(self.encoding) for text in flat], dtype=str)


def encode(*arrays: Any, encoder: Encoder, out: Any = None) -> Any:
    """What the encoder makes of the arrays."""
    return encoder(*arrays)


def _encoded_shape(*shapes: Any, encoder: Encoder) -> Any:
    return encoder.shape(*shapes)


def _encoded_dtype(*dtypes: Any, encoder: Encoder) -> str:
    return encoder.dtype


def count_categories(x: Any, *, bins: int, dtype: str = "float32", out: Any = None) -> Any:
    """How often each of 0 .. bins - 1 occurs along the last axis; other numbers count nowhere."""
    numbers = np.asarray(x).astype(np.int64, copy=False)
    rows = numbers.reshape(-1, numbers.shape[-1])
    kept = (rows >= 0) & (rows < bins)
    places = rows + np.arange(len(rows))[:, None] * bins
    counts = np.bincount(places[kept], minlength=len(rows) * bins)
    return counts.reshape(*numbers.shape[:-1], bins).astype(dtype)


def _count_shape(x: Any, *, bins: int, dtype: str = "float32") -> Any:
    return (*x[:-1], bins)


def _count_dtype(x: Any, *, bins: int, dtype: str = "float32") -> str:
    return dtype


KERNELS["encode"] = Kernel(encode, None, _encoded_shape, dtype=_encoded_dtype)
KERNELS["count_categories"] = Kernel(count_categories, None, _count_shape, dtype=_count_dtype)
