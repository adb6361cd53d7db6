"""Spark Connect: a killed worker is made good, an error of the user's is not tried again, large models pass."""

import pytest

SCRIPT = """
import logging
import os
import signal
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

import bigdl_keras as bk

spark = (SparkSession.builder.remote("local[2]").config("spark.ui.enabled", "false")
         .config("spark.sql.shuffle.partitions", "2")
         .config("spark.connect.grpc.maxInboundMessageSize", "4m").getOrCreate())
assert type(spark).__module__.startswith("pyspark.sql.connect"), type(spark)
assert spark.conf.get("spark.connect.grpc.maxInboundMessageSize") == "4m"
driver, folder = os.getpid(), Path.cwd()
rng = np.random.default_rng(0)
x = rng.normal(size=(40, 3)).astype("float32")
y = np.sin(x.sum(axis=1, keepdims=True)).astype("float32")
rows = [(number, [float(value) for value in a], float(b[0])) for number, (a, b) in enumerate(zip(x, y))]
frame = spark.createDataFrame(rows, "id int, x array<float>, y float")
columns = {"feature_cols": "x", "label_cols": "y"}


class Retries(logging.Handler):
    lines = []

    def emit(self, record):
        self.lines += [record.getMessage()] if "Retry" in record.getMessage() else []


logging.getLogger("bigdl_keras").addHandler(Retries())


class Traced(bk.optimizers.schedules.LearningRateSchedule):  # the one thing of ours that runs in the workers' processes
    def __call__(self, step):
        if os.getpid() != driver:
            (folder / f"worker-{os.getpid()}").touch()
        return 0.01


class Killer(bk.callbacks.Callback):
    only_watches = True
    killed = 0

    def on_iteration_end(self, iteration):
        if iteration.iteration == 33 and not self.killed:
            self.killed = int(next(folder.glob("worker-*")).name.partition("-")[2])
            os.kill(self.killed, signal.SIGKILL)


def fit(*callbacks):
    for path in folder.glob("worker-*"):
        path.unlink()
    bk.set_random_seed(1)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(5, "tanh"), bk.layers.Dropout(0.2), bk.layers.Dense(1)])
    model.compile(bk.optimizers.Adam(Traced()), "mse")
    model.fit(frame, batch_size=8, epochs=400, seed=3, verbose=0, engine="barrier", workers=2, callbacks=[*callbacks],
              **columns)
    return model


undisturbed, killer = fit(), Killer()
disturbed = fit(killer)
assert killer.killed and len(Retries.lines) == 1, Retries.lines
assert "Retry 1 of 5" in Retries.lines[0]
for mine, theirs in zip(disturbed.get_weights(), undisturbed.get_weights(), strict=True):
    np.testing.assert_array_equal(mine, theirs)
print("RECOVERED")

words = spark.createDataFrame([([number % 5, number // 39 * 7], 0.0) for number in range(40)], "x array<int>, y float")
model = bk.Sequential([bk.Input((2,), dtype="int32"), bk.layers.Embedding(5, 3, name="words"), bk.layers.Flatten(),
                       bk.layers.Dense(1)], name="texts")
model.compile("adam", "mse")
try:
    model.fit(words, batch_size=8, verbose=0, workers=2, **columns)
except ValueError as error:
    assert "Received 7" in str(error), error
    assert "layer 'texts/words'" in str(error) and " of 2 on " in str(error), error
    assert "checked_indices" in str(error.__cause__), error.__cause__  # the worker's own traceback
else:
    raise AssertionError("an index that is too large was not refused")
assert len(Retries.lines) == 1
print("RAISED")


def large():
    bk.set_random_seed(1)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(1200, "tanh"), bk.layers.Dense(1200, "tanh"),
                           bk.layers.Dense(1)])
    model.compile(bk.optimizers.Adam(0.001), "mse")
    return model


far, near = large(), large()
assert 4 * far.count_params() > 5 << 20
far.fit(frame, batch_size=20, epochs=2, seed=3, verbose=0, engine="barrier", workers=2, **columns)
near.fit(x, y, batch_size=20, epochs=2, seed=3, verbose=0, engine="local", workers=1)
for mine, theirs in zip(far.get_weights(), near.get_weights(), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
far.fit(frame, batch_size=20, epochs=1, seed=3, verbose=0, engine="barrier", workers=2, **columns)  # with Adam's state
near.fit(x, y, batch_size=20, epochs=1, seed=3, verbose=0, engine="local", workers=1)
for mine, theirs in zip(far.get_weights(), near.get_weights(), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
np.testing.assert_allclose(far.evaluate(frame, verbose=0, **columns), near.evaluate(x, y, verbose=0), rtol=1e-4)
answered = far.predict(frame, feature_cols="x").orderBy("id").collect()
np.testing.assert_allclose([row.prediction for row in answered], near.predict(x, verbose=0), rtol=1e-3, atol=1e-5)
print("CARRIED")

from bigdl_keras.spark import connect
connect._LONGEST_IN_PLAN = 1 << 30  # as if nothing were too long: what has just passed must be refused
try:
    large().fit(frame, batch_size=20, epochs=1, seed=3, verbose=0, engine="barrier", workers=2, **columns)
except Exception as error:
    assert "RESOURCE_EXHAUSTED" in str(error) and "4194304" in str(error), error
else:
    raise AssertionError("a message over the server's limit has passed")
print("REFUSED")
spark.stop()
"""


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_faults_on_spark_connect(run_on_connect):
    assert run_on_connect(SCRIPT) == ["RECOVERED", "RAISED", "CARRIED", "REFUSED"]
