"""Short tasks that die are run again by Spark: the fit goes on, and its weights are those of an undisturbed run."""

import contextlib
import os
import re
import signal

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine import chain, shuffle
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.retry import RetryPolicy, train
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.optimizers import Adam

pytestmark = pytest.mark.cluster


def note_processes(folder):
    """Have the Python worker of each partition leave its own number and that of its executor's JVM in `folder`."""
    def run(partition, rows):
        with open(f"/proc/{os.getppid()}/stat") as file:  # the Python daemon; its parent is the executor's JVM
            executor = file.read().rsplit(")", 1)[1].split()[1]
        (folder / str(partition)).write_text(f"{os.getpid()} {executor}")
        return rows
    return run


class Killer(Report):
    """Sends a signal to the worker (0) or the executor (1) of partition 1 after four iterations."""

    def __init__(self, folder, which, number=signal.SIGKILL):
        self.folder, self.which, self.number, self.killed = folder, which, number, 0

    def on_batch_end(self, report, snapshot):
        if report.iteration == 4 and not self.killed:
            self.killed = int((self.folder / "1").read_text().split()[self.which])
            os.kill(self.killed, self.number)


@pytest.mark.parametrize("hidden", [5, 2000], ids=["small", "large"])  # what is large lies in files
@pytest.mark.parametrize("sliced", [False, True])
@pytest.mark.parametrize("which", [0, 1], ids=["worker", "executor"])
@pytest.mark.timeout(400)
def test_a_death_changes_nothing(cluster, tmp_path, make_job, make_data, monkeypatch, which, sliced, hidden):
    if sliced:
        monkeypatch.setattr(shuffle, "_STAGE_WORTH", 0)
    data, job = make_data(24), make_job(epochs=2, batch_size=6, states=True, hidden=hidden, optimizer=Adam(0.01))
    rows = cluster.sparkContext.parallelize(list(zip(*data, strict=True)), 2)
    noted = as_source(rows.mapPartitionsWithIndex(note_processes(tmp_path)))
    killer = Killer(tmp_path, which)
    engine = choose_engine("shuffle", noted, 2)
    found = engine.run(job, noted, as_source(*make_data(9, seed=2)), killer)
    assert killer.killed
    expected = choose_engine("local", noted).run(job, as_source(*data), as_source(*make_data(9, seed=2)), Report())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    assert found.progress == expected.progress
    if not sliced:
        return
    undisturbed = engine.run(job, noted, None, Report())
    np.testing.assert_array_equal(found.values, undisturbed.values)


def train_through_a_stop(session, folder, make_job, make_data, which, timeout_seconds):
    """A fit whose worker or executor is stopped ends as one that is not disturbed."""
    data, job = make_data(24), make_job(epochs=2, batch_size=6, dropout=0.2, timeout_seconds=timeout_seconds)
    rows = session.sparkContext.parallelize(list(zip(*data, strict=True)), 2)
    source = as_source(rows.mapPartitionsWithIndex(note_processes(folder)))
    engine = choose_engine("shuffle", source, 2)
    expected = engine.run(job, source, None, Report())
    killer = Killer(folder, which, signal.SIGSTOP)
    try:
        found = train(engine, job, source, None, killer, RetryPolicy(snapshot_seconds=0.0))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(killer.killed, signal.SIGKILL)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.progress == expected.progress


@pytest.mark.timeout(300)
def test_a_worker_that_hangs(cluster, tmp_path, make_job, make_data, caplog):
    train_through_a_stop(cluster, tmp_path, make_job, make_data, 0, timeout_seconds=4.0)
    lines = [record.message for record in caplog.records if "Retry" in record.message]
    assert len(lines) == 1
    assert re.match(r"No task of a round has ended for 4 seconds, though some run\. Retry 1 of 5", lines[0])


@pytest.mark.timeout(300)
def test_rows_that_have_gone_are_written_again(cluster, make_job, make_data):
    class Remover(Report):
        def on_epoch_end(self, report, snapshot):
            for handles in rows_on_disk():
                handles.delete()

    import pickle

    kept = []
    keep = chain.kept_rows

    def remember(*arguments):
        totals, rows = keep(*arguments)
        kept.append(rows)
        return totals, rows

    def rows_on_disk():
        return [handle for record in kept[0].collect() for handle in pickle.loads(record)[1]]

    data, job = make_data(12), make_job(epochs=2, batch_size=6)
    source = as_source(cluster.sparkContext.parallelize(list(zip(*data, strict=True)), 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "kept_rows", remember)
        found = choose_engine("shuffle", source, 2).run(job, source, None, Remover())
    expected = choose_engine("local", source).run(job, as_source(*data), None, Report())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


@pytest.mark.timeout(300)
def test_an_executor_that_hangs(impatient_cluster, tmp_path, make_job, make_data, caplog):
    """Spark gives it up, and has its tasks run elsewhere; there is nothing to begin again."""
    train_through_a_stop(impatient_cluster, tmp_path, make_job, make_data, 1, timeout_seconds=300.0)
    assert not any("Retry" in record.message for record in caplog.records)
