"""Constructor arguments are attributes, and plain data in a config; the ending of a name tells what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import activations, constraints, initializers, regularizers

_KINDS: tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any]], ...] = (
    ("initializer", initializers.get, initializers.serialize),
    ("regularizer", regularizers.get, regularizers.serialize),
    ("constraint", constraints.get, constraints.serialize),
    ("activation", activations.get, activations.serialize),
)


def resolve(name: str, value: Any) -> Any:
    """The object that an argument names: `kernel_initializer="zeros"` is an initializer, `activation=None` linear."""
    for ending, get, _ in _KINDS:
        if name.endswith(ending):
            return get(value)
    return tuple(value) if isinstance(value, list) and all(isinstance(item, int) for item in value) else value


def plain(name: str, value: Any) -> Any:
    """The plain data from which `resolve` makes the object again."""
    for ending, _, serialize in _KINDS:
        if name.endswith(ending):
            return serialize(value)
    return value


def image_format(data_format: str | None) -> str:
    """"channels_last" unless "channels_first" is asked for.

    Raises:
        ValueError: any other name.
    """
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first'. Received {data_format!r}.")
    return data_format or "channels_last"
