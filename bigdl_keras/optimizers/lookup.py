"""From a name, a config or an optimizer to an optimizer, and back to a config."""

from __future__ import annotations

from typing import Any

from bigdl_keras import registry
from bigdl_keras.optimizers.base import Optimizer


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name, its config, or itself.

    Args:
        identifier: "adam", `{"class_name": "Adam", "config": {...}}` of any Keras generation, or an `Optimizer`.

    Returns:
        A new optimizer, or the one given.

    Raises:
        ValueError: no optimizer has this name.
        TypeError: `identifier` is of another kind.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise TypeError("An optimizer must be a name such as 'adam', its config or an Optimizer object. "
                    f"Received {identifier!r} of type {type(identifier).__name__}.")


def LossScaleOptimizer(inner_optimizer: Any, initial_scale: float = 2.0**15, dynamic_growth_steps: int = 2000,
                       name: str | None = None) -> Optimizer:
    """The inner optimizer itself: gradients are computed in float32, which needs no scaling of the loss.

    Args:
        inner_optimizer: the optimizer (or its name or config).
        initial_scale: not used.
        dynamic_growth_steps: not used.
        name: not used.
    """
    return get(inner_optimizer)


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The form in which files store an optimizer."""
    own = type(optimizer).__module__.startswith("bigdl_keras.")
    return {
        "module": "keras.optimizers" if own else type(optimizer).__module__,
        "class_name": type(optimizer).__name__,
        "config": optimizer.get_config(),
        "registered_name": None if own else type(optimizer).__name__,
    }


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Optimizer:
    """An optimizer from `{"class_name": ..., "config": ...}`; Keras 2's prefixes 'Custom>' and 'legacy.' may stand.

    Of a LossScaleOptimizer, which float32 does not need, the inner optimizer is made.
    """
    if "class_name" not in config:
        raise ValueError(f"The config of an optimizer needs 'class_name' and 'config'. Received {config!r}.")
    name = config["class_name"].rpartition(">")[2].rpartition(".")[2]
    if name == "LossScaleOptimizer":
        inner = config["config"].get("inner_optimizer") or config["config"].get("optimizer")
        return deserialize(inner, custom_objects)
    found = registry.find("optimizer", name, custom_objects)
    optimizer: Optimizer = found.from_config(config.get("config") or {}, custom_objects)
    return optimizer
