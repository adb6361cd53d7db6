from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigdl_keras.data import Minibatches
from bigdl_keras.data.minibatches import row_hashes, share

sizes = {"rows": st.integers(1, 70), "batch_size": st.integers(1, 80), "shuffle": st.booleans(),
         "seed": st.integers(0, 5)}


def batches(rule, epoch, cuts, portion=(0, 1)):
    """Per batch, the (place, global row) pairs that workers holding the ranges between `cuts` put together."""
    found = [[] for _ in range(rule.count)]
    for start, stop in pairwise(cuts):
        rows = np.arange(start, stop)
        for batch, mine in enumerate(rule.deal(epoch, start, stop, portion)):
            assert mine.batch_rows == rule.rows_of_batch(batch)
            found[batch] += list(zip(mine.places.tolist(), rows[mine.index].tolist(), strict=True))
    return found


@settings(max_examples=200, deadline=None)
@given(data=st.data(), **sizes)
def test_batches_are_the_same_for_any_cut_into_workers(data, rows, batch_size, shuffle, seed):
    rule = Minibatches(rows, batch_size, shuffle, seed)
    cuts = sorted([0, rows, *data.draw(st.lists(st.integers(0, rows), max_size=4))])
    for epoch in (0, 3):
        whole = batches(rule, epoch, [0, rows])
        assert [sorted(batch) for batch in batches(rule, epoch, cuts)] == [sorted(batch) for batch in whole]
        assert sorted(row for batch in whole for _, row in batch) == list(range(rows))
        for number, batch in enumerate(whole):
            assert sorted(place for place, _ in batch) == list(range(rule.rows_of_batch(number)))
            assert 0 < len(batch) <= batch_size


@pytest.mark.parametrize("shuffle", [False, True])
def test_portions_of_one_holder_make_up_each_batch(shuffle):
    rule = Minibatches(23, 5, shuffle, seed=1)
    parts = [batches(rule, 2, [0, 23], (rank, 3)) for rank in range(3)]
    together = [list(chain.from_iterable(part[number] for part in parts)) for number in range(rule.count)]
    assert together == batches(rule, 2, [0, 23])


def test_order_without_shuffling_is_that_of_the_rows():
    assert [[row for _, row in batch] for batch in batches(Minibatches(7, 3), 0, [0, 7])] == [[0, 1, 2], [3, 4, 5], [6]]


def test_shuffling_changes_with_epoch_and_seed_and_repeats():
    def first(seed, epoch):
        return batches(Minibatches(1000, 10, True, seed), epoch, [0, 1000])[0]
    assert first(1, 0) == first(1, 0)
    assert first(1, 0) != first(1, 1)
    assert first(1, 0) != first(2, 0)


def test_shuffling_deals_each_row_to_each_batch_equally_often():
    rule = Minibatches(8, 2, True, seed=3)
    hits = np.zeros((8, 4))
    for epoch in range(4000):
        for number, batch in enumerate(batches(rule, epoch, [0, 8])):
            for _, row in batch:
                hits[row, number] += 1
    assert np.abs(hits / 4000 - 0.25).max() < 0.03  # 4 standard deviations are 0.027


def test_share_covers_a_range_without_gaps():
    assert [share(3, 13, rank, 4) for rank in range(4)] == [(3, 6), (6, 9), (9, 11), (11, 13)]
    assert [share(0, 1, rank, 3) for rank in range(3)] == [(0, 1), (1, 1), (1, 1)]


def test_hashes_of_a_range_are_a_window_of_all_hashes():
    np.testing.assert_array_equal(row_hashes(9, 2, 0, 50)[20:30], row_hashes(9, 2, 20, 30))


@settings(max_examples=100, deadline=None)
@given(rows=sizes["rows"], batch_size=sizes["batch_size"], size=st.integers(1, 5))
def test_stripes_make_up_each_batch(rows, batch_size, size):
    rule = Minibatches(rows, batch_size)
    owners = rule.striped_owners(0, rows, size)
    together = [[] for _ in range(rule.count)]
    for rank in range(size):
        held = np.flatnonzero(owners == rank)
        for batch, mine in enumerate(rule.deal_striped(rank, size)):
            together[batch] += zip(mine.places.tolist(), held[mine.index].tolist(), strict=True)
    assert together == batches(rule, 0, [0, rows])
