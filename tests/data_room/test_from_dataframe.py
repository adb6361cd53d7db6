import numpy as np
import pytest

from bigdl_keras.data import as_source

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def frame(spark):
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import Row

    rows = [Row(age=number, rich=number % 2 == 0, pixels=[float(number), 1.0, 2.0, 3.0], name=f"n{number}",
                vector=Vectors.sparse(3, {1: float(number)}) if number % 2 else Vectors.dense(number, 1, 2),
                label=number % 3, weight=0.5) for number in range(7)]
    return spark.createDataFrame(spark.sparkContext.parallelize(rows, 3))


def test_scalars_form_one_matrix(frame):
    source = as_source(frame, feature_cols=["age", "rich"], label_cols="label", weight_col="weight")
    block = source.read()
    np.testing.assert_array_equal(block.arrays[0], [[n, n % 2 == 0] for n in range(7)])
    np.testing.assert_array_equal(block.arrays[1], np.arange(7) % 3)
    np.testing.assert_array_equal(block.arrays[2], np.full(7, 0.5))
    assert (source.structure.x, source.structure.y, source.structure.weights) == (0, 1, 2)


def test_vectors_arrays_and_scalars_together(frame):
    block = as_source(frame, feature_cols=["vector", "pixels", "age"], label_cols=["label"]).read()
    vectors = [[0, n, 0] if n % 2 else [n, 1, 2] for n in range(7)]
    np.testing.assert_array_equal(block.arrays[0], [[*vectors[n], n, 1, 2, 3, n] for n in range(7)])
    assert block.arrays[0].dtype == np.float32


def test_flat_arrays_take_the_shape_of_the_input(frame):
    source = as_source(frame, feature_cols="pixels", labels=False, input_shapes=((2, 2, 1),))
    assert source.read().arrays[0].shape == (7, 2, 2, 1)


def test_one_column_per_input(frame):
    source = as_source(frame, feature_cols=["vector", "age"], label_cols="label", input_shapes=((3,), ()))
    assert source.structure.x == (0, 1)
    assert [array.shape for array in source.select([2, 0]).read().arrays] == [(7,), (7, 3)]
    with pytest.raises(ValueError, match="must name 2 columns"):
        as_source(frame, feature_cols=["vector"], label_cols="label", input_shapes=((3,), ()))


@pytest.mark.parametrize(("arguments", "match"), [
    ({"feature_cols": "agee", "label_cols": "label"}, r"no column 'agee'. Did you mean 'age'\?.*'pixels'"),
    ({"feature_cols": "name", "label_cols": "label"}, "'name' is of type string"),
    ({"feature_cols": "age"}, "`label_cols` must name the columns"),
    ({"label_cols": "age"}, "`feature_cols` must name the columns"),
])
def test_bad_columns(frame, arguments, match):
    with pytest.raises(ValueError, match=match):
        as_source(frame, **arguments)


def test_bad_cells_are_named():
    import pyarrow as pa

    from bigdl_keras.data.from_dataframe import column_values

    with pytest.raises(ValueError, match="'a' has a null in partition 2, row 11"):
        column_values(pa.array([1.0, None]), "a", 2, 10)
    with pytest.raises(ValueError, match=r"one length. Partition 2, row 11 has 1 elements, rows before it 2"):
        column_values(pa.array([[1.0, 2.0], [3.0]]), "a", 2, 10)
    with pytest.raises(ValueError, match="null in partition 0, row 1"):
        column_values(pa.array([[1.0, 2.0], [3.0, None]]), "a", 0, 0)
    assert column_values(pa.array([[[1], [2]], [[3], [4]]]), "a", 0, 0).shape == (2, 2, 1)


def test_empty(frame):
    with pytest.raises(ValueError, match="empty"):
        as_source(frame.filter("age < 0"), feature_cols="age", label_cols="label")
