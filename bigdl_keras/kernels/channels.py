"""Arithmetic between a matrix (rows, channels) and one vector per channel, quick also where channels are few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_WIDE = 1024  # numpy pays per inner loop: rows are joined until one is at least about this long
BLOCK = 65536  # numbers of a piece that stays in cache while several operations pass over it


def by_channel(ufunc: Callable[..., Any], x: Any, vector: Any, out: Any) -> Any:
    """`ufunc(x, vector, out=out)` for x and out (rows, channels), contiguous."""
    rows, channels = x.shape
    joined = _WIDE // max(channels, 1)
    if joined < 2 or rows < 4 * joined:
        return ufunc(x, vector, out=out)
    whole = rows // joined * joined
    wide = (-1, joined * channels)
    ufunc(x[:whole].reshape(wide), np.tile(vector, joined), out=out[:whole].reshape(wide))
    if whole < rows:
        ufunc(x[whole:], vector, out=out[whole:])
    return out


def channel_sums(x: Any, out: Any = None) -> Any:
    """Sum of the rows of x (rows, channels): a product with ones is several times faster than numpy's reduction."""
    return np.matmul(np.ones(len(x), x.dtype), x, out=out)


def slices(rows: int, width: int) -> list[slice]:
    """Slices of rows that hold about BLOCK numbers each, at least one row."""
    step = max(BLOCK // max(width, 1), 1)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]
