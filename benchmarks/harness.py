"""Contenders are timed in the same process, in alternating short blocks, so that what disturbs one disturbs all.

Medians answer "how long does it take here, now"; minima answer "how long does it take when nothing disturbs". Where the
two ratios disagree, the machine was busy, and the minimum is the one to trust.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def one_thread() -> None:
    """Hold BLAS and OpenMP to one thread.

    Call it before numpy, torch or the library is imported: they look once. This module imports none of them.
    """
    if "numpy" in sys.modules:
        raise RuntimeError("numpy has already started its threads: call one_thread() before importing it.")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


@dataclass(frozen=True)
class Timing:
    """Milliseconds a call of one contender; `spread` is the distance between the quartiles over the median."""

    median: float
    minimum: float
    spread: float
    calls: int


def summarize(seconds: list[float]) -> Timing:
    """The Timing of measured calls."""
    median = statistics.median(seconds)
    quartiles = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else [median] * 3
    return Timing(median * 1e3, min(seconds) * 1e3, (quartiles[2] - quartiles[0]) / median, len(seconds))


def compare(contenders: Mapping[str, Callable[[], Any]], *, blocks: int = 12, block_seconds: float = 0.2,
            warm_up_seconds: float = 1.0) -> dict[str, Timing]:
    """Time each contender in `blocks` blocks of about `block_seconds`, in turn.

    Args:
        contenders: Name to a function without arguments that does one unit of work.
        blocks: Blocks per contender. Every second round runs in reverse order.
        block_seconds: Length of a block; at least one call is made.
        warm_up_seconds: What each contender runs beforehand, unmeasured.

    Returns:
        Name to Timing.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        _run_block(run, warm_up_seconds)
    for block in range(blocks):
        names = list(contenders) if block % 2 == 0 else list(reversed(contenders))
        for name in names:
            contenders[name]()  # the caches belong to the contender before
            seconds[name] += _run_block(contenders[name], block_seconds)
    return {name: summarize(measured) for name, measured in seconds.items()}


def _run_block(run: Callable[[], Any], length: float) -> list[float]:
    measured: list[float] = []
    end = time.perf_counter() + length
    while not measured or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        measured.append(time.perf_counter() - start)
    return measured


def speed(timings: Mapping[str, Timing], ours: str, theirs: str) -> dict[str, float]:
    """How fast `ours` is as a multiple of `theirs` (above 1: faster), by median and by minimum."""
    return {"by_median": timings[theirs].median / timings[ours].median,
            "by_minimum": timings[theirs].minimum / timings[ours].minimum}


def machine() -> dict[str, Any]:
    """Facts without which a figure means little."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M:%S%z"),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def write(name: str, results: Mapping[str, Any]) -> Path:
    """Write `results` with the facts of the machine to benchmarks/results/NAME.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps({"machine": machine(), "results": results}, indent=2, default=asdict)
    path.write_text(text + "\n", encoding="utf-8")
    return path
