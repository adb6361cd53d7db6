"""Could an exchange that overlaps with the backward pass pay? Each phase on a slow link, and the most to gain.

Two workers train a network of dense layers, each in a network namespace of its own; a virtual cable joins them, whose
rate is limited both ways (needs root, Linux, and the commands `ip` and `tc`). An exchange in buckets could hide a part
of `reduce_scatter` behind `backward`, so that at best an iteration gets shorter by the shorter of the two. That is the
bound which is printed; what buckets cost themselves is not counted. Without a limit, both workers are on loopback.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

import harness

harness.one_thread()

import numpy as np  # noqa: E402

import bigdl_keras as bk  # noqa: E402
from bigdl_keras.data import ArraySource  # noqa: E402
from bigdl_keras.engine.assembling import assemble  # noqa: E402
from bigdl_keras.engine.collectives.compression import find_compression  # noqa: E402
from bigdl_keras.engine.collectives.handshake import Door, new_key  # noqa: E402
from bigdl_keras.engine.collectives.sockets import Address, join  # noqa: E402
from bigdl_keras.engine.job import TrainingJob  # noqa: E402
from bigdl_keras.engine.local import DirectReporter  # noqa: E402
from bigdl_keras.engine.loop import Shard  # noqa: E402
from bigdl_keras.engine.memory import keep_freed_memory  # noqa: E402
from bigdl_keras.engine.phases import PHASES  # noqa: E402
from bigdl_keras.engine.report import EpochReport, Report  # noqa: E402
from bigdl_keras.models.columns import match  # noqa: E402

UNITS = {1: 580, 10: 1830}  # millions of parameters, about -> units of the three square layers that hold them
SPACES = ("bigdl_keras_a", "bigdl_keras_b")
HOSTS = ("10.213.0.1", "10.213.0.2")
ITERATIONS = 8


class Watch(Report):
    """Keeps the phases of the last epoch."""

    def on_epoch_end(self, report: EpochReport, snapshot: Any) -> None:
        assert report.phases is not None
        self.seconds = report.phases.seconds.mean(axis=0) / ITERATIONS


def work(rank: int, host: str, millions: int, rows: int, compression: str | None) -> None:
    """A worker: hears the key and the ports by lines of JSON, and answers with the seconds of each phase."""
    keep_freed_memory()
    units = UNITS[millions]
    model = bk.Sequential([bk.Input((units,)), *[bk.layers.Dense(units, activation="relu") for _ in range(3)],
                           bk.layers.Dense(1)])
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2 * rows * ITERATIONS, units)).astype("float32")
    matched = match(model, ArraySource(x, x[:, :1]))
    plan = model.runtime.objective_program(model.heads, matched.inputs, matched.labels, matched.weights, True).plan
    segments = model.runtime.vector.segments
    job = TrainingJob(plan, model.runtime.vector.values, tuple(path for path, *_ in segments),
                      tuple(shape for *_, shape in segments), model.optimizer, batch_size=2 * rows, epochs=2,
                      compression=compression)
    key = bytes.fromhex(sys.stdin.readline())
    with Door(host, key) as door:
        print(door.port, flush=True)
        addresses = [Address(*address) for address in json.loads(sys.stdin.readline())]
        team = join(rank, addresses, door, key, 120.0, find_compression(compression))
    block, watch = matched.source.read(), Watch()
    assemble(job, Shard(block, 0, block.rows, (rank, 2)), None, team, DirectReporter(watch)).run()
    team.close()
    if rank == 0:
        print(json.dumps(watch.seconds.tolist()), flush=True)


def run(command: str) -> None:
    """A command of the system; its words are parted by blanks."""
    subprocess.run(command.split(), check=True)


def join_spaces(gigabits: float) -> None:
    """Two network namespaces, and between them a cable of this rate."""
    part_spaces()
    first, second = SPACES
    run(f"ip netns add {first}")
    run(f"ip netns add {second}")
    run(f"ip link add bk0 netns {first} type veth peer name bk0 netns {second}")
    for space, host in zip(SPACES, HOSTS, strict=True):
        run(f"ip -n {space} addr add {host}/24 dev bk0")
        run(f"ip -n {space} link set bk0 up")
        burst = f"{125 * gigabits:.0f}kb"  # a millisecond
        run(f"ip netns exec {space} tc qdisc add dev bk0 root tbf rate {gigabits}gbit burst {burst} latency 50ms")


def part_spaces() -> None:
    """Take the namespaces down, and the cable with them."""
    for space in SPACES:
        subprocess.run(["ip", "netns", "del", space], check=False, stderr=subprocess.DEVNULL)


def measure(gigabits: float | None, millions: int, rows: int, compression: str | None) -> dict[str, float]:
    """Milliseconds of each phase, mean over both workers."""
    hosts, key = HOSTS if gigabits else ("127.0.0.1",) * 2, new_key().hex()
    processes = []
    for rank, host in enumerate(hosts):
        space = ["ip", "netns", "exec", SPACES[rank]] if gigabits else []
        words = ["--worker", str(rank), host, str(millions), str(rows), compression or ""]
        processes.append(subprocess.Popen([*space, sys.executable, __file__, *words], text=True,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        print(key, file=processes[-1].stdin, flush=True)
    addresses = json.dumps([(host, int(process.stdout.readline()))
                            for host, process in zip(hosts, processes, strict=True)])
    for process in processes:
        print(addresses, file=process.stdin, flush=True)
    seconds = json.loads(processes[0].stdout.readline())
    for process in processes:
        process.wait(60)
    return {name: 1e3 * value for name, value in zip(PHASES, seconds, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", nargs=5, help=argparse.SUPPRESS)
    parser.add_argument("--gigabits", type=float, nargs="*", default=(0, 10, 1), help="of the link; 0: loopback")
    parser.add_argument("--millions", type=int, nargs="*", default=tuple(UNITS), choices=tuple(UNITS))
    parser.add_argument("--rows", type=int, nargs="*", default=(64, 512), help="of a worker's part of a batch")
    options = parser.parse_args()
    if options.worker is not None:
        rank, host, millions, rows, compression = options.worker
        work(int(rank), host, int(millions), int(rows), compression or None)
        return
    print(f"{'Gbit/s':>6} {'million':>7} {'rows':>5} {'wire':>5} {'forward':>8} {'backward':>8} {'reduce':>7} "
          f"{'gather':>7} {'all ms':>7} {'exchange':>8} {'at best':>7}")
    results = []
    for gigabits in options.gigabits:
        try:
            if gigabits:
                join_spaces(gigabits)
            for millions in options.millions:
                for rows in options.rows:
                    for compression in (None, "bf16"):
                        found = measure(gigabits, millions, rows, compression)
                        whole, reduce = sum(found.values()), found["reduce_scatter"]
                        best = whole / (whole - min(reduce, found["backward"]))
                        share = (reduce + found["all_gather"]) / whole
                        print(f"{gigabits or 'loop':>6} {millions:>7} {rows:>5} {compression or 'f32':>5} "
                              f"{found['forward']:>8.1f} {found['backward']:>8.1f} {reduce:>7.1f} "
                              f"{found['all_gather']:>7.1f} {whole:>7.1f} {share:>8.0%} {best:>7.2f}", flush=True)
                        results.append({"gigabits": gigabits, "millions": millions, "rows": rows,
                                        "compression": compression, "milliseconds": found, "at_best": best})
        finally:
            if gigabits:
                part_spaces()
    print("written to", harness.write("overlap", results))


if __name__ == "__main__":
    main()
