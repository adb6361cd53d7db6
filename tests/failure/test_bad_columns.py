"""A bad cell of a DataFrame is found in an executor, and named on the driver."""

import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine

pytestmark = pytest.mark.spark


@pytest.mark.parametrize(("bad", "match"), [
    ("[1, 2, 3]", None),
    ("null", "Column 'x' has a null in partition [01], row"),
    ("[1, null, 3]", "Column 'x' has a null in partition [01], row"),
    ("[1, 2, 3, 4]", "Column 'x' must hold arrays of one length. Partition [01], row"),
])
@pytest.mark.parametrize("workers", [2, 3])
def test_bad_cell(spark, make_job, bad, match, workers):
    text = "cast(from_json('{}', 'array<double>') as array<float>)"
    frame = spark.range(40, numPartitions=2).selectExpr(
        f"if(id = 25, {text.format(bad)}, {text.format('[1, 2, 3]')}) as x", "array(double(id)) as y")
    source = as_source(frame, feature_cols="x", label_cols="y")
    engine = choose_engine("auto", source, workers)
    if match is None:
        assert engine.run(make_job(batch_size=8), source, None, Report()).progress.iteration == 5
        return
    with pytest.raises(ValueError, match=match):
        engine.run(make_job(batch_size=8), source, None, Report())
