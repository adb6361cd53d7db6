"""BigDL's functions of variables are the operations of `ops` under BigDL's names and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers import Dot

_EPSILON = 1e-7


def abs(x: Any) -> Any:
    """|x|."""
    return ops.abs(x)


def sum(x: Any, axis: int = 0, keepDims: bool = False) -> Any:
    """Sum along an axis; axis 0 is the rows of the batch."""
    return ops.sum(x, axis=axis, keepdims=keepDims)


def mean(x: Any, axis: int = 0, keepDims: bool = False) -> Any:
    """Mean along an axis; axis 0 is the rows of the batch."""
    return ops.mean(x, axis=axis, keepdims=keepDims)


def clip(x: Any, min: float, max: float) -> Any:
    """x, kept between `min` and `max`."""
    return ops.clip(x, float(min), float(max))


def square(x: Any) -> Any:
    """x * x."""
    return ops.square(x)


def sqrt(x: Any) -> Any:
    """Square root."""
    return ops.sqrt(x)


def exp(x: Any) -> Any:
    """e to the power of x."""
    return ops.exp(x)


def log(x: Any) -> Any:
    """Natural logarithm."""
    return ops.log(x)


def pow(x: Any, a: float) -> Any:
    """x to the power of the number `a`."""
    return ops.power(x, float(a))


def neg(x: Any) -> Any:
    """-x."""
    return ops.negative(x)


def erf(x: Any) -> Any:
    """The error function."""
    return ops.erf(x)


def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return ops.softsign(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return ops.softplus(x)


def maximum(x: Any, y: Any) -> Any:
    """The larger of two variables, or of a variable and a number, element by element."""
    return ops.maximum(x, float(y) if isinstance(y, int) else y)


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite: 1e-7."""
    return _EPSILON


def contiguous(x: Any) -> Any:
    """x itself: BigDL's views need copying, our tensors do not."""
    return x


def stack(inputs: Sequence[Any], axis: int = 1) -> Any:
    """Variables of one shape side by side along a new axis."""
    return ops.stack(list(inputs), axis=axis)


def expand_dims(x: Any, axis: int) -> Any:
    """x with a new axis of size 1; axis 0 is the rows of the batch."""
    return ops.expand_dims(x, axis)


def l2_normalize(x: Any, axis: int) -> Any:
    """x / sqrt(max(sum(x * x), epsilon)) along an axis."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.divide(x, ops.sqrt(ops.maximum(squares, _EPSILON)))


def mm(x: Any, y: Any, axes: Sequence[int] | None = None) -> Any:
    """Product of matrices, row by row of the batch where both have three axes.

    Args:
        x: (rows, n) or (batch, rows, n).
        y: (n, columns) or (batch, n, columns).
        axes: the axis of x and the axis of y that are summed over; by default the last one and the last but one.

    Returns:
        (rows, columns) or (batch, rows, columns).
    """
    if axes is not None:
        first, second = (axis % len(ops.shape(tensor)) for axis, tensor in zip(axes, (x, y), strict=True))
        x = ops.swapaxes(x, -1, -2) if first == len(ops.shape(x)) - 2 else x
        y = ops.swapaxes(y, -1, -2) if second == len(ops.shape(y)) - 1 else y
    return ops.matmul(x, y)


def batch_dot(x: Any, y: Any, axes: int | Sequence[int] = 1, normalize: bool = False) -> Any:
    """Sum of products along one axis of each, for every row of the batch.

    Args:
        x, y: (batch, ...).
        axes: the axis of both, or a pair; axis 0 is the batch.
        normalize: divide both by their length along the axis first (cosine).

    Returns:
        (batch, 1) of two matrices, (batch, ..., ...) of tensors with more axes.
    """
    return Dot(axes=axes, normalize=normalize)([x, y])


dot = batch_dot
