"""Data larger than memory: rows are read once, kept in mapped files, and workers stay small.

    python benchmarks/bench_large_data.py --gigabytes 4

Makes float32 rows in two partitions, trains a small model on them through the barrier engine, and prints the largest
resident size of each Python worker as the kernel sees it (VmRSS, with mapped pages; sampled all the time).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

_FEATURES = 1000


def make_rows(folder: str, rows: int, partition: int, _: Any) -> Iterator[Any]:
    """Runs in an executor: note which process this is, then make rows one by one."""
    (Path(folder) / str(os.getpid())).touch()
    rng = np.random.default_rng(partition)
    for start in range(0, rows, 1000):
        x = rng.random((min(1000, rows - start), _FEATURES), dtype=np.float32)
        yield from zip(x, x[:, :1] - x[:, 1:2], strict=True)


class Watch(threading.Thread):
    """Samples the resident size of processes."""

    def __init__(self, folder: str) -> None:
        super().__init__(daemon=True)
        self.folder = Path(folder)
        self.peak: dict[str, dict[str, int]] = {}
        self.over = threading.Event()

    def run(self) -> None:
        """Until told that it is over."""
        while not self.over.wait(0.05):
            for process in os.listdir(self.folder):
                try:
                    lines = Path(f"/proc/{process}/status").read_text().splitlines()
                except OSError:
                    continue
                now = {line.split(":")[0]: int(line.split()[1]) >> 10
                       for line in lines if line.startswith(("VmRSS", "Rss"))}
                if now.get("VmRSS", 0) > self.peak.get(process, {}).get("VmRSS", 0):
                    self.peak[process] = now


def main() -> None:
    """Train and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    from pyspark.sql import SparkSession

    import bigdl_keras as bk

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    rows = int(options.gigabytes * (1 << 30) / 4 / _FEATURES / 2)
    with tempfile.TemporaryDirectory() as folder:
        data = spark.sparkContext.parallelize(range(2), 2).mapPartitionsWithIndex(partial(make_rows, folder, rows))
        model = bk.Sequential([bk.Input((_FEATURES,)), bk.layers.Dense(16, activation="relu"), bk.layers.Dense(1)])
        model.compile("adam", "mse")
        watch = Watch(folder)
        watch.start()
        started = time.perf_counter()
        ends: list[float] = []
        noted = bk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter() - started))
        history = model.fit(data, batch_size=4096, epochs=options.epochs, verbose=0, engine="barrier", workers=2,
                            callbacks=[noted])
        watch.over.set()
        watch.join()
    spark.stop()
    print(f"{2 * rows} rows, {2 * rows * _FEATURES * 4 / (1 << 30):.2f} GiB of float32; epochs ended after "
          f"{', '.join(f'{end:.1f} s' for end in ends)}; losses {history.history['loss']}")
    for process, sizes in watch.peak.items():
        print(f"process {process}: at most {sizes['VmRSS']} MiB resident "
              f"({', '.join(f'{name} {size}' for name, size in sizes.items() if name != 'VmRSS')})")


if __name__ == "__main__":
    main()
