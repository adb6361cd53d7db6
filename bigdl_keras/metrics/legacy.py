"""Metric functions that Keras 1 had: one number a batch, from predictions rounded to 0 and 1."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.losses.alignment import matched
from bigdl_keras.registry import register

EPSILON = 1e-7


def _rounded(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_true, y_pred = matched(y_true, y_pred)
    return ops.round(ops.clip(y_true, 0.0, 1.0)), ops.round(ops.clip(y_pred, 0.0, 1.0))


@register("metric")
def precision(y_true: Any, y_pred: Any) -> Any:
    """true positives / all said to be positive, of the batch."""
    y_true, y_pred = _rounded(y_true, y_pred)
    return ops.divide(ops.sum(ops.multiply(y_true, y_pred)), ops.add(ops.sum(y_pred), EPSILON))


@register("metric")
def recall(y_true: Any, y_pred: Any) -> Any:
    """true positives / all positives, of the batch."""
    y_true, y_pred = _rounded(y_true, y_pred)
    return ops.divide(ops.sum(ops.multiply(y_true, y_pred)), ops.add(ops.sum(y_true), EPSILON))


@register("metric")
def fbeta_score(y_true: Any, y_pred: Any, beta: float = 1.0) -> Any:
    """(1 + beta^2) * precision * recall / (beta^2 * precision + recall), of the batch."""
    exactness, completeness = precision(y_true, y_pred), recall(y_true, y_pred)
    weighted = ops.add(ops.multiply(exactness, beta * beta), completeness)
    return ops.divide(ops.multiply(ops.multiply(exactness, completeness), 1 + beta * beta), ops.add(weighted, EPSILON))


@register("metric")
def fmeasure(y_true: Any, y_pred: Any) -> Any:
    """`fbeta_score` with beta = 1."""
    return fbeta_score(y_true, y_pred)


@register("metric")
def matthews_correlation(y_true: Any, y_pred: Any) -> Any:
    """(tp * tn - fp * fn) / sqrt((tp + fp) (tp + fn) (tn + fp) (tn + fn)), of the batch (Matthews, 1975)."""
    y_true, y_pred = _rounded(y_true, y_pred)
    not_true, not_pred = ops.subtract(1.0, y_true), ops.subtract(1.0, y_pred)
    tp, tn, fp, fn = (
        ops.sum(ops.multiply(label, answer))
        for label, answer in ((y_true, y_pred), (not_true, not_pred), (not_true, y_pred), (y_true, not_pred))
    )
    product = ops.multiply(
        ops.multiply(ops.add(tp, fp), ops.add(tp, fn)), ops.multiply(ops.add(tn, fp), ops.add(tn, fn))
    )
    return ops.divide(ops.subtract(ops.multiply(tp, tn), ops.multiply(fp, fn)), ops.add(ops.sqrt(product), EPSILON))
