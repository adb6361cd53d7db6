import numpy as np
import pytest

from bigdl_keras.data import Block, Column


def block(rows=5):
    return Block.of([np.arange(rows * 6, dtype=np.float32).reshape(rows, 2, 3), np.arange(rows, dtype=np.int64)])


def same(first, second):
    assert first.rows == second.rows
    for mine, theirs in zip(first.arrays, second.arrays, strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_bytes_and_back(rows):
    same(Block.from_bytes(block(rows).to_bytes()), block(rows))


def test_bytes_that_are_cut_or_foreign_are_refused():
    data = block().to_bytes()
    for wrong in (b"", data[:4], data[:-1], b"x" + data[1:]):
        with pytest.raises(ValueError, match=r"block"):
            Block.from_bytes(wrong)


def test_objects_in_a_header_are_refused():
    data = block(0).to_bytes().replace(b'"<i8"', b'"|O8"')
    with pytest.raises(ValueError, match="holds numbers"):
        Block.from_bytes(data)


def test_take_concatenate_and_cut():
    whole = block(7)
    same(Block.concatenate(whole.cut(60)), whole)
    assert [piece.rows for piece in whole.cut(64)] == [2, 2, 2, 1]
    same(whole.take(np.array([4, 1])), Block.of([array[[4, 1]] for array in whole.arrays]))
    assert np.shares_memory(whole.take(slice(1, 3)).arrays[0], whole.arrays[0])
    same(Block.concatenate([Block.empty([Column("x", (2, 3), "float32"), Column("y", (), "int64")]), whole]), whole)


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="equally many rows"):
        Block.of([np.zeros(3), np.zeros(2)])
