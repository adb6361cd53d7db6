"""Sequences of different lengths as one array."""

from bigdl_keras.utils import pad_sequences

__all__ = ["pad_sequences"]
