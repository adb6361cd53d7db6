"""Losses of labels whose place in a sequence is not known."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.losses.base import LossFunctionWrapper
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.registry import register


def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log of the probability that a sequence of logits collapses to the label (Graves et al., 2006).

    Args:
        y_true: (n, L) integer classes from 1 on, padded with 0, which is also the blank.
        y_pred: (n, time, classes) logits.

    Returns:
        (n,) values.

    Raises:
        ValueError: other numbers of axes.
    """
    y_true, y_pred = as_tensor(y_true), as_float(y_pred)
    if ops.ndim(y_true) != 2 or ops.ndim(y_pred) != 3:
        raise ValueError(
            "CTC needs labels (batch, length) and logits (batch, time, classes). "
            f"Received shapes {ops.shape(y_true)} and {ops.shape(y_pred)}."
        )
    labels = ops.cast(y_true, "int32")
    lengths = ops.sum(ops.cast(ops.not_equal(labels, 0), "int32"), axis=-1)
    steps = ops.sum(ops.ones_like(y_pred[..., 0], dtype="int32"), axis=-1)
    return ops.ctc_loss(labels, y_pred, lengths, steps)


@register("loss")
class CTC(LossFunctionWrapper):
    """Connectionist temporal classification: labels shorter than the sequence, alignment unknown.

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: str | None = None
    ) -> None:
        super().__init__(ctc, reduction, name, dtype)
