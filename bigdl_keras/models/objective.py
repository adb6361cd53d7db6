"""What a model is trained for: one head per output, with its loss, its weight in the sum, and its metrics.

Each worker computes its share of the global numbers, so that adding shares gives what one process would compute: a loss
is a local sum divided by a count of the *global* batch, a metric answers with increments of an additive state.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from bigdl_keras import losses as losses_module
from bigdl_keras import metrics as metrics_module
from bigdl_keras import ops
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import Trace, apply
from bigdl_keras.losses.alignment import weights_for
from bigdl_keras.registry import suggestion


@dataclass
class Head:
    """One output of a model under `compile`.

    Attributes:
        name: of the output.
        loss: what is minimized, or None.
        weight: of this loss in the total.
        metrics: names or objects, not weighted by sample weights.
        weighted_metrics: names or objects, weighted.
    """

    name: str
    loss: Any = None
    weight: float = 1.0
    metrics: list[Any] = field(default_factory=list)
    weighted_metrics: list[Any] = field(default_factory=list)

    @property
    def used(self) -> bool:
        """Whether labels are needed for it."""
        return self.loss is not None or bool(self.metrics) or bool(self.weighted_metrics)


def make_heads(names: Sequence[str], loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any) -> list[Head]:
    """Spread the arguments of `compile`, given per model, as lists or as dicts by output name, over the outputs.

    Raises:
        ValueError: an unknown output name, a list of another length than there are outputs, a weight that is no number.
    """
    _check_weights(loss_weights)
    per_loss = _spread(loss, names, "loss", every=True)
    per_weight = _spread(loss_weights, names, "loss_weights", every=False)
    per_metrics = _spread_lists(metrics, names, "metrics")
    per_weighted = _spread_lists(weighted_metrics, names, "weighted_metrics")
    return [
        Head(
            name,
            None if one is None else losses_module.get(one),
            1.0 if weight is None else float(weight),
            first,
            second,
        )
        for name, one, weight, first, second in zip(names, per_loss, per_weight, per_metrics, per_weighted, strict=True)
    ]


def _check_weights(loss_weights: Any) -> None:
    weights = loss_weights.values() if isinstance(loss_weights, dict) else _as_list(loss_weights)
    if not all(weight is None or isinstance(weight, (int, float, np.number)) for weight in weights):
        raise ValueError(
            f"`loss_weights`, the third argument of compile(), must hold numbers. Received {loss_weights!r}. "
            "Metrics are given by name: compile(optimizer, loss, metrics=[...])."
        )


def _spread(value: Any, names: Sequence[str], argument: str, every: bool) -> list[Any]:
    if isinstance(value, dict) and not {"class_name", "config"} <= set(value):
        unknown = [key for key in value if key not in names]
        if unknown:
            raise ValueError(
                f"`{argument}` names the output {unknown[0]!r}. The model's outputs are {list(names)}."
                + suggestion(unknown[0], names)
            )
        return [value.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise ValueError(
                f"`{argument}` has {len(value)} entries, but the model has {len(names)} outputs: {list(names)}."
            )
        return list(value)
    if value is None or every or len(names) == 1:
        return [value] * len(names)
    raise ValueError(
        f"`{argument}` must be a list or a dict by output name, for the outputs {list(names)}. Received {value!r}."
    )


def _spread_lists(value: Any, names: Sequence[str], argument: str) -> list[list[Any]]:
    if value is None:
        return [[] for _ in names]
    if isinstance(value, dict):
        return [_as_list(item) for item in _spread(value, names, argument, every=False)]
    value = _as_list(value)
    if len(names) > 1 and (any(isinstance(item, (list, tuple)) for item in value) or len(value) == len(names)):
        return [_as_list(item) for item in _spread(value, names, argument, every=False)]
    if any(isinstance(item, (list, tuple)) for item in value):
        value = [one for item in value for one in _as_list(item)]
    return [list(value) for _ in names]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


@dataclass
class Numbers:
    """How the vector that workers add up reads: the loss, the loss of each head, then metric states one after another.

    Attributes:
        loss_names: 'loss', then '<output>_loss' for several outputs.
        metrics: (name in logs, metric, {state name: shape}) in the order of Keras's lists: as compiled for one output,
            by name for several.
    """

    loss_names: list[str] = field(default_factory=lambda: ["loss"])
    metrics: list[tuple[str, Any, dict[str, tuple[int, ...]]]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [*self.loss_names, *(name for name, _, _ in self.metrics)]

    @property
    def size(self) -> int:
        return len(self.loss_names) + sum(
            int(np.prod(shape)) for _, _, state in self.metrics for shape in state.values()
        )


class Running:
    """Numbers of several batches put together: losses weighted by rows, metric states added."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.rows = 0.0
        self.total = np.zeros(numbers.size)

    def add(self, vector: np.ndarray, rows: float) -> None:
        """Add the global numbers of a batch of `rows` rows."""
        count = len(self.numbers.loss_names)
        self.rows += rows
        self.total[:count] += vector[:count] * rows
        self.total[count:] += vector[count:]

    def logs(self) -> dict[str, Any]:
        """Values by name, as callbacks and History see them."""
        count = len(self.numbers.loss_names)
        logs: dict[str, Any] = {
            name: float(self.total[place] / self.rows) if self.rows else 0.0
            for place, name in enumerate(self.numbers.loss_names)
        }
        start = count
        for name, metric, shapes in self.numbers.metrics:
            state = {}
            for key, shape in shapes.items():
                stop = start + int(np.prod(shape))
                state[key] = self.total[start:stop].reshape(shape)
                start = stop
            result = metric.result_of(state)
            if isinstance(result, dict):
                logs |= {key: float(value) for key, value in result.items()}
            else:
                logs[name] = float(result) if np.ndim(result) == 0 else np.asarray(result)
        return logs


@dataclass
class Batch:
    """The tensors of one training step under trace."""

    trace: Trace
    outputs: list[Any]
    labels: list[Any]
    weights: list[Any]
    batch_rows: KerasTensor
    first_input: Any


def trace_objective(heads: Sequence[Head], batch: Batch, model_penalties: Sequence[Any]) -> tuple[list[Any], Numbers]:
    """Record losses and metrics.

    Args:
        heads: one per output.
        batch: its tensors; labels and weights have None where an output has none.
        model_penalties: scalars of the weights' regularizers.

    Returns:
        ([loss, loss of each head if several, metric increments ...], how to read them).
    """
    numbers = Numbers()
    several = len(heads) > 1
    shares: list[Any] = []
    increments: list[Any] = []
    for head, output, label, weight in zip(heads, batch.outputs, batch.labels, batch.weights, strict=True):
        mask = getattr(output, "keras_mask", None)
        if head.loss is not None and label is not None:
            share = _loss_share(head, label, output, weight, mask, batch)
            shares.append(share if head.weight == 1.0 else ops.multiply(share, head.weight))
            if several:
                numbers.loss_names.append(f"{head.name}_loss")
                increments.append(share)
    metric_tensors = _trace_metrics(heads, batch, numbers, several)
    total = _add_all([*shares, *_penalty_shares(batch, model_penalties)])
    return [total, *increments, *metric_tensors], numbers


def _loss_share(head: Head, label: Any, output: Any, weight: Any, mask: Any, batch: Batch) -> Any:
    """This worker's part of the head's mean loss over the global batch."""
    with batch.trace.inside(f"loss of '{head.name}'"):
        share = head.loss.share(label, output, weight, mask, batch.batch_rows)
    return ops.cast(share, output.dtype)


def _penalty_shares(batch: Batch, model_penalties: Sequence[Any]) -> list[Any]:
    """Penalties seen alike by all workers count by their share of the rows; sums over rows are divided by all rows."""
    alike = [*model_penalties, *(tensor for tensor, summed in batch.trace.losses if not summed)]
    per_row = [tensor for tensor, summed in batch.trace.losses if summed]
    shares = []
    if alike:
        share = ops.divide(apply("row_count", batch.first_input), batch.batch_rows)
        shares.append(ops.multiply(_add_all(alike), share))
    if per_row:
        shares.append(ops.divide(_add_all(per_row), batch.batch_rows))
    return shares


def _add_all(scalars: Sequence[Any]) -> Any:
    if not scalars:
        raise ValueError(
            "There is nothing to minimize: compile the model with a `loss`, or call add_loss() in a layer."
        )
    total = scalars[0]
    for scalar in scalars[1:]:
        total = ops.add(total, scalar)
    return total


def _trace_metrics(heads: Sequence[Head], batch: Batch, numbers: Numbers, several: bool) -> list[Any]:
    traced: list[tuple[str, Any, dict[str, tuple[int, ...]], dict[str, Any]]] = []
    taken = set(numbers.loss_names)
    for head, output, label, weight in zip(heads, batch.outputs, batch.labels, batch.weights, strict=True):
        if label is None:
            continue
        mask = getattr(output, "keras_mask", None)
        prefix = f"{head.name}_" if several else ""
        for identifiers, is_weighted in ((head.metrics, False), (head.weighted_metrics, True)):
            used_weight = weights_for(output, weight if is_weighted else None, mask)
            for identifier in identifiers:
                metric: Any = metrics_module.resolve(identifier, head.loss, label.shape, output.shape)
                name = _log_name(prefix, metric.name, is_weighted, taken)
                taken.add(name)
                with batch.trace.inside(f"metric '{name}'"):
                    increments = metric.increments(label, output, used_weight)
                traced.append((name, metric, metric.state_shapes(output.shape), increments))
    if several:
        traced.sort(key=lambda one: one[0])
    numbers.metrics = [(name, metric, shapes) for name, metric, shapes, _ in traced]
    return [increments[key] for *_, shapes, increments in traced for key in shapes]


def _log_name(prefix: str, name: str, is_weighted: bool, taken: Collection[str]) -> str:
    """Keras's name in logs: after the output's, and told from those before by 'weighted_' or a number."""
    full = prefix + name
    if is_weighted and full in taken:
        full = f"{prefix}weighted_{name}"
    return next(free for number in count() if (free := f"{full}_{number}" if number else full) not in taken)
