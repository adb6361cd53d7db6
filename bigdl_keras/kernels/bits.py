"""Kernels on whole numbers and on the bits of numbers: nothing here has a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.elementwise import binary, unary
from bigdl_keras.kernels.table import KERNELS, Kernel

for _name, _ufunc in {
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "left_shift": np.left_shift,
    "right_shift": np.right_shift,
    "gcd": np.gcd,
    "lcm": np.lcm,
    "nextafter": np.nextafter,
}.items():
    binary(_name, _ufunc)
unary("bitwise_invert", np.invert, None)
unary("signbit", np.signbit, None, dtype="bool")


def view(x: Any, *, dtype: str, out: Any = None) -> Any:
    return np.ascontiguousarray(x).view(dtype)


def view_shape(shape: Any, **attributes: Any) -> Any:
    """Shape rule of `view`: the bits of the same number of elements."""
    return shape


KERNELS["view"] = Kernel(view, None, view_shape, dtype=lambda x, *, dtype: dtype)
