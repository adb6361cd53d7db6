"""What do rows of embeddings save? The same fit by rows and by whole tables, in turn, in the same processes.

P processes train a model of embeddings as the barrier engine does, over sockets on loopback; ids are uniform, which is
the least that can be saved. Printed are the median milliseconds of an iteration, by how many times rows take less (by
medians and by minima), and the same of the megabytes that a worker sends.
"""

from __future__ import annotations

import argparse
import multiprocessing
from dataclasses import fields, replace
from typing import Any

import harness

harness.one_thread()

import numpy as np  # noqa: E402

import bigdl_keras as bk  # noqa: E402
from bigdl_keras import layers, optimizers  # noqa: E402
from bigdl_keras.data import ArraySource  # noqa: E402
from bigdl_keras.engine.assembling import assemble  # noqa: E402
from bigdl_keras.engine.collectives.alone import Alone  # noqa: E402
from bigdl_keras.engine.collectives.handshake import Door, new_key  # noqa: E402
from bigdl_keras.engine.collectives.sockets import Address, join  # noqa: E402
from bigdl_keras.engine.job import TrainingJob  # noqa: E402
from bigdl_keras.engine.local import DirectReporter  # noqa: E402
from bigdl_keras.engine.loop import Shard  # noqa: E402
from bigdl_keras.engine.memory import keep_freed_memory  # noqa: E402
from bigdl_keras.engine.report import BatchReport, Report  # noqa: E402
from bigdl_keras.graph.plan import Plan, Window  # noqa: E402
from bigdl_keras.models.columns import match  # noqa: E402

HOST = "127.0.0.1"
MODELS = {"ncf": ((6041, 64), (3707, 64)), "large": ((1_000_000, 32),)}
CASES = [("ncf", 1024, "adam"), ("ncf", 1024, "sgd"), ("ncf", 8192, "adam"), ("ncf", 8192, "sgd"),
         ("large", 1024, "adam"), ("large", 1024, "sgd"), ("large", 1024, "adagrad"), ("large", 8192, "sgd")]
ITERATIONS, WARM_UP, ROUNDS = 25, 5, 3


class WholePlan(Plan):
    """A plan to which every weight is as any other."""

    @property
    def tables(self) -> dict[int, Window]:
        return {}


class Watch(Report):
    """Keeps the seconds of each iteration, and what had been sent at its end."""

    def __init__(self, team: Any) -> None:
        self.team = team
        self.seconds: list[float] = []
        self.sent: list[int] = []

    def on_batch_end(self, report: BatchReport, snapshot: Any) -> None:
        self.seconds.append(report.seconds)
        self.sent.append(getattr(self.team, "sent_bytes", 0))


def make(name: str, batch: int, optimizer: str) -> tuple[TrainingJob, ArraySource]:
    """The fit: neural collaborative filtering, or one large table under a dense layer."""
    tables, rng = MODELS[name], np.random.default_rng(0)
    inputs = [bk.Input((), dtype="int32") for _ in tables]
    vectors = [layers.Embedding(*shape)(one) for shape, one in zip(tables, inputs, strict=True)]
    hidden = layers.Concatenate()(vectors) if len(vectors) > 1 else vectors[0]
    for units in (64, 32) if len(vectors) > 1 else (16,):
        hidden = layers.Dense(units, activation="relu")(hidden)
    model = bk.Model(inputs, layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(optimizers.get(optimizer), "binary_crossentropy")
    rows = batch * (ITERATIONS + WARM_UP)
    x = [rng.integers(0, shape[0], rows).astype("int32") for shape in tables]
    matched = match(model, ArraySource(x, rng.integers(0, 2, (rows, 1)).astype("float32")))
    plan = model.runtime.objective_program(model.heads, matched.inputs, matched.labels, matched.weights, True).plan
    segments = model.runtime.vector.segments
    return TrainingJob(plan, model.runtime.vector.values, tuple(path for path, *_ in segments),
                       tuple(shape for *_, shape in segments), model.optimizer, batch_size=batch), matched.source


def work(rank: int, size: int, key: bytes, pipe: Any, case: tuple[str, int, str]) -> None:
    """A worker process: fits in turn, and answers with the seconds and bytes of iterations of each kind."""
    keep_freed_memory()
    job, source = make(*case)
    whole = WholePlan(**{field.name: getattr(job.plan, field.name) for field in fields(Plan)})
    jobs = {"whole": replace(job, plan=whole), "rows": job}
    door = Door(HOST, key)
    pipe.send(door.port)
    ports = pipe.recv()
    team = join(rank, [Address(HOST, port) for port in ports], door, key, 120.0) if size > 1 else Alone()
    door.close()
    block, seconds, sent = source.read(), {kind: [] for kind in jobs}, {}
    for turn in range(ROUNDS):
        for kind in list(jobs) if turn % 2 else reversed(jobs):
            watch = Watch(team)
            assemble(jobs[kind], Shard(block, 0, block.rows, (rank, size)), None, team, DirectReporter(watch)).run()
            seconds[kind] += watch.seconds[WARM_UP:]
            if rank == 0:  # which alone is told of batches
                sent[kind] = (watch.sent[-1] - watch.sent[0]) / (len(watch.sent) - 1)
    team.close()
    pipe.send((seconds, sent))


def measure(size: int, case: tuple[str, int, str]) -> tuple[dict[str, harness.Timing], dict[str, float]]:
    """Milliseconds and sent bytes of an iteration, by kind, as rank 0 saw them."""
    key, context = new_key(), multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for rank in range(size):
        ours, theirs = context.Pipe()
        pipes.append(ours)
        processes.append(context.Process(target=work, args=(rank, size, key, theirs, case)))
        processes[-1].start()
    ports = [pipe.recv() for pipe in pipes]
    for pipe in pipes:
        pipe.send(ports)
    (seconds, sent), *_ = [pipe.recv() for pipe in pipes]
    for process in processes:
        process.join(60)
    return {kind: harness.summarize(values) for kind, values in seconds.items()}, sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="*", default=(1, 2))
    parser.add_argument("--models", nargs="*", default=tuple(MODELS))
    options = parser.parse_args()
    print(f"{'model':>6} {'batch':>6} {'optimizer':>9} {'workers':>7} {'whole ms':>9} {'rows ms':>8} {'times':>6} "
          f"{'by min':>6} {'whole MB':>9} {'rows MB':>8} {'times':>6}")
    results = []
    for case in CASES:
        for size in options.workers if case[0] in options.models else ():
            timings, sent = measure(size, case)
            faster = harness.speed(timings, "rows", "whole")
            less = sent["whole"] / sent["rows"] if size > 1 else 1.0
            print(f"{case[0]:>6} {case[1]:>6} {case[2]:>9} {size:>7} {timings['whole'].median:>9.2f} "
                  f"{timings['rows'].median:>8.2f} {faster['by_median']:>6.2f} {faster['by_minimum']:>6.2f} "
                  f"{sent['whole'] / 1e6:>9.2f} "
                  f"{sent['rows'] / 1e6:>8.3f} {less:>6.1f}", flush=True)
            results.append({"case": case, "workers": size, "timings": timings, "sent": sent})
    print("written to", harness.write("embeddings", results))


if __name__ == "__main__":
    main()
