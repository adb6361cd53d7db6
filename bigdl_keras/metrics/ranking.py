"""BigDL's metrics of rankings and trees, under its names."""

from __future__ import annotations

import math
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import matched
from bigdl_keras.metrics.reduction import Mean
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.registry import register


class _OneAmongMany(Mean):
    """Base: where the only relevant item of a group of neg_num + 1 items ranks.

    A group is a row of neg_num + 1 predictions, or neg_num + 1 rows of one prediction that follow each other.
    """

    def __init__(self, k: int, neg_num: int, name: str | None, dtype: str | None) -> None:
        super().__init__(name, dtype)
        self.k = k
        self.neg_num = neg_num

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        if sample_weight is not None:
            raise ValueError(f"The metric '{self.name}' ranks groups of rows and takes no sample weights.")
        y_true, y_pred = (ops.reshape(item, (-1, self.neg_num + 1)) for item in matched(y_true, y_pred))
        relevant = ops.expand_dims(ops.argmax(y_true, axis=-1), -1)
        own = ops.take_along_axis(y_pred, relevant, axis=-1)
        better = ops.sum(ops.cast(ops.greater(y_pred, own), "float32"), axis=-1)
        return super().increments(self._value(better))

    def _value(self, better: Any) -> Any:
        """The value of a group in which `better` items rank before the relevant one."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"k": self.k, "neg_num": self.neg_num}


@register("metric")
class HitRatio(_OneAmongMany):
    """How often the relevant item is among the k best of its group.

    Args:
        k: how many items count.
        neg_num: irrelevant items in a group.
        name, dtype: as for `Metric`.
    """

    def __init__(self, k: int = 10, neg_num: int = 100, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(k, neg_num, name or f"HitRate@{k}", dtype)

    def _value(self, better: Any) -> Any:
        return ops.cast(ops.less(better, self.k), "float32")


@register("metric")
class NDCG(_OneAmongMany):
    """log(2) / log(1 + rank) of the relevant item if it is among the k best of its group, else 0.

    Args:
        k: how many items count.
        neg_num: irrelevant items in a group.
        name, dtype: as for `Metric`.
    """

    def __init__(self, k: int = 10, neg_num: int = 100, name: str | None = "NDCG", dtype: str | None = None) -> None:
        super().__init__(k, neg_num, name, dtype)

    def _value(self, better: Any) -> Any:
        gain = ops.divide(math.log(2.0), ops.log(ops.add(better, 2.0)))
        return ops.where(ops.less(better, self.k), gain, 0.0)


@register("metric", "map", "MAP")
class MeanAveragePrecision(Mean):
    """Mean over rows of the average precision: of the shares of relevant items down to each relevant item.

    Args:
        threshold: labels above it are relevant.
        name, dtype: as for `Metric`.
    """

    def __init__(
        self, threshold: float = 0.0, name: str | None = "mean_average_precision", dtype: str | None = None
    ) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        y_true, y_pred = matched(y_true, y_pred)
        order = ops.argsort(ops.negative(y_pred), axis=-1)
        relevant = ops.cast(ops.greater(ops.take_along_axis(y_true, order, axis=-1), self.threshold), "float32")
        found = ops.cumsum(relevant, axis=-1)
        places = ops.add(ops.cast(apply("arange_like", y_pred, axis=-1), "float32"), 1.0)
        precision = ops.sum(ops.multiply(relevant, ops.divide(found, places)), axis=-1)
        return super().increments(ops.divide(precision, ops.maximum(ops.sum(relevant, axis=-1), 1.0)), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"threshold": self.threshold}


@register("metric")
class TreeNNAccuracy(Mean):
    """Share of trees whose first node, the root, is classified right.

    Predictions are (n, nodes, classes), or (n, nodes, 1) for two classes; labels are (n, nodes) class numbers.

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "TreeNNAccuracy()", dtype: str | None = None) -> None:
        super().__init__(name, dtype)

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:  # type: ignore[override]
        y_true, root = as_tensor(y_true), as_float(y_pred)[:, 0]
        label = y_true if ops.ndim(y_true) == 1 else y_true[:, 0]
        label = ops.reshape(ops.cast(label, "int32"), (-1,))
        if ops.shape(root)[-1] == 1:
            answer = ops.cast(ops.greater_equal(ops.squeeze(root, -1), 0.5), "int32")
        else:
            answer = ops.argmax(root, axis=-1)
        return super().increments(ops.cast(ops.equal(label, answer), "float32"), sample_weight)
