"""Operations on whole numbers, on the bits of numbers, and on complex numbers, which arrays hold and plans do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, as_tensor

__all__ = [
    "angle",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "conj",
    "conjugate",
    "gcd",
    "imag",
    "isreal",
    "lcm",
    "left_shift",
    "nextafter",
    "polar",
    "real",
    "right_shift",
    "signbit",
    "view",
    "view_as_complex",
    "view_as_real",
]


def _of_two(name: str, kernel: str, meaning: str) -> Callable[..., Any]:
    def compute(x: Any, y: Any) -> Any:
        return apply(kernel, as_tensor(x), as_tensor(y))

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"{meaning}, element by element, with broadcasting."
    return operation(compute)


bitwise_and = _of_two("bitwise_and", "bitwise_and", "The bits that both whole numbers have")
bitwise_or = _of_two("bitwise_or", "bitwise_or", "The bits that at least one of two whole numbers has")
bitwise_xor = _of_two("bitwise_xor", "bitwise_xor", "The bits that exactly one of two whole numbers has")
left_shift = _of_two("left_shift", "left_shift", "The bits of x moved y places up: x * 2**y")
bitwise_left_shift = _of_two("bitwise_left_shift", "left_shift", "The bits of x moved y places up: x * 2**y")
right_shift = _of_two("right_shift", "right_shift", "The bits of x moved y places down: x // 2**y")
bitwise_right_shift = _of_two("bitwise_right_shift", "right_shift", "The bits of x moved y places down: x // 2**y")


@operation
def bitwise_invert(x: Any) -> Any:
    """The bits that x does not have: -x - 1 for whole numbers."""
    return apply("bitwise_invert", as_tensor(x))


@operation
def bitwise_not(x: Any) -> Any:
    """The bits that x does not have: -x - 1 for whole numbers."""
    return apply("bitwise_invert", as_tensor(x))


@operation
def gcd(x1: Any, x2: Any) -> Any:
    """The greatest whole number that divides both, element by element, with broadcasting."""
    return apply("gcd", as_tensor(x1), as_tensor(x2))


@operation
def lcm(x1: Any, x2: Any) -> Any:
    """The least positive whole number that both divide, element by element, with broadcasting."""
    return apply("lcm", as_tensor(x1), as_tensor(x2))


@operation
def signbit(x: Any) -> Any:
    """Whether x, or the zero it is, has a minus sign."""
    return apply("signbit", as_tensor(x))


@operation
def nextafter(x1: Any, x2: Any) -> Any:
    """The number of the dtype that follows x1 on the way to x2."""
    return apply("nextafter", *align(as_float(x1), as_float(x2)))


@operation
def view(x: Any, dtype: str | None = None) -> Any:
    """The same bits read as numbers of another dtype of the same size.

    Raises:
        ValueError: the size of the dtypes differs.
    """
    x = as_tensor(x)
    kinds = np.dtype(x.dtype), np.dtype(dtype or x.dtype)
    if kinds[0].itemsize != kinds[1].itemsize:
        raise ValueError(
            f"view needs a dtype of {kinds[0].itemsize} bytes, as {kinds[0]} has. Received {kinds[1]}. Use cast to "
            "keep the numbers."
        )
    return apply("view", x, dtype=kinds[1].name)


def _is_complex(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, complex)) and np.asarray(x).dtype.kind == "c"


@operation
def real(x: Any) -> Any:
    """The real part: x itself, unless it is an array of complex numbers."""
    return np.real(x) if _is_complex(x) else as_tensor(x)


@operation
def imag(x: Any) -> Any:
    """The imaginary part: zeros, unless x is an array of complex numbers."""
    return np.imag(x) if _is_complex(x) else apply("zeros_like", as_tensor(x))


@operation
def conjugate(x: Any) -> Any:
    """The same real part and the opposite imaginary part: x itself, unless it is an array of complex numbers."""
    return np.conjugate(x) if _is_complex(x) else as_tensor(x)


@operation
def conj(x: Any) -> Any:
    """The same real part and the opposite imaginary part: x itself, unless it is an array of complex numbers."""
    return conjugate(x)


@operation
def isreal(x: Any) -> Any:
    """Whether the imaginary part is 0: true, unless x is an array of complex numbers."""
    return np.isreal(x) if _is_complex(x) else apply("ones_like", as_tensor(x), dtype="bool")


@operation
def angle(x: Any) -> Any:
    """The angle of a complex number, which for a real one is 0, or pi where it is negative."""
    if _is_complex(x):
        return np.angle(x)
    x = as_float(x)
    return apply("arctan2", apply("zeros_like", x), x)


def polar(abs_: Any, angle: Any) -> np.ndarray:
    """The complex numbers of this size and angle, on arrays only.

    Raises:
        TypeError: a symbolic tensor: models keep complex numbers as pairs of real and imaginary parts.
    """
    size, turn = (_array(item, "polar") for item in (abs_, angle))
    return np.asarray(size * np.exp(1j * turn), np.complex128 if size.dtype == np.float64 else np.complex64)


def view_as_complex(x: Any) -> np.ndarray:
    """An array (..., 2) of real and imaginary parts as complex numbers.

    Raises:
        TypeError: a symbolic tensor: models keep complex numbers as pairs of real and imaginary parts.
    """
    parts = _array(x, "view_as_complex")
    return np.asarray(parts[..., 0] + 1j * parts[..., 1], np.complex128 if parts.dtype == np.float64 else np.complex64)


def view_as_real(x: Any) -> np.ndarray:
    """An array of complex numbers as (..., 2) real and imaginary parts.

    Raises:
        TypeError: a symbolic tensor: models keep complex numbers as pairs of real and imaginary parts.
    """
    whole = x if _is_complex(x) else _array(x, "view_as_real")
    return np.stack([np.real(whole), np.imag(whole)], axis=-1)


def _array(x: Any, name: str) -> np.ndarray:
    if isinstance(x, KerasTensor):
        raise TypeError(
            f"{name} works on arrays only. Received {x!r}. A model keeps complex numbers as a pair of tensors, as fft "
            "and stft take and give them."
        )
    return np.asarray(as_float(x))
