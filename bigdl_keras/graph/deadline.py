"""An execution that gives up between two steps once it is too late; others never look at the clock."""

from __future__ import annotations

import math
import time
from typing import Any

from bigdl_keras.graph.layout import Layout
from bigdl_keras.graph.plan import BackwardStep, Execution, Step


class GivenUp(BaseException):
    """The time is over. (No Exception: nobody on the way adds to its message.)"""


class DeadlineExecution(Execution):
    """An execution with a deadline.

    Attributes:
        deadline: moment of time.perf_counter() after which no further step begins; GivenUp is raised instead.
    """

    deadline = math.inf

    def _run(self, index: int, step: Step, layout: Layout) -> None:
        self._check()
        super()._run(index, step, layout)

    def _run_backward(self, position: int, backward_step: BackwardStep, step: Step, flowing: list[Any]) -> None:
        self._check()
        super()._run_backward(position, backward_step, step, flowing)

    def _check(self) -> None:
        if time.perf_counter() > self.deadline:
            raise GivenUp
