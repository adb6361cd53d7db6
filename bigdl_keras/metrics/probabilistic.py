"""Losses of probabilities and margins, watched as metrics."""

from __future__ import annotations

from bigdl_keras import losses
from bigdl_keras.metrics.reduction import MeanMetricWrapper
from bigdl_keras.registry import register


@register("metric", "bce", "BCE")
class BinaryCrossentropy(MeanMetricWrapper):
    """Mean crossentropy of yes-or-no labels.

    Args:
        name, dtype: as for `Metric`.
        from_logits, label_smoothing: as for the loss of this name.
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )


@register("metric")
class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean crossentropy of one-hot labels.

    Args:
        name, dtype: as for `Metric`.
        from_logits, label_smoothing, axis: as for the loss of this name.
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


@register("metric")
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean crossentropy of integer labels.

    Args:
        name, dtype: as for `Metric`.
        from_logits, axis: as for the loss of this name.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        *,
        axis: int = -1,
    ) -> None:
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis)


@register("metric", "kld", "KLD", "kullback_leibler_divergence")
class KLDivergence(MeanMetricWrapper):
    """Mean of sum(t log(t / p)).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


@register("metric")
class Poisson(MeanMetricWrapper):
    """mean(y_pred - y_true * log(y_pred)).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "poisson", dtype: str | None = None) -> None:
        super().__init__(losses.poisson, name, dtype)


@register("metric")
class Hinge(MeanMetricWrapper):
    """mean(max(1 - y_true * y_pred, 0)).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "hinge", dtype: str | None = None) -> None:
        super().__init__(losses.hinge, name, dtype)


@register("metric")
class SquaredHinge(MeanMetricWrapper):
    """mean(max(1 - y_true * y_pred, 0)^2).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


@register("metric")
class CategoricalHinge(MeanMetricWrapper):
    """Mean of max(largest score of a wrong class - score of the right class + 1, 0).

    Args:
        name, dtype: as for `Metric`.
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
