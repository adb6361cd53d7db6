"""The gradient of a table that is only looked up is zero but for the rows of a batch: no others are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.indexing import add_rows, scatter_add_rows

if TYPE_CHECKING:
    from bigdl_keras.graph.plan import Plan, Step, Window


def find_tables(plan: Plan) -> dict[int, Window]:
    """Slot -> window of the weights that the backward steps only take rows of, in the order of the vector."""
    looked_up: set[int] = set()
    otherwise: set[int] = set()
    for item in plan.backward_steps:
        step = plan.steps[item.step]
        for number, (slot, wanted) in enumerate(zip(step.inputs, item.wanted, strict=True)):
            if wanted:
                (looked_up if number == 0 and row_gradient(step) is not None else otherwise).add(slot)
    slots = [slot for slot in looked_up - otherwise if slot in plan.windows]
    return {slot: plan.windows[slot] for slot in sorted(slots, key=lambda slot: plan.windows[slot].start)}


def row_gradient(step: Step) -> Callable[..., tuple[Any, Any]] | None:
    """How a step that takes rows of its first input answers for each of them; None where it does something else."""
    rows = KERNELS[step.kernel].rows
    return None if rows is None else rows(**step.attributes)


class TableGradient:
    """The window of a table in the gradient vector.

    Args:
        window: (rows, ...), of any content.

    Attributes:
        touched: numbers of the rows that may differ from zero, ascending; None: any may.
    """

    def __init__(self, window: np.ndarray) -> None:
        self.window = window.reshape(len(window), int(np.prod(window.shape[1:], dtype=np.int64)))
        self.touched: np.ndarray | None = None

    def clear(self) -> None:
        """Set all rows to zero, which are those that were touched."""
        if self.touched is None:
            self.window.fill(0)
        else:
            self.window[self.touched] = 0
        self.touched = np.empty(0, np.int64)

    def add(self, numbers: np.ndarray, rows: np.ndarray) -> None:
        """Add `rows` (n, width) to those that have these numbers.

        The sum is that of whole tables, bit for bit: what one step contributes is added up before it is added to what
        others did.
        """
        window, before = self.window, self.touched
        if before is not None and not len(before):
            add_rows(rows, numbers, window)
            self.touched = distinct(numbers) if few(numbers, len(window)) else None
            return
        own, places = np.unique(numbers, return_inverse=True)
        window[own] += scatter_add_rows(rows, places.reshape(-1), len(own))
        if before is not None:
            both = np.concatenate([before, own])
            self.touched = distinct(both) if few(both, len(window)) else None


def few(numbers: np.ndarray, rows: int) -> bool:
    """Whether so many rows of a table are worth being handled one by one.

    (From half of the rows on, whole tables were as fast or faster where measured.)
    """
    return 2 * len(numbers) < rows


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The different ones of integers, ascending."""
    ordered = np.sort(numbers)
    return np.asarray(ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0])
