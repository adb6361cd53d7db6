"""Every fault we can cause, on a Spark of several processes: the fit ends with the weights of an undisturbed one."""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.checkpoints import CheckpointFolder
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.retry import Keep, RetryPolicy, train
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.engine.triggers import SeveralIteration

pytestmark = pytest.mark.cluster

POLICY = RetryPolicy(snapshot_seconds=0.05)
FAULT_AT = 303


def rows_of(session, data, folder):
    """An RDD of two partitions, whose Python workers leave their process ids and those of their executors."""
    def note_processes(partition, rows):
        with open(f"/proc/{os.getppid()}/stat") as file:  # the Python daemon; its parent is the executor's JVM
            executor = file.read().rsplit(")", 1)[1].split()[1]
        (folder / f"worker-{partition}").write_text(str(os.getpid()))
        (folder / f"executor-{partition}").write_text(executor)
        return rows

    return session.sparkContext.parallelize(list(zip(*data, strict=True)), 2).mapPartitionsWithIndex(note_processes)


class Fault(Report):
    """Sends a signal to processes in the middle of an epoch, and watches how the fit goes on."""

    def __init__(self, files, number):
        self.files, self.number, self.struck = files, number, []
        self.iterations, self.begun = [], []
        self.happened_at = self.heard_at = self.pause = 0.0

    def on_epoch_begin(self, epoch):
        self.begun.append(epoch)

    def on_batch_end(self, report, snapshot):
        self.iterations.append(report.iteration)
        if self.happened_at:
            self.pause = max(self.pause, time.monotonic() - self.heard_at)
        elif report.iteration == FAULT_AT:
            self.struck = [int(file.read_text()) for file in self.files]
            for process in self.struck:
                os.kill(process, self.number)
            self.happened_at = time.monotonic()
        self.heard_at = time.monotonic()

    def clear_away(self):
        """Nothing stays behind that is stopped."""
        for process in self.struck:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@pytest.fixture
def recover(tmp_path, make_job, make_data, record_property):
    """Trains through a fault and without it."""
    def run(session, *arguments, **settings):
        fault = _recover(session, tmp_path, make_job, make_data, *arguments, **settings)
        record_property("seconds until the fit was as far as before", round(fault.pause, 2))
        return fault

    return run


def _recover(session, folder, make_job, make_data, processes, number, policy=POLICY, keeps=(),
             timeout_seconds=300.0):
    job = make_job(epochs=120, batch_size=8, dropout=0.2, timeout_seconds=timeout_seconds)
    source = as_source(rows_of(session, make_data(40), folder))
    engine = choose_engine("barrier", source, 2)
    expected = engine.run(job, source, None, Report())
    fault = Fault([folder / process for process in processes], number)
    try:
        result = train(engine, job, source, None, fault, policy, keeps)
    finally:
        fault.clear_away()
    assert fault.iterations == list(range(1, 601))  # each is heard of once, also those that were computed twice
    assert fault.begun == list(range(120))
    assert result.progress == expected.progress
    np.testing.assert_array_equal(result.values, expected.values)
    for slot, vector in expected.optimizer_state.items():
        np.testing.assert_array_equal(result.optimizer_state[slot], vector)
    return fault


def retries(caplog):
    return [record.message for record in caplog.records if "Retry" in record.message]


def test_a_killed_python_worker(cluster, recover, caplog):
    recover(cluster, ["worker-1"], signal.SIGKILL)
    lines = retries(caplog)
    assert len(lines) == 1
    assert re.match(r"Worker \d of 2 on \S+ died after iteration \d+\. Retry 1 of 5 goes on from iteration \d+ "
                    r"\(epoch \d+.*\); \d+ iterations are done again\.", lines[0])


@pytest.mark.parametrize("every", [None, 50])
def test_a_worker_killed_after_a_checkpoint_or_before_any(cluster, recover, tmp_path, caplog, every):
    keeps = [] if every is None else [Keep(CheckpointFolder(tmp_path / "kept"), SeveralIteration(every))]
    recover(cluster, ["worker-0"], signal.SIGKILL, policy=RetryPolicy(snapshot_seconds=1e9), keeps=keeps)
    [line] = retries(caplog)
    if every is None:
        assert "goes on from the start of the fit; " in line
    else:
        assert int(re.search(r"goes on from iteration (\d+) ", line)[1]) in range(300, 600, every)


def test_a_killed_executor(cluster, recover):
    recover(cluster, ["executor-1"], signal.SIGKILL)


def test_a_worker_that_hangs(cluster, recover):
    fault = recover(cluster, ["worker-0"], signal.SIGSTOP, timeout_seconds=3.0)
    assert fault.pause < 60


def test_an_error_of_the_user_is_not_retried(cluster, tmp_path, make_job, make_data):
    x, y = make_data(40)
    source = as_source(rows_of(cluster, (x, np.repeat(y, 2, axis=1))[::-1], tmp_path))
    with pytest.raises(ValueError, match=r"matmul cannot multiply.*worker \d of 2"):
        train(choose_engine("barrier", source, 2), make_job(), source, None, Report(), POLICY)


SCRIPT = """
    import os, signal, sys
    import numpy as np
    import bigdl_keras as bk
    from pyspark.sql import SparkSession

    folder, fault, result, engine = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").config("spark.ui.enabled", "false")
    session = builder.config("spark.executor.memory", "512m").config("spark.driver.host", "127.0.0.1").getOrCreate()

    class PowerCut(bk.callbacks.Callback):
        only_watches = True

        def on_iteration_end(self, iteration):
            if iteration.iteration == fault:
                os.kill(os.getpid(), signal.SIGKILL)

    def fit(**arguments):
        bk.set_random_seed(4)
        model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(5, "tanh"), bk.layers.Dropout(0.2), bk.layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        if arguments["resume"]:
            model.set_checkpoint(folder, bk.triggers.SeveralIteration(6))
        x = np.random.default_rng(0).normal(size=(80, 3)).astype("float32")
        rows = session.sparkContext.parallelize([(row, row.sum(keepdims=True)) for row in x], 2)
        model.fit(rows, batch_size=8, epochs=8, seed=1, verbose=0, engine=engine, callbacks=[PowerCut()],
                  **arguments)
        return model

    resumed = fit(resume=True)
    fault = 0
    np.savez(result, *resumed.get_weights(), *fit(resume=False).get_weights(), *resumed.history.history["mae"])
    session.stop()
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["barrier", "shuffle"])
def test_a_killed_driver(tmp_path, engine):
    script, folder, result = tmp_path / "train.py", tmp_path / "checkpoints", tmp_path / "result.npz"
    script.write_text(textwrap.dedent(SCRIPT))

    def run(fault):
        return subprocess.run([sys.executable, script, folder, str(fault), result, engine], capture_output=True,
                              text=True)

    assert run(33).returncode == -signal.SIGKILL
    newest = sorted(path.name for path in folder.iterdir())[-1]
    assert newest in ("checkpoint-0000000030.npz", "checkpoint-0000000024.npz")
    again = run(0)
    assert again.returncode == 0, again.stderr
    arrays = list(np.load(result).values())
    for mine, theirs in zip(arrays[:4], arrays[4:8], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len(arrays) == 4 + 4 + 8  # a value of the metric for each epoch, those before the fault included


def test_an_executor_that_hangs(impatient_cluster, recover, caplog):
    """Its Python worker goes on to the end, but the result does not come; Spark gives the executor up."""
    recover(impatient_cluster, ["executor-1"], signal.SIGSTOP)
    assert re.match(r"Worker 1 of 2 on \S+ was given up by Spark after iteration 600\.", retries(caplog)[0])


def test_a_machine_that_hangs(impatient_cluster, recover, caplog):
    """The other worker notices before Spark does, and the retry waits for the slot that Spark believes taken."""
    with caplog.at_level(logging.WARNING):
        recover(impatient_cluster, ["executor-1", "worker-1"], signal.SIGSTOP, timeout_seconds=2.0)
    assert len(retries(caplog)) == 1


def test_results_that_do_not_come(impatient_cluster, recover, caplog):
    """We are less patient than Spark."""
    recover(impatient_cluster, ["executor-1"], signal.SIGSTOP, timeout_seconds=2.0)
    assert retries(caplog)[0].startswith("All 2 workers have finished, but Spark has not brought their results for 2 s")
    assert any(re.match(r"Spark has 1 of 2 task slots free: the retry waits for the others for up to 60 s\.",
                        record.message) for record in caplog.records)
