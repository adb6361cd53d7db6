"""How does an iteration's exchange grow with the team? Measured on loopback, beside what a two-term model predicts.

P processes on C cores exchange a vector of V float32 as the barrier engine does each iteration: sum, reduce-scatter,
all-gather. Every process works for its own messages and its own bytes, and the cores are shared, so that

    seconds(P, V) = (messages * P (P - 1) + bytes * 8 V (P - 1)) / C

with two constants: the seconds a message costs and the seconds a byte costs, both ends together. They are taken from
two workers alone (the smallest and the largest vector), and the larger teams are predicted from them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from typing import Any

import harness

harness.one_thread()

import numpy as np  # noqa: E402

from bigdl_keras.engine.collectives.handshake import Door, new_key  # noqa: E402
from bigdl_keras.engine.collectives.sockets import Address, join  # noqa: E402

HOST = "127.0.0.1"
SIZES = (1_000, 100_000, 1_000_000, 10_000_000)
TEAMS = (2, 4, 8, 16)


def work(rank: int, size: int, key: bytes, pipe: Any, length: int, iterations: int) -> None:
    """A worker process: joins the team, exchanges, and answers with the seconds of each iteration."""
    door = Door(HOST, key)
    pipe.send(door.port)
    team = join(rank, [Address(HOST, port) for port in pipe.recv()], door, key, 120.0)
    door.close()
    vector = np.ones(length, dtype=np.float32)
    seconds = []
    for _ in range(iterations + 3):
        start = time.perf_counter()
        team.sum(np.ones(2))
        team.reduce_scatter(vector)
        team.all_gather(vector)
        seconds.append(time.perf_counter() - start)
    team.close()
    pipe.send(seconds[3:])


def measure(size: int, length: int) -> float:
    """Median seconds of an exchange, of the slowest worker's view."""
    iterations = max(5, min(200, 40_000_000 // (length * size)))
    key = new_key()
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for rank in range(size):
        ours, theirs = context.Pipe()
        pipes.append(ours)
        processes.append(context.Process(target=work, args=(rank, size, key, theirs, length, iterations)))
        processes[-1].start()
    ports = [pipe.recv() for pipe in pipes]
    for pipe in pipes:
        pipe.send(ports)
    seconds = [statistics.median(pipe.recv()) for pipe in pipes]
    for process in processes:
        process.join(60)
    return max(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teams", type=int, nargs="*", default=TEAMS)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    found = {(size, length): measure(size, length) for length in options.sizes for size in options.teams}
    smallest, largest = min(options.sizes), max(options.sizes)

    def total(length: int) -> float:  # core seconds of two workers
        return found[2, length] * min(cores, 2)

    per_byte = (total(largest) - total(smallest)) / (8 * (largest - smallest))
    per_message = max((total(smallest) - per_byte * 8 * smallest) / 2, 0.0)
    print(f"{cores} cores; a message costs {per_message * 1e6:.0f} us of a core, a byte {per_byte * 1e9:.2f} ns")
    print(f"{'parameters':>12} {'workers':>8} {'measured ms':>12} {'predicted ms':>13} {'ratio':>6}")
    rows = []
    for (size, length), seconds in found.items():
        work_seconds = per_message * size * (size - 1) + per_byte * 8 * length * (size - 1)
        predicted = work_seconds / min(cores, size)
        row = {"workers": size, "parameters": length, "measured_ms": seconds * 1e3, "predicted_ms": predicted * 1e3}
        rows.append(row)
        print(f"{length:>12,} {size:>8} {seconds * 1e3:>12.2f} {predicted * 1e3:>13.2f} {seconds / predicted:>6.2f}")
    print("written to", harness.write("scaling", {"per_message": per_message, "per_byte": per_byte, "rows": rows}))


if __name__ == "__main__":
    main()
