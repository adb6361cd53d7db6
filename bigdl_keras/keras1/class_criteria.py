"""Criteria of classes, which count from 1: how far each score is from where its class wants it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.keras1.objectives import reduction_of
from bigdl_keras.keras1.pair_criteria import summed
from bigdl_keras.losses import Loss

__all__ = [
    "ClassSimplexCriterion",
    "MultiLabelMarginCriterion",
    "MultiLabelSoftMarginCriterion",
    "MultiMarginCriterion",
    "SoftmaxWithCriterion",
]


def _weights_of(weights: Any) -> np.ndarray | None:
    return None if weights is None else np.asarray(weights, np.float32)


class ClassSimplexCriterion(Loss):
    """Mean of the squared distances from the corner of a regular simplex that stands for the class.

    Args:
        n_classes: number of classes, at least 2; the model answers with as many numbers.
    """

    def __init__(self, n_classes: int) -> None:
        super().__init__("ClassSimplexCriterion", reduction_of(True))
        self.corners = simplex(n_classes)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        place = ops.cast(ops.reshape(y_true, (-1,)), "int32") - 1
        return ops.square(y_pred - ops.take(self.corners, place, axis=0))


def simplex(count: int) -> np.ndarray:
    """`count` points at distance 1 from the origin, as far from each other as can be: (count, count), one a row."""
    if count < 2:
        raise ValueError(f"ClassSimplexCriterion needs at least 2 classes. Received {count!r}.")
    corners = np.zeros((count, count))
    for place in range(count - 1):
        corners[place, place] = np.sqrt(1 - np.sum(corners[place, :place] ** 2))
        # the inner product of any two corners is -1 / (count - 1)
        inner = corners[place, :place] @ corners[place, :place]
        corners[place + 1 :, place] = (-1 / (count - 1) - inner) / corners[place, place]
    return corners.astype(np.float32)


class MultiMarginCriterion(Loss):
    """sum(max(0, margin - x[y] + x[i])^p) / classes over the classes i other than y.

    Args:
        p: 1 or 2.
        weights: a factor for each class y.
        margin: by how much the score of the class must be the largest.
        size_average: the mean over the batch, or the sum.
    """

    def __init__(self, p: int = 1, weights: Any = None, margin: float = 1.0, size_average: bool = True) -> None:
        super().__init__("MultiMarginCriterion", reduction_of(size_average))
        if p not in (1, 2):
            raise ValueError(f"`p` of MultiMarginCriterion must be 1 or 2. Received {p!r}.")
        self.power, self.weights, self.margin = p, _weights_of(weights), margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        place = ops.cast(ops.reshape(y_true, (-1,)), "int32") - 1
        own = ops.one_hot(place, ops.shape(y_pred)[-1], dtype=y_pred.dtype)
        score = ops.sum(own * y_pred, axis=-1, keepdims=True)
        missing = ops.maximum(self.margin - score + y_pred, 0.0) * (1 - own)
        if self.power == 2:
            missing = ops.square(missing)
        value = ops.mean(missing, axis=-1)
        return value if self.weights is None else value * ops.take(self.weights, place, axis=0)


class MultiLabelMarginCriterion(Loss):
    """sum(max(0, 1 - x[t] + x[i])) / classes, over the classes t that are named and the classes i that are not.

    Labels are rows as long as there are classes: the numbers of the classes, and zeros after the last.

    Args:
        size_average: the mean over the batch, or the sum.
    """

    def __init__(self, size_average: bool = True) -> None:
        super().__init__("MultiLabelMarginCriterion", reduction_of(size_average))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        named = ops.cumprod(ops.cast(ops.greater(y_true, 0), y_pred.dtype), axis=-1)  # until the first zero
        place = ops.cast(y_true, "int32") - 1
        own = ops.one_hot(place, ops.shape(y_pred)[-1], dtype=y_pred.dtype) * ops.expand_dims(named, -1)
        others = 1 - ops.max(own, axis=-2, keepdims=True)
        score = ops.sum(own * ops.expand_dims(y_pred, -2), axis=-1, keepdims=True)
        missing = ops.maximum(1 - score + ops.expand_dims(y_pred, -2), 0.0) * others * ops.expand_dims(named, -1)
        return ops.sum(ops.mean(missing, axis=-1), axis=-1)


class MultiLabelSoftMarginCriterion(Loss):
    """Mean of -y log(p) - (1 - y) log(1 - p) over all classes of all samples, p being the sigmoid of the score.

    Args:
        weights: a factor for each class.
        size_average: the mean, or the sum.
    """

    def __init__(self, weights: Any = None, size_average: bool = True) -> None:
        super().__init__("MultiLabelSoftMarginCriterion", reduction_of(size_average))
        self.weights = _weights_of(weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        values = ops.binary_crossentropy(ops.cast(y_true, y_pred.dtype), y_pred, from_logits=True)
        return values if self.weights is None else values * self.weights


_NORMALIZED = {"VALID": True, "FULL": True, "BATCH_SIZE": True, "NONE": False}


class SoftmaxWithCriterion(Loss):
    """-log of the softmax of the scores of the right class, at each place of (batch, classes, ...).

    Args:
        ignore_label: places with this label count for nothing.
        normalize_mode: what the sum is divided by: "VALID" the number of places that count, "FULL" the number of all
            places, "BATCH_SIZE" the number of samples, "NONE" nothing.
    """

    def __init__(self, ignore_label: int | None = None, normalize_mode: str = "VALID") -> None:
        if normalize_mode not in _NORMALIZED:
            raise ValueError(f"`normalize_mode` must be one of {list(_NORMALIZED)}. Received {normalize_mode!r}.")
        super().__init__("SoftmaxWithCriterion", reduction_of(_NORMALIZED[normalize_mode]))
        self.ignored, self.mode = ignore_label, normalize_mode

    def _labels(self, y_true: Any, y_pred: Any) -> Any:
        """(batch, ...) labels; they may come with an axis of size 1 in place of the classes."""
        labels = ops.cast(y_true, "int32")
        return ops.squeeze(labels, 1) if ops.ndim(labels) == ops.ndim(y_pred) else labels

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = self._labels(y_true, y_pred)
        counts = None if self.ignored is None else ops.not_equal(labels, self.ignored)
        if counts is not None:  # a label that counts for nothing must still be one
            labels = ops.where(counts, labels, 1)
        scores = ops.moveaxis(y_pred, 1, -1)
        values = ops.sparse_categorical_crossentropy(labels - 1, scores, from_logits=True)
        if counts is not None:
            values = values * ops.cast(counts, values.dtype)
        return summed(values) if self.mode in ("BATCH_SIZE", "NONE") else values

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        if self.ignored is None or self.mode != "VALID":
            return None
        return ops.not_equal(self._labels(y_true, y_pred), self.ignored)
