"""Hinge losses: zero once a prediction is on the right side by a margin of 1."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.losses.alignment import matched
from bigdl_keras.losses.base import LossFunctionWrapper
from bigdl_keras.registry import register


def _signed(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels 0 and 1 become -1 and 1; labels that hold anything else stay."""
    y_true, y_pred = matched(y_true, y_pred)
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, ops.subtract(ops.multiply(y_true, 2.0), 1.0), y_true), y_pred


def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis; labels -1 and 1, or 0 and 1."""
    y_true, y_pred = _signed(y_true, y_pred)
    return ops.mean(ops.maximum(ops.subtract(1.0, ops.multiply(y_true, y_pred)), 0.0), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)^2) over the last axis; labels -1 and 1, or 0 and 1."""
    y_true, y_pred = _signed(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(ops.subtract(1.0, ops.multiply(y_true, y_pred)), 0.0)), axis=-1)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(largest score of a wrong class - score of the right class + 1, 0); labels are one-hot."""
    y_true, y_pred = matched(y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


@register("loss")
class Hinge(LossFunctionWrapper):
    """mean(max(1 - y_true * y_pred, 0)).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: str | None = None
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


@register("loss")
class SquaredHinge(LossFunctionWrapper):
    """mean(max(1 - y_true * y_pred, 0)^2).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: str | None = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


@register("loss")
class CategoricalHinge(LossFunctionWrapper):
    """max(largest score of a wrong class - score of the right class + 1, 0).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: str | None = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
