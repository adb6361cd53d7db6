"""What the user reads when something breaks; afterwards the same SparkContext trains again."""

import os
import signal
import time

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.errors import WorkerLost

pytestmark = pytest.mark.cluster


def rows_of(session, data, partitions=2):
    return session.sparkContext.parallelize(list(zip(*data, strict=True)), partitions)


def fit(job, source, report=None):
    return choose_engine("barrier", source, 2).run(job, source, None, report or Report())


def note_process(folder):
    """Have each Python worker of the stage leave its process id in `folder`."""
    def run(partition, rows):
        (folder / str(partition)).write_text(str(os.getpid()))
        return rows
    return run


class Killer(Report):
    """Kills the worker of partition 1 in the middle of the fit."""

    def __init__(self, folder, number=signal.SIGKILL):
        self.folder, self.number, self.killed_at = folder, number, 0.0

    def on_batch_end(self, report, snapshot):
        if report.iteration >= 20 and not self.killed_at:
            self.killed_at = time.monotonic()
            os.kill(int((self.folder / "1").read_text()), self.number)


def test_a_killed_worker(cluster, tmp_path, make_job, make_data):
    data = make_data(40)
    rows = rows_of(cluster, data).mapPartitionsWithIndex(note_process(tmp_path))
    killer = Killer(tmp_path)
    with pytest.raises(WorkerLost, match=r"Worker 1 of 2 on .* died after iteration \d+.*memoryOverhead"):
        fit(make_job(epochs=100_000, batch_size=8), as_source(rows), killer)
    assert time.monotonic() - killer.killed_at < 10
    assert fit(make_job(epochs=2, batch_size=8), as_source(rows)).progress.iteration == 10


def test_a_killed_executor(cluster, tmp_path, make_job, make_data):
    def note_executor(partition, rows):
        daemon = os.getppid()  # the Python daemon; its parent is the executor's JVM
        with open(f"/proc/{daemon}/stat") as file:
            (tmp_path / str(partition)).write_text(file.read().rsplit(")", 1)[1].split()[1])
        return rows

    source = as_source(rows_of(cluster, make_data(40)).mapPartitionsWithIndex(note_executor))
    killer = Killer(tmp_path)
    with pytest.raises(WorkerLost, match=r"Worker 1 of 2 on .* died after iteration"):
        fit(make_job(epochs=100_000, batch_size=8), source, killer)
    assert time.monotonic() - killer.killed_at < 20
    deadline = time.monotonic() + 60  # Spark's cluster starts another executor
    while True:
        try:
            assert fit(make_job(epochs=2, batch_size=8), source).progress.iteration == 10
            return
        except ValueError as error:
            assert "task slots" in str(error)
            assert time.monotonic() < deadline


def test_a_bad_row_is_named(cluster, make_job, make_data):
    x, y = make_data(40)
    rows = list(zip(x, y, strict=True))
    rows[33] = (np.zeros(4, "float32"), y[33])
    source = as_source(cluster.sparkContext.parallelize(rows, 2))
    with pytest.raises(ValueError, match=r"`x` must have shape \(3,\).*partition 1, row 13 has shape \(4,\)"):
        fit(make_job(), source)
    source = as_source(cluster.sparkContext.parallelize(rows, 3))  # dealt by a shuffle
    with pytest.raises(ValueError, match=r"`x` must have shape \(3,\).*partition 2, row 7 has shape \(4,\)"):
        fit(make_job(), source)


def test_an_error_in_a_callback_ends_the_fit(cluster, make_job, make_data):
    class Broken(Report):
        def on_batch_end(self, report, snapshot):
            if report.iteration == 7:
                raise KeyError("mine")

    source = as_source(rows_of(cluster, make_data(40)))
    with pytest.raises(KeyError, match="mine"):
        fit(make_job(epochs=100_000), source, Broken())
    assert fit(make_job(epochs=1, batch_size=8), source).progress.iteration == 5


def test_too_few_slots(cluster, make_job, make_data):
    source = as_source(rows_of(cluster, make_data(40)))
    started = time.monotonic()
    with pytest.raises(ValueError, match=r"5 workers needs 5 task slots at once, but Spark has 2"):
        choose_engine("barrier", source, 5).run(make_job(), source, None, Report())
    assert time.monotonic() - started < 10


def test_an_error_of_the_model_keeps_its_type(cluster, make_job, make_data):
    x, y = make_data(40)
    source = as_source(rows_of(cluster, (x, np.repeat(y, 2, axis=1))[::-1]))  # labels where features should be
    with pytest.raises(ValueError, match=r"matmul cannot multiply.*worker \d of 2"):
        fit(make_job(), source)


def test_a_driver_that_cannot_be_reached(cluster, make_job, make_data, monkeypatch):
    from bigdl_keras.engine.report import Report
    from bigdl_keras.spark import session

    class Recorder(Report):
        heard = ()

        def on_batch_end(self, report, snapshot):
            self.heard = (*self.heard, report.iteration)

    monkeypatch.setattr(session, "driver_host", lambda context: "name.of.no.machine.invalid")
    report = Recorder()
    source = as_source(rows_of(cluster, make_data(40)))
    assert fit(make_job(epochs=1, batch_size=8), source, report).progress.iteration == 5
    assert report.heard == (1, 2, 3, 4, 5)
