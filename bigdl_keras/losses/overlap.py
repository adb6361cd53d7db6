"""Losses of whole batches: overlap of areas, circles of embeddings. Sums over rows are sums over all workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import matched
from bigdl_keras.losses.base import LossFunctionWrapper
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.registry import register
from bigdl_keras.shapes import normalize_axis

EPSILON = 1e-7

Axes = int | Sequence[int] | None


def _batch_sum(x: Any, axis: Axes) -> Any:
    """Sum along `axis`; over all workers where axis 0, the rows, is among them."""
    total = ops.sum(x, axis=axis if axis is None or isinstance(axis, int) else tuple(axis))
    rank = ops.ndim(x)
    over_rows = axis is None or 0 in [normalize_axis(one, rank) for one in ([axis] if isinstance(axis, int) else axis)]
    return ops.global_sum(total) if over_rows else total


def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Any:
    """1 - 2 sum(t p) / (sum(t) + sum(p)), sums along `axis` (None: all, rows included)."""
    y_true, y_pred = matched(y_true, y_pred)
    common = _batch_sum(ops.multiply(y_true, y_pred), axis)
    both = ops.add(_batch_sum(y_true, axis), _batch_sum(y_pred, axis))
    return ops.subtract(1.0, ops.divide(ops.multiply(common, 2.0), ops.add(both, EPSILON)))


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None) -> Any:
    """1 - sum(t p) / (sum(t p) + alpha sum(t (1 - p)) + beta sum((1 - t) p)) (Salehi et al., 2017).

    `alpha` weighs what was missed and `beta` what was wrongly found, as Keras 3 does.
    """
    y_true, y_pred = matched(y_true, y_pred)
    common = _batch_sum(ops.multiply(y_true, y_pred), axis)
    missed = ops.subtract(_batch_sum(y_true, axis), common)
    wrong = ops.subtract(_batch_sum(y_pred, axis), common)
    whole = ops.add(common, ops.add(ops.multiply(missed, alpha), ops.multiply(wrong, beta)))
    return ops.subtract(1.0, ops.divide(common, ops.add(whole, EPSILON)))


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> Any:
    """softplus(logsumexp of same-class distances + logsumexp of other-class distances), a row (Sun et al., 2020).

    Args:
        y_true: (n,) or (n, 1) integer labels.
        y_pred: (n, d) embeddings of length 1.
        ref_labels, ref_embeddings: what to compare with; the batch itself if None.
        remove_diagonal: leave out the comparison of a row with itself.
        gamma: scale.
        margin: relaxation.

    Returns:
        (n,) values. Rows are compared with the rows of their own worker.
    """
    y_pred, y_true = as_float(y_pred), ops.reshape(ops.cast(as_tensor(y_true), "int32"), (-1, 1))
    others = y_pred if ref_embeddings is None else as_float(ref_embeddings)
    labels = y_true if ref_labels is None else ops.reshape(ops.cast(as_tensor(ref_labels), "int32"), (-1, 1))
    distance = ops.maximum(ops.subtract(1.0, ops.matmul(y_pred, ops.transpose(others))), 0.0)
    same = ops.equal(y_true, ops.transpose(labels))
    different = ops.logical_not(same)
    if remove_diagonal:
        rows, columns = apply("arange_like", distance, axis=0), apply("arange_like", distance, axis=1)
        same = ops.logical_and(same, ops.not_equal(ops.expand_dims(rows, 1), columns))
    positive = ops.multiply(ops.multiply(ops.add(distance, margin), ops.subtract(distance, margin)), gamma)
    weight = ops.maximum(ops.subtract(1.0 + margin, distance), 0.0)
    negative = ops.multiply(ops.multiply(weight, ops.subtract(1.0 - margin, distance)), gamma)
    far = -1e9  # as good as minus infinity, without its NaNs in the gradient
    return ops.softplus(
        ops.add(
            ops.logsumexp(ops.where(same, positive, far), axis=1),
            ops.logsumexp(ops.where(different, negative, far), axis=1),
        )
    )


@register("loss")
class Dice(LossFunctionWrapper):
    """1 - 2 sum(t p) / (sum(t) + sum(p)).

    Args:
        reduction, name: as for `Loss`.
        axis: axes of the sums; None: all, over the whole batch.
        dtype: as for `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


@register("loss")
class Tversky(LossFunctionWrapper):
    """Dice with different prices for what is missed and what is wrongly found (Salehi et al., 2017).

    Args:
        alpha, beta: prices of what was missed and of what was wrongly found.
        reduction, name: as for `Loss`.
        axis: axes of the sums; None: all, over the whole batch.
        dtype: as for `Loss`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Axes = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


@register("loss")
class Circle(LossFunctionWrapper):
    """Small distances within a class, large ones between classes (Sun et al., 2020).

    Args:
        gamma: scale.
        margin: relaxation.
        remove_diagonal: leave out the comparison of a row with itself.
        reduction, name, dtype: as for `Loss`; rows whose loss is 0 are not counted in a mean.
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: str | None = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        return ops.greater(values, 0.0)
