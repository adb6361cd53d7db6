"""Losses that Keras 1, Keras 2 or BigDL knew under names of their own."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.losses.alignment import matched
from bigdl_keras.losses.base import LossFunctionWrapper
from bigdl_keras.losses.regression import cosine_similarity
from bigdl_keras.registry import register


def cosine_proximity(y_true: Any, y_pred: Any) -> Any:
    """Keras 2's name of `cosine_similarity` over the last axis."""
    return cosine_similarity(y_true, y_pred)


def rank_hinge(y_true: Any, y_pred: Any, margin: float = 1.0) -> Any:
    """max(margin - score of row 2i + score of row 2i + 1, 0): pairs of a relevant and an irrelevant answer, in turn.

    Args:
        y_true: not used.
        y_pred: (2 n, 1) scores, the relevant answer of each pair first.
        margin: by how much the relevant one must win.

    Returns:
        (2 n, 1) values, each pair's once for both rows.
    """
    _, y_pred = matched(y_true, y_pred)
    pairs = ops.reshape(y_pred, (-1, 2))
    value = ops.maximum(ops.add(ops.subtract(pairs[:, 1:2], pairs[:, 0:1]), margin), 0.0)
    return ops.reshape(ops.concatenate([value, value], axis=-1), (-1, 1))


@register("loss")
class RankHinge(LossFunctionWrapper):
    """BigDL's ranking loss over pairs of rows (relevant, irrelevant).

    Args:
        margin: by how much the relevant row must win.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "rank_hinge",
        dtype: str | None = None,
    ) -> None:
        super().__init__(rank_hinge, reduction, name, dtype, margin=margin)
