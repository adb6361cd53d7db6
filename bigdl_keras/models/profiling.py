"""Which layer takes the time: a batch is run step by step, and the model is left as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from bigdl_keras.data import ArraySource
from bigdl_keras.graph.plan import Context
from bigdl_keras.graph.profile import LayerTimes, profile
from bigdl_keras.models.columns import match, match_inputs
from bigdl_keras.models.sources import may_read_strings

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_REST = "(model)"


def measure(model: Model, x: Any, y: Any, sample_weight: Any, runs: int) -> list[LayerTimes]:
    """The times of a training step where `y` is given, else of a prediction."""
    runtime = model.runtime
    if y is None:
        source, inputs = match_inputs(model, ArraySource(x, strings=may_read_strings(model)))
        plan, arrays, training = runtime.predict_program(inputs).plan, [*source.read().arrays], False
    else:
        model.need_compiled("profile")
        matched = match(model, ArraySource(x, y, sample_weight, may_read_strings(model)))
        program = runtime.objective_program(model.heads, matched.inputs, matched.labels, matched.weights, True)
        rows = np.asarray(matched.source.rows, np.float32)
        plan, arrays, training = program.plan, [*matched.source.read().arrays, rows], True
    with threadpool_limits(1, user_api="blas"):  # as on a worker
        times = profile(plan, runtime.vector.values, arrays, runs, Context(training=training))
    return [replace(item, layer=item.layer.removeprefix(f"{model.name}/").removeprefix(model.name)) for item in times]


def table(times: list[LayerTimes]) -> str:
    """The times as text, with each layer's share."""
    whole = sum(item.forward_seconds + item.backward_seconds for item in times) or 1.0
    width = max(len(item.layer or _REST) for item in times) + 2
    lines = [f"{'Layer':<{width}}{'forward ms':>12}{'backward ms':>13}{'share':>8}"]
    for item in times:
        share = (item.forward_seconds + item.backward_seconds) / whole
        lines.append(
            f"{item.layer or _REST:<{width}}{item.forward_seconds * 1e3:>12.3f}"
            f"{item.backward_seconds * 1e3:>13.3f}{share:>8.1%}"
        )
    forward, backward = sum(item.forward_seconds for item in times), sum(item.backward_seconds for item in times)
    return "\n".join([*lines, f"{'total':<{width}}{forward * 1e3:>12.3f}{backward * 1e3:>13.3f}{1:>8.1%}"])
