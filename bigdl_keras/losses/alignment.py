"""Labels, predictions and weights meet in one dtype and one number of axes before anything is computed from them."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.ops.elementwise import as_float, as_tensor


def same_rank(first: Any, second: Any) -> tuple[Any, Any]:
    """Both with equally many axes, where they differ by a last axis of size 1 (Keras's rule).

    (n,) beside (n, 1) becomes (n, 1); of longer shapes the last axis of size 1 is taken away.
    """
    ranks = ops.ndim(first), ops.ndim(second)
    if ranks[0] == ranks[1] + 1:
        second, first = _fit(second, first)
    elif ranks[1] == ranks[0] + 1:
        first, second = _fit(first, second)
    return first, second


def _fit(shorter: Any, longer: Any) -> tuple[Any, Any]:
    if ops.shape(longer)[-1] != 1:
        return shorter, longer
    if ops.ndim(shorter) == 1:
        return ops.expand_dims(shorter, -1), longer
    return shorter, ops.squeeze(longer, -1)


def matched(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels and predictions in the floating dtype of the predictions and with equally many axes."""
    y_pred = as_float(y_pred)
    y_true = as_tensor(y_true)
    if hasattr(y_true, "dtype") and hasattr(y_pred, "dtype"):
        y_true = ops.cast(y_true, y_pred.dtype)
    return same_rank(y_true, y_pred)


def weights_for(values: Any, sample_weight: Any, mask: Any) -> Any:
    """One weight an element of `values` or of its leading axes: sample weights times the mask, None without either."""
    given = [as_tensor(item) for item in (mask, sample_weight) if item is not None]
    if not given:
        return None
    factors = [ops.cast(item, values.dtype) if hasattr(item, "dtype") else item for item in given]
    if len(factors) == 1:
        return factors[0]
    first, second = same_rank(*factors)
    rank = max(ops.ndim(first), ops.ndim(second))
    return ops.multiply(with_rank(first, rank), with_rank(second, rank))


def with_rank(weights: Any, rank: int) -> Any:
    """`weights` with axes of size 1 added at the end, so that a weight a row holds for all that is in the row."""
    missing = rank - ops.ndim(weights)
    if missing <= 0 or ops.ndim(weights) == 0:
        return weights
    return ops.expand_dims(weights, tuple(range(-missing, 0)))


def label_kind(y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> str:
    """'binary', 'sparse' or 'categorical': what labels of this shape mean for such predictions (Keras 3's rule)."""
    if y_pred_shape[-1] == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "categorical"
