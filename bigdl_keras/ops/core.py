"""What code in `call` asks about tensors, and what has no mathematics of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import apply, operation

__all__ = ["convert_to_numpy", "convert_to_tensor", "dtype_of", "global_sum", "is_tensor", "ndim", "shape", "size",
           "stop_gradient"]


def shape(x: Any) -> tuple[int | None, ...]:
    """Shape of `x`; None where it is known only at run time."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """Number of axes."""
    return len(shape(x))


def size(x: Any) -> int | None:
    """Number of elements, None if an axis is unknown."""
    total = 1
    for length in shape(x):
        if length is None:
            return None
        total *= length
    return total


def dtype_of(x: Any) -> str:
    """Dtype name of `x`."""
    return str(x.dtype) if hasattr(x, "dtype") else str(np.asarray(x).dtype)


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array or symbolic tensor."""
    return isinstance(x, (KerasTensor, np.ndarray, Weight))


def convert_to_tensor(x: Any, dtype: str | None = None) -> Any:
    """`x` as an array (float32 for Python floats), or the KerasTensor it already is."""
    if isinstance(x, KerasTensor):
        return x if dtype is None else apply("cast", x, dtype=dtype)
    array = x.value if isinstance(x, Weight) else np.asarray(x)
    if dtype is None and not hasattr(x, "dtype") and array.dtype == np.float64:
        dtype = "float32"
    return array if dtype is None else array.astype(dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a numpy array.

    Raises:
        TypeError: `x` is symbolic.
    """
    return np.asarray(x)


@operation
def stop_gradient(x: Any) -> Any:
    """`x`, through which no gradient flows."""
    return apply("stop_gradient", x)


@operation
def global_sum(x: Any) -> Any:
    """`x` summed over all workers of a team: the value a single process with the whole batch would have."""
    return apply("global_sum", x)
