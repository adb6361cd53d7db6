"""Contrast of images spread by histograms of their tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, same_shape

_LEVELS = 256


def equalize_tiles(x: Any, *, tiles: tuple[int, int], limit: float, out: Any = None) -> Any:
    """Values from 0 to 255 of images (batch, rows, columns, channels), spread by histograms of the tiles around them.

    Each of the tiles has a table of 256 levels (Zuiderveld, 1994); a pixel takes what the tables of the nearest four
    say, weighted by how near their middles are. Images that the tiles do not divide are mirrored at their end.

    Args:
        x: images.
        tiles: how many, down and across.
        limit: the most that a level counts, as a multiple of an even histogram's; what is beyond it is spread over all
            levels. 0 for no limit.
        out: not used.
    """
    rows, columns = x.shape[1:3]
    sizes = -(-rows // tiles[0]), -(-columns // tiles[1])
    padding = [(0, 0), (0, sizes[0] * tiles[0] - rows), (0, sizes[1] * tiles[1] - columns), (0, 0)]
    levels = np.pad(np.clip(x, 0, _LEVELS - 1).astype(np.int64), padding, mode="symmetric")
    tables = _tables(levels, tiles, sizes, limit)
    levels = levels[:, :rows, :columns]
    y = np.zeros(x.shape)
    images, channels = np.arange(len(x))[:, None, None, None], np.arange(x.shape[3])
    for row, row_weight in _nearest(rows, sizes[0], tiles[0]):
        for column, column_weight in _nearest(columns, sizes[1], tiles[1]):
            found = tables[images, row[:, None, None], column[:, None], channels, levels]
            y += found * (row_weight[:, None, None] * column_weight[:, None])
    return y.astype(x.dtype)


def _tables(levels: Any, tiles: tuple[int, int], sizes: tuple[int, int], limit: float) -> Any:
    """What each level becomes in each tile: (batch, tiles down, tiles across, channels, 256)."""
    batch, channels, pixels = len(levels), levels.shape[3], sizes[0] * sizes[1]
    apart = levels.reshape(batch, tiles[0], sizes[0], tiles[1], sizes[1], channels).transpose(0, 1, 3, 5, 2, 4)
    flat = apart.reshape(-1, pixels)
    places = flat + np.arange(len(flat))[:, None] * _LEVELS
    counts = np.bincount(places.reshape(-1), minlength=len(flat) * _LEVELS).reshape(len(flat), _LEVELS).astype(float)
    if limit > 0:
        kept = np.minimum(counts, limit * pixels / _LEVELS)
        counts = kept + (counts - kept).sum(axis=1, keepdims=True) / _LEVELS
    below = np.cumsum(counts, axis=1)
    least = below[:, :1]
    spread = np.where(pixels == least, 1, pixels - least)
    tables = np.clip((below - least) * (_LEVELS - 1) / spread, 0, _LEVELS - 1)
    return tables.reshape(batch, *tiles, channels, _LEVELS)


def _nearest(length: int, size: int, tiles: int) -> list[tuple[Any, Any]]:
    """The tiles before and after each of `length` pixels, with their weights; at the edges both are the last tile."""
    places = np.arange(length) / size - 0.5
    before = np.floor(places).astype(np.int64)
    after = places - before
    return [(np.maximum(before, 0), 1 - after), (np.minimum(before + 1, tiles - 1), after)]


KERNELS["equalize_tiles"] = Kernel(equalize_tiles, None, same_shape)
