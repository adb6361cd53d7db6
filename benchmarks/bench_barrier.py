"""What does distribution cost? One iteration of the barrier engine on 2 local workers, beside the same work done alone.

A `fit` of few epochs is subtracted from a `fit` of many, so that starting the stage, reading the rows and building the
plan drop out. The step alone is one worker's share of the batch, with the whole of Adam, in this process.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

import harness

harness.one_thread()

import numpy as np  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

import bigdl_keras as bk  # noqa: E402

WORKERS = 2
EPOCHS = 4  # how many more the long fit has


@dataclass(frozen=True)
class Size:
    """A single Dense layer, so that nearly all of an iteration is exchange and update."""

    inputs: int
    outputs: int
    iterations: int  # per epoch

    @property
    def parameters(self) -> int:
        return (self.inputs + 1) * self.outputs


SIZES = {"1k": Size(100, 10, 400), "1M": Size(1_000, 1_000, 60), "10M": Size(3_162, 3_162, 12)}


def build(size: Size) -> bk.Sequential:
    """The compiled model."""
    model = bk.Sequential([bk.Input((size.inputs,)), bk.layers.Dense(size.outputs)])
    model.compile(optimizer=bk.optimizers.Adam(), loss="mean_squared_error")
    return model


def iteration_milliseconds(spark: SparkSession, size: Size, compression: str | None) -> float:
    """One iteration on all workers: (long fit - short fit) / iterations between them."""
    random = np.random.default_rng(0)
    rows = WORKERS * size.iterations  # a batch is one row a worker: computing is next to nothing
    x = random.standard_normal((rows, size.inputs)).astype("float32")
    y = random.standard_normal((rows, size.outputs)).astype("float32")
    data = spark.sparkContext.parallelize(list(zip(x, y, strict=True)), WORKERS).cache()
    data.count()
    model = build(size)

    def fit(epochs: int) -> float:
        start = time.perf_counter()
        model.fit(data, batch_size=WORKERS, epochs=epochs, engine="barrier", verbose=0,
                  compression=compression)
        return time.perf_counter() - start

    fit(1)
    short = fit(1)
    long = fit(1 + EPOCHS)
    data.unpersist()
    return (long - short) / (EPOCHS * size.iterations) * 1e3


def alone(size: Size) -> harness.Timing:
    """The step of one worker's rows in this process."""
    random = np.random.default_rng(0)
    x = random.standard_normal((1, size.inputs)).astype("float32")
    y = random.standard_normal((1, size.outputs)).astype("float32")
    model = build(size)
    return harness.compare({"alone": lambda: model.train_on_batch(x, y)}, blocks=5)["alone"]


def main() -> None:
    """Measure the sizes that were asked for and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", action="append", choices=list(SIZES), help="may be given several times; default: all")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of fits per size")
    parser.add_argument("--compression", choices=["bf16", "fp16"], help="how gradients and weights travel")
    arguments = parser.parse_args()

    spark = (SparkSession.builder.master(f"local[{WORKERS}]").appName("bench_barrier")
             .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
             .config("spark.driver.memory", "2g").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    results = {}
    print(f"{'parameters':>10} {'iteration ms':>13} {'minimum':>8} {'step alone ms':>14} {'overhead ms':>12}")
    for name in arguments.size or SIZES:
        size = SIZES[name]
        measured = [iteration_milliseconds(spark, size, arguments.compression) for _ in range(arguments.repeats)]
        step = alone(size)
        median = statistics.median(measured)
        print(f"{size.parameters:>10,} {median:>13.2f} {min(measured):>8.2f} {step.median:>14.2f} "
              f"{median - step.median:>12.2f}", flush=True)
        results[name] = {"parameters": size.parameters, "iteration_ms": measured, "median_ms": median,
                         "minimum_ms": min(measured), "step_alone_ms": step, "overhead_ms": median - step.median}
    spark.stop()
    name = "barrier" if arguments.compression is None else f"barrier_{arguments.compression}"
    print(f"written to {harness.write(name, {'workers': WORKERS, 'sizes': results})}")


if __name__ == "__main__":
    main()
