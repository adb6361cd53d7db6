"""Square matrices in the last two axes: inverse, systems of equations, determinant, Cholesky's factor."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each, sum_to_shape
from bigdl_keras.shapes import broadcast


def square_shape(x: Any, **attributes: Any) -> Any:
    """Shape rule of kernels that answer with a matrix of the size they were given."""
    if len(x) < 2 or (None not in x[-2:] and x[-2] != x[-1]):
        raise ValueError(f"Square matrices are needed in the last two axes. Received shape {x}.")
    return x


def _t(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def inv(x: Any, *, out: Any = None) -> Any:
    return np.linalg.inv(x)


def inv_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return -_t(y) @ dy @ _t(y)


def solve(a: Any, b: Any, *, out: Any = None) -> Any:
    return np.linalg.solve(a, b)


def solve_gradient(dy: Any, a: Any, b: Any, y: Any, *, wanted: Any, out: Any) -> tuple[Any, ...]:
    """db = a^-T dy, da = -db y^T."""
    db = np.linalg.solve(_t(a), dy)
    da = sum_to_shape(-db @ _t(y), a.shape) if wanted[0] else None
    return da, sum_to_shape(db, b.shape) if wanted[1] else None


def solve_shape(a: Any, b: Any) -> Any:
    """Shape rule of `solve`."""
    square_shape(a)
    return (*broadcast(a[:-2], b[:-2]), *b[-2:])


def slogdet(x: Any, *, out: Any = None) -> tuple[Any, Any]:
    sign, size = np.linalg.slogdet(x)
    return np.asarray(sign, dtype=x.dtype), np.asarray(size, dtype=x.dtype)


def slogdet_gradient(dy: Any, x: Any, *, wanted: Any, out: Any) -> tuple[Any, ...]:
    """d log|det x| = x^-T; the sign does not vary."""
    if dy[1] is None:
        return (None,)
    return (np.asarray(dy[1])[..., None, None] * _t(np.linalg.inv(x)),)


def slogdet_shape(x: Any) -> list[Any]:
    """Shape rule of `slogdet`."""
    square_shape(x)
    return [x[:-2], x[:-2]]


def cholesky(x: Any, *, out: Any = None) -> Any:
    return np.linalg.cholesky(x)


def cholesky_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    """L^-T P(L^T dL) L^-1, made symmetric; P keeps the lower triangle and half of the diagonal (Murray, 2016)."""
    inner = np.tril(_t(y) @ np.tril(dy))
    half = np.arange(y.shape[-1])
    inner[..., half, half] /= 2
    inverse = np.linalg.inv(y)
    dx = _t(inverse) @ inner @ inverse
    return (dx + _t(dx)) / 2


KERNELS["inv"] = Kernel(inv, each(inv_gradient), square_shape, ("output",))
KERNELS["solve"] = Kernel(solve, solve_gradient, solve_shape, ("inputs", "output"))
KERNELS["slogdet"] = Kernel(slogdet, slogdet_gradient, slogdet_shape, several=True)
KERNELS["cholesky"] = Kernel(cholesky, each(cholesky_gradient), square_shape, ("output",))
