import numpy as np
import pytest

from bigdl_keras import ops
from bigdl_keras.data import as_source
from bigdl_keras.engine.job import PredictionJob
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing

pytestmark = pytest.mark.spark


def job(outputs=1, structure=None, batch_size=3):
    """x (3) -> its double, and its first number."""
    x = KerasTensor((None, 3))
    with tracing() as trace:
        results = [ops.multiply(x, 2.0), x[:, 0]][:outputs]
    return PredictionJob(compile_plan(trace, [x], results, {}), np.zeros(0, "float32"), batch_size, structure)


def numbers(rows=11):
    return np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)


def test_an_rdd_answers_with_an_rdd_in_order(spark):
    rdd = spark.sparkContext.parallelize(list(numbers()), 4)
    source = as_source(rdd, labels=False)
    found = choose_engine("auto", source).predict(job(), source)
    np.testing.assert_array_equal(np.stack(found.collect()), numbers() * 2)


def test_several_outputs_are_packed(spark):
    rdd = spark.sparkContext.parallelize([(row, 0) for row in numbers()], 2)
    source = as_source(rdd, labels=False).select([0])
    rows = choose_engine("auto", source).predict(job(2, {"a": 0, "b": 0}), source).collect()
    assert set(rows[0]) == {"a", "b"}
    np.testing.assert_array_equal(np.stack([row["a"] for row in rows]), numbers() * 2)
    np.testing.assert_array_equal([row["b"] for row in rows], numbers()[:, 0])


@pytest.fixture(scope="module")
def frame(spark):
    from pyspark.ml.linalg import Vectors

    rows = [(number, f"name {number}", None, Vectors.dense(row.tolist()), [f"{number}"], row.tolist())
            for number, row in enumerate(numbers())]
    columns = "id int, name string, nothing string, vector vector, tags array<string>, list array<float>"
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.types import StructType

    schema = StructType()
    for part in columns.split(", "):
        name, kind = part.split(" ", 1)
        schema.add(name, VectorUDT()) if kind == "vector" else schema.add(name, session_type(kind))
    return spark.createDataFrame(rows, schema).repartition(3).sortWithinPartitions("id")


def session_type(kind):
    from bigdl_keras.spark.session import sql_type

    return sql_type(kind)


@pytest.mark.parametrize("column", ["list", "vector"])
def test_a_dataframe_keeps_all_columns(frame, column):
    source = as_source(frame, feature_cols=column, labels=False, input_shapes=((3,),))
    found = choose_engine("auto", source).predict_frame(job(), source, "prediction")
    assert found.columns == [*frame.columns, "prediction"]
    assert found.schema["prediction"].dataType.simpleString() == "array<float>"
    before, after = frame.collect(), found.collect()
    assert [row[:-1] for row in after] == [tuple(row) for row in before]
    for row in after:
        assert row["prediction"] == [2 * number for number in row["list"]]


def test_a_dataframe_of_several_outputs(frame):
    source = as_source(frame, feature_cols="list", labels=False, input_shapes=((3,),))
    found = choose_engine("auto", source).predict_frame(job(2), source, "p", ("double", "first"))
    assert found.schema["p"].dataType.simpleString() == "struct<double:array<float>,first:float>"
    for row in found.collect():
        assert (row["p"]["double"], row["p"]["first"]) == ([2 * number for number in row["list"]], row["list"][0])


def test_a_column_of_that_name_is_refused(frame):
    source = as_source(frame, feature_cols="list", labels=False, input_shapes=((3,),))
    with pytest.raises(ValueError, match="already has a column 'id'"):
        choose_engine("auto", source).predict_frame(job(), source, "id")


def test_engines_by_name(spark):
    arrays = as_source(numbers())
    assert choose_engine("auto", arrays).name == "local"
    assert choose_engine("barrier", arrays, 2).workers == 2
    rows = as_source(spark.sparkContext.parallelize(list(numbers()), 3), labels=False)
    assert choose_engine("auto", rows).workers == 3
    with pytest.raises(ValueError, match=r"no engine called 'barier'. Did you mean 'barrier'\?"):
        choose_engine("barier", arrays)
    with pytest.raises(ValueError, match="`workers` must be a positive integer"):
        choose_engine("local", arrays, 0)
