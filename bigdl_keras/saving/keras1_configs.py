"""Layer configs of Keras 1: old argument names become those of Keras 3."""

from __future__ import annotations

from typing import Any

from .objects import Reading


def translate(class_name: str, config: dict[str, Any], reading: Reading) -> tuple[str, dict[str, Any]]:
    """The Keras 3 class name and config of a Keras 1 layer."""
    return class_name, config
