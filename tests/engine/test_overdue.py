"""A job is ended where tasks run and none ends, not where they wait for slots or end one after the other."""

from types import SimpleNamespace

import pytest

from bigdl_keras.engine import overdue
from bigdl_keras.engine.overdue import Overdue


class Context:
    """A SparkContext with one job of one stage, in one group."""

    def __init__(self):
        self.running, self.ended, self.cancelled = 1, 0, []

    def statusTracker(self):
        stage = SimpleNamespace(stageId=7, numActiveTasks=self.running, numCompletedTasks=self.ended, numFailedTasks=0)
        return SimpleNamespace(getJobIdsForGroup=lambda group: [3] if group == "mine" else [],
                               getActiveJobsIds=lambda: [3, 4], getStageInfo=lambda number: stage,
                               getJobInfo=lambda job: SimpleNamespace(stageIds=[7]))

    def cancelJobGroup(self, group):
        self.cancelled.append(group)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(overdue.time, "monotonic", lambda: now.seconds)
    return now


def pass_time(watch, clock, seconds):
    for _ in range(seconds):
        clock.seconds += 1
        watch._look()
        watch._timer.cancel()  # its own looks, an hour apart


@pytest.mark.parametrize(("running", "ends", "expected"), [(1, 0, ["mine"]), (0, 0, []), (1, 1, [])])
def test_when_a_job_is_ended(clock, running, ends, expected):
    context = Context()
    context.running = running
    with Overdue(context, "mine", 28_800) as watch:
        for _ in range(4):
            pass_time(watch, clock, 1)
            clock.seconds += 10_000
            context.ended += ends
    assert context.cancelled == expected
    assert watch.cancelled == bool(expected)


@pytest.mark.parametrize(("beats", "only_beating", "expected"), [
    ([0, 0, 0, 0], True, []), ([0, 0, 0, 0], False, ["mine"]),
    ([1, 1, 1, 1], True, ["mine"]), ([1, 2, 3, 4], False, []),
])
def test_tasks_that_beat(clock, beats, only_beating, expected):
    context, coming = Context(), iter(beats)
    with Overdue(context, "mine", 28_800, lambda: next(coming), only_beating) as watch:
        for _ in beats:
            pass_time(watch, clock, 1)
            clock.seconds += 10_000
    assert context.cancelled == expected


def test_nothing_happens_after_the_end(clock):
    context = Context()
    with Overdue(context, "mine", 28_800) as watch:
        pass_time(watch, clock, 1)
    clock.seconds += 100_000
    watch._look()
    assert not context.cancelled


def test_it_looks_by_itself():
    context = Context()
    with Overdue(context, "mine", 0.1) as watch:
        while not watch.cancelled:
            watch._timer.join()
    assert context.cancelled == ["mine"]
