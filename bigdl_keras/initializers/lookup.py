"""From a name, a config or a function to an initializer, and back to a config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import registry


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
    found: Callable[..., Any] | None = registry.identify(
        "initializer", identifier, custom_objects, "glorot_uniform", "(shape, dtype)")
    return found


def serialize(initializer: Any) -> Any:
    """The form in which files store an initializer: its config, or the name of a function."""
    return registry.to_config("initializer", initializer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """An initializer from `{"class_name": ..., "config": ...}`."""
    initializer: Callable[..., Any] = registry.from_config("initializer", config, custom_objects)
    return initializer
