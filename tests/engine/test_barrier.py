"""The barrier engine cleans up behind itself."""

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine

pytestmark = pytest.mark.spark


def rows_of(spark, data, partitions=2):
    return as_source(spark.sparkContext.parallelize(list(zip(*data, strict=True)), partitions))


def fit(job, source, validation=None, report=None):
    return choose_engine("barrier", source, 2).run(job, source, validation, report or Report())


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_nothing_is_left_behind(spark, make_job, make_data):
    source = rows_of(spark, make_data(40))
    held = as_source(*make_data(10))
    job = make_job(batch_size=8)
    for _ in range(3):
        fit(job, source, held)
    threads, files = threading.active_count(), open_files()
    for _ in range(5):
        fit(job, source, held)
    assert threading.active_count() <= threads
    assert open_files() <= files + 2
    assert not list(spark.sparkContext._jsc.getPersistentRDDs().values())


def test_two_fits_at_once(spark, make_job, make_data):
    source, job = rows_of(spark, make_data(40)), make_job(epochs=5, batch_size=8)
    expected = fit(job, source).values
    found = {}

    def run(number):
        found[number] = fit(job, source).values

    threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for number in range(2):
        np.testing.assert_array_equal(found[number], expected)


def test_ctrl_c(spark, make_job, make_data):
    class Interrupter(Report):
        def on_batch_end(self, report, snapshot):
            if report.iteration == 5:
                os.kill(os.getpid(), signal.SIGINT)

    source = rows_of(spark, make_data(40))
    with pytest.raises(KeyboardInterrupt):
        fit(make_job(epochs=100_000, batch_size=8), source, None, Interrupter())
    assert fit(make_job(batch_size=8), source).progress.iteration == 5
    assert not spark.sparkContext.statusTracker().getActiveJobsIds()


def test_the_users_rdd_is_left_as_it_is(spark, make_job, make_data):
    rdd = spark.sparkContext.parallelize(list(zip(*make_data(40), strict=True)), 3).cache()
    source = as_source(rdd)
    fit(make_job(batch_size=8), source)
    assert rdd.is_cached
    rdd.unpersist()


def test_arrays_on_the_gang(spark, make_job, make_data):
    data = make_data(40)
    found = choose_engine("barrier", as_source(*data), 2).run(make_job(batch_size=8), as_source(*data), None, Report())
    expected = choose_engine("local", as_source(*data)).run(make_job(batch_size=8), as_source(*data), None, Report())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
