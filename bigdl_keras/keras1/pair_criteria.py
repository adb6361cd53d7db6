"""Criteria of two tensors that a model answers with: a list of both, or one tensor whose second axis holds them.

`ops.stack([first, second], axis=1)` makes such a tensor, so that a model trains with these criteria on its one output.
"""

from __future__ import annotations

import math
from typing import Any

from bigdl_keras import ops
from bigdl_keras.keras1.objectives import reduction_of
from bigdl_keras.losses import Loss

__all__ = [
    "CosineEmbeddingCriterion",
    "GaussianCriterion",
    "KLDCriterion",
    "L1HingeEmbeddingCriterion",
    "MarginRankingCriterion",
]


def joined(tensors: Any, at_least: int = 1) -> Any:
    """Tensors of a list as one, with a second axis for them; a tensor of fewer axes than `at_least` is one sample."""
    if not isinstance(tensors, (list, tuple)):
        return tensors
    tensors = [ops.convert_to_tensor(item) for item in tensors]
    return ops.stack([ops.expand_dims(item, 0) if ops.ndim(item) < at_least else item for item in tensors], axis=1)


class PairCriterion(Loss):
    """Base: a subclass writes `of_pair(y_true, first, second)`, one value a sample.

    Args:
        size_average: the mean over the batch, or the sum.
    """

    axes = 2
    """How many axes a tensor of the pair has in a batch."""

    def __init__(self, size_average: bool = True) -> None:
        super().__init__(type(self).__name__, reduction_of(size_average))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().__call__(joined(y_true), joined(y_pred, self.axes), sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if ops.ndim(y_pred) < 2 or ops.shape(y_pred)[1] != 2:
            raise ValueError(
                f"{self.name} needs two tensors: a list of them, or one with 2 entries along axis 1, as "
                f"ops.stack([first, second], axis=1) makes it. Received shape {ops.shape(y_pred)}."
            )
        return self.of_pair(y_true, y_pred[:, 0], y_pred[:, 1])

    def of_pair(self, y_true: Any, first: Any, second: Any) -> Any:
        """One value a sample."""
        raise NotImplementedError


def summed(values: Any) -> Any:
    """The sum of what each sample has."""
    axes = tuple(range(1, ops.ndim(values)))
    return ops.sum(values, axis=axes) if axes else values


def signs(y_true: Any, values: Any) -> Any:
    """Labels 1 and -1, one a sample, in the dtype of the values."""
    return ops.cast(ops.reshape(y_true, (-1,)), values.dtype)


def cosine(first: Any, second: Any) -> Any:
    """The cosine of the angle between vectors; 1e-12 keeps vectors of zeros from dividing by 0."""
    power = (summed(ops.square(first)) + 1e-12) * (summed(ops.square(second)) + 1e-12)
    return summed(first * second) / ops.sqrt(power)


class CosineEmbeddingCriterion(PairCriterion):
    """1 - cos(x1, x2) where the label is 1, max(0, cos(x1, x2) - margin) where it is -1 (Torch's definition).

    BigDL's own code leaves out the `1 -`; the definition, which its documentation has too, is meant here.

    Args:
        margin: between -1 and 1.
        size_average: the mean over the batch, or the sum.
    """

    def __init__(self, margin: float = 0.0, size_average: bool = True) -> None:
        super().__init__(size_average)
        self.margin = margin

    def of_pair(self, y_true: Any, first: Any, second: Any) -> Any:
        alike = cosine(first, second)
        return ops.where(signs(y_true, alike) > 0, 1 - alike, ops.maximum(alike - self.margin, 0.0))


class L1HingeEmbeddingCriterion(PairCriterion):
    """|x1 - x2| (the sum of absolute differences) where the label is 1, max(0, margin - |x1 - x2|) where it is -1.

    Args:
        margin: how far apart what is different must be.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__(size_average=False)
        self.margin = margin

    def of_pair(self, y_true: Any, first: Any, second: Any) -> Any:
        distance = summed(ops.abs(first - second))
        return ops.where(signs(y_true, distance) > 0, distance, ops.maximum(self.margin - distance, 0.0))


class MarginRankingCriterion(PairCriterion):
    """max(0, -y (x1 - x2) + margin): the first must be larger by `margin` where y is 1, the second where it is -1.

    Args:
        margin: by how much.
        size_average: the mean over the batch, or the sum.
    """

    axes = 1

    def __init__(self, margin: float = 1.0, size_average: bool = True) -> None:
        super().__init__(size_average)
        self.margin = margin

    def of_pair(self, y_true: Any, first: Any, second: Any) -> Any:
        larger = summed(first - second)
        return ops.maximum(self.margin - signs(y_true, larger) * larger, 0.0)


class GaussianCriterion(PairCriterion):
    """-log of the density of the label under normal distributions, summed over all.

    log(2 pi) / 2 + v / 2 + (y - m)^2 / (2 exp(v)), for means m and logarithms of variances v.
    """

    def __init__(self) -> None:
        super().__init__(size_average=False)

    def of_pair(self, y_true: Any, first: Any, second: Any) -> Any:
        distance = ops.square(ops.reshape(y_true, ops.shape(first)) - first) / ops.exp(second)
        return summed(0.5 * (math.log(2 * math.pi) + second + distance))


class KLDCriterion(PairCriterion):
    """Divergence of normal distributions from the standard one: sum((m^2 + exp(v) - v - 1) / 2); labels do not count.

    For means m and logarithms of variances v (Kingma and Welling, Auto-encoding variational Bayes, appendix B).

    Args:
        size_average: the mean over the batch, or the sum.
    """

    def of_pair(self, y_true: Any, first: Any, second: Any) -> Any:
        return summed(0.5 * (ops.square(first) + ops.exp(second) - second - 1))
