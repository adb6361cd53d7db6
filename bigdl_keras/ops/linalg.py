"""Keras 3's namespace `ops.linalg`: matrices, their factors and their norms."""

from bigdl_keras.ops.derivative import jvp
from bigdl_keras.ops.factors import (
    cholesky_inverse,
    eig,
    eigh,
    lstsq,
    lu_factor,
    matrix_rank,
    pinv,
    qr,
    solve_triangular,
    svd,
)
from bigdl_keras.ops.linear import cholesky, det, inv, slogdet, solve
from bigdl_keras.ops.reduction import norm

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "jvp",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]
