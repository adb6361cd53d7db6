"""Rows that are already columns: arrays in this process, alone or in lists, tuples and dicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.data.block import Block, Column
from bigdl_keras.data.source import Choice, Source, Structure, chosen, chosen_columns, storage
from bigdl_keras.graph import nest


class ArraySource(Source):
    """Arrays with one row per sample.

    Args:
        x: an array, or a list, tuple or dict of arrays.
        y: the same for labels, or None.
        weights: the same for sample weights, or None.
        strings: x may hold strings, of which a model makes numbers.

    Raises:
        TypeError: something in it is not an array of numbers.
        ValueError: the arrays do not have equally many rows, or none.
    """

    kind = "arrays"

    def __init__(self, x: Any, y: Any = None, weights: Any = None, strings: bool = False) -> None:
        names: list[str] = []
        arrays: list[np.ndarray] = []

        def numbered(part: str, value: Any) -> Any:
            if value is None:
                return None
            if part != "x" and _is_plain_list(value):
                value = np.asarray(value)
            first = len(arrays)
            labels = _names(part, value)
            for name, leaf in zip(labels, nest.flatten(value), strict=True):
                names.append(name)
                arrays.append(_column(name, leaf, strings and part == "x"))
            numbers = iter(range(first, len(arrays)))
            return nest.map_leaves(lambda _: next(numbers), value)

        structure = Structure(numbered("x", x), numbered("y", y), numbered("sample_weight", weights))
        if len({len(array) for array in arrays}) > 1:
            lengths = ", ".join(f"{name}: {len(array)}" for name, array in zip(names, arrays, strict=True))
            raise ValueError(f"All arrays must have the same number of rows (first axis). Received {lengths}.")
        self._assemble(structure, tuple(names), tuple(arrays))

    def _assemble(self, structure: Structure, names: Sequence[str], arrays: tuple[np.ndarray, ...]) -> None:
        self.structure = structure
        self.columns = tuple(Column(name, array.shape[1:], array.dtype.str)
                             for name, array in zip(names, arrays, strict=True))
        self.first = tuple(array[:1] for array in arrays)
        self.rows = len(arrays[0])
        self._block = Block.of(arrays)

    def select(self, order: Sequence[Choice]) -> ArraySource:
        """The same rows with only these columns, in this order."""
        source = object.__new__(ArraySource)
        columns, _ = chosen_columns(self.columns, self.first, order)
        source._assemble(Structure(tuple(range(len(order)))), [column.name for column in columns],
                         chosen(self._block.arrays, order))
        return source

    def read(self) -> Block:
        """The arrays as a block, not copied."""
        return self._block


def _names(part: str, value: Any) -> list[str]:
    """A name per leaf, for messages: x, x[0], x['age']."""
    if isinstance(value, dict):
        return [name for key in sorted(value) for name in _names(f"{part}[{key!r}]", value[key])]
    if isinstance(value, (list, tuple)):
        return [name for number, item in enumerate(value) for name in _names(f"{part}[{number}]", item)]
    return [part]


def _is_plain_list(value: Any) -> bool:
    """A list of numbers, as labels are often given."""
    return isinstance(value, (list, tuple)) and bool(value) and isinstance(value[0], (bool, int, float, np.number))


def _column(name: str, value: Any, strings: bool) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" and not (strings and array.dtype.kind in "USTO"):
        raise TypeError(f"`{name}` must be an array of numbers. Received {type(value).__name__} of dtype "
                        f"{array.dtype}. Rows of different lengths must be padded to one shape; strings must be "
                        "encoded.")
    if array.ndim == 0:
        raise ValueError(f"`{name}` must be an array with one row per sample. Received the single value {value!r}; "
                         "a list of numbers is one input per number: use numpy.array([...]).")
    return np.asarray(array, dtype=storage(array.dtype))
