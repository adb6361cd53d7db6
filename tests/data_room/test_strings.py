"""Strings become numbers where rows become columns: what runs in executors, called with what Spark would hand it."""

from __future__ import annotations

from functools import partial

import cloudpickle
import numpy as np
import pyarrow
import pytest

from bigdl_keras.data import ArraySource, Column, Encoded
from bigdl_keras.data.from_dataframe import PREPARED, ArrowReader, Group
from bigdl_keras.data.from_rdd import RowReader
from bigdl_keras.data.summarizing import _states_of_batches, _states_of_rows
from bigdl_keras.kernels.encoding import CrossEncoder, TableEncoder

ENCODER = TableEncoder((b"a", b"b"))
WORD = Encoded("word", ENCODER, ((0, (1,), None),))
CROSSED = Encoded("crossed", CrossEncoder(7), ((0, (1,), None), (1, (1,), "int32")))
ORDER = (1, WORD, CROSSED)
WORDS, NUMBERS = ["a", "zz", "b", "a"], [5, 6, 7, 8]
EXPECTED = [np.asarray(NUMBERS), np.array([[1], [0], [2], [1]]),
            CrossEncoder(7)(np.array(WORDS)[:, None], np.array(NUMBERS)[:, None])]


def _same(block, rows=slice(None)):
    for array, expected in zip(block.arrays, EXPECTED, strict=True):
        np.testing.assert_array_equal(array, expected[rows])


def test_arrays():
    source = ArraySource([np.array(WORDS), np.array(NUMBERS)], strings=True).select(ORDER)
    _same(source.read())
    assert [column.name for column in source.columns] == ["x[1]", "word", "crossed"]
    assert [column.shape for column in source.columns] == [(), (1,), (1,)]
    with pytest.raises(TypeError, match="StringLookup"):
        ArraySource(np.array(WORDS), strings=True).select([0])


def test_rows_of_an_rdd():
    columns = (Column("x[0]", (), "|O"), Column("x[1]", (), "<i8"))
    reader = cloudpickle.loads(cloudpickle.dumps(RowReader((0, 1), False, columns, ORDER)))
    _same(next(reader.read(0, list(zip(WORDS, NUMBERS, strict=True)))))
    _same(next(reader.read(0, [])), slice(0, 0))
    with pytest.raises(TypeError, match="partition 3, row 1 holds NoneType"):
        next(reader.read(3, [("a", 1), (None, 2)]))


def _batch(words, numbers):
    names = [PREPARED.format(0), PREPARED.format(1)]
    return pyarrow.RecordBatch.from_arrays([pyarrow.array(words, "string"), pyarrow.array(numbers, "int64")], names)


def test_columns_of_a_dataframe():
    groups = (Group(("word",), (0,), Column("word", (), "|O")), Group(("number",), (1,), Column("number", (), "<i8")))
    reader = cloudpickle.loads(cloudpickle.dumps(ArrowReader(groups, ORDER)))
    first, second = reader.read(0, [_batch(WORDS[:3], NUMBERS[:3]), _batch(WORDS[3:], NUMBERS[3:])])
    _same(first, slice(0, 3))
    _same(second, slice(3, 4))
    _same(next(reader.read(0, [])), slice(0, 0))
    with pytest.raises(ValueError, match="'word' has a null in partition 0, row 1"):
        next(reader.read(0, [_batch(["a", None], [1, 2])]))


def test_states_are_merged_where_rows_lie():
    measure, merge = partial(np.unique), partial(np.union1d)
    states = list(_states_of_rows(measure, merge, iter(["b", "a", "b"])))
    assert [state.tolist() for state in states] == [["a", "b"]]
    assert not list(_states_of_rows(measure, merge, iter([])))
    column = [pyarrow.RecordBatch.from_pydict({"w": pyarrow.array(words, "string")})
              for words in (["b"], [], ["a", "b"])]
    answers = list(_states_of_batches(measure, merge, column))
    assert [cloudpickle.loads(answer.column(0)[0].as_py()).tolist() for answer in answers] == [["a", "b"]]
