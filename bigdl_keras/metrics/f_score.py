"""F-scores: the harmonic mean of precision and recall, per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.losses.alignment import matched, with_rank
from bigdl_keras.metrics.base import Metric, Shapes, State, divided
from bigdl_keras.ops.elementwise import as_tensor
from bigdl_keras.registry import register


@register("metric")
class FBetaScore(Metric):
    """(1 + b^2) * precision * recall / (b^2 * precision + recall), per class.

    Args:
        average: None: one score a class; "micro": of all classes together; "macro": the mean; "weighted": weighted by
            how often a class occurs.
        beta: how much more recall counts than precision.
        threshold: predictions above it say yes; None: the largest of a row says yes.
        name, dtype: as for `Metric`.

    Raises:
        ValueError: an unknown average, beta not above 0, threshold not between 0 and 1.
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"`average` must be None, 'micro', 'macro' or 'weighted'. Received {average!r}.")
        if beta <= 0:
            raise ValueError(f"`beta` must be above 0. Received {beta!r}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"`threshold` must be above 0 and at most 1. Received {threshold!r}.")
        self.average = average
        self.beta = float(beta)
        self.threshold = threshold

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        classes = y_pred_shape[-1]
        if classes is None:
            raise ValueError(
                f"{type(self).__name__} needs a known number of classes. Received predictions of shape {y_pred_shape}."
            )
        return {"both": (classes,), "said": (classes,), "labelled": (classes,)}

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        y_true, y_pred = matched(y_true, y_pred)
        if self.threshold is None:
            largest = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            answer = ops.logical_and(largest, ops.greater(ops.abs(y_pred), 1e-9))
        else:
            answer = ops.greater(y_pred, self.threshold)
        answer = ops.cast(answer, y_true.dtype)
        parts = {"both": ops.multiply(answer, y_true), "said": answer, "labelled": y_true}
        if sample_weight is not None:
            weights = with_rank(ops.cast(as_tensor(sample_weight), y_true.dtype), ops.ndim(y_true))
            parts = {key: ops.multiply(value, weights) for key, value in parts.items()}
        axes = tuple(range(ops.ndim(y_true) - 1))
        return {key: ops.sum(value, axis=axes) for key, value in parts.items()}

    def result_of(self, state: State) -> Any:
        both, said, labelled = state["both"], state["said"], state["labelled"]
        if self.average == "micro":
            both, said, labelled = np.sum(both), np.sum(said), np.sum(labelled)
        precision, recall = divided(both, said), divided(both, labelled)
        factor = self.beta * self.beta
        scores = (1 + factor) * divided(precision * recall, factor * precision + recall)
        if self.average == "weighted":
            return np.sum(scores * divided(labelled, np.sum(labelled)))
        return np.mean(scores) if self.average else scores

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"average": self.average, "beta": self.beta, "threshold": self.threshold}


@register("metric")
class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall), per class.

    Args:
        average, threshold, name, dtype: as for `FBetaScore`.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["beta"]
        return config
