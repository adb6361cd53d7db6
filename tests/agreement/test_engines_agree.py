"""However rows lie, batches fall and work is shared: local, barrier and shuffle give the same weights."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bigdl_keras.data import as_source
from bigdl_keras.engine import shuffle
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine

pytestmark = [pytest.mark.spark, pytest.mark.slow]


@pytest.mark.timeout(600)
@settings(max_examples=8, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4).filter(any), workers=st.sampled_from([1, 2, 3, 5]),
       batch_size=st.integers(5, 12), shuffled=st.booleans(), states=st.booleans(), counted=st.booleans(),
       sliced=st.booleans())
def test_agreement(spark, make_job, make_data, sizes, workers, batch_size, shuffled, states, counted, sliced):
    data = make_data(sum(sizes))
    rows = list(zip(*data, strict=True))
    bounds = np.cumsum([0, *sizes])
    chunks = [rows[bounds[number]:bounds[number + 1]] for number in range(len(sizes))]
    source = as_source(spark.sparkContext.parallelize(chunks, len(chunks)).flatMap(list))
    job = make_job(batch_size=batch_size, shuffle=shuffled, states=states, counted=counted, dropout=0.2)
    expected = choose_engine("local", source).run(job, as_source(*data), None, Report())
    worth = 0 if sliced else shuffle._STAGE_WORTH
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shuffle, "_STAGE_WORTH", worth)
        found = choose_engine("shuffle", source, workers).run(job, source, None, Report())
    results = [found]
    if workers <= 4:  # slots
        results.append(choose_engine("barrier", source, workers).run(job, source, None, Report()))
    for result in results:
        np.testing.assert_allclose(result.values, expected.values, atol=1e-5)
        assert result.progress == expected.progress
