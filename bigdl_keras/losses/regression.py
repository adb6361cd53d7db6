"""Losses of numbers: how far predictions are from labels, the mean over the last axis."""

from __future__ import annotations

import math
from typing import Any

from bigdl_keras import ops
from bigdl_keras.losses.alignment import matched
from bigdl_keras.losses.base import LossFunctionWrapper
from bigdl_keras.registry import register

EPSILON = 1e-7


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)^2) over the last axis: (n, ..., d) gives (n, ...)."""
    y_true, y_pred = matched(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis."""
    y_true, y_pred = matched(y_true, y_pred)
    return ops.mean(ops.abs(ops.subtract(y_pred, y_true)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis."""
    y_true, y_pred = matched(y_true, y_pred)
    share = ops.divide(ops.subtract(y_true, y_pred), ops.maximum(ops.abs(y_true), EPSILON))
    return ops.multiply(ops.mean(ops.abs(share), axis=-1), 100.0)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(y_true + 1) - log(y_pred + 1))^2) over the last axis; values below 1e-7 count as 1e-7."""
    y_true, y_pred = matched(y_true, y_pred)
    distance = ops.subtract(
        ops.log(ops.add(ops.maximum(y_pred, EPSILON), 1.0)), ops.log(ops.add(ops.maximum(y_true, EPSILON), 1.0))
    )
    return ops.mean(ops.square(distance), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """mean of e^2 / 2 where |e| <= delta, else delta * |e| - delta^2 / 2 (Huber, 1964)."""
    y_true, y_pred = matched(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    size = ops.abs(error)
    linear = ops.subtract(ops.multiply(size, delta), 0.5 * delta * delta)
    return ops.mean(ops.where(ops.less_equal(size, delta), ops.multiply(ops.square(error), 0.5), linear), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis, as x + softplus(-2 x) - log(2), which does not overflow."""
    y_true, y_pred = matched(y_true, y_pred)
    error = ops.subtract(y_pred, y_true)
    value = ops.subtract(ops.add(error, ops.softplus(ops.multiply(error, -2.0))), math.log(2.0))
    return ops.mean(value, axis=-1)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred + 1e-7)) over the last axis."""
    y_true, y_pred = matched(y_true, y_pred)
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, ops.log(ops.add(y_pred, EPSILON)))), axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """-sum(y_true / |y_true| * y_pred / |y_pred|) along `axis`: -1 where they point the same way."""
    y_true, y_pred = matched(y_true, y_pred)
    return ops.negative(
        ops.sum(ops.multiply(ops.normalize(y_true, axis=axis), ops.normalize(y_pred, axis=axis)), axis=axis)
    )


@register("loss", "mse", "MSE")
class MeanSquaredError(LossFunctionWrapper):
    """mean((y_true - y_pred)^2).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: str | None = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@register("loss", "mae", "MAE")
class MeanAbsoluteError(LossFunctionWrapper):
    """mean(|y_true - y_pred|).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: str | None = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@register("loss", "mape", "MAPE")
class MeanAbsolutePercentageError(LossFunctionWrapper):
    """100 * mean(|y_true - y_pred| / |y_true|).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@register("loss", "msle", "MSLE")
class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """mean((log(y_true + 1) - log(y_pred + 1))^2).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: str | None = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@register("loss", "huber_loss")
class Huber(LossFunctionWrapper):
    """Squares of small errors, absolute values of large ones.

    Args:
        delta: where small ends.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: str | None = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


@register("loss")
class LogCosh(LossFunctionWrapper):
    """mean(log(cosh(y_pred - y_true))).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: str | None = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


@register("loss")
class Poisson(LossFunctionWrapper):
    """mean(y_pred - y_true * log(y_pred)).

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: str | None = None
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)


@register("loss")
class CosineSimilarity(LossFunctionWrapper):
    """-cos of the angle between labels and predictions.

    Args:
        axis: the axis of the vectors.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
