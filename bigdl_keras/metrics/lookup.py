"""From what users write for a metric (a name, a config, a function, an object) to a Metric, and back to plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import registry
from bigdl_keras.losses.alignment import label_kind
from bigdl_keras.losses.base import Loss
from bigdl_keras.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from bigdl_keras.metrics.base import Metric
from bigdl_keras.metrics.probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy
from bigdl_keras.metrics.reduction import MeanMetricWrapper

_ACCURACIES: dict[str, Callable[..., Metric]] = {
    "binary": BinaryAccuracy,
    "sparse": SparseCategoricalAccuracy,
    "categorical": CategoricalAccuracy,
}
_CROSSENTROPIES: dict[str, Callable[..., Metric]] = {
    "binary": BinaryCrossentropy,
    "sparse": SparseCategoricalCrossentropy,
    "categorical": CategoricalCrossentropy,
}


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Metric | None:
    """The Metric that `identifier` stands for.

    Args:
        identifier: None, a name ('mse', 'AUC'), a config {'class_name', 'config'}, a Metric, a Metric class, a Loss, or
            a function `f(y_true, y_pred)` written in ops. A metric made of a name bears that name.
        custom_objects: more names.

    Returns:
        A Metric, or None for None.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if identifier is None or isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier, custom_objects)
    if isinstance(identifier, str):
        found: Any = registry.find("metric", identifier, custom_objects)
        metric = get(found() if isinstance(found, type) else found)
        assert metric is not None
        metric.name = identifier
        return metric
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, Loss):
        return MeanMetricWrapper(identifier.call, identifier.name)
    if callable(identifier):
        return MeanMetricWrapper(identifier)
    raise TypeError(
        f"A metric must be a name, a config, a Metric or a function f(y_true, y_pred). Received {identifier!r}."
    )


def resolve(
    identifier: Any,
    loss: Loss | None,
    y_true_shape: tuple[int | None, ...],
    y_pred_shape: tuple[int | None, ...],
    custom_objects: dict[str, Any] | None = None,
) -> Metric | None:
    """`get`, but 'accuracy', 'acc', 'crossentropy' and 'ce' mean what fits the labels and predictions, as in Keras.

    Args:
        identifier: as for `get`.
        loss: of the same output; a crossentropy takes over whether predictions are logits.
        y_true_shape, y_pred_shape: shapes of labels and predictions.
        custom_objects: more names.
    """
    if not isinstance(identifier, str):
        return get(identifier, custom_objects)
    if identifier.lower() in ("accuracy", "acc"):
        return _ACCURACIES[label_kind(y_true_shape, y_pred_shape)](name=identifier)
    if identifier.lower() in ("crossentropy", "ce"):
        from_logits = getattr(loss, "arguments", {}).get("from_logits", False)
        return _CROSSENTROPIES[label_kind(y_true_shape, y_pred_shape)](name=identifier, from_logits=from_logits)
    return get(identifier, custom_objects)


def serialize(metric: Any) -> Any:
    """Plain data from which `get` makes the metric again: a name for a wrapped function, else class name and config."""
    if metric is None or isinstance(metric, (str, dict)):
        return metric
    if not isinstance(metric, Metric):
        return str(metric.__name__)
    if type(metric) is MeanMetricWrapper:
        return metric.name
    return {"class_name": type(metric).__name__, "config": metric.get_config()}


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Metric | None:
    """The Metric from what `serialize` or a Keras file says."""
    if not isinstance(config, dict):
        return get(config, custom_objects)
    name, arguments = config["class_name"], config.get("config", {})
    if name == "function":  # a Keras 3 file's form of a bare function
        return get(arguments, custom_objects)
    found: Any = registry.find("metric", name, custom_objects)
    known = {key: value for key, value in arguments.items() if key not in ("fn", "dtype")}
    made: Metric | None = found.from_config(known) if hasattr(found, "from_config") else get(found)
    return made
