"""Which rows form batch k of epoch e: pure arithmetic on global row indexes, the same for any number of workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class BatchRows:
    """My rows of one global batch.

    Attributes:
        index: which of my rows, counted from my first one.
        places: their places in the global batch.
        batch_rows: number of rows of the whole batch, over all workers.
    """

    index: np.ndarray | slice
    places: np.ndarray
    batch_rows: int


@dataclass(frozen=True)
class Minibatches:
    """The rule of batches.

    Without shuffling batch k is rows kB .. (k+1)B-1 and a row's place is its position in the batch. With shuffling
    there are K = ceil(rows / B) batches; each stripe of K neighbouring rows deals one row to every batch, by a
    permutation drawn from hash(seed, epoch, row), and a row's place is its stripe. So every row comes once an epoch,
    any contiguous range of rows holds an equal share of each batch, and no batch is larger than B.

    Args:
        rows: rows of the data set, over all workers.
        batch_size: rows of a global batch, B.
        shuffle: whether each epoch deals the rows anew.
        seed: fixes the dealing.
    """

    rows: int
    batch_size: int
    shuffle: bool = False
    seed: int = 0

    @property
    def count(self) -> int:
        """Number of batches in an epoch."""
        return -(-self.rows // self.batch_size)

    def rows_of_batch(self, batch: int) -> int:
        """Number of rows of global batch `batch`."""
        if not self.shuffle:
            return min(self.batch_size, self.rows - batch * self.batch_size)
        stripes, rest = divmod(self.rows, self.count)
        return stripes + (batch < rest)

    def deal(self, epoch: int, start: int, stop: int, portion: tuple[int, int] = (0, 1)) -> Iterator[BatchRows]:
        """My rows of each batch of `epoch`, batch after batch.

        Args:
            epoch: number of the epoch, from 0.
            start, stop: the range of global row indexes that I hold.
            portion: (rank, size): where `size` workers hold the same range, each takes its part of every batch.

        Yields:
            One BatchRows per global batch, also where none of my rows is in it.
        """
        rank, size = portion
        if not self.shuffle:
            for batch in range(self.count):
                first, last = max(start, batch * self.batch_size), min(stop, (batch + 1) * self.batch_size)
                first, last = share(first, max(first, last), rank, size)
                yield BatchRows(slice(first - start, last - start), np.arange(first, last) - batch * self.batch_size,
                                self.rows_of_batch(batch))
            return
        batches = self._batches_of(epoch, start, stop)
        order = np.argsort(batches, kind="stable")
        bounds = np.searchsorted(batches[order], np.arange(self.count + 1))
        for batch in range(self.count):
            first, last = share(int(bounds[batch]), int(bounds[batch + 1]), rank, size)
            index = order[first:last]
            yield BatchRows(index, (index + start) // self.count, self.rows_of_batch(batch))

    def deal_striped(self, rank: int, size: int) -> Iterator[BatchRows]:
        """My rows of each batch where rows are not shuffled and I hold nothing but my part of every batch.

        (If each worker held a range of rows, a batch of neighbours would lie with one of them, and the others idle.)
        """
        held = share(0, min(self.batch_size, self.rows), rank, size)
        for batch in range(self.count):
            first, last = share(0, self.rows_of_batch(batch), rank, size)
            start = batch * (held[1] - held[0])
            yield BatchRows(slice(start, start + last - first), np.arange(first, last), self.rows_of_batch(batch))

    def striped_owners(self, start: int, stop: int, size: int) -> np.ndarray:
        """The worker of `size` that each row start .. stop-1 belongs to under `deal_striped`."""
        batches, places = np.divmod(np.arange(start, stop), self.batch_size)
        rows = np.minimum(self.batch_size, self.rows - batches * self.batch_size)
        length, rest = np.divmod(rows, size)
        longer = rest * (length + 1)  # places of the first workers, which have one row more
        beyond = rest + (places - longer) // np.maximum(length, 1)
        owners: np.ndarray = np.where(places < longer, places // (length + 1), beyond)
        return owners

    def striped_before(self, position: int, rank: int, size: int) -> int:
        """How many rows of worker `rank` come before global row `position` under `deal_striped`."""
        batch, place = divmod(position, self.batch_size)
        held = share(0, min(self.batch_size, self.rows), rank, size)
        first, last = share(0, min(self.batch_size, self.rows - batch * self.batch_size), rank, size)
        return batch * (held[1] - held[0]) + min(max(place - first, 0), last - first)

    def _batches_of(self, epoch: int, start: int, stop: int) -> np.ndarray:
        """The batch that each row start .. stop-1 is dealt to: the rank of its hash in its stripe."""
        count = self.count
        first, last = start // count, -(-stop // count)
        if last <= first:
            return np.empty(0, dtype=np.int64)
        keys = row_hashes(self.seed, epoch, first * count, last * count)
        keys[max(self.rows - first * count, 0):] = np.iinfo(np.uint64).max  # beyond the last row: sorted to the end
        ranks = np.empty((last - first, count), dtype=np.int64)
        dealt = np.argsort(keys.reshape(-1, count), axis=1, kind="stable")
        np.put_along_axis(ranks, dealt, np.arange(count)[None], axis=1)
        return ranks.reshape(-1)[start - first * count:stop - first * count]


def share(start: int, stop: int, rank: int, size: int) -> tuple[int, int]:
    """Part `rank` of `size` nearly equal parts of start .. stop-1; the first parts take what is left over."""
    length, rest = divmod(stop - start, size)
    first = start + rank * length + min(rank, rest)
    return first, first + length + (rank < rest)


def row_hashes(seed: int, epoch: int, start: int, stop: int) -> npt.NDArray[np.uint64]:
    """64 hashed bits per row (the finalizer of splitmix64, Steele et al. 2014), keyed by seed and epoch."""
    keys = np.array([seed & 0xFFFFFFFFFFFFFFFF, epoch], dtype=np.uint64)
    key = _mix(_mix(keys[:1]) ^ keys[1:])
    return _mix(np.arange(start, stop, dtype=np.uint64) * _GOLDEN + key)


def _mix(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = bits + _GOLDEN
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))
