"""How often predictions are right."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.losses.alignment import same_rank
from bigdl_keras.metrics.reduction import MeanMetricWrapper
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.registry import register


def _class_of(y_true: Any, y_pred: Any) -> Any:
    """Integer labels without a last axis of size 1 that predictions of the same rank would have."""
    y_true = as_tensor(y_true)
    if ops.ndim(y_true) == ops.ndim(y_pred) and ops.shape(y_true)[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    return y_true


def _share_of_row(right: Any) -> Any:
    """The mean over the last axis of what is right; of a single axis, the rows themselves."""
    right = ops.cast(right, "float32")
    return ops.mean(right, axis=-1) if ops.ndim(right) > 1 else right


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where y_true equals y_pred, the mean over the last axis."""
    return _share_of_row(ops.equal(*same_rank(as_tensor(y_true), as_tensor(y_pred))))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where y_pred > threshold agrees with y_true, the mean over the last axis."""
    y_true, y_pred = same_rank(as_tensor(y_true), as_tensor(y_pred))
    return _share_of_row(ops.equal(y_true, ops.cast(ops.greater(y_pred, threshold), str(y_true.dtype))))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is at the label's class; labels one-hot."""
    return ops.cast(ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1)), "float32")


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest prediction is at the label's class; labels integers."""
    y_pred = as_tensor(y_pred)
    y_true = ops.cast(_class_of(y_true, y_pred), "int32")
    return ops.cast(ops.equal(y_true, ops.argmax(y_pred, axis=-1)), "float32")


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the label's class is among the k largest predictions; labels one-hot."""
    return ops.cast(ops.in_top_k(ops.argmax(y_true, axis=-1), as_float(y_pred), k), "float32")


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the label's class is among the k largest predictions; labels integers."""
    y_pred = as_float(y_pred)
    return ops.cast(ops.in_top_k(ops.cast(_class_of(y_true, y_pred), "int32"), y_pred, k), "float32")


@register("metric")
class Accuracy(MeanMetricWrapper):
    """Share of elements where label and prediction are equal.

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "accuracy", dtype: str | None = None) -> None:
        super().__init__(accuracy, name, dtype)


@register("metric")
class BinaryAccuracy(MeanMetricWrapper):
    """Share of elements where prediction > threshold agrees with the label.

    Args:
        name, dtype: as for `Metric`.
        threshold: between 0 and 1.

    Raises:
        ValueError: `threshold` is not between 0 and 1.
    """

    def __init__(self, name: str | None = "binary_accuracy", dtype: str | None = None, threshold: float = 0.5) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"`threshold` must be between 0 and 1. Received {threshold!r}.")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


@register("metric")
class CategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest prediction is at the label's class; labels one-hot.

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@register("metric")
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest prediction is at the label's class; labels integers.

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@register("metric")
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose label is among the k largest predictions; labels one-hot.

    Args:
        k: how many predictions count.
        name, dtype: as for `Metric`.
    """

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


@register("metric")
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose label is among the k largest predictions; labels integers.

    Args:
        k: how many predictions count.
        name, dtype: as for `Metric`.
    """

    def __init__(
        self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)
