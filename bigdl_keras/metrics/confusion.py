"""True and false positives at thresholds: for either label, the state is the weight between two thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import matched, same_rank, with_rank
from bigdl_keras.metrics.base import Metric, Shapes, State, divided
from bigdl_keras.ops.elementwise import as_tensor
from bigdl_keras.registry import register

NOTHING = -1e10
"""Stands for a prediction that is not among the top k, and for the threshold that all others pass."""


class Counts:
    """Weights of true and false positives and negatives, one a threshold."""

    def __init__(self, positives: np.ndarray, negatives: np.ndarray, order: np.ndarray) -> None:
        """`positives`, `negatives`: (..., thresholds + 1) weights in the bins between ascending thresholds."""

        def above(bins: np.ndarray) -> np.ndarray:
            suffixes: np.ndarray = np.flip(np.cumsum(np.flip(bins, -1), -1), -1)[..., 1:]
            return suffixes[..., order]

        self.true_positives = above(positives)
        self.false_positives = above(negatives)
        self.false_negatives = positives.sum(-1, keepdims=True) - self.true_positives
        self.true_negatives = negatives.sum(-1, keepdims=True) - self.false_positives

    @property
    def recall(self) -> np.ndarray:
        return divided(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def precision(self) -> np.ndarray:
        return divided(self.true_positives, self.true_positives + self.false_positives)

    @property
    def specificity(self) -> np.ndarray:
        return divided(self.true_negatives, self.true_negatives + self.false_positives)


class ThresholdMetric(Metric):
    """Base of metrics that compare predictions with thresholds.

    Args:
        thresholds: numbers a prediction must be above to say yes.
        top_k: only the k largest predictions of a row can say yes.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    def __init__(
        self,
        thresholds: Sequence[float],
        name: str | None,
        dtype: str | None,
        top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        given = np.asarray(thresholds, dtype=np.float32)
        self._ascending = np.sort(given, kind="stable")
        self._order = np.argsort(np.argsort(given, kind="stable"), kind="stable")
        self.top_k = top_k
        self.class_id = class_id

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        bins = len(self._ascending) + 1
        return {"positives": (bins,), "negatives": (bins,)}

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        y_true, y_pred, weights = self._select(y_true, y_pred, sample_weight)
        bins = apply("searchsorted", self._ascending, y_pred)
        count = len(self._ascending) + 1
        return {key: apply("bincount", bins, part, bins=count) for key, part in self._parts(y_true, weights).items()}

    @staticmethod
    def _parts(y_true: Any, weights: Any) -> dict[str, Any]:
        """The weight of each element on the side of its label, 0 on the other side."""
        positive = ops.cast(ops.not_equal(y_true, 0), y_true.dtype)
        negative = ops.subtract(1.0, positive)
        if weights is None:
            return {"positives": positive, "negatives": negative}
        return {"positives": ops.multiply(positive, weights), "negatives": ops.multiply(negative, weights)}

    def _select(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        """Labels, predictions and one weight each (None: all 1), of the classes that are looked at."""
        y_true, y_pred = matched(y_true, y_pred)
        if self.top_k is not None:
            places = ops.top_k(y_pred, self.top_k)[1]
            chosen = ops.max(ops.one_hot(places, ops.shape(y_pred)[-1], dtype=str(y_pred.dtype)), axis=-2)
            y_pred = ops.where(ops.greater(chosen, 0.5), y_pred, NOTHING)
        if self.class_id is not None:
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
        if sample_weight is None:
            return y_true, y_pred, None
        given = ops.cast(as_tensor(sample_weight), y_pred.dtype)
        weights = with_rank(same_rank(y_pred, given)[1], ops.ndim(y_pred))
        return y_true, y_pred, apply("broadcast_like", weights, y_pred)

    def counts(self, state: State) -> Counts:
        """True and false positives and negatives."""
        return Counts(state["positives"], state["negatives"], self._order)


def _checked(thresholds: float | Sequence[float] | None, default: float) -> list[float]:
    if thresholds is None:
        return [default]
    listed = [float(item) for item in np.atleast_1d(np.asarray(thresholds, dtype=np.float64))]
    if any(not 0 <= item <= 1 for item in listed):
        raise ValueError(f"`thresholds` must lie between 0 and 1. Received {thresholds!r}.")
    return listed


class _OneCount(ThresholdMetric):
    """Base of the four cells of the confusion matrix; a subclass names the one it answers with."""

    cell = ""

    def __init__(
        self, thresholds: float | Sequence[float] | None = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        self.thresholds = thresholds
        super().__init__(_checked(thresholds, 0.5), name or self.cell, dtype)

    def result_of(self, state: State) -> Any:
        values = getattr(self.counts(state), self.cell)
        return values[0] if len(values) == 1 else values

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"thresholds": self.thresholds}


@register("metric")
class TruePositives(_OneCount):
    """Weight of the elements rightly said to be 1.

    Args:
        thresholds: one or several, default 0.5.
        name, dtype: as for `Metric`.
    """

    cell = "true_positives"


@register("metric")
class TrueNegatives(_OneCount):
    """Weight of the elements rightly said to be 0.

    Args:
        thresholds: one or several, default 0.5.
        name, dtype: as for `Metric`.
    """

    cell = "true_negatives"


@register("metric")
class FalsePositives(_OneCount):
    """Weight of the elements wrongly said to be 1.

    Args:
        thresholds: one or several, default 0.5.
        name, dtype: as for `Metric`.
    """

    cell = "false_positives"


@register("metric")
class FalseNegatives(_OneCount):
    """Weight of the elements wrongly said to be 0.

    Args:
        thresholds: one or several, default 0.5.
        name, dtype: as for `Metric`.
    """

    cell = "false_negatives"


class _Ratio(ThresholdMetric):
    """Base of precision and recall; a subclass names the ratio."""

    ratio = ""

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.thresholds = thresholds
        default = 0.5 if top_k is None else NOTHING
        super().__init__(_checked(thresholds, default), name or self.ratio, dtype, top_k, class_id)

    def result_of(self, state: State) -> Any:
        values = getattr(self.counts(state), self.ratio)
        return values[0] if len(values) == 1 else values

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"thresholds": self.thresholds, "top_k": self.top_k, "class_id": self.class_id}


@register("metric")
class Precision(_Ratio):
    """true positives / (true positives + false positives).

    Args:
        thresholds: one or several, default 0.5.
        top_k: only the k largest predictions of a row can say yes.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    ratio = "precision"


@register("metric")
class Recall(_Ratio):
    """true positives / (true positives + false negatives).

    Args:
        thresholds: one or several, default 0.5.
        top_k: only the k largest predictions of a row can say yes.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    ratio = "recall"


class _BestUnder(ThresholdMetric):
    """Base: the largest value of one quantity among the thresholds where another is large enough."""

    wanted = ""
    bounded = ""

    def __init__(
        self, bound: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: str | None
    ) -> None:
        if not 0 <= bound <= 1:
            raise ValueError(f"`{self.bounded}` must be between 0 and 1. Received {bound!r}.")
        if num_thresholds < 1:
            raise ValueError(f"`num_thresholds` must be at least 1. Received {num_thresholds!r}.")
        inner = [place / (num_thresholds - 1) for place in range(1, num_thresholds - 1)]
        super().__init__([0.5] if num_thresholds == 1 else [0.0, *inner, 1.0], name, dtype, class_id=class_id)
        self.bound = bound
        self.num_thresholds = num_thresholds

    def result_of(self, state: State) -> Any:
        counts = self.counts(state)
        quantities: dict[str, Callable[[], np.ndarray]] = {
            "sensitivity": lambda: counts.recall,
            "recall": lambda: counts.recall,
            "precision": lambda: counts.precision,
            "specificity": lambda: counts.specificity,
        }
        allowed = quantities[self.bounded]() >= self.bound
        return np.max(quantities[self.wanted](), initial=0.0, where=allowed)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            self.bounded: self.bound,
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
        }


@register("metric")
class SensitivityAtSpecificity(_BestUnder):
    """Largest sensitivity (recall) at a threshold where the specificity is at least the one given.

    Args:
        specificity: between 0 and 1.
        num_thresholds: evenly spread from 0 to 1.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    wanted, bounded = "sensitivity", "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


@register("metric")
class SpecificityAtSensitivity(_BestUnder):
    """Largest specificity at a threshold where the sensitivity (recall) is at least the one given.

    Args:
        sensitivity: between 0 and 1.
        num_thresholds: evenly spread from 0 to 1.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    wanted, bounded = "specificity", "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


@register("metric")
class PrecisionAtRecall(_BestUnder):
    """Largest precision at a threshold where the recall is at least the one given.

    Args:
        recall: between 0 and 1.
        num_thresholds: evenly spread from 0 to 1.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    wanted, bounded = "precision", "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


@register("metric")
class RecallAtPrecision(_BestUnder):
    """Largest recall at a threshold where the precision is at least the one given.

    Args:
        precision: between 0 and 1.
        num_thresholds: evenly spread from 0 to 1.
        class_id: only this class is looked at.
        name, dtype: as for `Metric`.
    """

    wanted, bounded = "recall", "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
