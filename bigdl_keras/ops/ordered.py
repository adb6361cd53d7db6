"""Triangles and diagonals of matrices, running sums and differences along an axis."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_tensor
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "cumprod",
    "cumsum",
    "diag",
    "diagonal",
    "diff",
    "trace",
    "tril",
    "triu",
]


@operation
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes."""
    return apply("tril", as_tensor(x), k=k)


@operation
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes."""
    return apply("triu", as_tensor(x), k=k)


@operation
def diag(x: Any, k: int = 0) -> Any:
    """A vector as the k-th diagonal of a matrix, or the k-th diagonal of a matrix."""
    x = as_tensor(x)
    return apply("diag", x, k=k) if len(x.shape) == 1 else apply("diagonal", x, offset=k)


@operation
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal over two axes, as a new last axis."""
    return apply("diagonal", as_tensor(x), offset=offset, axis1=axis1, axis2=axis2)


@operation
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum of the diagonal over two axes."""
    return apply("sum", apply("diagonal", as_tensor(x), offset=offset, axis1=axis1, axis2=axis2), axis=-1)


@operation
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Running sum along `axis`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("cumsum", x, axis=axis)


@operation
def cumprod(x: Any, axis: int | None = None) -> Any:
    """Running product along `axis`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("cumprod", x, axis=axis)


@operation
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours along `axis`, `n` times over."""
    a = as_tensor(a)
    before = (slice(None),) * normalize_axis(axis, len(a.shape))
    for _ in range(n):
        a = apply("subtract", get_item(a, (*before, slice(1, None))), get_item(a, (*before, slice(None, -1))))
    return a
