"""A Source says where rows come from and what each looks like; it knows nothing of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigdl_keras.data.block import Block, Column
from bigdl_keras.kernels.encoding import Encoder


@dataclass(frozen=True)
class Structure:
    """How columns make up features, labels and weights: nests whose leaves are column numbers, None where absent."""

    x: Any
    y: Any = None
    weights: Any = None


@dataclass(frozen=True)
class Encoded:
    """A column that is made of others as rows are read: what comes as strings is held as numbers.

    Attributes:
        name: for messages.
        encoder: what makes it.
        parts: of each column that it reads, (number, shape of a row or None for as it comes, dtype or None).
    """

    name: str
    encoder: Encoder
    parts: tuple[tuple[int, tuple[int, ...] | None, str | None], ...]

    def of(self, arrays: Sequence[np.ndarray]) -> np.ndarray:
        """The column, of rows as they came."""
        read = [np.asarray(arrays[number], dtype) for number, _, dtype in self.parts]
        shaped = [array if shape is None else array.reshape(len(array), *shape)
                  for array, (_, shape, _) in zip(read, self.parts, strict=True)]
        return np.asarray(self.encoder(*shaped))


Choice = int | Encoded
"""A column of a source, by number, or one made of some."""


def chosen(arrays: Sequence[np.ndarray], order: Sequence[Choice]) -> tuple[np.ndarray, ...]:
    """The columns of `order`.

    Raises:
        TypeError: one of them holds strings, which no block does.
    """
    return tuple(_numbers(arrays[item], item) if isinstance(item, int) else item.of(arrays) for item in order)


def numbers_of(order: Sequence[Choice]) -> set[int]:
    """The columns that are read for `order`."""
    return {number for item in order for number in
            ([item] if isinstance(item, int) else [number for number, *_ in item.parts])}


def composed(before: Sequence[Choice], order: Sequence[Choice]) -> tuple[Choice, ...]:
    """An order of the columns that another order has made."""
    return tuple(before[item] if isinstance(item, int) else item for item in order)


def _numbers(array: np.ndarray, number: int) -> np.ndarray:
    if array.dtype == object:
        raise TypeError(f"Column {number} holds strings, where numbers are read: encode them, or give the model an "
                        "Input(dtype='string') with a StringLookup, Hashing or TextVectorization behind it.")
    return array


def chosen_columns(columns: Sequence[Column], first: Sequence[np.ndarray],
                   order: Sequence[Choice]) -> tuple[tuple[Column, ...], tuple[np.ndarray, ...]]:
    """What the columns of `order` look like, and the first row of each."""
    rows = chosen(first, order)
    return tuple(columns[item] if isinstance(item, int) else Column(item.name, row.shape[1:], row.dtype.str)
                 for item, row in zip(order, rows, strict=True)), rows


class Source(ABC):
    """Rows of features, labels and sample weights.

    Attributes:
        kind: 'arrays', 'rdd' or 'dataframe'.
        structure: which columns make up features, labels and weights.
        columns: name, row shape and dtype of each column that blocks hold.
        first: one row of each column, with a leading axis of 1, to check shapes and labels before a job runs.
        rows: number of rows, or None where only a pass over the data tells.
    """

    kind: str
    structure: Structure
    columns: tuple[Column, ...]
    first: tuple[np.ndarray, ...]
    rows: int | None

    @abstractmethod
    def select(self, order: Sequence[Choice]) -> Source:
        """The same rows with only these columns of this source, in this order (the order of a plan's inputs)."""

    @abstractmethod
    def read(self) -> Block:
        """All rows, here in this process."""


def storage(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What a column is held as: double precision as single, strings as objects, everything else as it came."""
    if dtype.kind in "USTO":
        return np.dtype(object)
    return np.dtype(np.float32) if dtype.kind == "f" else dtype.newbyteorder("=")


def kind_of(x: Any) -> str:
    """'rdd', 'dataframe' or 'arrays', told without importing pyspark."""
    for parent in type(x).__mro__:
        if parent.__module__.split(".")[0] == "pyspark":
            if parent.__name__ == "RDD":
                return "rdd"
            if parent.__name__ == "DataFrame":
                return "dataframe"
    return "arrays"
