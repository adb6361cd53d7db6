"""A fit that cannot be saved ends with an error that says so, and what is no loss of workers is not tried again."""

import os
import signal

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.retry import RetryPolicy, train
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.errors import WorkerLost

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300), pytest.mark.parametrize("name", ["barrier", "shuffle"])]


def rows_that(session, data, happen, folder):
    """A source whose partition 1, once the file `now` is there, first calls `happen`."""
    def read(partition, rows):
        if partition == 1 and (folder / "now").exists():
            with open(folder / "calls", "a") as calls:
                calls.write(".")
            happen()
        return rows

    rows = session.sparkContext.parallelize(list(zip(*data, strict=True)), 2)
    source = as_source(rows.mapPartitionsWithIndex(read))
    (folder / "now").touch()
    return source


def fit(name, job, source, report=None, times=2):
    return train(choose_engine(name, source, 2), job, source, None, report or Report(), RetryPolicy(times=times))


def retries(caplog):
    return [record.message for record in caplog.records if "Retry" in record.message]


def test_losses_in_a_row(cluster, tmp_path, make_job, make_data, caplog, name):
    source = rows_that(cluster, make_data(40), lambda: os.kill(os.getpid(), signal.SIGKILL), tmp_path)
    with pytest.raises(WorkerLost) as caught:
        fit(name, make_job(batch_size=8), source)
    text = str(caught.value)
    assert text.startswith("The fit is given up after 3 losses in a row, 2 retries included; the last one would have "
                           "gone on from the start of the fit. What happened last: ")
    assert ("Worker 1 of 2" if name == "barrier" else "Python worker exited unexpectedly") in text
    assert "spark.bigdl_keras.failure.retryTimes allow more retries. With model.set_checkpoint(path)" in text
    assert "\n" not in text
    assert caught.value.__cause__ is not None
    assert len(retries(caplog)) == 2
    assert len((tmp_path / "calls").read_text()) == (3 if name == "barrier" else 12)  # Spark tries short tasks 4 times
    (tmp_path / "now").unlink()
    assert fit(name, make_job(batch_size=8), source).progress.iteration == 5


def test_an_error_of_the_function_that_makes_rows(cluster, tmp_path, make_job, make_data, caplog, name):
    def divide():
        return 1 / 0

    source = rows_that(cluster, make_data(40), divide, tmp_path)
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        fit(name, make_job(batch_size=8), source)
    assert ", in divide" in str(caught.value.__cause__)
    assert not retries(caplog)


def test_a_loss_that_is_no_number(cluster, tmp_path, make_job, make_data, caplog, name):
    x, y = make_data(40)
    x[33, 1] = np.nan
    source = rows_that(cluster, (x, y), lambda: None, tmp_path)
    with pytest.raises(ValueError, match=r"loss of iteration \d is NaN.*worker \d of 2"):
        fit(name, make_job(batch_size=8), source)
    assert not retries(caplog)


def test_ctrl_c(cluster, tmp_path, make_job, make_data, caplog, name):
    class Interrupter(Report):
        def on_batch_end(self, report, snapshot):
            if report.iteration == 4:
                os.kill(os.getpid(), signal.SIGINT)

    source = rows_that(cluster, make_data(40), lambda: None, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit(name, make_job(epochs=100_000, batch_size=8), source, Interrupter())
    assert not retries(caplog)
    assert not cluster.sparkContext.statusTracker().getActiveJobsIds()
    assert fit(name, make_job(batch_size=8), source).progress.iteration == 5
