"""Layers inside layers: from {"class_name", "config"} to a layer and back."""

from __future__ import annotations

from typing import Any

from bigdl_keras import registry


def layer_from_config(entry: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer that an entry describes; a layer (or cell) is returned as it is.

    Raises:
        ValueError: no layer has this class name.
        TypeError: `entry` is neither a layer nor its config.
    """
    if not isinstance(entry, dict):
        if not hasattr(entry, "call"):
            raise TypeError(f"Expected a layer, or its {{'class_name', 'config'}}. Received {entry!r}.")
        return entry
    if "class_name" not in entry:
        raise ValueError(f"The config of a layer inside another needs 'class_name' and 'config'. Received {entry!r}.")
    name = (entry.get("registered_name") or entry["class_name"]).rpartition(">")[2]
    known = registry.names("layer")
    found = registry.find("layer", name if name in known else entry["class_name"].rpartition(">")[2], custom_objects)
    return found.from_config(entry.get("config") or {})


def serialize(layer: Any) -> dict[str, Any]:
    """A layer as plain data, as `keras.layers.serialize` answers: module, class name, config and registered name."""
    config: dict[str, Any] = registry.to_config("layer", layer)
    return config


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """The layer that `serialize`, of this library or of Keras, described.

    Args:
        config: {"class_name", "config"} and what else says whose it is.
        custom_objects: classes of yours by name.

    Returns:
        A layer with fresh weights.
    """
    return layer_from_config(config, custom_objects)


def layer_to_config(layer: Any) -> dict[str, Any]:
    """What `layer_from_config` reads."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}
