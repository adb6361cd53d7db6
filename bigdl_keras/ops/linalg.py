"""Keras 3's namespace `ops.linalg`: matrices and their norms."""

from bigdl_keras.ops.linear import (
    cholesky,
    det,
    inv,
    slogdet,
    solve,
)
from bigdl_keras.ops.reduction import (
    norm,
)

__all__ = [
    "cholesky",
    "det",
    "inv",
    "norm",
    "slogdet",
    "solve",
]
