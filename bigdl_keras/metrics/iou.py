"""Intersection over union of areas, from a confusion matrix of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import same_rank, with_rank
from bigdl_keras.metrics.base import Metric, Shapes, State, divided
from bigdl_keras.ops.elementwise import as_tensor
from bigdl_keras.registry import register


@register("metric")
class IoU(Metric):
    """true positives / (true positives + false positives + false negatives), the mean over the classes asked for.

    Args:
        num_classes: number of classes.
        target_class_ids: classes to average over; None: all.
        name, dtype: as for `Metric`.
        ignore_class: elements with this label do not count.
        sparse_y_true, sparse_y_pred: whether labels and predictions are class numbers, else one score a class.
        axis: the axis of the classes where not sparse.

    Raises:
        ValueError: a class that does not exist.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int] | None,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        wanted = list(range(num_classes)) if target_class_ids is None else list(target_class_ids)
        if any(not 0 <= item < num_classes for item in wanted):
            raise ValueError(f"`target_class_ids` must be at least 0 and less than {num_classes}. Received {wanted}.")
        self.num_classes = num_classes
        self.target_class_ids = wanted
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis

    def state_shapes(self, y_pred_shape: tuple[int | None, ...] = ()) -> Shapes:
        return {"matrix": (self.num_classes, self.num_classes)}

    def _classes(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Labels and predictions as class numbers."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
        y_true = y_true if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        return ops.cast(y_true, "int32"), ops.cast(y_pred, "int32")

    def increments(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        label, answer = self._classes(y_true, y_pred)
        label, answer = same_rank(label, answer)
        weights = ops.ones_like(label, dtype="float32")
        if sample_weight is not None:
            given = ops.cast(as_tensor(sample_weight), "float32")
            weights = ops.multiply(weights, with_rank(same_rank(label, given)[1], ops.ndim(label)))
        if self.ignore_class is not None:
            weights = ops.multiply(weights, ops.cast(ops.not_equal(label, self.ignore_class), "float32"))
            label = ops.where(ops.equal(label, self.ignore_class), ops.zeros_like(label), label)
        count = self.num_classes
        cells = apply("bincount", ops.add(ops.multiply(label, count), answer), weights, bins=count * count)
        return {"matrix": ops.reshape(cells, (count, count))}

    def result_of(self, state: State) -> Any:
        matrix = state["matrix"]
        right = np.diagonal(matrix)
        union = (matrix.sum(0) + matrix.sum(1) - right)[self.target_class_ids]
        shares = divided(right[self.target_class_ids], union)
        return divided(np.sum(shares), np.count_nonzero(union > 1e-9))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_classes": self.num_classes,
            "target_class_ids": self.target_class_ids,
            "ignore_class": self.ignore_class,
            "sparse_y_true": self.sparse_y_true,
            "sparse_y_pred": self.sparse_y_pred,
            "axis": self.axis,
        }


@register("metric")
class MeanIoU(IoU):
    """Intersection over union, the mean over all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: as for `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, None, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["target_class_ids"]
        return config


@register("metric")
class OneHotIoU(IoU):
    """Intersection over union for one-hot labels.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: as for `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int] | None,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse_y_true"]
        return config


@register("metric")
class OneHotMeanIoU(OneHotIoU):
    """Intersection over union for one-hot labels, the mean over all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: as for `IoU`.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, None, name, dtype, ignore_class, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["target_class_ids"]
        return config


@register("metric")
class BinaryIoU(IoU):
    """Intersection over union of the classes 0 and 1, which a threshold tells apart.

    Args:
        target_class_ids: (0,), (1,) or (0, 1).
        threshold: predictions at or above it are of class 1.
        name, dtype: as for `Metric`.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def _classes(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        return ops.cast(as_tensor(y_true), "int32"), ops.cast(
            ops.greater_equal(as_tensor(y_pred), self.threshold), "int32"
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "dtype": self.dtype,
            "target_class_ids": self.target_class_ids,
            "threshold": self.threshold,
        }
