"""Metrics of numbers: errors, correlations, explained variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import losses, ops
from bigdl_keras.losses.alignment import matched, with_rank
from bigdl_keras.metrics.base import Metric, Shapes, State, divided
from bigdl_keras.metrics.reduction import Mean, MeanMetricWrapper
from bigdl_keras.ops.elementwise import as_tensor
from bigdl_keras.registry import register


def squared_error(y_true: Any, y_pred: Any) -> Any:
    """(y_true - y_pred)^2, element by element."""
    y_true, y_pred = matched(y_true, y_pred)
    return ops.square(ops.subtract(y_pred, y_true))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """sum(y_true / |y_true| * y_pred / |y_pred|) along `axis`: 1 where they point the same way."""
    return ops.negative(losses.cosine_similarity(y_true, y_pred, axis=axis))


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Correlation of labels and predictions along `axis`: cosine of what is left without their means."""
    y_true, y_pred = matched(y_true, y_pred)
    return cosine_similarity(
        ops.subtract(y_true, ops.mean(y_true, axis=axis, keepdims=True)),
        ops.subtract(y_pred, ops.mean(y_pred, axis=axis, keepdims=True)),
        axis=axis,
    )


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p))^2) along `axis` (Lin, 1989)."""
    y_true, y_pred = matched(y_true, y_pred)
    mean_true, mean_pred = (ops.mean(item, axis=axis, keepdims=True) for item in (y_true, y_pred))
    centred_true, centred_pred = ops.subtract(y_true, mean_true), ops.subtract(y_pred, mean_pred)
    together = ops.multiply(ops.mean(ops.multiply(centred_true, centred_pred), axis=axis), 2.0)
    apart = ops.square(ops.squeeze(ops.subtract(mean_true, mean_pred), axis))
    spread = ops.add(ops.mean(ops.square(centred_true), axis=axis), ops.mean(ops.square(centred_pred), axis=axis))
    return ops.divide(together, ops.add(ops.add(spread, apart), 1e-7))


@register("metric", "mse", "MSE")
class MeanSquaredError(MeanMetricWrapper):
    """mean((y_true - y_pred)^2).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


@register("metric", "rmse", "RMSE")
class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)^2)).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        return super().increments(squared_error(y_true, y_pred), sample_weight)

    def result_of(self, state: State) -> Any:
        return np.sqrt(super().result_of(state))


@register("metric", "mae", "MAE")
class MeanAbsoluteError(MeanMetricWrapper):
    """mean(|y_true - y_pred|).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


@register("metric", "mape", "MAPE")
class MeanAbsolutePercentageError(MeanMetricWrapper):
    """100 * mean(|y_true - y_pred| / |y_true|).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


@register("metric", "msle", "MSLE")
class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """mean((log(y_true + 1) - log(y_pred + 1))^2).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


@register("metric", "logcosh", "log_cosh")
class LogCoshError(MeanMetricWrapper):
    """mean(log(cosh(y_pred - y_true))).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


@register("metric", "cosine", "cosine_proximity")
class CosineSimilarity(MeanMetricWrapper):
    """cos of the angle between labels and predictions.

    Args:
        name, dtype: as for `Metric`.
        axis: the axis of the vectors.
    """

    def __init__(self, name: str | None = "cosine_similarity", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


@register("metric")
class PearsonCorrelation(MeanMetricWrapper):
    """Mean of the rows' correlations of labels and predictions.

    Args:
        name, dtype: as for `Metric`.
        axis: the axis along which they are correlated.
    """

    def __init__(self, name: str | None = "pearson_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


@register("metric")
class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean of the rows' concordance correlations (Lin, 1989).

    Args:
        name, dtype: as for `Metric`.
        axis: the axis along which they are correlated.
    """

    def __init__(self, name: str | None = "concordance_correlation", dtype: str | None = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


@register("metric")
class MeanRelativeError(Mean):
    """mean(|y_true - y_pred| / normalizer), 0 where the normalizer is 0.

    Args:
        normalizer: array that the errors are divided by.
        name, dtype: as for `Metric`.
    """

    def __init__(self, normalizer: Any, name: str | None = "mean_relative_error", dtype: str | None = None) -> None:
        super().__init__(name, dtype)
        self.normalizer = np.asarray(normalizer, dtype=np.float32)

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        y_true, y_pred = matched(y_true, y_pred)
        factor = divided(np.ones_like(self.normalizer), self.normalizer).astype(np.float32)
        return super().increments(ops.multiply(ops.abs(ops.subtract(y_true, y_pred)), factor), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"normalizer": self.normalizer.tolist()}


@register("metric")
class R2Score(Metric):
    """1 - sum((t - p)^2) / sum((t - mean(t))^2): the share of the variance that is explained, per output.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for one score an output.
        num_regressors: number of inputs, for the adjusted score; 0: not adjusted.
        name, dtype: as for `Metric`.

    Raises:
        ValueError: an unknown aggregation or a negative number of regressors.
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "`class_aggregation` must be 'uniform_average', 'variance_weighted_average' or None. "
                f"Received {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(f"`num_regressors` must not be negative. Received {num_regressors}.")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        width = y_pred_shape[-1]
        if width is None:
            raise ValueError(f"R2Score needs a known number of outputs. Received predictions of shape {y_pred_shape}.")
        return {"sum": (width,), "squares": (width,), "errors": (width,), "weight": (width,), "elements": ()}

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        y_true, y_pred = matched(y_true, y_pred)
        weights = ops.ones_like(y_true)
        if sample_weight is not None:
            given = ops.cast(as_tensor(sample_weight), y_true.dtype)
            weights = ops.multiply(weights, with_rank(given, ops.ndim(y_true)))
        labels = ops.multiply(y_true, weights)
        squares, errors = ops.multiply(labels, y_true), ops.multiply(ops.square(ops.subtract(y_true, y_pred)), weights)
        sums = {"sum": labels, "squares": squares, "errors": errors, "weight": weights}
        axes = tuple(range(ops.ndim(y_true) - 1))
        return {key: ops.sum(value, axis=axes) for key, value in sums.items()} | {
            "elements": ops.sum(ops.ones_like(y_true))
        }

    def result_of(self, state: State) -> Any:
        total = state["squares"] - state["sum"] * divided(state["sum"], state["weight"])
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - state["errors"] / total
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = np.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = divided(np.sum(total * scores), np.sum(total))
        if self.num_regressors:
            freedom = state["elements"] - self.num_regressors - 1
            if freedom > 0:
                scores = 1 - (1 - scores) * (state["elements"] - 1) / freedom
        return scores

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "class_aggregation": self.class_aggregation,
            "num_regressors": self.num_regressors,
        }
