"""Fixtures shared by all rooms: Spark sessions and the files that real Keras wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
FIXTURES = REPOSITORY.parent / "shared" / "fixtures" / "public"

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


def _session(master: str, **conf: str) -> Any:
    """The running session if it has this master, else a new one in its place: a process has one SparkContext."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    running = SparkContext._active_spark_context
    if running is not None and running.master != master:
        SparkSession.builder.getOrCreate().stop()
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
        **conf,
    }
    builder = SparkSession.builder.master(master).appName("bigdl_keras tests")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    return session


@pytest.fixture(scope="module")
def spark() -> Any:
    """A SparkSession in this process, with four task slots."""
    return _session("local[4]")


@pytest.fixture(scope="module")
def cluster() -> Any:
    """A SparkSession on two executors, processes of their own with one task slot each."""
    return _session("local-cluster[2,1,1024]", **{"spark.executor.memory": "512m"})


@pytest.fixture(scope="module")
def impatient_cluster() -> Any:
    """As `cluster`, another one, where an executor of which nothing is heard for ten seconds is given up."""
    return _session("local-cluster[2,1,1025]", **{"spark.executor.memory": "512m", "spark.network.timeout": "10s",
                                                  "spark.executor.heartbeatInterval": "1s",
                                                  "spark.network.timeoutInterval": "1s"})


@pytest.fixture
def run_on_connect(tmp_path: Path) -> Any:
    """A function that runs a script, in a process that may start a Spark Connect server, and answers with its lines."""
    pytest.importorskip("grpc_status", reason="Spark Connect needs pyspark[connect]")

    def run(text: str) -> list[str]:
        script = tmp_path / "script.py"
        script.write_text(text)
        environment = {key: value for key, value in os.environ.items() if key != "SPARK_REMOTE"}
        done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment, text=True,
                              capture_output=True, timeout=480, check=False)
        assert done.returncode == 0, done.stdout + done.stderr[-6000:]
        return done.stdout.splitlines()

    return run


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Folder of the files written by real Keras; tests are skipped where it is not there."""
    if not FIXTURES.is_dir():
        pytest.skip("the Keras fixtures are not beside this checkout")
    return FIXTURES


def regression_job(dropout: float = 0.0, states: bool = False, counted: bool = False, hidden: int = 5,
                   **settings: Any) -> Any:
    """A TrainingJob of a small regression, x (3) and y (1), made with the graph alone: no layers, no models.

    Args:
        dropout: rate of dropout on a hidden layer.
        states: keep a moving average of the inputs, as batch normalization does.
        counted: divide by a count that depends on the data, which is summed over workers in the middle of the plan.
        hidden: units of the hidden layer.
        settings: further arguments of the job.
    """
    import numpy as np

    from bigdl_keras import ops
    from bigdl_keras.engine.job import TrainingJob
    from bigdl_keras.graph.compiler import compile_plan
    from bigdl_keras.graph.tensor import KerasTensor
    from bigdl_keras.graph.trace import apply, tracing
    from bigdl_keras.optimizers import Adam
    from bigdl_keras.parameters import ParameterVector, Variable

    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return rng.normal(size=shape).astype("float32")

    weights = [Variable(draw(3, hidden), "hidden"), Variable(draw(hidden), "bias"),
               Variable(draw(hidden, 1) / (hidden / 5) ** 0.5, "output")]
    average = Variable(np.zeros(3, "float32"), "average", trainable=False)
    vector = ParameterVector(weights, [average] if states else [])

    def plan(training: bool) -> Any:
        x, y = KerasTensor((None, 3), name="x"), KerasTensor((None, 1), name="y")
        rows = KerasTensor((), name="batch_rows")
        with tracing(training) as trace:
            units = ops.tanh(ops.matmul(x, weights[0]) + weights[1])
            if dropout and training:
                units = apply("dropout", units, rate=dropout)
            error = ops.matmul(units, weights[2]) - y
            count = ops.maximum(ops.global_sum(ops.sum(ops.cast(y > 0, "float32"))), 1.0) if counted else rows
            loss = ops.sum(error * error) / count
            if states and training:
                trace.updates.append((average, average * 0.9 + ops.mean(x, axis=0) * 0.1))
            outputs = [loss, ops.sum(ops.abs(error)), ops.sum(y * 0.0 + 1.0)]
        return compile_plan(trace, [x, y, rows], outputs, vector.spans, vector.trainable_size if training else 0)

    return TrainingJob(plan(True), vector.values, tuple(item.path for item in weights),
                       tuple(item.shape for item in weights), settings.pop("optimizer", None) or Adam(0.05),
                       evaluate_plan=plan(False), **settings)


def regression_data(rows: int = 43, seed: int = 1) -> tuple[Any, Any]:
    """Inputs (rows, 3) and targets (rows, 1) for `regression_job`."""
    import numpy as np

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3)).astype("float32")
    return x, (np.sin(x.sum(axis=1, keepdims=True)) + 0.3).astype("float32")


@pytest.fixture
def make_job() -> Any:
    """The function `regression_job`."""
    return regression_job


@pytest.fixture
def make_data() -> Any:
    """The function `regression_data`."""
    return regression_data
