"""Products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, as_tensor

__all__ = [
    "cholesky",
    "cross",
    "dense",
    "det",
    "dot",
    "einsum",
    "inner",
    "inv",
    "kron",
    "logdet",
    "matmul",
    "outer",
    "slogdet",
    "solve",
    "tensordot",
    "vdot",
]


@operation
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product with numpy's rules: (..., n, k) times (..., k, m) gives (..., n, m)."""
    return apply("matmul", *align(x1, x2))


@operation
def dense(x: Any, kernel: Any, bias: Any) -> Any:
    """x @ kernel + bias in one pass: (..., k), (k, m) and (m,) give (..., m)."""
    return apply("dense", *align(x, kernel, bias))


@operation
def einsum(subscripts: str, *operands: Any) -> Any:
    """Sum of products by Einstein's convention, 'bij,bjk->bik'."""
    return apply("einsum", *align(*operands), equation=subscripts)


@operation
def dot(x1: Any, x2: Any) -> Any:
    """Sum over the last axis of x1 and the last but one (or only) axis of x2, as numpy.dot."""
    x1, x2 = align(x1, x2)
    if len(x2.shape) <= 2:
        return apply("matmul", x1, x2)
    return _tensordot(x1, x2, ([len(x1.shape) - 1], [len(x2.shape) - 2]))


@operation
def outer(x1: Any, x2: Any) -> Any:
    """All products of an element of x1 with one of x2: (size of x1, size of x2)."""
    x1, x2 = (apply("reshape", as_tensor(item), shape=shape) for item, shape in ((x1, (-1, 1)), (x2, (1, -1))))
    return apply("multiply", *align(x1, x2))


@operation
def tensordot(x1: Any, x2: Any, axes: int | Sequence[Any] = 2) -> Any:
    """Sum of products over `axes`: a number of last/first axes, or a pair of axis lists, as numpy.tensordot."""
    x1, x2 = align(x1, x2)
    rank = len(x1.shape)
    if isinstance(axes, int):
        return _tensordot(x1, x2, (list(range(rank - axes, rank)), list(range(axes))))
    first, second = ([item] if isinstance(item, int) else list(item) for item in axes)
    return _tensordot(x1, x2, ([axis % rank for axis in first], [axis % len(x2.shape) for axis in second]))


@operation
def inner(x1: Any, x2: Any) -> Any:
    """Sum of products over the last axis of both."""
    x1, x2 = align(x1, x2)
    return _tensordot(x1, x2, ([len(x1.shape) - 1], [len(x2.shape) - 1]))


@operation
def vdot(x1: Any, x2: Any) -> Any:
    """Sum of the products of all elements of x1 and x2."""
    return apply("matmul", *(apply("reshape", item, shape=(-1,)) for item in align(x1, x2)))


@operation
def kron(x1: Any, x2: Any) -> Any:
    """Kronecker's product of two matrices: each element of x1 times all of x2."""
    x1, x2 = align(x1, x2)
    if len(x1.shape) != 2 or len(x2.shape) != 2 or None in (*x1.shape, *x2.shape):
        raise ValueError(f"kron needs two matrices of known shape. Received shapes {x1.shape} and {x2.shape}.")
    blocks = apply("einsum", x1, x2, equation="ab,cd->acbd")
    return apply("reshape", blocks, shape=(x1.shape[0] * x2.shape[0], x1.shape[1] * x2.shape[1]))


@operation
def cross(x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    """The vector that is orthogonal to x1 and x2, which have three numbers along an axis.

    Args:
        x1, x2: vectors.
        axisa, axisb: their axes.
        axisc: that of the result.
        axis: all three in one.

    Raises:
        ValueError: there are not three numbers along the axes.
    """
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    x1, x2 = align(x1, x2)
    if x1.shape[axisa] != 3 or x2.shape[axisb] != 3:
        raise ValueError(
            f"cross needs 3 numbers along axis {axisa} and {axisb}. Received shapes {x1.shape} and {x2.shape}."
        )
    vectors = _axis_to(x1, axisa, -1), _axis_to(x2, axisb, -1)
    first, second = (apply("take", item, np.array([1, 2, 0]), axis=-1) for item in vectors)
    third, fourth = (apply("take", item, np.array([2, 0, 1]), axis=-1) for item in vectors)
    return _axis_to(apply("subtract", apply("multiply", first, fourth), apply("multiply", third, second)), -1, axisc)


def _axis_to(x: Any, axis: int, place: int) -> Any:
    """`x` with one axis at another place."""
    rank = len(x.shape)
    order = [item for item in range(rank) if item != axis % rank]
    order.insert(place % rank, axis % rank)
    return x if order == list(range(rank)) else apply("transpose", x, axes=tuple(order))


@operation
def inv(x: Any) -> Any:
    """Inverse of the square matrices in the last two axes."""
    return apply("inv", as_float(x))


@operation
def solve(a: Any, b: Any) -> Any:
    """The x with a @ x = b, for the square matrices `a` and the vectors or matrices `b`."""
    a, b = align(as_float(a), as_float(b))
    if len(b.shape) == len(a.shape) - 1:
        return apply("squeeze", apply("solve", a, apply("expand_dims", b, axis=-1)), axis=-1)
    return apply("solve", a, b)


@operation
def det(x: Any) -> Any:
    """Determinant of the square matrices in the last two axes."""
    sign, size = slogdet(x)
    return apply("multiply", sign, apply("exp", size))


@operation
def slogdet(x: Any) -> tuple[Any, Any]:
    """Sign and logarithm of the absolute value of the determinant."""
    sign, size = apply("slogdet", as_float(x))
    return sign, size


@operation
def logdet(x: Any) -> Any:
    """Logarithm of the determinant of positive definite matrices."""
    return slogdet(x)[1]


@operation
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangle L with L @ L^T = x, of positive definite matrices; its transpose with `upper`."""
    lower = apply("cholesky", as_float(x))
    rank = len(lower.shape)
    return apply("transpose", lower, axes=(*range(rank - 2), rank - 1, rank - 2)) if upper else lower


def _tensordot(x1: Any, x2: Any, axes: tuple[list[int], list[int]]) -> Any:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in x1.shape]
    right = [next(letters) for _ in x2.shape]
    for here, there in zip(*axes, strict=True):
        right[there] = left[here]
    result = [letter for position, letter in enumerate(left) if position not in axes[0]]
    result += [letter for position, letter in enumerate(right) if position not in axes[1]]
    return apply("einsum", x1, x2, equation=f"{''.join(left)},{''.join(right)}->{''.join(result)}")
