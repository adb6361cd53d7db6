"""What does an iteration of the shuffle engine cost beside one of the barrier engine, and does it stay the same?

Two executors of one slot each (local-cluster). A `fit` of few epochs is subtracted from a `fit` of many, as in
bench_barrier.py. `empty` is an empty Python job on the same executors in the same minutes: below that no iteration can
come that Spark schedules. `--long N` trains N iterations and prints time, memory and shuffle files along the way.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import harness
from bench_barrier import SIZES, Size, build  # holds BLAS to one thread before numpy is imported

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

import numpy as np
from pyspark.sql import SparkSession

import bigdl_keras as bk

WORKERS = 2
ITERATIONS = {"1k": 40, "1M": 20, "10M": 10}  # of an epoch
EPOCHS = 12  # the first ones are slower: files are new, and tasks begin


def session(unix_socket: bool) -> SparkSession:
    """Two executors of one slot each."""
    built = (SparkSession.builder.master(f"local-cluster[{WORKERS},1,2048]").appName("bench_shuffle")
             .config("spark.ui.enabled", "false").config("spark.driver.memory", "2g")
             .config("spark.executor.memory", "2g").config("spark.ui.showConsoleProgress", "false")
             .config("spark.python.unix.domain.socket.enabled", str(unix_socket).lower()).getOrCreate())
    built.sparkContext.setLogLevel("OFF")
    return built


def rows_of(spark: SparkSession, size: Size, iterations: int) -> Any:
    """A batch is one row a worker: computing is next to nothing."""
    random = np.random.default_rng(0)
    x = random.standard_normal((WORKERS * iterations, size.inputs)).astype("float32")
    y = random.standard_normal((WORKERS * iterations, size.outputs)).astype("float32")
    data = spark.sparkContext.parallelize(list(zip(x, y, strict=True)), WORKERS).cache()
    data.count()
    return data


class Clock(bk.callbacks.Callback):
    """Seconds at the ends of epochs. (One that hears batches would keep the engine from making several in one job.)"""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.ends.append(time.perf_counter())


def iterations_ms(data: Any, size: Size, engine: str, count: int) -> list[float]:
    """Milliseconds of an iteration, epoch by epoch, but for the first one of a fit."""
    clock, model = Clock(), build(size)
    model.fit(data, batch_size=WORKERS, epochs=EPOCHS, engine=engine, workers=WORKERS, verbose=0, callbacks=[clock])
    return list(np.diff(clock.ends) / count * 1e3)


def empty_ms(spark: SparkSession) -> list[float]:
    """Milliseconds of empty Python jobs."""
    rdd, found = spark.sparkContext.parallelize(range(WORKERS), WORKERS), []
    for _ in range(20):
        start = time.perf_counter()
        rdd.mapPartitions(list).count()
        found.append((time.perf_counter() - start) * 1e3)
    return found[3:]


def compare(spark: SparkSession, names: list[str], repeats: int) -> dict[str, Any]:
    """The engines in turn, size by size."""
    results: dict[str, Any] = {}
    print(f"{'parameters':>10} {'engine':>8} {'median ms':>10} {'minimum':>8}")
    for name in names:
        size = SIZES[name]
        data = rows_of(spark, size, ITERATIONS[name])
        measured: dict[str, list[float]] = {"empty": [], "shuffle": [], "barrier": []}
        for _ in range(repeats):
            measured["empty"] += empty_ms(spark)
            for engine in ("shuffle", "barrier"):
                measured[engine] += iterations_ms(data, size, engine, ITERATIONS[name])
        data.unpersist()
        for engine, found in measured.items():
            middle = statistics.median(found)
            print(f"{size.parameters:>10,} {engine:>8} {middle:>10.1f} {min(found):>8.1f}", flush=True)
        results[name] = {engine: {"median_ms": statistics.median(found), "minimum_ms": min(found), "count": len(found)}
                         for engine, found in measured.items()}
    return results


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def long_fit(spark: SparkSession, iterations: int) -> dict[str, Any]:
    """Time and memory along many iterations."""
    size, stations = SIZES["1k"], []
    epochs, runtime = -(-iterations // 100), spark.sparkContext._jvm.java.lang.Runtime.getRuntime()
    tenth = max(epochs // 10, 1)

    class Stations(Clock):
        """Looks around every tenth of the way."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch)
            if len(self.ends) > 1 and len(self.ends) % tenth == 0:
                spark.sparkContext._jvm.System.gc()
                heap = (runtime.totalMemory() - runtime.freeMemory()) / 2**20
                median = statistics.median(np.diff(self.ends[-tenth - 1:])) * 10
                stations.append({"iteration": 100 * len(self.ends), "median_ms": median, "driver_mb": resident_mb(),
                                 "driver_heap_mb": heap})
                print("{iteration:>6} {median_ms:>8.1f} ms {driver_mb:>8.0f} MB {driver_heap_mb:>8.0f} MB heap".format(
                    **stations[-1]), flush=True)

    data = rows_of(spark, size, 100)
    build(size).fit(data, batch_size=WORKERS, epochs=epochs, engine="shuffle", workers=WORKERS,
                    verbose=0, callbacks=[Stations()])
    return {"iterations": iterations, "stations": stations}


def main() -> None:
    """Measure what was asked for and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", choices=list(SIZES), help="may be given several times; default: all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--long", type=int, default=0, help="train so many iterations instead")
    parser.add_argument("--tcp", action="store_true", help="Spark's default: workers over TCP, not a Unix socket")
    arguments = parser.parse_args()
    spark = session(not arguments.tcp)
    if arguments.long:
        results: dict[str, Any] = long_fit(spark, arguments.long)
    else:
        results = compare(spark, arguments.size or list(SIZES), arguments.repeats)
    spark.stop()
    name = "shuffle_long" if arguments.long else "shuffle"
    print(f"written to {harness.write(name, {'workers': WORKERS, 'unix_socket': not arguments.tcp, **results})}")


if __name__ == "__main__":
    main()
