"""An initializer answers with an array of a given shape; it keeps its constructor arguments and nothing else."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

IGNORED = ("dtype",)
"""Keys that configs of Keras 2 carry and that say nothing about the values."""


class Initializer(ABC):
    """Base of all initializers. A subclass keeps its constructor arguments in attributes of the same names."""

    @abstractmethod
    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        """A new array.

        Args:
            shape: its shape.
            dtype: its dtype, float32 by default.
        """

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """An initializer from its config."""
        return cls(**{key: value for key, value in config.items() if key not in IGNORED})

    def clone(self) -> Initializer:
        """An equal initializer."""
        return self.from_config(self.get_config())
