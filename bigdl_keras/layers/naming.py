"""Layers without a name are called by their class, in snake case, and numbered."""

from __future__ import annotations

import re
from collections import Counter

_counts: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """'BatchNormalization' -> 'batch_normalization', 'Conv2D' -> 'conv2d'."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(class_name: str) -> str:
    """'dense', then 'dense_1', 'dense_2', ..."""
    base = to_snake_case(class_name)
    number = _counts[base]
    _counts[base] += 1
    return base if number == 0 else f"{base}_{number}"


def clear_session() -> None:
    """Start numbering layers anew, as Keras's function of this name does."""
    _counts.clear()
