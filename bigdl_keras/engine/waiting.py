"""While nothing is heard of a gang, the log says what is waited for, and what may be waited for has a deadline."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bigdl_keras.engine.meeting import Meeting
from bigdl_keras.engine.overdue import no_rows
from bigdl_keras.errors import WorkerLost

_logger = logging.getLogger(__name__)
_SILENT_SECONDS = 20.0  # before the first word about it; each further one takes twice as long
SILENT_EXECUTOR = ("Its executor sent no heartbeats for spark.network.timeout: it hangs, perhaps in a collection of "
                   "garbage, or its machine is overloaded or gone.")


class Waiting:
    """What the driver waits for: workers that are to come, or results after all workers have said goodbye.

    Between the two it is the workers' own deadline that says who is lost.

    Args:
        meeting: where the workers come, or None where they meet through Spark.
        timeout_seconds: how long the results may take, and rows on their way.
        heard: counts beats of workers that read their rows. Without any, perhaps none can come: rows may take long.
    """

    def __init__(self, meeting: Meeting | None, timeout_seconds: float, heard: Callable[[], int] = int) -> None:
        self._heard = heard
        self._beats, self._heard_at = 0, time.monotonic()
        self._meeting = meeting
        self._timeout_seconds = timeout_seconds
        self._gone: set[int] = set()
        self._since = time.monotonic()
        self._next_word = _SILENT_SECONDS

    def said_goodbye(self, rank: int) -> None:
        """A worker has done its part and hands its result to Spark."""
        self._gone.add(rank)
        self._since, self._next_word = time.monotonic(), _SILENT_SECONDS

    def check(self) -> None:
        """Nothing was heard for a moment: say so from time to time.

        Raises:
            WorkerLost: all workers are done, but for too long Spark has not brought their results; or they are reading
                their rows, and none has come for too long.
        """
        if self._meeting is None:
            return
        missing, size = sorted(set(range(self._meeting.size)) - set(self._meeting.addresses)), self._meeting.size
        seconds = time.monotonic() - self._since
        if missing:
            beats = self._heard()
            if beats != self._beats or not beats:
                self._beats, self._heard_at = beats, time.monotonic()
            elif time.monotonic() - self._heard_at > self._timeout_seconds:
                raise WorkerLost(no_rows(self._timeout_seconds))
            self._tell(seconds, f"{len(missing)} of {size} workers to begin: {missing}. They still read their rows, or "
                                "Spark has not started their tasks, for slots are taken or executors missing")
        elif len(self._gone) == size:
            if seconds > self._timeout_seconds:
                raise WorkerLost(f"All {size} workers have finished, but Spark has not brought their results for "
                                 f"{self._timeout_seconds:g} seconds. An executor hangs.")
            self._tell(seconds, "Spark to bring the results of the workers, which have all finished. Perhaps an "
                                "executor hangs; Spark gives it up after spark.network.timeout")

    def _tell(self, seconds: float, what: str) -> None:
        if seconds >= self._next_word:
            self._next_word *= 2
            _logger.warning("For %.0f s, the fit has been waiting for %s.", seconds, what)
