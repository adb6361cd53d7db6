"""Metrics under BigDL's names; the loss is always the first result, so that 'loss' among the metrics adds nothing."""

from __future__ import annotations

from typing import Any

from bigdl_keras import metrics as _ours
from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.losses.alignment import label_kind
from bigdl_keras.metrics import (
    NDCG,
    BinaryAccuracy,
    CategoricalAccuracy,
    HitRatio,
    MeanAveragePrecision,
    MeanMetricWrapper,
    Metric,
    TreeNNAccuracy,
)


def MAE() -> Metric:
    """Mean absolute difference."""
    return _ours.MeanAbsoluteError(name="mae")


def MSE() -> Metric:
    """Mean squared difference."""
    return _ours.MeanSquaredError(name="mse")


def AUC(threshold_num: int = 200) -> Metric:
    """Area under the curve of true against false positives, at so many thresholds."""
    return _ours.AUC(num_thresholds=threshold_num)


def SparseCategoricalAccuracy(zero_based_label: bool = True) -> Metric:
    """Share of rows whose largest output is the right class."""
    if zero_based_label:
        return _ours.SparseCategoricalAccuracy()
    return MeanMetricWrapper(_accuracy, "sparse_categorical_accuracy", first=1)


def Accuracy(zero_based_label: bool = True) -> Any:
    """The accuracy that fits the labels: 'accuracy', or of integer classes that count from 1."""
    return "accuracy" if zero_based_label else MeanMetricWrapper(_accuracy, "accuracy", first=1)


def Top5Accuracy(zero_based_label: bool = True) -> Metric:
    """Share of rows with the right class among the five largest outputs."""
    return MeanMetricWrapper(_top5, "top5accuracy", first=0 if zero_based_label else 1)


def Loss(criterion: Any = None) -> str:
    """The loss, which every evaluation gives anyway."""
    return "loss"


def _accuracy(y_true: Any, y_pred: Any, first: int = 0) -> Any:
    """Right classes; of a single output, whether it is at least 0.5."""
    labels = ops.cast(y_true, "int32") - first
    if ops.shape(y_pred)[-1] == 1:
        right = ops.equal(ops.cast(ops.greater_equal(y_pred, 0.5), "int32"), ops.reshape(labels, (-1, 1)))
        return ops.squeeze(ops.cast(right, "float32"), -1)
    return _ours.sparse_categorical_accuracy(labels, y_pred)


def _top5(y_true: Any, y_pred: Any, first: int = 0) -> Any:
    if label_kind(ops.shape(y_true), ops.shape(y_pred)) == "categorical":
        return _ours.top_k_categorical_accuracy(y_true, y_pred, k=5)
    return _ours.sparse_top_k_categorical_accuracy(ops.cast(y_true, "int32") - first, y_pred, k=5)


_NAMES: dict[str, Any] = {
    "accuracy": Accuracy, "acc": Accuracy, "top5accuracy": Top5Accuracy, "top5acc": Top5Accuracy, "mae": MAE,
    "mse": MSE, "auc": AUC, "treennaccuracy": TreeNNAccuracy, "loss": Loss}


def translate(metrics: Any) -> Any:
    """What `compile(metrics=...)` means: BigDL's strings become ours, 'loss' is left out, all else is ours to read."""
    if metrics is None or isinstance(metrics, str):
        metrics = [] if metrics is None else [metrics]
    translated = nest.map_leaves(_one, metrics)
    return [metric for metric in translated if metric != "loss"] if isinstance(translated, list) else translated


def _one(metric: Any) -> Any:
    return _NAMES[metric.lower()]() if isinstance(metric, str) and metric.lower() in _NAMES else metric


__all__ = ["AUC", "MAE", "MSE", "NDCG", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "HitRatio", "Loss",
           "MeanAveragePrecision", "SparseCategoricalAccuracy", "Top5Accuracy", "TreeNNAccuracy", "translate"]
