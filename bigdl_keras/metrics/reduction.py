"""Means and sums of values, and of what a function of labels and predictions answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import same_rank
from bigdl_keras.metrics.base import Metric, Shapes, State, divided
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.registry import register


def _over_rows(x: Any, reduce: Callable[..., Any]) -> Any:
    """`x` with all axes but the first reduced."""
    return reduce(x, axis=tuple(range(1, ops.ndim(x)))) if ops.ndim(x) > 1 else x


def weighted(values: Any, sample_weight: Any, reduce: Callable[..., Any]) -> tuple[Any, Any]:
    """(one weighted value a row, one weight a row or None); inner axes are reduced by `reduce`, a mean or a sum."""
    values = as_float(values)
    if sample_weight is None:
        return _over_rows(values, reduce), None
    weights = ops.cast(as_tensor(sample_weight), values.dtype)
    values, weights = same_rank(values, weights)
    if ops.ndim(values) > ops.ndim(weights):
        values = reduce(values, axis=tuple(range(ops.ndim(weights), ops.ndim(values))))
    elif ops.ndim(values) < ops.ndim(weights):
        raise ValueError(
            f"A metric has values of shape {ops.shape(values)}: sample weights of shape {ops.shape(weights)} are more "
            "than one weight a value."
        )
    weights = apply("broadcast_like", weights, values)
    return _over_rows(ops.multiply(values, weights), reduce), _over_rows(weights, reduce)


@register("metric")
class Mean(Metric):
    """Weighted mean of values.

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "mean", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        return {"total": (), "count": ()}

    def increments(self, values: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        values, weights = weighted(values, sample_weight, ops.mean)
        count = 1.0
        if weights is not None:
            count = ops.sum(weights)
        elif ops.ndim(values):
            count = apply("row_count", values)
        return {"total": ops.sum(values), "count": count}

    def result_of(self, state: State) -> Any:
        return divided(state["total"], state["count"])


@register("metric")
class Sum(Metric):
    """Weighted sum of values.

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "sum", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        return {"total": ()}

    def increments(self, values: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        return {"total": ops.sum(weighted(values, sample_weight, ops.sum)[0])}

    def result_of(self, state: State) -> Any:
        return state["total"]


@register("metric")
class MeanMetricWrapper(Mean):
    """Weighted mean of what a function `f(y_true, y_pred, **arguments)` written in ops answers.

    Args:
        fn: answers with one value a sample, or with a scalar that is a mean over its rows.
        name: the function's name if None.
        dtype: as for `Metric`.
        **arguments: handed on to the function, and part of the config.
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: str | None = None, **arguments: Any
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), dtype)
        self.fn = fn
        self.arguments = arguments

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        values = as_float(self.fn(y_true, y_pred, **self.arguments))
        if ops.ndim(values) or not ops.ndim(y_pred):
            return super().increments(values, sample_weight)
        rows = (
            apply("row_count", y_pred)
            if sample_weight is None
            else ops.sum(ops.cast(as_tensor(sample_weight), "float32"))
        )
        return {
            "total": ops.multiply(values, rows),
            "count": rows,
        }  # a mean over these rows counts as often as it has rows

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.arguments
