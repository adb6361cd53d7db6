"""A loss answers with one value a sample; its base works out what a worker's samples add to the whole batch's loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import same_rank, weights_for, with_rank
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.shapes import size

_MEAN = "sum_over_batch_size"
_REDUCTIONS = {
    "sum_over_batch_size": _MEAN,
    "mean": "mean",
    "auto": _MEAN,
    "sum": "sum",
    "none": None,
    None: None,
    "mean_with_sample_weight": "mean_with_sample_weight",
}


class Loss:
    """Base of all losses.

    A subclass writes `call(y_true, y_pred)` in ops and answers with one value a sample (or a time step, a pixel).

    Args:
        name: for messages and files; made from the class name if None.
        reduction: "sum_over_batch_size" or "mean": the mean of all values, weighted ones still divided by their number;
            "mean_with_sample_weight": divided by the sum of the weights; "sum"; None or "none": the values themselves.
        dtype: dtype of the computation; None keeps that of the predictions.

    Raises:
        ValueError: an unknown reduction.
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: str | None = None
    ) -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(f"`reduction` must be one of {sorted(map(str, _REDUCTIONS))}. Received {reduction!r}.")
        self.name = name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(self).__name__).lower()
        self.reduction = _REDUCTIONS[reduction]
        self.dtype = dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value a sample, written in ops."""
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        """Which values count, as a boolean tensor of their shape; None: all of them."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss of these samples.

        Args:
            y_true: labels.
            y_pred: predictions; of a KerasTensor the mask is honoured.
            sample_weight: one weight a sample, or of the shape of the values.

        Returns:
            A scalar, or the weighted values if `reduction` is None.
        """
        values, weights, mask = self._weighted(y_true, y_pred, sample_weight, getattr(y_pred, "keras_mask", None))
        if self.reduction is None or not ops.ndim(values):
            return values
        rows = ops.shape(values)[0]
        rows = apply("row_count", values) if rows is None else max(rows, 1)
        count = self._count(values, weights, mask, rows, lambda local: local)
        return ops.sum(values) if count is None else ops.divide(ops.sum(values), count)

    def share(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, batch_rows: Any) -> Any:
        """What these rows add to the loss of the global batch; summed over all workers, what a single process has.

        Args:
            y_true, y_pred: labels and predictions of this worker's rows.
            batch_rows: number of rows of the global batch, a scalar tensor.
            sample_weight: weights of this worker's rows.
            mask: which time steps count; masked ones are left out of the mean.

        Returns:
            A scalar.

        Raises:
            ValueError: the loss has no reduction.
        """
        if self.reduction is None:
            raise ValueError(
                f"The loss '{self.name}' has reduction={None}: training needs a single number. "
                "Use reduction='sum_over_batch_size' or 'sum'."
            )
        values, weights, mask = self._weighted(y_true, y_pred, sample_weight, mask)
        if not ops.ndim(values):  # the function took the mean (or sum) over its rows itself
            if self.reduction == "sum":
                return values
            return ops.multiply(values, ops.divide(ops.cast(apply("row_count", y_pred), values.dtype), batch_rows))
        count = self._count(values, weights, mask, batch_rows, ops.global_sum)
        return ops.sum(values) if count is None else ops.divide(ops.sum(values), count)

    def _weighted(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> tuple[Any, Any, Any]:
        """Values times weights, the weights, and the mask that decides what is counted."""
        y_pred = as_float(y_pred) if self.dtype is None else ops.cast(y_pred, self.dtype)
        y_true = as_tensor(y_true)
        if str(getattr(y_true, "dtype", "")).startswith("float"):
            y_true = ops.cast(y_true, y_pred.dtype)
        values = as_float(self.call(y_true, y_pred))
        valid = self.valid(y_true, y_pred, values)
        if valid is not None:
            mask = valid if mask is None else ops.logical_and(mask, valid)
        weights = weights_for(values, sample_weight, mask)
        if weights is None:
            return values, None, None
        values, weights = same_rank(values, weights)
        if 0 < ops.ndim(values) < ops.ndim(weights):
            raise ValueError(
                f"The loss '{self.name}' has one value for each of {ops.shape(values)}, but `sample_weight` or the "
                f"mask has shape {ops.shape(weights)}: give at most one weight a value."
            )
        return ops.multiply(values, with_rank(weights, ops.ndim(values))), weights, mask

    def _count(self, values: Any, weights: Any, mask: Any, rows: Any, total: Callable[[Any], Any]) -> Any:
        """What the sum is divided by; `total` sums a count that depends on data over all workers. None: nothing."""
        if self.reduction == "sum":
            return None
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            return _not_zero(total(ops.sum(weights)))
        if mask is not None and self.reduction != "mean_with_sample_weight":
            count = _not_zero(total(ops.sum(ops.cast(mask, values.dtype))))
            inner = size(ops.shape(values)[ops.ndim(mask) :])
            if inner is None:
                axes = tuple(range(ops.ndim(mask), ops.ndim(values)))
                inner = apply("size_of", values, axis=axes, dtype=str(values.dtype))
            return count if inner == 1 else ops.multiply(count, inner)
        inner = size(ops.shape(values)[1:])
        if inner is None:
            return _not_zero(total(apply("size_of", values, axis=None, dtype=str(values.dtype))))
        return rows if inner == 1 else ops.multiply(rows, inner)

    def get_config(self) -> dict[str, Any]:
        """Plain data from which `from_config` rebuilds the loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Rebuild a loss from what `get_config` answered."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, reduction={self.reduction}>"


def _not_zero(count: Any) -> Any:
    """A count that depends on data, kept from dividing 0 by 0 where nothing is counted."""
    return ops.maximum(count, 1e-30)


class LossFunctionWrapper(Loss):
    """A loss made of a function `f(y_true, y_pred, **arguments)` written in ops.

    Args:
        fn: the function; it answers with one value a sample, or with a scalar that is a mean over its rows.
        reduction, name, dtype: as for `Loss`; the name of the function is the default name.
        **arguments: handed on to the function, and part of the config.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction, dtype)
        self.fn = fn
        self.arguments = arguments

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.fn(*same_rank(y_true, y_pred), **self.arguments)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.arguments
