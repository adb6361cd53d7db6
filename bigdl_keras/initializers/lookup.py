"""From a name, a config or a function to an initializer, and back to a config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import registry
from bigdl_keras.initializers.base import Initializer


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any] | None:
    """An initializer from its name, its config, its class, or itself.

    Args:
        identifier: "glorot_uniform", `{"class_name": ..., "config": ...}`, an `Initializer`, a class of it, a function
            of (shape, dtype), or None.
        custom_objects: the user's own initializers by name.

    Returns:
        A callable of (shape, dtype), or None for None.

    Raises:
        ValueError: no initializer has this name.
        TypeError: `identifier` is of another kind.
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        identifier = registry.find("initializer", identifier, custom_objects)
    elif isinstance(identifier, dict):
        return deserialize(identifier, custom_objects)
    if isinstance(identifier, type):
        identifier = identifier()
    if not callable(identifier):
        raise TypeError("An initializer must be a name such as 'glorot_uniform', its config, an Initializer object or "
                        f"a function of (shape, dtype). Received {identifier!r} of type {type(identifier).__name__}.")
    return identifier  # type: ignore[no-any-return]


def serialize(initializer: Any) -> Any:
    """The form in which files store an initializer: its config, or the name of a function."""
    if initializer is None:
        return None
    if not isinstance(initializer, Initializer):
        return initializer.__name__
    own = type(initializer).__module__.startswith("bigdl_keras.")
    return {
        "module": "keras.initializers" if own else type(initializer).__module__,
        "class_name": type(initializer).__name__,
        "config": initializer.get_config(),
        "registered_name": None if own else type(initializer).__name__,
    }


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """An initializer from `{"class_name": ..., "config": ...}`."""
    if "class_name" not in config:
        raise ValueError(f"The config of an initializer needs 'class_name' and 'config'. Received {config!r}.")
    found = registry.find("initializer", config["class_name"].rpartition(">")[2], custom_objects)
    initializer: Callable[..., Any] = found.from_config(config.get("config") or {})
    return initializer
