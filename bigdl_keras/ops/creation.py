"""Tensors made from nothing are numpy arrays; those made after another tensor know its shape at run time only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_tensor

__all__ = [
    "arange",
    "array",
    "bartlett",
    "blackman",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "geomspace",
    "hamming",
    "hanning",
    "identity",
    "kaiser",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "tri",
    "zeros",
    "zeros_like",
]


def zeros(shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
    """An array of zeros."""
    return np.zeros(shape, dtype)


def ones(shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
    """An array of ones."""
    return np.ones(shape, dtype)


def empty(shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
    """An array whose elements mean nothing yet."""
    return np.empty(shape, dtype)


def full(shape: Sequence[int], fill_value: Any, dtype: str | None = None) -> np.ndarray:
    """An array of `fill_value`."""
    return np.full(shape, fill_value, dtype or _default(fill_value))


def array(x: Any, dtype: str | None = None) -> np.ndarray:
    """A new array with the elements of `x`; Python floats become float32."""
    made = np.array(x)
    return made.astype(dtype) if dtype else made.astype(np.float32) if _is_plain_float(x, made) else made


def arange(start: float, stop: float | None = None, step: float = 1, dtype: str | None = None) -> np.ndarray:
    """start, start + step, ... below stop; integers if the arguments are."""
    numbers = [start, step] if stop is None else [start, stop, step]
    chosen = dtype or ("int32" if all(isinstance(item, (int, np.integer)) for item in numbers) else "float32")
    return np.arange(0 if stop is None else start, start if stop is None else stop, step).astype(chosen)


def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: str | None = None,
    axis: int = 0,
) -> Any:
    """`num` numbers evenly spread from start to stop; with `retstep` also the distance between them."""
    numbers, step = np.linspace(start, stop, num, endpoint=endpoint, retstep=True, axis=axis)
    numbers = numbers.astype(dtype or "float32")
    return (numbers, step) if retstep else numbers


def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: str | None = None,
    axis: int = 0,
) -> np.ndarray:
    """base to the power of `num` numbers evenly spread from start to stop."""
    return np.logspace(start, stop, num, endpoint=endpoint, base=base, axis=axis).astype(dtype or "float32")


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0
) -> np.ndarray:
    """`num` numbers from start to stop, each the same multiple of the one before."""
    return np.geomspace(start, stop, num, endpoint=endpoint, axis=axis).astype(dtype or "float32")


def eye(N: int, M: int | None = None, k: int = 0, dtype: str = "float32") -> np.ndarray:
    """(N, M) zeros with ones on the k-th diagonal."""
    return np.eye(N, M, k, dtype=dtype)


def identity(n: int, dtype: str = "float32") -> np.ndarray:
    """The identity matrix."""
    return np.eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: str = "float32") -> np.ndarray:
    """(N, M) ones on and below the k-th diagonal, zeros above."""
    return np.tri(N, M, k, dtype=dtype)


def bartlett(x: int) -> np.ndarray:
    """Triangular window of `x` points."""
    return np.bartlett(x).astype(np.float32)


def blackman(x: int) -> np.ndarray:
    """Blackman's window of `x` points."""
    return np.blackman(x).astype(np.float32)


def hamming(x: int) -> np.ndarray:
    """Hamming's window of `x` points."""
    return np.hamming(x).astype(np.float32)


def hanning(x: int) -> np.ndarray:
    """Hann's window of `x` points."""
    return np.hanning(x).astype(np.float32)


def kaiser(x: int, beta: float) -> np.ndarray:
    """Kaiser's window of `x` points."""
    return np.kaiser(x, beta).astype(np.float32)


@operation
def full_like(x: Any, fill_value: Any, dtype: str | None = None) -> Any:
    """`fill_value` in the shape of `x`."""
    x = as_tensor(x)
    if isinstance(x, (KerasTensor, Weight)):
        return apply("full_like", x, value=fill_value, dtype=str(np.dtype(dtype or x.dtype)))
    return np.full_like(x, fill_value, dtype=dtype)


@operation
def zeros_like(x: Any, dtype: str | None = None) -> Any:
    """Zeros in the shape of `x`."""
    return full_like(x, 0, dtype)


@operation
def ones_like(x: Any, dtype: str | None = None) -> Any:
    """Ones in the shape of `x`."""
    return full_like(x, 1, dtype)


@operation
def empty_like(x: Any, dtype: str | None = None) -> Any:
    """A tensor in the shape of `x` whose elements mean nothing yet."""
    return full_like(x, 0, dtype)


def _default(fill_value: Any) -> Any:
    made = np.asarray(fill_value)
    return np.float32 if _is_plain_float(fill_value, made) else made.dtype


def _is_plain_float(given: Any, made: np.ndarray) -> bool:
    """Whether float64 came from Python floats, not from an array that asked for it."""
    return made.dtype == np.float64 and not isinstance(given, (np.ndarray, np.generic))
