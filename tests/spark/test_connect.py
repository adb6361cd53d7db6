"""A DataFrame of a Spark Connect session trains, evaluates and predicts with a real server, without a SparkContext."""

import pytest

SCRIPT = """
import numpy as np
from pyspark.sql import SparkSession
import bigdl_keras as bk

spark = (SparkSession.builder.remote("local[2]").config("spark.ui.enabled", "false")
         .config("spark.sql.shuffle.partitions", "2").getOrCreate())
assert type(spark).__module__.startswith("pyspark.sql.connect"), type(spark)
rng = np.random.default_rng(0)
x = rng.normal(size=(43, 3)).astype("float32")
y = np.sin(x.sum(axis=1, keepdims=True)).astype("float32")


def frame_of(x, y):
    rows = [(number, [float(value) for value in a], float(b[0])) for number, (a, b) in enumerate(zip(x, y))]
    return spark.createDataFrame(rows, "id int, x array<float>, y float")


frame, check = frame_of(x, y), frame_of(x[:10], y[:10])
columns = {"feature_cols": "x", "label_cols": "y"}


def model_of():
    bk.set_random_seed(1)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(5, activation="tanh"), bk.layers.Dense(1)])
    model.compile(bk.optimizers.Adam(0.05), "mse", metrics=["mae"])
    return model


class Asking(bk.callbacks.Callback):  # the driver answers in the middle of the fit
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 2


# Rows reach the server as one ordered table, so that local training sees the same batches.
for shuffle in (True, False):
    model, alone = model_of(), model_of()
    history = model.fit(frame, batch_size=8, epochs=5, shuffle=shuffle, seed=3, verbose=0, engine="barrier", workers=2,
                        validation_data=check, callbacks=[Asking()], **columns)
    expected = alone.fit(x, y, batch_size=8, epochs=3, shuffle=shuffle, seed=3, verbose=0, engine="local", workers=1,
                         validation_data=(x[:10], y[:10]))
    for mine, theirs in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    assert len(history.history["loss"]) == 3
    np.testing.assert_allclose(history.history["val_loss"], expected.history["val_loss"], rtol=1e-4)
print("TRAINED")

np.testing.assert_allclose(model.evaluate(frame, verbose=0, **columns), alone.evaluate(x, y, verbose=0), rtol=1e-4)
print("EVALUATED")

answered = model.predict(frame, feature_cols="x")
assert answered.columns == ["id", "x", "y", "prediction"], answered.columns
found = np.array([row.prediction for row in answered.orderBy("id").collect()]).reshape(-1, 1)
np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
print("PREDICTED")

from bigdl_keras.spark import connect
connect.own_host = lambda session: "127.0.0.1"
from bigdl_keras.engine import barrier
real = barrier.converse
barrier_calls = []
from bigdl_keras.engine import connect as engine_connect


def without_driver(task, start, report, began, meet_driver, *heard):
    barrier_calls.append(meet_driver)
    if meet_driver:
        from bigdl_keras.engine.meeting import DriverUnreachable
        raise DriverUnreachable("Nobody answers.")
    return real(task, start, report, began, meet_driver)


engine_connect.converse = without_driver
far, near = model_of(), model_of()
far.fit(frame, batch_size=8, epochs=2, seed=3, verbose=0, engine="barrier", workers=2, **columns)
near.fit(x, y, batch_size=8, epochs=2, seed=3, verbose=0, engine="local", workers=1)
for mine, theirs in zip(far.get_weights(), near.get_weights(), strict=True):
    np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
assert barrier_calls == [True, False]
engine_connect.converse = real
print("MET THROUGH SPARK")


def refused(kind, text, **arguments):
    try:
        model.fit(frame, verbose=0, **{**columns, **arguments})
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError(f"{text} was not refused")


refused(ValueError, "needs a SparkContext", engine="shuffle")
refused(ValueError, "needs 5 task slots at once, but Spark has 2", engine="barrier", workers=5)
refused(TypeError, "must come as DataFrames", workers=2, validation_data=(x, y))
bad = frame_of(x, y).union(spark.createDataFrame([(99, [1.0, 2.0], 0.5)], "id int, x array<float>, y float"))
try:
    model.fit(bad, verbose=0, workers=2, **columns)
except ValueError as error:
    assert "Pad or cut" in str(error), error
else:
    raise AssertionError("a ragged row was not refused")
model.fit(frame, verbose=0, epochs=1, **columns)  # the session is as good as before
print("REFUSED")
spark.stop()
"""


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_spark_connect(run_on_connect):
    assert run_on_connect(SCRIPT) == ["TRAINED", "EVALUATED", "PREDICTED", "MET THROUGH SPARK", "REFUSED"]
