"""What code in `call` asks about tensors, and what has no mathematics of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import OPERATIONS, KerasTensor, Weight
from bigdl_keras.graph.trace import apply, operation

__all__ = [
    "convert_to_numpy",
    "convert_to_tensor",
    "copy",
    "dtype",
    "dtype_of",
    "global_sum",
    "is_tensor",
    "ndim",
    "shape",
    "size",
    "stop_gradient",
]


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


dtype = dtype_of


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array or symbolic tensor."""
    return isinstance(x, (KerasTensor, np.ndarray, Weight))


def convert_to_tensor(x: Any, dtype: str | None = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as an array (float32 for Python floats), or the KerasTensor or weight it already is; always dense."""
    if isinstance(x, (KerasTensor, Weight)):
        return x if dtype in (None, x.dtype) else OPERATIONS["cast"](x, dtype)
    array = np.asarray(x)
    if dtype is None and not hasattr(x, "dtype") and array.dtype == np.float64:
        dtype = "float32"
    return array if dtype is None else array.astype(dtype, copy=False)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a numpy array.

    Raises:
        TypeError: `x` is symbolic.
    """
    return np.asarray(x)


@operation
def stop_gradient(variable: Any) -> Any:
    """The tensor itself, through which no gradient flows."""
    return apply("stop_gradient", variable)


@operation
def copy(x: Any) -> Any:
    """A tensor of its own with the elements of `x`."""
    return np.array(x) if not isinstance(x, (KerasTensor, Weight)) else apply("multiply", x, 1)


@operation
def global_sum(x: Any) -> Any:
    """`x` summed over all workers of a team: the value a single process with the whole batch would have."""
    return apply("global_sum", x)
