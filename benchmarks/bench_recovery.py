"""What does a fault cost? Each kind of fault in the middle of a fit, beside an undisturbed fit in the same run.

Two executors of one core, processes of their own on this machine. Seconds lost are those of the whole fit, from its
call to its return, less those of the undisturbed one; a killed driver also pays for starting Python and Spark again.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import harness

harness.one_thread()

import numpy as np  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

import bigdl_keras as bk  # noqa: E402

ROWS, BATCH, FEATURES = 2_000, 100, 100
EPOCHS = {"barrier": 200, "shuffle": 6}  # a few seconds of training
FAULTS = {
    "Python worker, kill -9": ("worker", signal.SIGKILL),
    "executor JVM, kill -9": ("executor", signal.SIGKILL),
    "Python worker, SIGSTOP": ("worker", signal.SIGSTOP),
    "executor JVM, SIGSTOP": ("executor", signal.SIGSTOP),
}
DRIVER = "driver, kill -9, started again"
CONF = {
    "spark.network.timeout": "10s",  # Spark's own: 120 s
    "spark.executor.heartbeatInterval": "1s",
    "spark.network.timeoutInterval": "1s",
    "spark.bigdl_keras.failure.timeoutSeconds": "5",
    "spark.bigdl_keras.failure.snapshotSeconds": "1",
}


@dataclass
class Cost:
    """Of one fault."""

    fault: str
    engine: str
    seconds_undisturbed: float
    seconds_lost: float
    iterations_again: int
    retries: int


def session() -> SparkSession:
    """Spark on two executors that are quick to be given up."""
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("bench_recovery")
    settings = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.executor.memory": "512m",
                "spark.driver.host": "127.0.0.1", "spark.python.unix.domain.socket.enabled": "true", **CONF}
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def note_processes(folder: Path, partition: int, rows: Iterator[Any]) -> Iterator[Any]:
    """Leave the numbers of this Python worker and of its executor's JVM in `folder`."""
    stat = Path(f"/proc/{os.getppid()}/stat").read_text()  # the Python daemon; its parent is the JVM
    (folder / f"worker-{partition}").write_text(str(os.getpid()))
    (folder / f"executor-{partition}").write_text(stat.rsplit(")", 1)[1].split()[1])
    return rows


class Strike(bk.callbacks.Callback):
    """Sends a signal to a process once, at an iteration."""

    only_watches = True

    def __init__(self, iteration: int, process: Path | int, number: int) -> None:
        super().__init__()
        self.iteration, self.process, self.number = iteration, process, number
        self.first = self.struck = 0

    def on_iteration_end(self, iteration: Any) -> None:
        """See `Callback`."""
        self.first = self.first or iteration.iteration
        if iteration.iteration == self.iteration and not self.struck:
            self.struck = self.process if isinstance(self.process, int) else int(self.process.read_text())
            os.kill(self.struck, self.number)

    def clear_away(self) -> None:
        """Nothing stays behind that is stopped."""
        if self.struck:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.struck, signal.SIGKILL)


class Retries(logging.Handler):
    """Counts retries, and the iterations that they do again, by what the log says."""

    def __init__(self) -> None:
        super().__init__()
        self.count = self.iterations = 0

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        found = re.search(r"Retry \d+ of .*; (\d+) iterations are done again", record.getMessage())
        if found:
            self.count += 1
            self.iterations += int(found[1])


def fit(spark: SparkSession, engine: str, folder: Path, *callbacks: bk.callbacks.Callback, checkpoints: bool = False,
        epochs: int | None = None) -> tuple[float, list[np.ndarray]]:
    """Seconds that a fit took, and its weights."""
    random = np.random.default_rng(0)
    x = random.standard_normal((ROWS, FEATURES)).astype("float32")
    rows = spark.sparkContext.parallelize([(row, row[:1]) for row in x], 2)
    bk.set_random_seed(1)
    model = bk.Sequential([bk.Input((FEATURES,)), bk.layers.Dense(100, "tanh"), bk.layers.Dropout(0.2),
                           bk.layers.Dense(1)])
    model.compile("adam", "mse")
    if checkpoints:
        model.set_checkpoint(str(folder / "checkpoints"), bk.triggers.SeveralIteration(20))
    start = time.perf_counter()
    model.fit(rows.mapPartitionsWithIndex(partial(note_processes, folder)), batch_size=BATCH,
              epochs=epochs or EPOCHS[engine], engine=engine, seed=1, verbose=0, callbacks=[*callbacks],
              resume=checkpoints)
    return time.perf_counter() - start, model.get_weights()


def middle(engine: str) -> int:
    """The iteration at which faults happen: not one of those that end an epoch or write a checkpoint."""
    return EPOCHS[engine] // 2 * (ROWS // BATCH) + 13


def of_processes(spark: SparkSession, engine: str) -> Iterator[Cost]:
    """The cost of each fault of a worker or an executor."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fit(spark, engine, folder, epochs=2)
        calm, expected = fit(spark, engine, folder)
        for fault, (process, number) in FAULTS.items():
            retries, strike = Retries(), Strike(middle(engine), folder / f"{process}-1", number)
            logging.getLogger("bigdl_keras").addHandler(retries)
            try:
                seconds, weights = fit(spark, engine, folder, strike)
            finally:
                strike.clear_away()
                logging.getLogger("bigdl_keras").removeHandler(retries)
            for mine, theirs in zip(weights, expected, strict=True):
                np.testing.assert_allclose(mine, theirs, atol=1e-5)
            yield Cost(fault, engine, calm, seconds - calm, retries.iterations, retries.count)


def of_driver(engine: str) -> Cost:
    """The cost of a killed driver's process, whose script is started again."""
    with tempfile.TemporaryDirectory() as name:
        def run(which: str, strike: int) -> tuple[float, subprocess.CompletedProcess[str]]:
            command = [sys.executable, __file__, "--script", engine, str(Path(name) / which), str(strike)]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return time.perf_counter() - start, done

        calm, undisturbed = run("calm", 0)
        before, killed = run("killed", middle(engine))
        after, resumed = run("killed", 0)
        if (undisturbed.returncode, killed.returncode, resumed.returncode) != (0, -signal.SIGKILL, 0):
            raise RuntimeError(f"A script ended otherwise than it should have: {undisturbed} {killed} {resumed}")
        again = middle(engine) - int(resumed.stdout.split()[-1]) + 1
        return Cost(DRIVER, engine, calm, before + after - calm, again, 0)


def script(engine: str, folder: Path, iteration: int) -> None:
    """What a user starts again: one fit with checkpoints. It says at which iteration it began."""
    folder.mkdir(exist_ok=True)
    spark = session()
    strike = Strike(iteration, os.getpid(), signal.SIGKILL)
    fit(spark, engine, folder, strike, checkpoints=True)
    spark.stop()
    print(strike.first)


def main() -> None:
    """Cause each fault and print one line for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", action="append", choices=list(EPOCHS), help="may be given twice; default: both")
    parser.add_argument("--script", nargs=3, metavar=("ENGINE", "FOLDER", "ITERATION"), help="used by itself")
    arguments = parser.parse_args()
    if arguments.script:
        engine, folder, iteration = arguments.script
        script(engine, Path(folder), int(iteration))
        return
    print(f"{'fault':<32} {'engine':<8} {'undisturbed s':>13} {'lost s':>7} {'iterations again':>17} {'retries':>8}")
    costs = []
    for engine in arguments.engine or EPOCHS:
        spark = session()
        for cost in of_processes(spark, engine):
            costs.append(show(cost))
        spark.stop()
        costs.append(show(of_driver(engine)))
    print(f"written to {harness.write('recovery', {'conf': CONF, 'costs': [vars(cost) for cost in costs]})}")


def show(cost: Cost) -> Cost:
    """Print a line of the table."""
    print(f"{cost.fault:<32} {cost.engine:<8} {cost.seconds_undisturbed:>13.1f} {cost.seconds_lost:>7.1f} "
          f"{cost.iterations_again:>17} {cost.retries:>8}", flush=True)
    return cost


if __name__ == "__main__":
    main()
