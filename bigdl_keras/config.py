"""Keras's namespaces `config` and `backend`: settings of the whole library, as far as there is something to set."""

from __future__ import annotations

from bigdl_keras.layers.naming import clear_session
from bigdl_keras.parameters import floatx, set_floatx

__all__ = ["backend", "clear_session", "epsilon", "floatx", "image_data_format", "set_floatx"]


def backend() -> str:
    """What computes: always "numpy"."""
    return "numpy"


def epsilon() -> float:
    """The small number that formulas add, 1e-7: Keras's default, which cannot be changed here."""
    return 1e-7


def image_data_format() -> str:
    """Where the channels of an image are unless a layer says otherwise: always "channels_last"."""
    return "channels_last"
