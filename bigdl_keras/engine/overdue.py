"""A Spark job whose tasks run, but of which nothing is heard for too long, is ended: Spark itself would wait for ever.

Something is heard where a task begins, beats (pulse.py) or ends. Tasks that wait for a slot are no reason: executors
may be preempted and come back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bigdl_keras.errors import WorkerLost

if TYPE_CHECKING:
    from types import TracebackType

    from pyspark import SparkContext


class Overdue:
    """Watches the jobs of a group, between `with` and its end, and cancels them when they stand still.

    Args:
        context: the SparkContext.
        group: of the jobs.
        seconds: how long nothing may be heard of them.
        heard: counts beats of tasks that may take longer.
        only_beating: where not one beat has come, perhaps none can come: then nothing is done.

    Attributes:
        cancelled: whether that has happened.
    """

    def __init__(self, context: SparkContext, group: str, seconds: float, heard: Callable[[], int] = int,
                 only_beating: bool = False) -> None:
        self.cancelled = False
        self._context = context
        self._group = group
        self._seconds = seconds
        self._heard = heard
        self._only_beating = only_beating
        self._ended = False
        self._state: list[tuple[int, ...]] = []
        self._since = time.monotonic()
        self._timer = self._start_timer()

    def __enter__(self) -> Overdue:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._ended = True
        self._timer.cancel()

    def _start_timer(self) -> threading.Timer:
        timer = threading.Timer(self._seconds / 8, self._look)
        timer.daemon = True
        timer.start()
        return timer

    def _look(self) -> None:
        if self._ended:
            return
        state, running = self._progress()
        if state != self._state or not running:
            self._state, self._since = state, time.monotonic()
        if time.monotonic() - self._since >= self._seconds:
            self.cancelled = True
            self._context.cancelJobGroup(self._group)
        else:
            self._timer = self._start_timer()

    def _progress(self) -> tuple[list[tuple[int, ...]], bool]:
        """What changes while the group's active jobs go on, and whether a task runs."""
        tracker = self._context.statusTracker()
        jobs = set(tracker.getJobIdsForGroup(self._group)) & set(tracker.getActiveJobsIds())
        found = [tracker.getJobInfo(job) for job in sorted(jobs)]
        numbers = sorted({number for job in found if job is not None for number in job.stageIds})
        stages = [stage for number in numbers if (stage := tracker.getStageInfo(number)) is not None]
        beats = self._heard()
        state = [(beats,), *((stage.stageId, stage.numActiveTasks, stage.numCompletedTasks + stage.numFailedTasks)
                             for stage in stages)]
        return state, any(stage.numActiveTasks for stage in stages) and (beats > 0 or not self._only_beating)


@contextmanager
def deadline(overdue: Overdue, message: str) -> Iterator[None]:
    """Jobs that run within are lost with a message where they are overdue."""
    with overdue:
        try:
            yield
        except Exception as error:
            if not overdue.cancelled:
                raise
            raise WorkerLost(message) from error


def no_rows(seconds: float) -> str:
    """What is said of tasks that read rows and are silent."""
    return (f"No row has come for {seconds:g} seconds, though tasks read them. What makes the rows (a function of the "
            "RDD, or the store that it asks) hangs, or a worker or its machine does. Where a single row may take so "
            "long, set spark.bigdl_keras.failure.timeoutSeconds higher.")
