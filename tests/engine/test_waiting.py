"""What is said while nothing is heard, and when waiting ends."""

import logging
from types import SimpleNamespace

import pytest

from bigdl_keras.engine import waiting
from bigdl_keras.engine.waiting import Waiting
from bigdl_keras.errors import WorkerLost


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass as the test says."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now.seconds)
    return now


def said_within(watch, clock, seconds, caplog):
    """What the log says in so many seconds in which nothing is heard."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(seconds):
            clock.seconds += 1
            watch.check()
    return [record.message for record in caplog.records]


def test_missing_workers_are_named_ever_more_rarely(clock, caplog):
    watch = Waiting(SimpleNamespace(size=3, addresses={1: "there"}), 5.0)
    lines = said_within(watch, clock, 100, caplog)
    assert [line.partition(",")[0] for line in lines] == ["For 20 s", "For 40 s", "For 80 s"]
    assert "2 of 3 workers to begin: [0, 2]." in lines[0]


def test_nothing_is_said_of_a_team_at_work(clock, caplog):
    watch = Waiting(SimpleNamespace(size=2, addresses={0: "there", 1: "there"}), 5.0)
    watch.said_goodbye(1)
    assert not said_within(watch, clock, 1000, caplog)
    assert not said_within(Waiting(None, 5.0), clock, 1000, caplog)  # which meets through Spark


def test_results_have_a_deadline(clock, caplog):
    watch = Waiting(SimpleNamespace(size=2, addresses={0: "there", 1: "there"}), 30.0)
    clock.seconds += 500
    watch.said_goodbye(0)
    watch.said_goodbye(1)
    [line] = said_within(watch, clock, 30, caplog)
    assert line.startswith("For 20 s, the fit has been waiting for Spark to bring the results")
    with pytest.raises(WorkerLost, match=r"All 2 workers have finished.* for 30 seconds"):
        said_within(watch, clock, 1, caplog)
