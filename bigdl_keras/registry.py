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


def suggestion(name: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' with the nearest of the `known` names, or nothing."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def _fold(name: str) -> str:
    return name.replace("_", "").lower()
