"""The stopwatch itself: blocks alternate, and the statistics are those of the calls."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "harness.py"


@pytest.fixture
def harness(monkeypatch, tmp_path):
    """The module, on a clock that moves only when a contender works."""
    spec = importlib.util.spec_from_file_location("harness", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "harness", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.now = 0.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: module.now)
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def test_contenders_take_turns_and_are_timed_apart(harness):
    order = []

    def contender(name, seconds):
        def run():
            order.append(name)
            harness.now += seconds
        return run

    timings = harness.compare({"a": contender("a", 1 / 16), "b": contender("b", 1 / 8)}, blocks=4,
                              block_seconds=1 / 4, warm_up_seconds=1 / 2)

    assert timings["a"].median == pytest.approx(62.5)
    assert timings["b"].minimum == pytest.approx(125)
    turns = "".join(name for name, before in zip(order, ["", *order], strict=False) if name != before)
    assert turns == "abababa", "Warm-up a, b; then rounds a-b, b-a, a-b, b-a."
    assert (timings["a"].calls, timings["b"].calls) == (16, 8)
    assert harness.speed(timings, "a", "b") == {"by_median": pytest.approx(2), "by_minimum": pytest.approx(2)}


def test_spread_is_the_distance_between_quartiles_over_the_median(harness):
    timing = harness.summarize([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (timing.median, timing.minimum, timing.calls) == (3000, 1000, 5)
    assert timing.spread == pytest.approx((4.5 - 1.5) / 3)


def test_results_are_written_with_the_facts_of_the_machine(harness):
    path = harness.write("some", {"case": harness.summarize([0.5])})
    written = json.loads(path.read_text())
    assert written["results"]["case"] == {"median": 500, "minimum": 500, "spread": 0, "calls": 1}
    assert written["machine"]["cores"] >= 1
