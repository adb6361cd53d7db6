"""Matrices as products of simpler ones, with the gradients of the factors; the last two axes are the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.linear_algebra import square_shape
from bigdl_keras.kernels.table import KERNELS, Kernel, each

# Gradients after Giles, Collected matrix derivative results, 2008, and Townsend, Differentiating the SVD, 2016.


def _t(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _or_zeros(flow: Any, like: Any) -> Any:
    return np.zeros_like(like) if flow is None else flow


def _inverse(differences: Any) -> Any:
    """1 / x, and 0 where x is 0: on the diagonal, and where two values are equal and no vector is special."""
    return np.divide(1, differences, out=np.zeros_like(differences), where=differences != 0)


def eigh(x: Any, *, out: Any = None) -> Any:
    """Eigenvalues, ascending, and eigenvectors (as columns) of symmetric matrices."""
    values, vectors = np.linalg.eigh((x + _t(x)) / 2)
    return values, vectors


def eigh_gradient(dy: Any, y: Any, *, wanted: Any, out: Any) -> tuple[Any, ...]:
    """V (diag(dw) + F * V^T dV) V^T, made symmetric, with F[i, j] = 1 / (w[j] - w[i])."""
    values, vectors = y
    dvalues, dvectors = _or_zeros(dy[0], values), _or_zeros(dy[1], vectors)
    inner = _inverse(values[..., None, :] - values[..., :, None]) * (_t(vectors) @ dvectors)
    inner += dvalues[..., None] * np.eye(values.shape[-1], dtype=values.dtype)
    dx = vectors @ inner @ _t(vectors)
    return ((dx + _t(dx)) / 2,)


def eigh_shape(x: Any) -> list[Any]:
    """Shape rule of `eigh`."""
    square_shape(x)
    return [x[:-1], x]


def qr(x: Any, *, mode: str = "reduced", out: Any = None) -> Any:
    q, r = np.linalg.qr(x, mode=mode)  # type: ignore[call-overload]
    return q, r


def qr_gradient(dy: Any, x: Any, y: Any, *, wanted: Any, out: Any, mode: str = "reduced") -> tuple[Any, ...]:
    """(dQ + Q S) R^-T, where S is the lower triangle of R dR^T - dQ^T Q, made symmetric."""
    q, r = y
    if x.shape[-2] < x.shape[-1] or q.shape[-1] != x.shape[-1]:
        raise ValueError(
            "The gradient of qr needs matrices with at least as many rows as columns, and mode='reduced' where there "
            f"are more rows. Received shape {x.shape}, mode={mode!r}."
        )
    dq, dr = _or_zeros(dy[0], q), _or_zeros(dy[1], r)
    inner = np.tril(r @ _t(dr) - _t(dq) @ q)
    inner = inner + _t(np.tril(inner, -1))
    return (_t(np.linalg.solve(r, _t(dq + q @ inner))),)


def qr_shape(x: Any, *, mode: str = "reduced") -> list[Any]:
    """Shape rule of `qr`."""
    rows, columns = x[-2:]
    inner = rows if mode == "complete" else None if None in (rows, columns) else min(rows, columns)
    return [(*x[:-1], inner), (*x[:-2], inner, columns)]


def svd(x: Any, *, full_matrices: bool = True, out: Any = None) -> Any:
    u, s, v = np.linalg.svd(x, full_matrices=full_matrices)
    return u, s, v


def svd_gradient(dy: Any, x: Any, y: Any, *, wanted: Any, out: Any, full_matrices: bool = True) -> tuple[Any, ...]:
    """U (diag(ds) + (F * (U^T dU - dU^T U)) S + S (F * (V^T dV - dV^T V))) V^T, and what leaves those spaces."""
    (u, s, v), rank = y, y[1].shape[-1]
    if full_matrices and x.shape[-1] != x.shape[-2] and not (dy[0] is None and dy[2] is None):
        raise ValueError(
            "The gradient of svd needs full_matrices=False where the matrices are not square: the added vectors are "
            f"not determined by them. Received shape {x.shape}."
        )
    du, ds, dv = _or_zeros(dy[0], u)[..., :rank], _or_zeros(dy[1], s), _t(_or_zeros(dy[2], v)[..., :rank, :])
    u, v = u[..., :rank], _t(v[..., :rank, :])
    squares = s * s
    factor = _inverse(squares[..., None, :] - squares[..., :, None])
    left, right = _t(u) @ du, _t(v) @ dv
    inner = factor * (left - _t(left)) * s[..., None, :] + s[..., :, None] * factor * (right - _t(right))
    inner += ds[..., None] * np.eye(rank, dtype=s.dtype)
    dx = u @ inner @ _t(v)
    if x.shape[-2] > rank:
        dx += (du - u @ left) / s[..., None, :] @ _t(v)
    if x.shape[-1] > rank:
        dx += u / s[..., None, :] @ _t(dv - v @ right)
    return (dx,)


def svd_shape(x: Any, *, full_matrices: bool = True) -> list[Any]:
    """Shape rule of `svd`."""
    rows, columns = x[-2:]
    rank = None if None in (rows, columns) else min(rows, columns)
    if full_matrices:
        return [(*x[:-1], rows), (*x[:-2], rank), (*x[:-2], columns, columns)]
    return [(*x[:-1], rank), (*x[:-2], rank), (*x[:-2], rank, columns)]


def pinv(x: Any, *, rcond: float, out: Any = None) -> Any:
    """The inverse of what a matrix does where it does anything; singular values up to rcond * largest count as 0."""
    return np.linalg.pinv(x, rcond)


def pinv_gradient(dy: Any, x: Any, y: Any, *, rcond: float, out: Any = None) -> Any:
    """-Y^T dY Y^T + (I - X Y) dY^T Y Y^T + Y^T Y dY^T (I - Y X) (Golub and Pereyra, 1973), for a rank that stays."""
    rows, columns = (np.eye(size, dtype=x.dtype) for size in x.shape[-2:])
    flow = _t(dy)
    beside = (rows - x @ y) @ flow @ y @ _t(y) + _t(y) @ y @ flow @ (columns - y @ x)
    return beside - _t(y) @ dy @ _t(y)


def pinv_shape(x: Any, **attributes: Any) -> Any:
    """Shape rule of `pinv`."""
    return (*x[:-2], x[-1], x[-2])


def lu_factor(x: Any, *, out: Any = None) -> Any:
    """L (ones on its diagonal are not stored) and U in one matrix, and the row each row was exchanged with."""
    y, rank = np.array(x), min(x.shape[-2:])
    pivots = np.zeros((*x.shape[:-2], rank), np.int32)
    for step in range(rank):
        chosen = step + np.argmax(np.absolute(y[..., step:, step]), axis=-1)
        pivots[..., step] = chosen
        _exchange(y, step, chosen)
        below = y[..., step + 1 :, step]
        pivot = y[..., step, step, None]
        below /= np.where(pivot == 0, 1, pivot)
        y[..., step + 1 :, step + 1 :] -= below[..., None] * y[..., step, None, step + 1 :]
    return y, pivots


def _exchange(y: Any, step: int, chosen: Any) -> None:
    """Exchange row `step` of each matrix with its row `chosen`."""
    places = chosen[..., None, None]
    row = np.take_along_axis(y, places, axis=-2)
    np.put_along_axis(y, places, y[..., step, None, :].copy(), axis=-2)
    y[..., step, :] = row[..., 0, :]


def lu_factor_gradient(dy: Any, x: Any, factors: Any, *, wanted: Any, out: Any) -> tuple[Any, ...]:
    """P^T L^-T (tril(L^T dL) + triu(dU U^T)) U^-T, the first triangle without its diagonal."""
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"The gradient of lu_factor needs square matrices. Received shape {x.shape}.")
    if dy[0] is None:
        return (None,)
    y, pivots = factors
    lower, upper = np.tril(y, -1) + np.eye(y.shape[-1], dtype=y.dtype), np.triu(y)
    inner = np.tril(_t(lower) @ np.tril(dy[0], -1), -1) + np.triu(np.triu(dy[0]) @ _t(upper))
    dx = np.linalg.solve(_t(lower), _t(np.linalg.solve(upper, _t(inner))))
    for step in reversed(range(y.shape[-1])):
        _exchange(dx, step, pivots[..., step])
    return (dx,)


def lu_factor_shape(x: Any) -> list[Any]:
    """Shape rule of `lu_factor`."""
    return [x, (*x[:-2], None if None in x[-2:] else min(x[-2:]))]


_SEVERAL: dict[str, Any] = {"needs": ("inputs", "output"), "several": True}
KERNELS["eigh"] = Kernel(eigh, eigh_gradient, eigh_shape, ("output",), several=True)
KERNELS["qr"] = Kernel(qr, qr_gradient, qr_shape, **_SEVERAL)
KERNELS["svd"] = Kernel(svd, svd_gradient, svd_shape, **_SEVERAL)
KERNELS["pinv"] = Kernel(pinv, each(pinv_gradient), pinv_shape, ("inputs", "output"))
KERNELS["lu_factor"] = Kernel(
    lu_factor, lu_factor_gradient, lu_factor_shape, dtype=lambda x: [np.dtype(x).name, "int32"], **_SEVERAL
)
