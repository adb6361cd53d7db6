"""Executors that have pyspark and numpy, but neither this package nor what else it uses, train all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
HAD_BY_EXECUTORS = ("numpy", "pyspark", "py4j", "pyarrow", "pandas", "dateutil", "pytz", "tzdata", "six")

BARE = """
import sys
sys.path[:0] = [{repository!r}, *{packages!r}]  # this process finds the package; others do not by themselves
import numpy as np
from pyspark.sql import SparkSession
import bigdl_keras as bk

spark = (SparkSession.builder.master({master!r}).config("spark.ui.enabled", "false")
         .config("spark.driver.host", "127.0.0.1").config("spark.executor.memory", "512m")
         .config("spark.sql.shuffle.partitions", "2").getOrCreate())
context = spark.sparkContext
context.setLogLevel("OFF")
shipped = []
add = context.addPyFile
context.addPyFile = lambda path: (shipped.append(path), add(path))


def missing(rows):
    import importlib.util
    yield [name for name in ("bigdl_keras", "threadpoolctl", "h5py", "tensorboardX")
           if importlib.util.find_spec(name) is None]


def where(rows):
    import bigdl_keras
    import sys
    yield bigdl_keras.__file__, sorted({{"h5py", "tensorboardX"}} & set(sys.modules))


print("MISSING", *context.parallelize([0], 1).mapPartitions(missing).first())
x = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
y = x.sum(axis=1, keepdims=True)


class Doubled(bk.Layer):  # a class of this script, which executors do not have either
    def call(self, inputs):
        return inputs * 2.0


model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(4, activation="tanh"), Doubled(), bk.layers.Dense(1)])
model.compile("adam", "mse")
rows = context.parallelize(list(zip(x, y)), 2)
{training}
places = set(context.parallelize([0], 1).mapPartitions(where).map(repr).collect())
print("PLACES", *places)
print("SHIPPED", len(shipped))
spark.stop()
"""

TRAINING = """
model.fit(rows, batch_size=8, epochs=2, verbose=0, engine="barrier", workers=2)
model.fit(rows, batch_size=8, epochs=1, verbose=0, engine="shuffle", workers=2)
table = [(*map(float, a), float(b[0])) for a, b in zip(x, y)]
frame = spark.createDataFrame(table, "a double, b double, c double, d float")
columns = {"feature_cols": ["a", "b", "c"], "label_cols": "d"}
model.fit(frame, batch_size=8, epochs=1, verbose=0, engine="barrier", workers=2, **columns)
print("LOSS", model.evaluate(frame, verbose=0, **columns))
found = np.array(model.predict(rows.map(lambda row: row[0])).collect())
np.testing.assert_allclose(found, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
answered = model.predict(frame, feature_cols=["a", "b", "c"]).collect()
np.testing.assert_allclose(np.array([row.prediction for row in answered]).reshape(-1, 1), found, rtol=1e-5, atol=1e-6)
"""

BRIEFLY = "model.fit(rows, batch_size=8, verbose=0, engine='barrier', workers=2)\n"


def run_bare(tmp_path, master, training):
    """Run the script with a Python that has no site-packages but a folder of links to what executors have."""
    packages = sorted({path for path in sys.path if path.endswith("site-packages")})
    site = tmp_path / "site"
    site.mkdir()
    for folder in packages:
        for entry in Path(folder).iterdir():
            if entry.name.partition("-")[0].partition(".")[0] in HAD_BY_EXECUTORS and not (site / entry.name).exists():
                (site / entry.name).symlink_to(entry)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{site}:$PYTHONPATH" exec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    script = tmp_path / "script.py"
    script.write_text(BARE.format(repository=str(REPOSITORY), packages=packages, master=master, training=training))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"PYSPARK_PYTHON": str(python), "PYSPARK_DRIVER_PYTHON": sys.executable,
                    "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run([sys.executable, "-S", str(script)], cwd=tmp_path, env=environment, text=True,
                          capture_output=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    said = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    assert said["MISSING"] == "bigdl_keras threadpoolctl h5py tensorboardX"
    assert said["SHIPPED"] == "1"
    assert "bigdl_keras.zip/bigdl_keras" in said["PLACES"]
    assert said["PLACES"].endswith(", [])"), said["PLACES"]


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_bare_executors(tmp_path):
    run_bare(tmp_path, "local-cluster[2,1,1024]", TRAINING)


@pytest.mark.spark
@pytest.mark.timeout(300)
def test_bare_workers_on_this_machine(tmp_path):
    run_bare(tmp_path, "local[2]", BRIEFLY)
