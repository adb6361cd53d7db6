"""Nests: lists, tuples and dicts of leaves, as Keras passes inputs and outputs around."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


def flatten(nest: Any) -> list[Any]:
    """Leaves in order; a dict is walked in the order of its sorted keys, so that equal dicts flatten equally."""
    if isinstance(nest, dict):
        return [leaf for key in sorted(nest) for leaf in flatten(nest[key])]
    if isinstance(nest, (list, tuple)):
        return [leaf for item in nest for leaf in flatten(item)]
    return [nest]


def map_leaves(function: Callable[[Any], Any], nest: Any) -> Any:
    """The same nest with `function` applied to each leaf (in the order of `flatten`)."""
    if isinstance(nest, dict):
        mapped = {key: map_leaves(function, nest[key]) for key in sorted(nest)}
        return {key: mapped[key] for key in nest}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*(map_leaves(function, item) for item in nest))
    if isinstance(nest, (list, tuple)):
        return type(nest)(map_leaves(function, item) for item in nest)
    return function(nest)


def pack(structure: Any, leaves: Iterable[Any]) -> Any:
    """A nest shaped as `structure` that holds `leaves`."""
    remaining: Iterator[Any] = iter(leaves)
    return map_leaves(lambda _: next(remaining), structure)
