"""Criteria of BigDL 0.x as losses; labels of classes count from 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import losses as _ours
from bigdl_keras import ops
from bigdl_keras.keras1.class_criteria import (
    ClassSimplexCriterion,
    MultiLabelMarginCriterion,
    MultiLabelSoftMarginCriterion,
    MultiMarginCriterion,
    SoftmaxWithCriterion,
)
from bigdl_keras.keras1.composed_criteria import (
    MultiCriterion,
    ParallelCriterion,
    TimeDistributedCriterion,
    TimeDistributedMaskCriterion,
    TransformerCriterion,
)
from bigdl_keras.keras1.objectives import SparseCategoricalCrossEntropy, reduction_of
from bigdl_keras.keras1.pair_criteria import (
    CosineEmbeddingCriterion,
    GaussianCriterion,
    KLDCriterion,
    L1HingeEmbeddingCriterion,
    MarginRankingCriterion,
    cosine,
    joined,
    summed,
)
from bigdl_keras.losses import Loss, LossFunctionWrapper


def ClassNLLCriterion(weights: Any = None, size_average: bool = True, logProbAsInput: bool = True) -> Loss:
    """-log of the probability of the right class; the model answers with logarithms (LogSoftMax) or probabilities."""
    return SparseCategoricalCrossEntropy(logProbAsInput, zero_based_label=False, weights=weights,
                                         size_average=size_average)


def CrossEntropyCriterion(weights: Any = None, size_average: bool = True) -> Loss:
    """`ClassNLLCriterion` of the log-softmax of scores."""
    return SparseCategoricalCrossEntropy(True, zero_based_label=False, weights=weights, size_average=size_average)


def CategoricalCrossEntropy() -> Loss:
    """-sum(y_true * log(y_pred)), labels being rows of zeros with a one."""
    return _ours.CategoricalCrossentropy()


def BCECriterion(weights: Any = None, size_average: bool = True) -> Loss:
    """-log of the probability of the right one of two classes, 0 and 1."""
    if weights is not None:
        raise ValueError("BCECriterion knows no `weights` here: give class_weight={class: weight} to fit().")
    return _ours.BinaryCrossentropy(reduction=reduction_of(size_average))


def _simple(name: str, function: Callable[..., Any], meaning: str) -> Callable[..., Loss]:
    def criterion(size_average: bool = True) -> Loss:
        return LossFunctionWrapper(function, reduction_of(size_average), name)

    criterion.__name__ = criterion.__qualname__ = name
    criterion.__doc__ = meaning
    return criterion


def _absolute(y_true: Any, y_pred: Any) -> Any:
    return ops.abs(y_true - y_pred)


def _squared(y_true: Any, y_pred: Any) -> Any:
    return ops.square(y_true - y_pred)


def _smooth_l1(y_true: Any, y_pred: Any) -> Any:
    distance = ops.abs(y_true - y_pred)
    return ops.where(ops.less(distance, 1.0), 0.5 * ops.square(distance), distance - 0.5)


def _soft_margin(y_true: Any, y_pred: Any) -> Any:
    return ops.softplus(-y_true * y_pred)


def _divergence(y_true: Any, y_pred: Any) -> Any:
    return ops.where(ops.greater(y_true, 0.0), y_true * (ops.log(ops.maximum(y_true, 1e-30)) - y_pred), 0.0)


MSECriterion = _simple("MSECriterion", _squared, "Mean of squared differences of all elements.")
AbsCriterion = _simple("AbsCriterion", _absolute, "Mean of absolute differences of all elements.")
SmoothL1Criterion = _simple("SmoothL1Criterion", _smooth_l1, "Squared below a difference of 1, linear beyond.")
SoftMarginCriterion = _simple("SoftMarginCriterion", _soft_margin, "log(1 + exp(-y * x)); labels are -1 and 1.")
DistKLDivCriterion = _simple("DistKLDivCriterion", _divergence,
                             "Divergence of a distribution from predicted logarithms of probabilities.")


def MarginCriterion(margin: float = 1.0, size_average: bool = True, squared: bool = False) -> Loss:
    """mean(max(margin - y * x, 0)), or of its squares; labels are -1 and 1."""

    def hinge(y_true: Any, y_pred: Any) -> Any:
        missing = ops.maximum(margin - y_true * y_pred, 0.0)
        return ops.square(missing) if squared else missing

    return LossFunctionWrapper(hinge, reduction_of(size_average), "MarginCriterion")


CosineProximityCriterion = _ours.CosineSimilarity
KullbackLeiblerDivergenceCriterion = _ours.KLDivergence
MeanAbsolutePercentageCriterion = _ours.MeanAbsolutePercentageError
MeanSquaredLogarithmicCriterion = _ours.MeanSquaredLogarithmicError
PoissonCriterion = _ours.Poisson



class CosineDistanceCriterion(Loss):
    """1 - cos(y_true, y_pred) of each sample.

    Args:
        size_average: the mean over the batch, or the sum.
    """

    def __init__(self, size_average: bool = True) -> None:
        super().__init__("CosineDistanceCriterion", reduction_of(size_average))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return 1 - cosine(y_true, y_pred)


class DiceCoefficientCriterion(Loss):
    """1 - (2 sum(x y) + epsilon) / (sum(x) + sum(y) + epsilon) of each sample, along its first axis.

    Args:
        size_average: the mean over the batch, or the sum.
        epsilon: keeps empty sets from dividing 0 by 0.
    """

    def __init__(self, size_average: bool = True, epsilon: float = 1.0) -> None:
        super().__init__("DiceCoefficientCriterion", reduction_of(size_average))
        self.epsilon = epsilon

    def call(self, y_true: Any, y_pred: Any) -> Any:
        both = 2 * ops.sum(y_true * y_pred, axis=1) + self.epsilon
        return summed(1 - both / (ops.sum(y_true, axis=1) + ops.sum(y_pred, axis=1) + self.epsilon))


class SmoothL1CriterionWithWeights(Loss):
    """Weighted smooth distances of boxes, of each sample (Girshick, Fast R-CNN, 2015).

    With d = (x - y) * inside: outside * sigma^2 d^2 / 2 where |d| < 1 / sigma^2, outside * (|d| - 1 / (2 sigma^2))
    elsewhere. Labels are a list [y, inside, outside], one tensor whose second axis holds the three, or y alone.

    Args:
        sigma: where the parabola ends.
        num: what the sum is divided by; 0 for the size of the batch.
    """

    def __init__(self, sigma: float, num: int = 0) -> None:
        super().__init__("SmoothL1CriterionWithWeights", reduction_of(not num))
        self.edge, self.count = 1 / sigma**2, num or 1

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        return super().__call__(joined(y_true), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        inside = outside = 1.0
        if ops.ndim(y_true) > ops.ndim(y_pred):
            y_true, inside, outside = (y_true[:, place] for place in range(3))
        distance = ops.abs((y_pred - y_true) * inside)
        near = ops.less(distance, self.edge)
        smooth = ops.where(near, ops.square(distance) * (0.5 / self.edge), distance - 0.5 * self.edge)
        return summed(smooth * outside) / self.count


def _hinge_embedding(y_true: Any, y_pred: Any, margin: float) -> Any:
    return ops.where(ops.greater(y_true, 0), y_pred, ops.maximum(margin - y_pred, 0.0))


def HingeEmbeddingCriterion(margin: float = 1.0, size_average: bool = True) -> Loss:
    """Distances x where the label is 1, max(0, margin - x) where it is -1: their mean, or their sum."""
    return LossFunctionWrapper(_hinge_embedding, reduction_of(size_average), "HingeEmbeddingCriterion", margin=margin)


def _product(y_true: Any, y_pred: Any) -> Any:
    return summed(y_true * y_pred)


def DotProductCriterion(size_average: bool = False) -> Loss:
    """The sum of y_true * y_pred, divided by the size of the batch with `size_average`."""
    return LossFunctionWrapper(_product, reduction_of(size_average), "DotProductCriterion")


def _policy_gradient(y_true: Any, y_pred: Any) -> Any:
    return -summed(y_true * ops.log(y_pred))


def PGCriterion(sizeAverage: bool = False) -> Loss:
    """-sum(reward * log(probability)): labels are zeros with the reward at the action taken (Williams, 1992)."""
    return LossFunctionWrapper(_policy_gradient, reduction_of(sizeAverage), "PGCriterion")


def _absolute_sum(y_true: Any, y_pred: Any) -> Any:
    return summed(ops.abs(y_pred))


def L1Cost() -> Loss:
    """The sum of absolute predictions; labels do not count."""
    return LossFunctionWrapper(_absolute_sum, "sum", "L1Cost")


__all__ = ["AbsCriterion", "BCECriterion", "CategoricalCrossEntropy", "ClassNLLCriterion", "ClassSimplexCriterion",
           "CosineDistanceCriterion", "CosineEmbeddingCriterion", "CosineProximityCriterion", "CrossEntropyCriterion",
           "DiceCoefficientCriterion", "DistKLDivCriterion", "DotProductCriterion", "GaussianCriterion",
           "HingeEmbeddingCriterion", "KLDCriterion", "KullbackLeiblerDivergenceCriterion", "L1Cost",
           "L1HingeEmbeddingCriterion", "MSECriterion", "MarginCriterion", "MarginRankingCriterion",
           "MeanAbsolutePercentageCriterion", "MeanSquaredLogarithmicCriterion", "MultiCriterion",
           "MultiLabelMarginCriterion", "MultiLabelSoftMarginCriterion", "MultiMarginCriterion", "PGCriterion",
           "ParallelCriterion", "PoissonCriterion", "SmoothL1Criterion", "SmoothL1CriterionWithWeights",
           "SoftMarginCriterion", "SoftmaxWithCriterion", "TimeDistributedCriterion", "TimeDistributedMaskCriterion",
           "TransformerCriterion"]
