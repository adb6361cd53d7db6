"""A Spark job whose tasks run, but of which none ends for too long, is ended: Spark itself would wait for ever.

Tasks that wait for a slot are no reason, for executors may be preempted and come back.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from pyspark import SparkContext


class Overdue:
    """Watches the jobs of a group, between `with` and its end, and cancels them when they stand still.

    Args:
        context: the SparkContext.
        group: of the jobs.
        seconds: how long none of their tasks may end.

    Attributes:
        cancelled: whether that has happened.
    """

    def __init__(self, context: SparkContext, group: str, seconds: float) -> None:
        self.cancelled = False
        self._context = context
        self._group = group
        self._seconds = seconds
        self._ended = False
        self._state: list[tuple[int, int]] = []
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

    def _progress(self) -> tuple[list[tuple[int, int]], bool]:
        """(stage, tasks that ended) of the group's active jobs, and whether a task runs."""
        tracker = self._context.statusTracker()
        jobs = set(tracker.getJobIdsForGroup(self._group)) & set(tracker.getActiveJobsIds())
        found = [tracker.getJobInfo(job) for job in sorted(jobs)]
        numbers = sorted({number for job in found if job is not None for number in job.stageIds})
        stages = [stage for number in numbers if (stage := tracker.getStageInfo(number)) is not None]
        state = [(stage.stageId, stage.numCompletedTasks + stage.numFailedTasks) for stage in stages]
        return state, any(stage.numActiveTasks for stage in stages)
