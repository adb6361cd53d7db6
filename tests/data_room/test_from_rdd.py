import numpy as np
import pytest

from bigdl_keras.data import Sample, as_source

pytestmark = pytest.mark.spark


def rows(count=7):
    rng = np.random.default_rng(0)
    return [(rng.random((2, 3)), int(number % 3)) for number in range(count)]


def test_pairs(spark):
    data = rows()
    source = as_source(spark.sparkContext.parallelize(data, 3))
    block = source.read()
    assert [column.name for column in source.columns] == ["x", "y"]
    assert [array.dtype.str for array in block.arrays] == ["<f4", "<i8"]
    np.testing.assert_allclose(block.arrays[0], np.stack([x for x, _ in data]), rtol=1e-6)
    np.testing.assert_array_equal(block.arrays[1], [y for _, y in data])


def test_samples_weights_lists_and_empty_partitions(spark):
    context = spark.sparkContext
    samples = context.parallelize([Sample.from_ndarray(x, np.array(y)) for x, y in rows(2)], 4)
    assert [array.shape for array in as_source(samples).read().arrays] == [(2, 2, 3), (2,)]
    assert [array.shape for array in as_source(samples, labels=False).read().arrays] == [(2, 2, 3)]
    weighted = context.parallelize([([1.0, 2.0], 1, 0.5), ([3.0, 4.0], 0, 1.0)], 2)
    block = as_source(weighted).read()
    np.testing.assert_array_equal(block.arrays[0], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(block.arrays[2], [0.5, 1.0])


def test_nests(spark):
    data = [({"a": np.ones(2), "b": np.full(3, number)}, (number, number + 1)) for number in range(3)]
    source = as_source(spark.sparkContext.parallelize(data, 2), input_shapes=((2,), (3,)), outputs=2)
    assert (source.structure.x, source.structure.y) == ({"a": 0, "b": 1}, (2, 3))
    assert [array.shape for array in source.select([1, 3]).read().arrays] == [(3, 3), (3,)]


@pytest.mark.parametrize(("data", "inputs", "shapes"), [
    ([np.zeros(3)] * 2, 1, [(2, 3)]),
    ([(np.zeros(3), 1)] * 2, 1, [(2, 3)]),
    ([(np.zeros(3), np.zeros(2))] * 2, 2, [(2, 3), (2, 2)]),
    ([((np.zeros(3), np.zeros(2)), 1)] * 2, 2, [(2, 3), (2, 2)]),
    ([[1.0, 2.0]] * 2, 1, [(2, 2)]),
    ([Sample.from_ndarray(np.zeros(3))] * 2, 1, [(2, 3)]),
])
def test_rows_to_predict_for(spark, data, inputs, shapes):
    source = as_source(spark.sparkContext.parallelize(data, 2), labels=False, input_shapes=((None,),) * inputs)
    assert [array.shape for array in source.read().arrays] == shapes


GOOD = (np.zeros(2), 0)


@pytest.mark.parametrize(("bad", "match"), [
    ((np.zeros(3), 0), r"`x` must have shape \(2,\).*partition 1, row 1 has shape \(3,\)"),
    ((np.array([None, 1.0], dtype=object), 0), "`x` must be numbers. partition 1, row 1"),
    ((np.zeros(2), None), "`y` must be numbers. partition 1, row 1"),
    ((np.zeros(2), 0.5), "`y` is int64 in the first row of the RDD, but float64 in partition 1, row 1"),
    ((np.zeros(2), 0, 1.0), "partition 1, row 1 has 3"),
    (np.zeros(2), "partition 1, row 1 holds an array"),
    (([[1.0], [2.0, 3.0]], 0), "partition 1, row 1 is ragged"),
])
def test_bad_rows_are_named(spark, bad, match):
    from bigdl_keras.data.from_rdd import read_pieces

    source = as_source(spark.sparkContext.parallelize([GOOD, GOOD], 2))
    with pytest.raises((ValueError, TypeError), match=match):
        list(read_pieces(source.reader, iter, 1, [GOOD, bad, GOOD]))


@pytest.mark.parametrize(("data", "match"), [
    ([], "empty"), ([np.zeros(3)], "must be a tuple"), ([("a", 1)], "`x` of the first row must be a number"),
    ([Sample.from_ndarray(np.zeros(3))], "no label"),
])
def test_first_row_is_checked_on_the_driver(spark, data, match):
    with pytest.raises((ValueError, TypeError), match=match):
        as_source(spark.sparkContext.parallelize(data, 1))
