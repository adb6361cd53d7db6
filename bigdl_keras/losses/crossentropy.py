"""Losses of probabilities: what it costs to code the labels with the predicted distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.losses.alignment import label_kind, matched
from bigdl_keras.losses.base import LossFunctionWrapper
from bigdl_keras.ops.elementwise import as_float, as_tensor
from bigdl_keras.registry import register

EPSILON = 1e-7


def _smoothed(y_true: Any, smoothing: float, classes: int | None) -> Any:
    """Labels moved towards equal probability of all classes."""
    if not smoothing:
        return y_true
    if classes is None:
        raise ValueError("label_smoothing needs a known number of classes: the last axis of the labels is unknown.")
    return ops.add(ops.multiply(y_true, 1.0 - smoothing), smoothing / classes)


def _probabilities(y_pred: Any, from_logits: bool, axis: int) -> Any:
    """Probabilities that add up to 1 along `axis`, 1e-7 away from 0 and 1."""
    if from_logits:
        y_pred = ops.softmax(y_pred, axis=axis)
    return ops.clip(ops.divide(y_pred, ops.sum(y_pred, axis=axis, keepdims=True)), EPSILON, 1 - EPSILON)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """mean(-t log(p) - (1 - t) log(1 - p)) along `axis`; smoothing moves the labels towards 1/2."""
    y_true, y_pred = matched(y_true, y_pred)
    return ops.mean(
        ops.binary_crossentropy(_smoothed(y_true, label_smoothing, 2), y_pred, from_logits=from_logits), axis=axis
    )


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """mean((1 - p_t)^gamma * crossentropy) along `axis`, p_t the probability of the label (Lin et al., 2018).

    With `apply_class_balancing` times alpha for label 1, 1 - alpha for label 0.
    """
    y_true, y_pred = matched(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    if from_logits:
        y_pred = ops.sigmoid(y_pred)
    loss = ops.binary_crossentropy(y_true, y_pred)
    # 1 - p_t = t + p - 2 t p
    distance = ops.subtract(ops.add(y_true, y_pred), ops.multiply(ops.multiply(y_true, y_pred), 2.0))
    loss = ops.multiply(ops.power(distance, gamma), loss)
    if apply_class_balancing:
        loss = ops.multiply(ops.add(ops.multiply(y_true, 2 * alpha - 1), 1 - alpha), loss)
    return ops.mean(loss, axis=axis)


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-sum(t log(p)) along `axis`, labels one-hot; smoothing moves the labels towards 1 / classes."""
    y_true, y_pred = matched(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, ops.shape(y_true)[axis])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum(alpha * (1 - p)^gamma * t log(p)) along `axis` (Lin et al., 2018); `alpha` may hold one factor a class."""
    y_true, y_pred = matched(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, ops.shape(y_true)[axis])
    probabilities = _probabilities(y_pred, from_logits, axis)
    factor = ops.multiply(ops.power(ops.subtract(1.0, probabilities), gamma), as_tensor(alpha))
    return ops.negative(ops.sum(ops.multiply(factor, ops.multiply(y_true, ops.log(probabilities))), axis=axis))


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log(p[label]) along `axis`, labels integers; 0 for labels that equal `ignore_class`."""
    y_true, y_pred = as_tensor(y_true), as_float(y_pred)
    if ops.ndim(y_true) == ops.ndim(y_pred) and ops.shape(y_true)[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    counted = ops.not_equal(y_true, ignore_class)
    named = ops.where(counted, y_true, ops.zeros_like(y_true))
    return ops.where(
        counted, ops.sparse_categorical_crossentropy(named, y_pred, from_logits=from_logits, axis=axis), 0.0
    )


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p[label]^q) / q, labels integers: between crossentropy (q near 0) and absolute error (q = 1).

    Zhang and Sabuncu, 2018.
    """
    y_true, y_pred = as_tensor(y_true), as_float(y_pred)
    if ops.ndim(y_true) == ops.ndim(y_pred) and ops.shape(y_true)[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    labels = apply("class_labels", y_true, y_pred)
    chosen = ops.take_along_axis(y_pred, ops.expand_dims(labels, -1), axis=-1)
    return ops.divide(ops.subtract(1.0, ops.power(ops.squeeze(chosen, -1), q)), q)


def crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Any:
    """The crossentropy that the shapes of labels and predictions mean: binary, categorical or sparse categorical."""
    functions = {
        "binary": binary_crossentropy,
        "categorical": categorical_crossentropy,
        "sparse": sparse_categorical_crossentropy,
    }
    kind = label_kind(ops.shape(y_true), ops.shape(y_pred))
    return functions[kind](y_true, y_pred, from_logits=from_logits)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(t log(t / p)) over the last axis, both kept within 1e-7 and 1."""
    y_true, y_pred = matched(y_true, y_pred)
    y_true, y_pred = ops.clip(y_true, EPSILON, 1.0), ops.clip(y_pred, EPSILON, 1.0)
    return ops.sum(ops.multiply(y_true, ops.log(ops.divide(y_true, y_pred))), axis=-1)


@register("loss", "bce", "BCE")
class BinaryCrossentropy(LossFunctionWrapper):
    """Crossentropy of independent yes-or-no labels.

    Args:
        from_logits: predictions are logits, not probabilities.
        label_smoothing: 0 to 1, how far labels move towards 1/2.
        axis: the axis of the mean.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@register("loss")
class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Binary crossentropy in which easy samples count little (Lin et al., 2018).

    Args:
        apply_class_balancing: weigh label 1 by `alpha` and label 0 by 1 - `alpha`.
        alpha: weight of label 1.
        gamma: how little easy samples count; 0 is binary crossentropy.
        from_logits, label_smoothing, axis: as for `BinaryCrossentropy`.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
        )


@register("loss")
class CategoricalCrossentropy(LossFunctionWrapper):
    """Crossentropy of one class among several, labels one-hot.

    Args:
        from_logits: predictions are logits, not probabilities.
        label_smoothing: 0 to 1, how far labels move towards 1 / classes.
        axis: the axis of the classes.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@register("loss")
class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Categorical crossentropy in which easy samples count little (Lin et al., 2018).

    Args:
        alpha: factor of all classes, or one factor a class.
        gamma: how little easy samples count.
        from_logits, label_smoothing, axis: as for `CategoricalCrossentropy`.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
            alpha=alpha,
            gamma=gamma,
        )


@register("loss")
class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Crossentropy of one class among several, labels integers.

    Args:
        from_logits: predictions are logits, not probabilities.
        ignore_class: samples with this label count nothing, also not in the mean.
        axis: the axis of the classes.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )

    def valid(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        ignored = self.arguments["ignore_class"]
        if ignored is None:
            return None
        if ops.ndim(y_true) == ops.ndim(y_pred) and ops.shape(y_true)[-1] == 1:
            y_true = ops.squeeze(y_true, -1)
        return ops.not_equal(y_true, ignored)


@register("loss")
class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """(1 - p[label]^q) / q: robust against wrong labels (Zhang and Sabuncu, 2018).

    Args:
        q: between 0 and 1; larger is more robust and learns slower.
        reduction, name, dtype: as for `Loss`.

    Raises:
        ValueError: `q` is not between 0 and 1.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: str | None = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"`q` must be between 0 and 1. Received {q!r}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


@register("loss", "ce")
class Crossentropy(LossFunctionWrapper):
    """The crossentropy that the shapes of labels and predictions mean: what compile(loss="crossentropy") asks for.

    Args:
        from_logits: predictions are logits, not probabilities.
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str = "crossentropy",
        dtype: str | None = None,
    ) -> None:
        super().__init__(crossentropy, reduction, name, dtype, from_logits=from_logits)


@register("loss", "kld", "KLD", "kullback_leibler_divergence")
class KLDivergence(LossFunctionWrapper):
    """sum(t log(t / p)): how far the predicted distribution is from the labels'.

    Args:
        reduction, name, dtype: as for `Loss`.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: str | None = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)
