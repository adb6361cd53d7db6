"""Triangles and diagonals of matrices, running sums and differences along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import as_float, as_tensor, cast
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "cumprod",
    "cumsum",
    "diag",
    "diagflat",
    "diagonal",
    "diff",
    "trace",
    "trapezoid",
    "tril",
    "triu",
    "vander",
]


@operation
def diagflat(x: Any, k: int = 0) -> Any:
    """All elements of `x` as the k-th diagonal of a matrix."""
    return apply("diag", apply("reshape", as_tensor(x), shape=(-1,)), k=k)


@operation
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """The powers N - 1 .. 0 of a vector's elements, a row each; 0 .. N - 1 if `increasing`; N is its size if None."""
    x = as_float(x)
    N = x.shape[0] if N is None else N
    if N is None:
        raise ValueError("vander needs `N`: the size of the vector is unknown.")
    powers = np.arange(N, dtype=np.float32)
    return apply("power", apply("expand_dims", x, axis=-1), powers if increasing else powers[::-1].copy())


@operation
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Area under the line through the points y, which are `dx` apart or at the places x."""
    y = as_float(y)
    before = (slice(None),) * normalize_axis(axis, len(y.shape))
    heights = apply("add", get_item(y, (*before, slice(1, None))), get_item(y, (*before, slice(None, -1))))
    if x is not None:
        widths = diff(x)
        if len(widths.shape) == 1:
            widths = apply("reshape", widths, shape=(-1,) + (1,) * (len(y.shape) - 1 - len(before)))
        heights = apply("multiply", heights, widths)
        dx = 1.0
    return apply("multiply", apply("sum", heights, axis=axis), 0.5 * dx)


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
def cumsum(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Running sum along `axis` (None: of all elements), in `dtype`."""
    x = as_tensor(x) if dtype is None else cast(x, dtype)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("cumsum", x, axis=axis)


@operation
def cumprod(x: Any, axis: int | None = None, dtype: str | None = None) -> Any:
    """Running product along `axis` (None: of all elements), in `dtype`."""
    x = as_tensor(x) if dtype is None else cast(x, dtype)
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
