"""Two machines without a common folder, joined by a cable: network namespaces with file systems of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

HOSTS = ("10.213.7.1", "10.213.7.2")

SCRIPT = """
import logging, os, signal, sys
from pathlib import Path

import numpy as np
from pyspark.sql import SparkSession

import bigdl_keras as bk

folder, hidden = Path.cwd(), Path(sys.argv[1])
spark = (SparkSession.builder.master("spark://10.213.7.1:7077").config("spark.ui.enabled", "false")
         .config("spark.ui.showConsoleProgress", "false")
         .config("spark.driver.host", "10.213.7.1").config("spark.executor.memory", "512m")
         .config("spark.executor.cores", "1").config("spark.python.unix.domain.socket.enabled", "true").getOrCreate())
spark.sparkContext.setLogLevel("OFF")
random = np.random.default_rng(0)
x = random.normal(size=(120, 3)).astype("float32")
y = np.sin(x.sum(axis=1, keepdims=True)).astype("float32")


def note(partition, rows):
    stat = Path(f"/proc/{os.getppid()}/stat").read_text()  # the Python daemon; its parent is the executor's JVM
    executor = stat.rsplit(")", 1)[1].split()[1]
    (folder / f"on-{os.environ['SPARK_LOCAL_IP']}").write_text(executor)
    return rows


rows = spark.sparkContext.parallelize(list(zip(x, y)), 2).mapPartitionsWithIndex(note)


class Killer(bk.callbacks.Callback):
    only_watches = True
    killed = 0

    def on_iteration_end(self, iteration):
        assert not list(hidden.iterdir())  # what executors write lies where nobody else sees it
        if iteration.iteration == 8 and not self.killed:
            self.killed = int((folder / "on-10.213.7.2").read_text())
            os.kill(self.killed, signal.SIGKILL)


def fit(*data, **settings):
    bk.set_random_seed(1)
    model = bk.Sequential([bk.Input((3,)), bk.layers.Dense(3000, "tanh"), bk.layers.Dropout(0.2), bk.layers.Dense(1)])
    model.compile(bk.optimizers.Adam(0.001), "mse")
    model.fit(*data, batch_size=24, epochs=3, shuffle=False, seed=3, verbose=0, **settings)
    return model.get_weights()


from bigdl_keras.engine import shuffle
expected = fit(x, y, engine="local", workers=1)
for engine, worth in (("barrier", 0), ("shuffle", 60_000_000), ("shuffle", 0)):  # updates whole, and by slices
    shuffle._STAGE_WORTH = worth
    calm = fit(rows, engine=engine, workers=2)
    assert {path.name for path in folder.glob("on-*")} == {"on-10.213.7.1", "on-10.213.7.2"}
    for mine, theirs in zip(calm, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    killer = Killer()
    disturbed = fit(rows, engine=engine, workers=2, callbacks=[killer])
    assert killer.killed
    for mine, theirs in zip(disturbed, calm, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    print(f"AGREED {engine} {worth}")
spark.stop()
"""


@pytest.fixture
def machines(tmp_path):
    """A function that starts a command on one of two machines; standalone Spark runs on them, a worker on each."""
    spaces, running = [f"bigdl{os.getpid()}{which}" for which in "ab"], []
    hidden = tmp_path / "hidden"
    hidden.mkdir()

    if not (shutil.which("ip") and shutil.which("unshare")):
        pytest.skip("network namespaces are made with ip and unshare, which are not here")

    def run(text):
        done = subprocess.run(text.split(), capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"network namespaces cannot be made here: {text}: {done.stderr.strip()}")

    def start(which, command, private=True):
        inside = f"mount -t tmpfs bigdl {hidden} && exec " if private else "exec "
        environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": HOSTS[which],
                       "SPARK_LOCAL_DIRS": str(hidden) if private else str(tmp_path), "SPARK_NO_DAEMONIZE": "1"}
        environment.pop("SPARK_REMOTE", None)
        log = (tmp_path / f"log-{len(running)}").open("w")
        there = ["ip", "netns", "exec", spaces[which], "unshare", "-m", "sh", "-c", inside + command]
        process = subprocess.Popen(there, cwd=tmp_path, env=environment, stdout=log, stderr=log)
        running.append(process)
        return process, Path(log.name)

    try:
        for space in spaces:
            run(f"ip netns add {space}")
        run(f"ip link add cable netns {spaces[0]} type veth peer name cable netns {spaces[1]}")
        for space, host in zip(spaces, HOSTS, strict=True):
            run(f"ip -n {space} address add {host}/24 dev cable")
            run(f"ip -n {space} link set cable up")
            run(f"ip -n {space} link set lo up")
        run(f"unshare -m mount -t tmpfs bigdl {hidden}")
        spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
        start(0, f"{spark_class} org.apache.spark.deploy.master.Master --host {HOSTS[0]} --port 7077 --webui-port 0")
        for which, host in enumerate(HOSTS):
            start(which, f"{spark_class} org.apache.spark.deploy.worker.Worker spark://{HOSTS[0]}:7077 --host {host} "
                         f"--cores 1 --memory 1g --webui-port 0 --work-dir {tmp_path}/work-{which}")
        yield start, hidden
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(30)
        for space in spaces:
            subprocess.run(["ip", "netns", "delete", space], capture_output=True, check=False)


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_not_on_this_machine_comes_over_the_cable(machines, tmp_path):
    start, hidden = machines
    (tmp_path / "script.py").write_text(SCRIPT)
    process, log = start(0, f"{sys.executable} script.py {hidden}", private=False)
    assert process.wait(280) == 0, log.read_text()[-6000:]
    said = [line for line in log.read_text().splitlines() if line.startswith("AGREED")]
    assert said == ["AGREED barrier 0", "AGREED shuffle 60000000", "AGREED shuffle 0"]
