"""A slice is a contiguous part of the vector of trainable weights; it knows which variables it cuts, and where.

Nothing here computes an update: slices only answer questions that concern whole variables (norms, names, shapes).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

CHUNK = 32768
"""Elements an update rule handles at a time: six float32 vectors of this length stay in a level 2 cache."""

Total = Callable[[np.ndarray], np.ndarray]
"""Sums a float64 vector over all workers. Every worker calls it, equally often, also with an empty slice."""


class _Scratch(threading.local):
    """Buffers of the calling thread, by dtype."""

    def __init__(self) -> None:
        self.buffers: dict[np.dtype[Any], list[np.ndarray]] = {}

    def take(self, count: int, dtype: np.dtype[Any]) -> list[np.ndarray]:
        buffers = self.buffers.setdefault(dtype, [])
        while len(buffers) < count:
            buffers.append(np.empty(CHUNK, dtype))
        return buffers[:count]


_scratch = _Scratch()


def alone(numbers: np.ndarray) -> np.ndarray:
    """The `Total` of a single worker."""
    return numbers


class Segment(NamedTuple):
    """A run of elements of one variable inside a slice."""

    variable: int
    start: int
    stop: int
    offset: int

    @property
    def span(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Slice:
    """Which variables, and which parts of them, a slice of the weight vector holds.

    Args:
        names: names of *all* trainable variables, in the order of the vector.
        shapes: their shapes.
        segments: the parts of them that lie in this slice; start and stop count from the beginning of the slice, offset
            from the beginning of the variable.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    segments: tuple[Segment, ...]

    @classmethod
    def cut(cls, names: Sequence[str], shapes: Sequence[Sequence[int]], begin: int, end: int) -> Slice:
        """The slice [begin, end) of the vector that lays the variables side by side."""
        known = tuple(tuple(int(axis) for axis in shape) for shape in shapes)
        sizes = [int(np.prod(shape, dtype=np.int64)) for shape in known]
        starts = [0, *accumulate(sizes)]
        segments = []
        for variable, (start, size) in enumerate(zip(starts, sizes, strict=False)):
            low, high = max(start, begin), min(start + size, end)
            if low < high:
                segments.append(Segment(variable, low - begin, high - begin, low - start))
        return cls(tuple(names), known, tuple(segments))

    @classmethod
    def whole(cls, names: Sequence[str], shapes: Sequence[Sequence[int]]) -> Slice:
        """The slice that holds everything."""
        return cls.cut(names, shapes, 0, sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes))

    def keep(self, variables: Sequence[int]) -> Slice:
        """This slice without the segments of all other variables."""
        return replace(self, segments=tuple(segment for segment in self.segments if segment.variable in set(variables)))

    def packed(self) -> Slice:
        """The slice of what `gather` answers with: the segments side by side."""
        stops = list(accumulate(segment.stop - segment.start for segment in self.segments))
        moved = [Segment(segment.variable, stop - segment.stop + segment.start, stop, segment.offset)
                 for segment, stop in zip(self.segments, stops, strict=True)]
        return replace(self, segments=tuple(moved))

    def gather(self, vector: np.ndarray) -> np.ndarray:
        """A copy of the segments of `vector`, side by side."""
        return np.concatenate([vector[:0], *(vector[segment.span] for segment in self.segments)])

    def scatter(self, packed: np.ndarray, vector: np.ndarray) -> None:
        """Put what `gather` answered with back into `vector`."""
        for segment, place in zip(self.segments, self.packed().segments, strict=True):
            vector[segment.span] = packed[place.span]

    @property
    def sizes(self) -> np.ndarray:
        """Number of elements of each variable, in or out of this slice."""
        return np.array([np.prod(shape, dtype=np.int64) for shape in self.shapes], dtype=np.int64)

    def square_sums(self, vector: np.ndarray) -> np.ndarray:
        """Sum of squares of what this slice holds of each variable, in float64."""
        sums = np.zeros(len(self.shapes))
        for segment in self.segments:
            for part, wide in chunks(vector[segment.span], scratch=1, dtype=np.float64):
                np.copyto(wide, part)
                sums[segment.variable] += np.dot(wide, wide)
        return sums

    def rows_at_rest(self, gradient: np.ndarray, name: str) -> np.ndarray:
        """Places in rows (last axis) of the variables called `name` whose gradient is zero throughout.

        Of a row that the slice cuts, the part in the slice counts.
        """
        places = [np.zeros(0, np.int64)]
        for segment in self.segments:
            if self.names[segment.variable].rpartition("/")[2] != name:
                continue
            width, length = self.shapes[segment.variable][-1], segment.stop - segment.start
            starts = np.maximum(np.arange(-(segment.offset % width), length, width), 0)
            moves = np.logical_or.reduceat(gradient[segment.span] != 0, starts)
            lengths = np.diff(starts, append=length)
            places.append(segment.start + np.flatnonzero(~np.repeat(moves, lengths)))
        return np.concatenate(places)

    def scale(self, vector: np.ndarray, factors: np.ndarray) -> None:
        """Multiply each variable's part of `vector`, in place, by its factor."""
        for segment in self.segments:
            factor = float(factors[segment.variable])
            if factor != 1.0:
                vector[segment.span] *= factor


def chunks(*vectors: np.ndarray, scratch: int = 0, dtype: Any = None) -> Iterator[tuple[np.ndarray, ...]]:
    """Walk vectors of equal length in cache-sized views, each time followed by `scratch` buffers of the same length.

    The buffers belong to the calling thread and are reused: an update allocates nothing, and threads do not meet.
    """
    length = vectors[0].size
    buffers = _scratch.take(scratch, np.dtype(dtype or vectors[0].dtype))
    for start in range(0, length, CHUNK):
        stop = min(start + CHUNK, length)
        yield (*(vector[start:stop] for vector in vectors), *(buffer[: stop - start] for buffer in buffers))
