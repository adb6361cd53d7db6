"""The layers of a plan are timed step by step, on an execution of its own: those that train carry no timers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigdl_keras.graph.layout import Layout
from bigdl_keras.graph.plan import BackwardStep, Context, Execution, Plan, Step


@dataclass(frozen=True)
class LayerTimes:
    """What a layer took of a batch, over all of its calls in the model.

    Attributes:
        layer: its name; losses and metrics have names, too. '' for what belongs to nothing.
        forward_seconds, backward_seconds: means over the runs.
        steps: kernel calls of its forward pass.
    """

    layer: str
    forward_seconds: float
    backward_seconds: float
    steps: int


def profile(plan: Plan, values: np.ndarray, arrays: Sequence[np.ndarray], runs: int = 5,
            context: Context | None = None) -> list[LayerTimes]:
    """Measure a batch, after one run that lays out the buffers.

    Args:
        plan: with backward steps, unless only forward times are wanted.
        values: the value vector; it is left as it is.
        arrays: inputs of the plan.
        runs: how often.
        context: of each run.

    Returns:
        One entry per layer, in the order of their first steps.
    """
    gradients = np.zeros(plan.trainable_size, values.dtype) if plan.trainable_size else None
    execution = _TimedExecution(plan, values, gradients)
    for run in range(runs + 1):
        if run == 1:
            execution.forget()
        execution.forward(arrays, context)
        if plan.trainable_size:
            execution.backward()
    layers = dict.fromkeys(step.layer for step in plan.steps)
    found = []
    for layer in layers:
        mine = [number for number, step in enumerate(plan.steps) if step.layer == layer]
        found.append(LayerTimes(layer, float(execution.forward_seconds[mine].sum()) / runs,
                                float(execution.backward_seconds[mine].sum()) / runs, len(mine)))
    return found


class _TimedExecution(Execution):
    """An execution that adds up the seconds of each step."""

    def __init__(self, plan: Plan, values: np.ndarray, gradients: np.ndarray | None) -> None:
        super().__init__(plan, values, gradients)
        self.forget()

    def forget(self) -> None:
        """Begin at zero."""
        self.forward_seconds = np.zeros(len(self.plan.steps))
        self.backward_seconds = np.zeros(len(self.plan.steps))

    def _run(self, index: int, step: Step, layout: Layout) -> None:
        started = time.perf_counter()
        super()._run(index, step, layout)
        self.forward_seconds[index] += time.perf_counter() - started

    def _run_backward(self, position: int, backward_step: BackwardStep, step: Step, flowing: list[Any]) -> None:
        started = time.perf_counter()
        super()._run_backward(position, backward_step, step, flowing)
        self.backward_seconds[backward_step.step] += time.perf_counter() - started
