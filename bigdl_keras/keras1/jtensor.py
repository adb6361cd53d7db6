"""A JTensor is an array as BigDL's scripts hand it over; a sparse one is written out in full when a sample is made."""

from __future__ import annotations

from typing import Any

import numpy as np


class JTensor:
    """An array, or a few numbers of a mostly empty one.

    Args:
        storage: the numbers, row by row; of a sparse tensor those that are not zero.
        shape: sizes of the axes.
        bigdl_type: of BigDL; nothing here depends on it.
        indices: of a sparse tensor, for each axis the places of the numbers, counted from 0.

    Raises:
        ValueError: numbers, places and shape do not fit together.
    """

    def __init__(self, storage: Any, shape: Any, bigdl_type: str = "float", indices: Any = None) -> None:
        self.storage = np.asarray(storage, "float32").reshape(-1)
        self.shape = tuple(int(size) for size in np.atleast_1d(shape))
        self.indices = None
        if indices is not None:
            self.indices = np.asarray(indices, "int64").reshape(len(self.shape), -1)
            sizes = np.array(self.shape)[:, None]
            if self.indices.shape[1] != len(self.storage) or ((self.indices < 0) | (self.indices >= sizes)).any():
                raise ValueError(f"A sparse JTensor of shape {self.shape} needs for each of its {len(self.storage)} "
                                 f"numbers a place within the shape, counted from 0. Received {indices!r}.")

    @classmethod
    def from_ndarray(cls, a_ndarray: Any, bigdl_type: str = "float") -> JTensor | None:
        """Of an array; None stays None."""
        return None if a_ndarray is None else cls(a_ndarray, np.shape(a_ndarray) or (1,))

    @classmethod
    def sparse(cls, a_ndarray: Any, i_ndarray: Any, shape: Any, bigdl_type: str = "float") -> JTensor:
        """Of the numbers that are not zero.

        Args:
            a_ndarray: the numbers.
            i_ndarray: their places, counted from 0: one row for each axis.
            shape: sizes of the axes.
            bigdl_type: of BigDL.

        Example:
            >>> JTensor.sparse(np.array([1.0, 2.0]), np.array([0, 3]), np.array([5])).to_ndarray()
            array([1., 0., 0., 2., 0.], dtype=float32)
        """
        return cls(a_ndarray, shape, indices=i_ndarray)

    def to_ndarray(self) -> np.ndarray:
        """The array in full; numbers at the same place add up."""
        if self.indices is None:
            return self.storage.reshape(self.shape)
        array = np.zeros(self.shape, "float32")
        np.add.at(array, tuple(self.indices), self.storage)
        return array

    def __repr__(self) -> str:
        return f"JTensor(shape={self.shape}, {'dense' if self.indices is None else 'sparse'})"
