"""Criteria of BigDL 0.x as losses; labels of classes count from 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import losses as _ours
from bigdl_keras import ops
from bigdl_keras.keras1.objectives import SparseCategoricalCrossEntropy
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
    return _ours.BinaryCrossentropy(reduction=_reduction(size_average))


def _simple(name: str, function: Callable[..., Any], meaning: str) -> Callable[..., Loss]:
    def criterion(size_average: bool = True) -> Loss:
        return LossFunctionWrapper(function, _reduction(size_average), name)

    criterion.__name__ = criterion.__qualname__ = name
    criterion.__doc__ = meaning
    return criterion


def _reduction(size_average: bool) -> str:
    return "sum_over_batch_size" if size_average else "sum"


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

    return LossFunctionWrapper(hinge, _reduction(size_average), "MarginCriterion")


CosineProximityCriterion = _ours.CosineSimilarity
KullbackLeiblerDivergenceCriterion = _ours.KLDivergence
MeanAbsolutePercentageCriterion = _ours.MeanAbsolutePercentageError
MeanSquaredLogarithmicCriterion = _ours.MeanSquaredLogarithmicError
PoissonCriterion = _ours.Poisson

NOT_HERE = (
    "ClassSimplexCriterion", "CosineDistanceCriterion", "CosineEmbeddingCriterion", "DiceCoefficientCriterion",
    "DotProductCriterion", "GaussianCriterion", "HingeEmbeddingCriterion", "KLDCriterion", "L1Cost",
    "L1HingeEmbeddingCriterion", "MarginRankingCriterion", "MultiCriterion", "MultiLabelMarginCriterion",
    "MultiLabelSoftMarginCriterion", "MultiMarginCriterion", "PGCriterion", "ParallelCriterion",
    "SmoothL1CriterionWithWeights", "SoftmaxWithCriterion", "TimeDistributedCriterion", "TimeDistributedMaskCriterion",
    "TransformerCriterion",
)
"""Criteria of BigDL that are not here. `ParallelCriterion` is `compile(loss=[...], loss_weights=[...])`; every loss
takes time steps; the others can be a function of (y_true, y_pred) written with `autograd` or `ops`."""

__all__ = ["AbsCriterion", "BCECriterion", "CategoricalCrossEntropy", "ClassNLLCriterion", "CosineProximityCriterion",
           "CrossEntropyCriterion", "DistKLDivCriterion", "KullbackLeiblerDivergenceCriterion", "MSECriterion",
           "MarginCriterion", "MeanAbsolutePercentageCriterion", "MeanSquaredLogarithmicCriterion", "PoissonCriterion",
           "SmoothL1Criterion", "SoftMarginCriterion"]
