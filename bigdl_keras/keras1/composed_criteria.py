"""Criteria made of others: several on the same tensors, one on each output, one on each time step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import ops
from bigdl_keras.keras1.objectives import get
from bigdl_keras.losses import Loss

__all__ = [
    "MultiCriterion",
    "ParallelCriterion",
    "TimeDistributedCriterion",
    "TimeDistributedMaskCriterion",
    "TransformerCriterion",
    "heads_of",
]


class MultiCriterion(Loss):
    """The weighted sum of criteria of the same predictions and labels; `add` them one by one."""

    def __init__(self) -> None:
        super().__init__("MultiCriterion")
        self.parts: list[tuple[Loss, float]] = []

    def add(self, criterion: Any, weight: float = 1.0) -> MultiCriterion:
        """One more criterion; returns the whole."""
        self.parts.append((get(criterion), weight))
        return self

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return self._sum(lambda criterion: criterion(y_true, y_pred, sample_weight))

    def share(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, batch_rows: Any) -> Any:
        return self._sum(lambda criterion: criterion.share(y_true, y_pred, sample_weight, mask, batch_rows))

    def _sum(self, value: Callable[[Loss], Any]) -> Any:
        if not self.parts:
            raise ValueError("A MultiCriterion without criteria has no value: call add(criterion, weight) first.")
        total: Any = 0.0
        for criterion, weight in self.parts:
            total = total + value(criterion) * weight
        return total


class ParallelCriterion(Loss):
    """The weighted sum of criteria, each of its own output and label; `add` them in the order of the outputs.

    Args:
        repeat_target: one label for all outputs. A model that is compiled with it is given the label once an output.
    """

    def __init__(self, repeat_target: bool = False) -> None:
        super().__init__("ParallelCriterion")
        self.repeat_target = repeat_target
        self.parts: list[tuple[Loss, float]] = []

    def add(self, criterion: Any, weight: float = 1.0) -> ParallelCriterion:
        """The criterion of the next output; returns the whole."""
        self.parts.append((get(criterion), weight))
        return self

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        labels = [y_true] * len(self.parts) if self.repeat_target else y_true
        if len(y_pred) != len(self.parts) or len(labels) != len(self.parts):
            raise ValueError(
                f"ParallelCriterion has {len(self.parts)} criteria. Received {len(y_pred)} predictions and "
                f"{len(labels)} labels."
            )
        total: Any = 0.0
        for (criterion, weight), label, prediction in zip(self.parts, labels, y_pred, strict=True):
            total = total + criterion(label, prediction, sample_weight) * weight
        return total

    def share(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, batch_rows: Any) -> Any:
        raise TypeError(
            "ParallelCriterion is a loss of several outputs. Compile a model of keras1 with it, or ours with "
            "loss=[criterion, ...] and loss_weights=[weight, ...]."
        )


def heads_of(loss: Any, loss_weights: Any) -> tuple[Any, Any]:
    """`loss` and `loss_weights` as `compile` takes them: those of a ParallelCriterion as lists, one entry an output."""
    if not isinstance(loss, ParallelCriterion):
        return loss, loss_weights
    return [criterion for criterion, _ in loss.parts], [weight for _, weight in loss.parts]


class TransformerCriterion(Loss):
    """A criterion of predictions and labels that are transformed before.

    Args:
        criterion: of what the transformers answer with.
        input_transformer: a function, or a layer without weights, of the predictions; None leaves them.
        target_transformer: the same of the labels.
    """

    def __init__(self, criterion: Any, input_transformer: Any = None, target_transformer: Any = None) -> None:
        self.criterion = get(criterion)
        super().__init__("TransformerCriterion", self.criterion.reduction)
        for transformer in (input_transformer, target_transformer):
            if getattr(transformer, "weights", None):
                raise ValueError(
                    f"A transformer with weights is a part of the model: give the model an output behind "
                    f"{transformer!r}, with its weights frozen, and compile that output with the criterion."
                )
        self.transformers = target_transformer, input_transformer

    def _transformed(self, y_true: Any, y_pred: Any) -> list[Any]:
        given = zip(self.transformers, (y_true, y_pred), strict=True)
        return [item if transformer is None else transformer(item) for transformer, item in given]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.criterion.call(*self._transformed(y_true, y_pred))

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        return self.criterion.valid(*self._transformed(y_true, y_pred), values)


def _steps(y_true: Any, y_pred: Any, criterion: Loss) -> list[Any]:
    """One value a sample for each time step: predictions are (batch, time, ...), labels (batch, time) or more."""
    count = ops.shape(y_pred)[1]
    if count is None:
        raise ValueError(f"Time steps must be of a known number. Received predictions of shape {ops.shape(y_pred)}.")
    join = ops.sum if criterion.reduction == "sum" else ops.mean
    found = []
    for step in range(count):
        label, prediction = y_true[:, step], y_pred[:, step]
        values = criterion.call(label, prediction)
        if criterion.valid(label, prediction, values) is not None:
            raise ValueError(f"{criterion.name} divides by a count of its own and cannot be taken step by step.")
        axes = tuple(range(1, ops.ndim(values)))
        found.append(join(values, axis=axes) if axes else values)
    return found


class TimeDistributedCriterion(Loss):
    """The sum over time steps of a criterion of each.

    Args:
        criterion: of one time step.
        size_average: divide by the number of time steps.
        dimension: of the time steps, counted from 1: 2.
    """

    def __init__(self, criterion: Any, size_average: bool = False, dimension: int = 2) -> None:
        self.criterion, self.size_average = get(criterion), size_average
        super().__init__("TimeDistributedCriterion", self.criterion.reduction)
        if dimension != 2:
            raise ValueError(f"`dimension` of TimeDistributedCriterion must be 2, the time. Received {dimension}.")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        values = ops.stack(_steps(y_true, y_pred, self.criterion), axis=1)
        return (ops.mean if self.size_average else ops.sum)(values, axis=1)


class TimeDistributedMaskCriterion(Loss):
    """The mean of a criterion over the time steps whose label is not padding.

    Args:
        criterion: of one time step.
        padding_value: the label of time steps that do not count.
    """

    def __init__(self, criterion: Any, padding_value: float = 0) -> None:
        super().__init__("TimeDistributedMaskCriterion")
        self.criterion, self.padding = get(criterion), padding_value

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = ops.where(ops.equal(y_true, self.padding), 1, y_true)  # a label that counts for nothing must be one
        return ops.stack(_steps(labels, y_pred, self.criterion), axis=1)

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        return ops.not_equal(ops.reshape(y_true, ops.shape(values)), self.padding)
