"""Many fits, one after the other and at once, leave nothing behind and say nothing where nothing was asked for."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import gc
import os
import sys
import threading
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

import bigdl_keras as bk

spark = (SparkSession.builder.master("local[4]").config("spark.ui.enabled", "false")
         .config("spark.ui.showConsoleProgress", "false").config("spark.driver.host", "127.0.0.1")
         .config("spark.bigdl_keras.memoryLimit", "64").config("spark.local.dir", {local!r}).getOrCreate())
context = spark.sparkContext
context.setLogLevel("OFF")
rng = np.random.default_rng(0)
x = rng.normal(size=(40, 3)).astype("float32")
y = x.sum(axis=1, keepdims=True)
rows = context.parallelize(list(zip(x, y)), 2)


def fit(engine="barrier"):
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(300, activation="tanh"), bk.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(rows, batch_size=8, epochs=2, verbose=0, engine=engine, workers=2)
    model.evaluate(rows, verbose=0)
    model.predict(x, verbose=0)


def fit_twice_at_once():
    threads = [threading.Thread(target=fit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def processes():
    return [path.name for path in Path("/proc").iterdir()
            if path.name.isdigit() and b"pyspark.daemon" in read(path / "cmdline")
            and os.environ["MARK"].encode() in read(path / "environ")]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def resident(process="self"):
    lines = read(Path("/proc") / process / "status").decode().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def inventory():
    gc.collect()
    context._jvm.System.gc()
    workers = processes()
    return {{"files": len(os.listdir("/proc/self/fd")), "threads": threading.active_count(),
            "rdds": len(context._jsc.getPersistentRDDs()), "kept": sum(path.is_file() and "bigdl_keras" in str(path)
                                                                       for path in Path({local!r}).rglob("*")),
            "resident": resident(), "workers": len(workers), "resident of workers": max(map(resident, workers)),
            "files of workers": max(len(os.listdir(f"/proc/{{process}}/fd")) for process in workers)}}


print("SILENCE", flush=True)
print("SILENCE", file=sys.stderr, flush=True)
fit()
fit("local")
fit("shuffle")
fit_twice_at_once()
print("SILENCE", flush=True)
print("SILENCE", file=sys.stderr, flush=True)
for _ in range(4):
    fit()
before = inventory()
for _ in range(20):
    fit()
for _ in range(3):
    fit_twice_at_once()
after = inventory()
print(before, after)
assert after["files"] <= before["files"] + 3, (before, after)
assert after["threads"] <= before["threads"], (before, after)
assert after["rdds"] == after["kept"] == 0, after
assert after["files of workers"] <= before["files of workers"] + 3, (before, after)
assert after["resident"] < before["resident"] + 30, (before, after)
assert after["resident of workers"] < before["resident of workers"] + 30, (before, after)
assert after["workers"] <= max(before["workers"], 6), (before, after)  # two fits at once need more of them
spark.stop()
"""


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_many_fits_leave_nothing_and_say_nothing(tmp_path):
    local = tmp_path / "local"
    local.mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(local=str(local)))
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
                   "MARK": f"of {tmp_path}"}
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment, text=True,
                          capture_output=True, timeout=480, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-6000:]
    for said in (done.stdout, done.stderr):  # of the driver, of Spark's JVM and of the Python workers
        assert said.split("SILENCE\n")[1] == ""
    assert not list(local.rglob("*bigdl_keras*"))
