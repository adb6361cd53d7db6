"""Matrices taken apart (eigenvalues, QR, LU, singular values), and what follows from the parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, cast, greater, multiply, sqrt, square, subtract
from bigdl_keras.ops.linear import matmul, solve

__all__ = [
    "cdist",
    "cholesky_inverse",
    "eig",
    "eigh",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "pinv",
    "qr",
    "solve_triangular",
    "svd",
]


def eig(x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors (as columns) of square matrices, as complex numbers; on arrays only.

    Raises:
        TypeError: a symbolic tensor: they are complex. `eigh` works in models, for symmetric matrices.
    """
    if isinstance(x, KerasTensor):
        raise TypeError(
            f"eig works on arrays only, its answer is complex. Received {x!r}. Use eigh where x is symmetric."
        )
    x = np.asarray(as_float(x))
    values, vectors = np.linalg.eig(x)
    kind = np.complex128 if x.dtype == np.float64 else np.complex64
    return values.astype(kind), vectors.astype(kind)


@operation
def eigh(x: Any) -> tuple[Any, Any]:
    """Eigenvalues, ascending, and eigenvectors (as columns) of symmetric matrices."""
    values, vectors = apply("eigh", as_float(x))
    return values, vectors


@operation
def qr(x: Any, mode: str = "reduced") -> tuple[Any, Any]:
    """Q, with orthogonal columns of length 1, and R, an upper triangle, with Q @ R = x.

    Args:
        x: (..., rows, columns).
        mode: "reduced" for as many columns of Q as are needed, "complete" for a square Q.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"`mode` must be 'reduced' or 'complete'. Received {mode!r}.")
    q, r = apply("qr", as_float(x), mode=mode)
    return q, r


@operation
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, s, V with U * s @ V = x: columns of U and rows of V orthogonal and of length 1, s descending.

    Args:
        x: (..., rows, columns).
        full_matrices: whether U and V are square; else they have as many columns and rows as s has numbers.
        compute_uv: False for s alone.
    """
    u, s, v = apply("svd", as_float(x), full_matrices=full_matrices and compute_uv)
    return (u, s, v) if compute_uv else s


@operation
def lu_factor(x: Any) -> tuple[Any, Any]:
    """L and U in one matrix (L has ones on its diagonal, which are left out), and the pivots of Gauss's elimination.

    Row i was exchanged with row pivots[i], in this order; then L @ U is x.
    """
    packed, pivots = apply("lu_factor", as_float(x))
    return packed, pivots


@operation
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Any:
    """The x with a @ x = b, of the upper (or lower) triangle of `a`; the other one does not count."""
    return solve(apply("tril" if lower else "triu", as_float(a), k=0), b)


@operation
def cholesky_inverse(x: Any, upper: bool = False) -> Any:
    """The inverse of the matrix of which x is the factor that `cholesky` gives."""
    x = as_float(x)
    factor = apply("triu" if upper else "tril", x, k=0)
    other = _turned(factor)
    product = apply("matmul", other, factor) if upper else apply("matmul", factor, other)
    return apply("inv", product)


def _turned(x: Any) -> Any:
    rank = len(x.shape)
    return apply("transpose", x, axes=(*range(rank - 2), rank - 1, rank - 2))


def _smallest_share(x: Any) -> float:
    """Singular values below this share of the largest are rounding: 10 max(rows, columns) times the precision."""
    if None in x.shape[-2:]:
        raise ValueError(f"Matrices of a known size are needed, or `rcond`. Received shape {x.shape}.")
    return float(10 * max(x.shape[-2:]) * np.finfo(str(x.dtype)).eps)


@operation
def pinv(x: Any, rcond: float | None = None) -> Any:
    """The inverse of what matrices do where they do anything (Moore, 1920; Penrose, 1955).

    Args:
        x: (..., rows, columns).
        rcond: singular values up to this share of the largest count as 0; None for 10 max(rows, columns) times the
            precision of the dtype.
    """
    x = as_float(x)
    return apply("pinv", x, rcond=_smallest_share(x) if rcond is None else float(rcond))


@operation
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """The smallest x for which the squares of a @ x - b have the smallest sum; b is a vector or a matrix."""
    a, b = align(as_float(a), as_float(b))
    share = float(np.finfo(str(a.dtype)).eps) * max(a.shape[-2:]) if rcond is None else float(rcond)
    return matmul(apply("pinv", a, rcond=share), b)


@operation
def matrix_rank(x: Any, tol: float | None = None) -> Any:
    """How many singular values are above `tol`; None for max(rows, columns) times the precision times the largest."""
    x = as_float(x)
    s = svd(x, compute_uv=False)
    if tol is None:
        largest = apply("max", s, axis=-1, keepdims=True)
        tol = multiply(largest, _smallest_share(x) / 10)
    return apply("sum", cast(greater(s, tol), "int32"), axis=-1)


@operation
def cdist(x: Any, y: Any) -> Any:
    """Distances of all points x from all points y: (..., n, size) and (..., m, size) give (..., n, m)."""
    x, y = align(as_float(x), as_float(y))
    if len(x.shape) < 2 or len(y.shape) < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"cdist needs (..., points, size) of one size. Received shapes {x.shape} and {y.shape}.")
    difference = subtract(apply("expand_dims", x, axis=-2), apply("expand_dims", y, axis=-3))
    return sqrt(apply("sum", square(difference), axis=-1))
