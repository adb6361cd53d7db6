"""A Source says where rows come from and what each looks like; it knows nothing of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigdl_keras.data.block import Block, Column


@dataclass(frozen=True)
class Structure:
    """How columns make up features, labels and weights: nests whose leaves are column numbers, None where absent."""

    x: Any
    y: Any = None
    weights: Any = None


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
    def select(self, order: Sequence[int]) -> Source:
        """The same rows with only these columns of this source, in this order (the order of a plan's inputs)."""

    @abstractmethod
    def read(self) -> Block:
        """All rows, here in this process."""


def storage(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What a column is held as: double precision as single, everything else as it came."""
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
