"""From what users write for a loss (a name, a config, a function, an object) to a Loss, and back to plain data."""

from __future__ import annotations

from typing import Any

from bigdl_keras import registry
from bigdl_keras.losses.base import Loss, LossFunctionWrapper
from bigdl_keras.losses.regression import CosineSimilarity

registry.register("loss", "cosine_proximity", "cosine")(CosineSimilarity)


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Loss | None:
    """The Loss that `identifier` stands for.

    Args:
        identifier: None, a name ('mse', 'MeanSquaredError'), a config {'class_name', 'config'}, a Loss, a Loss class,
            or a function `f(y_true, y_pred)` written in ops.
        custom_objects: more names.

    Returns:
        A Loss, or None for None.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier, custom_objects)
    if isinstance(identifier, str):
        found: Any = registry.find("loss", identifier, custom_objects)
        return get(found() if isinstance(found, type) else found)
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return LossFunctionWrapper(identifier)
    raise TypeError(
        f"A loss must be a name, a config, a Loss or a function f(y_true, y_pred). Received {identifier!r}."
    )


def serialize(loss: Any) -> Any:
    """Plain data from which `get` makes the loss again: a name for a wrapped function, else class name and config."""
    if loss is None or isinstance(loss, (str, dict)):
        return loss
    if not isinstance(loss, Loss):
        return str(loss.__name__)
    if type(loss) is LossFunctionWrapper:
        return loss.name
    return {"class_name": type(loss).__name__, "config": loss.get_config()}


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Loss | None:
    """The Loss from what `serialize` or a Keras file says."""
    if not isinstance(config, dict):
        return get(config, custom_objects)
    name, arguments = config["class_name"], config.get("config", {})
    if name == "function":  # a Keras 3 file's form of a bare function
        return get(arguments, custom_objects)
    found: Any = registry.find("loss", name, custom_objects)
    known = {key: value for key, value in arguments.items() if key not in ("fn", "dtype")}
    made: Loss | None = found.from_config(known) if hasattr(found, "from_config") else get(found)
    return made
