"""Sequences of different lengths as one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(sequences: Sequence[Sequence[Any]], maxlen: int | None = None, dtype: str = "int32",
                  padding: str = "pre", truncating: str = "pre", value: float = 0.0) -> np.ndarray:
    """An array (rows, maxlen) of the sequences, cut or filled up.

    Args:
        sequences: lists of numbers.
        maxlen: length; by default that of the longest one.
        dtype: of the array.
        padding: 'pre' or 'post': the end that is filled.
        truncating: 'pre' or 'post': the end that is cut.
        value: what it is filled with.

    Raises:
        ValueError: another word for an end.
    """
    for name, word in (("padding", padding), ("truncating", truncating)):
        if word not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'. Received {word!r}.")
    length = max((len(sequence) for sequence in sequences), default=0) if maxlen is None else maxlen
    padded = np.full((len(sequences), length), value, dtype=dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        kept = list(sequence[-length:] if truncating == "pre" else sequence[:length]) if length else []
        if kept:
            row[slice(-len(kept), None) if padding == "pre" else slice(len(kept))] = kept
    return padded
