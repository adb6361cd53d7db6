"""The tasks of a fit run in one Python worker a slot: each more would make all updates, too."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.spark

SCRIPT = """
    import os
    from pathlib import Path

    import numpy as np
    from pyspark.sql import SparkSession

    import bigdl_keras as bk

    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    context, random = session.sparkContext, np.random.default_rng(0)
    rows = context.parallelize(list(zip(random.normal(size=(40, 3)), random.normal(size=(40, 1)))), 2)
    model = bk.Sequential([bk.layers.Input((3,)), bk.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(rows, validation_data=rows, batch_size=4, epochs=2, engine="shuffle", workers=2, verbose=0)


    def parent(process):
        return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])


    (daemon,) = context.parallelize([0], 1).map(lambda _: os.getppid()).collect()
    print("workers:", sum(parent(path.name) == daemon for path in Path("/proc").glob("[0-9]*")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts processes in /proc")
@pytest.mark.timeout(300)
def test_one_worker_a_slot():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, timeout=280,
                          check=True)
    assert "workers: 1\n" in done.stdout
