"""Products of matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_tensor

__all__ = ["dense", "dot", "einsum", "matmul", "outer", "tensordot"]


@operation
def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product with numpy's rules: (..., n, k) times (..., k, m) gives (..., n, m)."""
    return apply("matmul", *align(x1, x2))


@operation
def dense(x: Any, kernel: Any, bias: Any) -> Any:
    """x @ kernel + bias in one pass: (..., k), (k, m) and (m,) give (..., m)."""
    return apply("dense", *align(x, kernel, bias))


@operation
def einsum(equation: str, *operands: Any) -> Any:
    """Sum of products by Einstein's convention, 'bij,bjk->bik'."""
    return apply("einsum", *align(*operands), equation=equation)


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
    x1, x2 = (apply("reshape", as_tensor(item), shape=shape)
              for item, shape in ((x1, (-1, 1)), (x2, (1, -1))))
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


def _tensordot(x1: Any, x2: Any, axes: tuple[list[int], list[int]]) -> Any:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in x1.shape]
    right = [next(letters) for _ in x2.shape]
    for here, there in zip(*axes, strict=True):
        right[there] = left[here]
    result = [letter for position, letter in enumerate(left) if position not in axes[0]]
    result += [letter for position, letter in enumerate(right) if position not in axes[1]]
    return apply("einsum", x1, x2, equation=f"{''.join(left)},{''.join(right)}->{''.join(result)}")
