"""Losses under Keras 1.2.2's and BigDL's names; labels of classes count from 0 unless an argument says otherwise."""

from __future__ import annotations

from typing import Any

from bigdl_keras import losses as _ours
from bigdl_keras import ops
from bigdl_keras.losses import (
    Loss,
    LossFunctionWrapper,
    binary_crossentropy,
    categorical_crossentropy,
    cosine_proximity,
    hinge,
    kullback_leibler_divergence,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    rank_hinge,
    sparse_categorical_crossentropy,
    squared_hinge,
)

LossFunction = Loss
mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence


def SparseCategoricalCrossEntropy(log_prob_as_input: bool = False, zero_based_label: bool = True, weights: Any = None,
                                  size_average: bool = True, padding_value: int = -1) -> Loss:
    """-log of the probability of the right class.

    Args:
        log_prob_as_input: the model answers with logarithms of probabilities.
        zero_based_label: False: classes count from 1.
        weights: only None: give `class_weight` to `fit`.
        size_average: False sums over the batch instead of taking the mean.
        padding_value: rows with this label do not count; -1 for none.
    """
    _refuse_weights("SparseCategoricalCrossEntropy", weights)
    first = 0 if zero_based_label else 1
    return _SparseCrossentropy(log_prob_as_input, first, padding_value, reduction_of(size_average))


class _SparseCrossentropy(Loss):
    """Sparse crossentropy with BigDL's choices."""

    def __init__(self, logarithms: bool, first: int, padding: int, reduction: str) -> None:
        super().__init__("sparse_categorical_crossentropy", reduction)
        self.logarithms, self.first, self.padding = logarithms, first, padding

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = ops.cast(y_true, "int32")
        if self.padding >= 0:  # a label that counts for nothing must still be one
            labels = ops.where(ops.equal(labels, self.padding), self.first, labels)
        # softmax undoes the logarithm: exp of each is already a probability
        return sparse_categorical_crossentropy(labels - self.first, y_pred, from_logits=self.logarithms)

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        if self.padding < 0:
            return None
        return ops.reshape(ops.not_equal(ops.cast(y_true, "int32"), self.padding), (-1, *ops.shape(values)[1:]))


def CategoricalCrossEntropy() -> Loss:
    """-sum(y_true * log(y_pred))."""
    return _ours.CategoricalCrossentropy()


def BinaryCrossEntropy(weights: Any = None, size_average: bool = True) -> Loss:
    """-log of the probability of the right one of two classes."""
    _refuse_weights("BinaryCrossEntropy", weights)
    return _ours.BinaryCrossentropy(reduction=reduction_of(size_average))


def MeanSquaredError(size_average: bool = True) -> Loss:
    """Mean of squared differences."""
    return _ours.MeanSquaredError(reduction=reduction_of(size_average))


def MeanAbsoluteError(size_average: bool = True) -> Loss:
    """Mean of absolute differences."""
    return _ours.MeanAbsoluteError(reduction=reduction_of(size_average))


def Hinge(margin: float = 1.0, size_average: bool = True) -> Loss:
    """mean(max(margin - y_true * y_pred, 0)); labels are -1 and 1."""
    return LossFunctionWrapper(_margin, reduction_of(size_average), "hinge", margin=margin, power=1)


def SquaredHinge(margin: float = 1.0, size_average: bool = False) -> Loss:
    """mean(max(margin - y_true * y_pred, 0) ** 2); labels are -1 and 1."""
    return LossFunctionWrapper(_margin, reduction_of(size_average), "squared_hinge", margin=margin, power=2)


def _margin(y_true: Any, y_pred: Any, margin: float, power: int) -> Any:
    missing = ops.maximum(margin - y_true * y_pred, 0.0)
    return ops.mean(missing if power == 1 else ops.square(missing), axis=-1)


MeanAbsolutePercentageError = _ours.MeanAbsolutePercentageError
MeanSquaredLogarithmicError = _ours.MeanSquaredLogarithmicError
KullbackLeiblerDivergence = _ours.KLDivergence
Poisson = _ours.Poisson
RankHinge = _ours.RankHinge


def CosineProximity() -> Loss:
    """Minus the mean cosine."""
    return LossFunctionWrapper(cosine_proximity)


def get(identifier: Any) -> Any:
    """What `compile(loss=...)` means: names, objects, functions."""
    return _ours.get(identifier)


def _refuse_weights(name: str, weights: Any) -> None:
    if weights is not None:
        raise ValueError(f"{name} knows no `weights` here: give class_weight={{class: weight}} to fit().")


def reduction_of(size_average: bool) -> str:
    """BigDL's `size_average` as our `reduction`."""
    return "sum_over_batch_size" if size_average else "sum"


__all__ = [
    "MAE", "KLD", "MAPE", "MSE", "MSLE", "BinaryCrossEntropy", "CategoricalCrossEntropy", "CosineProximity", "Hinge",
    "KullbackLeiblerDivergence", "LossFunction", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Poisson", "RankHinge", "SparseCategoricalCrossEntropy", "SquaredHinge",
    "binary_crossentropy", "categorical_crossentropy", "cosine_proximity", "get", "hinge", "kld",
    "kullback_leibler_divergence", "mae", "mape", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "mse", "msle", "poisson", "rank_hinge",
    "sparse_categorical_crossentropy", "squared_hinge",
]
