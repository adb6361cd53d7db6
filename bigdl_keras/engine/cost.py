"""How many threads a batch is worth, from the shapes in its plan: a rule, not a stopwatch, so that runs repeat."""

from __future__ import annotations

import os
from collections.abc import Sequence
from math import prod

import numpy as np

from bigdl_keras.data import Column
from bigdl_keras.graph.plan import Plan
from bigdl_keras.kernels import KERNELS

_WORTH_A_THREAD = 5_000_000  # multiply-adds of a forward pass; below, threads wait for each other longer than they work
_ROWS_OF_A_THREAD = 8
_PRODUCTS = frozenset({"conv", "conv_lstm", "conv_transpose", "dense", "einsum", "gru", "lstm", "matmul", "simple_rnn"})


def team_size(plan: Plan, columns: Sequence[Column], rows: int) -> int:
    """Threads to share a batch of `rows` rows of these columns.

    Plans with states (moving averages of a batch) run in one thread: several would each normalize their part of the
    batch, and the result would depend on the number of cores.
    """
    if plan.states:
        return 1
    return max(1, min(cores(), multiply_adds(plan, columns, rows) // _WORTH_A_THREAD, rows // _ROWS_OF_A_THREAD))


def blas_threads(plan: Plan, columns: Sequence[Column], rows: int) -> int | None:
    """Threads of the BLAS library for a batch that one thread computes: one for small products, else its own choice."""
    return 1 if multiply_adds(plan, columns, rows) < 2 * _WORTH_A_THREAD else None


def multiply_adds(plan: Plan, columns: Sequence[Column], rows: int) -> int:
    """Multiply-adds of a forward pass over `rows` rows, counted where weights enter matrix products.

    Every element of the output takes one per element of the weight that belongs to its channel, the weight's last axis.
    """
    shapes: dict[int, tuple[int, ...]] = {slot: window.shape for slot, window in plan.windows.items()}
    shapes.update({slot: np.shape(constant) for slot, constant in plan.constants.items()})
    shapes.update({item.slot: () for item in plan.inputs})
    shapes.update({item.slot: (rows, *column.shape) for item, column in zip(plan.inputs, columns, strict=False)})
    total = 0
    for step in plan.steps:
        kernel = KERNELS[step.kernel]
        found = kernel.shape(*(shapes[slot] for slot in step.inputs), **step.attributes)
        outputs = list(found) if kernel.several else [found]
        shapes.update({slot: tuple(shape) for slot, shape in zip(step.outputs, outputs, strict=True)})
        for slot in step.inputs if step.kernel in _PRODUCTS else ():
            if slot in plan.windows and len(weight := plan.windows[slot].shape) > 1:
                total += prod(shapes[step.outputs[0]]) * prod(weight[:-1])
    return int(total)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
