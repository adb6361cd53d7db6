"""Kernels that join the first two axes, batch and time, and part them again: a layer of rows then serves steps too."""

from __future__ import annotations

from typing import Any

from bigdl_keras.kernels.reshaping import back_to_shape, dtype_of_first
from bigdl_keras.kernels.table import KERNELS, Kernel, each


def fold_time_shape(given: Any) -> Any:
    """Shape rule of `fold_time`."""
    return (None if None in given[:2] else given[0] * given[1], *given[2:])


def fold_time(x: Any, *, out: Any = None) -> Any:
    """(batch, time, ...) becomes (batch * time, ...)."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])


def unfold_time_shape(given: Any, like: Any) -> Any:
    """Shape rule of `unfold_time`."""
    return (*like[:2], *given[1:])


def unfold_time(x: Any, like: Any, *, out: Any = None) -> Any:
    """(batch * time, ...) becomes (batch, time, ...), with the batch and time of `like`."""
    return x.reshape(*like.shape[:2], *x.shape[1:])


KERNELS["fold_time"] = Kernel(fold_time, each(back_to_shape), fold_time_shape, ("shapes",), view=True)
KERNELS["unfold_time"] = Kernel(
    unfold_time, each(back_to_shape, None), unfold_time_shape, ("shapes",), view=True, dtype=dtype_of_first
)
