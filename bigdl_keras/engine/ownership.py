"""Ownership is arithmetic: worker n of a team owns the n-th of nearly equal slices of the trained weights."""

from __future__ import annotations

from bigdl_keras.data.minibatches import share


def slice_of(length: int, rank: int, size: int) -> slice:
    """The part of a vector of `length` elements that worker `rank` of `size` owns."""
    return slice(*share(0, length, rank, size))
