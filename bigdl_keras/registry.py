"""One door from names and configs to objects: `get("optimizer", "adam")`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_TABLES: dict[str, dict[str, Any]] = {}
_CUSTOM: dict[str, Any] = {}


@contextmanager
def custom_objects(objects: Mapping[str, Any]) -> Iterator[None]:
    """Let `find` know the user's classes and functions for the time of the block."""
    before = dict(_CUSTOM)
    _CUSTOM.update(objects)
    try:
        yield
    finally:
        _CUSTOM.clear()
        _CUSTOM.update(before)


custom_object_scope = custom_objects
"""Keras's name."""


def get_custom_objects() -> dict[str, Any]:
    """The user's classes and functions that are known now, by name; what is put in is known from then on."""
    return _CUSTOM


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Return a decorator that lets files and configs name a class or function of yours, as in Keras.

    Args:
        package: prefix in files, 'package>name'.
        name: default the name of the class or function.
    """

    def file_away(thing: Any) -> Any:
        _CUSTOM[name or thing.__name__] = thing
        _CUSTOM[f"{package}>{name or thing.__name__}"] = thing
        return thing

    return file_away


def register(kind: str, *names: str) -> Callable[[Any], Any]:
    """Return a decorator that files a class or function of `kind` under its own name and `names`."""

    def file_away(thing: Any) -> Any:
        table = _TABLES.setdefault(kind, {})
        for name in (thing.__name__, *names):
            table[name] = thing
        return thing

    return file_away


def custom_names() -> list[str]:
    """Names of the user's classes and functions that are known now."""
    return list(_CUSTOM)


def names(kind: str) -> list[str]:
    """All names known for `kind`, in the order of registration."""
    return list(_TABLES.get(kind, {}))


def find(kind: str, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return what is filed under `name` (also as CamelCase or snake_case), or raise with the nearest name."""
    for known in (custom_objects or {}, _CUSTOM):
        for spelling in (name, name.rpartition(">")[2]):
            if spelling in known:
                return known[spelling]
    table = _TABLES.get(kind, {})
    if name in table:
        return table[name]
    folded = {_fold(key): key for key in table}
    if _fold(name) in folded:
        return table[folded[_fold(name)]]
    raise ValueError(f"There is no {kind} called {name!r}.{suggestion(name, table)}")


def identify(kind: str, identifier: Any, custom_objects: Mapping[str, Any] | None, example: str, arguments: str) -> Any:
    """The callable that a name, a config, a class or a callable stands for; None for None.

    Args:
        kind: 'initializer', 'regularizer', ...
        identifier: what the user gave.
        custom_objects: the user's own ones by name.
        example: a name, for the message.
        arguments: what a function of this kind is called with, for the message.

    Raises:
        ValueError: nothing of this kind has this name.
        TypeError: `identifier` is something else.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return from_config(kind, identifier, custom_objects)
    if isinstance(identifier, str):
        identifier = find(kind, identifier, custom_objects)
    if isinstance(identifier, type):
        identifier = identifier()
    if not callable(identifier):
        article = "An" if kind[0] in "aeiou" else "A"
        raise TypeError(f"{article} {kind} must be a name such as '{example}', its config, an object of its class or a "
                        f"function of {arguments}. Received {identifier!r} of type {type(identifier).__name__}.")
    return identifier


def to_config(kind: str, thing: Any) -> Any:
    """The form in which files store it: Keras's module, class name and config; of a function its name; None of None."""
    if thing is None:
        return None
    if not hasattr(thing, "get_config"):
        return thing.__name__
    name = type(thing).__name__
    own = type(thing).__module__.startswith("bigdl_keras.")
    return {"module": f"keras.{kind}s" if own else type(thing).__module__, "class_name": name,
            "config": thing.get_config(), "registered_name": None if own else name}


def from_config(kind: str, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object that `to_config` described."""
    if "class_name" not in config:
        raise ValueError(f"The config of a {kind} needs 'class_name' and 'config'. Received {config!r}.")
    return find(kind, config["class_name"].rpartition(">")[2], custom_objects).from_config(config.get("config") or {})


def suggestion(name: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' with the nearest of the `known` names, or nothing."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def _fold(name: str) -> str:
    return name.replace("_", "").lower()
