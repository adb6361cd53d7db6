"""A Sample is one record of training data: its features and its labels, each one array or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Sample:
    """One record: features and labels as arrays.

    Args:
        features: arrays, one per model input.
        labels: arrays, one per model output; empty for records that are only predicted on.
    """

    __slots__ = ("features", "labels")

    def __init__(self, features: Sequence[np.ndarray], labels: Sequence[np.ndarray] = ()) -> None:
        self.features = tuple(features)
        self.labels = tuple(labels)

    @classmethod
    def from_ndarray(cls, features: Any, labels: Any = None) -> Sample:
        """Make a sample of plain arrays.

        Args:
            features: an array, or a list of arrays for a model of several inputs.
            labels: an array or number, or a list of arrays for several outputs. None: no label.

        Returns:
            The sample.

        Example:
            >>> Sample.from_ndarray(np.zeros((2, 3)), np.array(1.0)).feature.shape
            (2, 3)
        """
        return cls(_arrays(features, "features"), () if labels is None else _arrays(labels, "labels"))

    @classmethod
    def from_jtensor(cls, features: Any, labels: Any) -> Sample:
        """Make a sample of BigDL's JTensors (`keras1.nncontext.JTensor`), or of what else has `to_ndarray()`.

        Args:
            features, labels: one, or a list of them.

        Returns:
            The sample; sparse tensors are written out in full.
        """
        return cls.from_ndarray(_in_full(features), _in_full(labels))

    @property
    def feature(self) -> np.ndarray:
        """The first (usually the only) feature array."""
        return self.features[0]

    @property
    def label(self) -> np.ndarray:
        """The first (usually the only) label array."""
        return self.labels[0]

    def __getstate__(self) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        return self.features, self.labels

    def __setstate__(self, state: tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]) -> None:
        self.features, self.labels = state

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Sample)
                and len(self.features) == len(other.features) and len(self.labels) == len(other.labels)
                and all(np.array_equal(mine, theirs) for mine, theirs
                        in zip(self.features + self.labels, other.features + other.labels, strict=True)))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (f"Sample(features={[array.shape for array in self.features]}, "
                f"labels={[array.shape for array in self.labels]})")


def _in_full(tensors: Any) -> Any:
    several = isinstance(tensors, (list, tuple))
    return [tensor.to_ndarray() for tensor in tensors] if several else tensors.to_ndarray()


def _arrays(value: Any, name: str) -> tuple[np.ndarray, ...]:
    """One array per item of a list of arrays; a list of plain numbers is one array."""
    several = isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, np.ndarray) for item in value)
    arrays = tuple(np.asarray(item) for item in (value if several else [value]))
    for array in arrays:
        if array.dtype.kind not in "biuf":
            raise TypeError(f"`{name}` of a Sample must be numbers. Received {value!r}.")
    return arrays
