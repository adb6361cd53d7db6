"""Areas under curves of thresholds: counts between thresholds add, so that any number of workers finds one area."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.metrics.base import Shapes, State, divided
from bigdl_keras.metrics.confusion import Counts, ThresholdMetric
from bigdl_keras.ops.elementwise import as_float
from bigdl_keras.registry import register

EPSILON = 1e-7


@register("metric")
class AUC(ThresholdMetric):
    """Area under the ROC or precision-recall curve, from thresholds spread over [0, 1].

    Args:
        num_thresholds: evenly spread; the first and last are moved outside [0, 1] by 1e-7.
        curve: "ROC" or "PR".
        summation_method: "interpolation", "minoring" (the lower side of each step) or "majoring".
        name, dtype: as for `Metric`.
        thresholds: inner thresholds to use instead.
        multi_label: one area a column of the predictions, then their mean.
        num_labels: columns, where `multi_label`; taken from the predictions if None.
        label_weights: one weight a column.
        from_logits: predictions are logits.

    Raises:
        ValueError: an argument that does not exist or does not fit.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = "auc",
        dtype: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        if curve.upper() not in ("ROC", "PR"):
            raise ValueError(f"`curve` must be 'ROC' or 'PR'. Received {curve!r}.")
        if summation_method.lower() not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                f"`summation_method` must be 'interpolation', 'minoring' or 'majoring'. Received {summation_method!r}."
            )
        if thresholds is None:
            if num_thresholds <= 1:
                raise ValueError(f"`num_thresholds` must be greater than 1. Received {num_thresholds!r}.")
            inner = [place / (num_thresholds - 1) for place in range(1, num_thresholds - 1)]
        else:
            inner = sorted(float(item) for item in thresholds)
            if any(not 0 <= item <= 1 for item in inner):
                raise ValueError(f"`thresholds` must lie between 0 and 1. Received {thresholds!r}.")
        super().__init__([-EPSILON, *inner, 1 + EPSILON], name, dtype)
        self.num_thresholds = len(inner) + 2
        self.curve = curve.upper()
        self.summation_method = summation_method.lower()
        self.thresholds = None if thresholds is None else list(thresholds)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, dtype=np.float32)
        self.from_logits = from_logits

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        bins: tuple[int, ...] = (self.num_thresholds + 1,)
        if self.multi_label:
            labels = self.num_labels or y_pred_shape[-1]
            if labels is None:
                raise ValueError("AUC(multi_label=True) needs a known number of labels: give `num_labels`.")
            bins = (labels, *bins)
        return {"positives": bins, "negatives": bins}

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        y_pred = as_float(y_pred)
        if self.from_logits:
            y_pred = ops.sigmoid(y_pred)
        y_true, y_pred, weights = self._select(y_true, y_pred, sample_weight)
        if self.label_weights is not None and not self.multi_label:
            weights = (
                apply("broadcast_like", self.label_weights, y_pred) if weights is None else weights * self.label_weights
            )
        shape = self.state_shapes(ops.shape(y_pred))["positives"]
        bins = apply("searchsorted", self._ascending, ops.clip(y_pred, 0.0, 1.0))
        if self.multi_label:
            bins = ops.add(bins, (np.arange(shape[0]) * shape[1]).astype(np.int32))
        counts = {
            key: apply("bincount", bins, part, bins=int(np.prod(shape)))
            for key, part in self._parts(y_true, weights).items()
        }
        return {key: ops.reshape(count, shape) for key, count in counts.items()} if self.multi_label else counts

    def result_of(self, state: State) -> Any:
        counts = self.counts(state)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_precision_recall(counts)
        else:
            x, y = (
                (counts.recall, counts.precision)
                if self.curve == "PR"
                else (1 - self._specificity(counts), counts.recall)
            )
            left, right = y[..., :-1], y[..., 1:]
            heights = {
                "interpolation": (left + right) / 2,
                "minoring": np.minimum(left, right),
                "majoring": np.maximum(left, right),
            }[self.summation_method]
            areas = np.sum((x[..., :-1] - x[..., 1:]) * heights, axis=-1)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return np.mean(areas)
        return divided(np.sum(areas * self.label_weights), np.sum(self.label_weights))

    @staticmethod
    def _specificity(counts: Counts) -> np.ndarray:
        """1 - false positive rate; without negatives the rate is 0."""
        return 1 - divided(counts.false_positives, counts.false_positives + counts.true_negatives)

    def get_config(self) -> dict[str, Any]:
        weights = None if self.label_weights is None else self.label_weights.tolist()
        return super().get_config() | {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "thresholds": self.thresholds,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": weights,
            "from_logits": self.from_logits,
        }


def _interpolated_precision_recall(counts: Counts) -> np.ndarray:
    """Area where between two thresholds true and all positives grow in proportion (Davis and Goadrich, 2006)."""
    true = counts.true_positives
    said = true + counts.false_positives
    slope = divided(true[..., :-1] - true[..., 1:], np.maximum(said[..., :-1] - said[..., 1:], 0))
    intercept = true[..., 1:] - slope * said[..., 1:]
    both = (said[..., :-1] > 0) & (said[..., 1:] > 0)
    ratio = np.where(both, divided(said[..., :-1], np.maximum(said[..., 1:], 0)), 1.0)
    steps = slope * (true[..., :-1] - true[..., 1:] + intercept * np.log(np.where(ratio > 0, ratio, 1.0)))
    labelled = np.maximum(true[..., 1:] + counts.false_negatives[..., 1:], 0)
    area: np.ndarray = np.sum(divided(steps, labelled), axis=-1)
    return area
