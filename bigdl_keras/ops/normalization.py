"""Moments, normalization by them, and attention: what layers of these names compute, without their weights."""

from __future__ import annotations

import math
from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.core import global_sum
from bigdl_keras.ops.elementwise import align, as_float, as_tensor
from bigdl_keras.ops.reduction import mean, var
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "batch_normalization",
    "dot_product_attention",
    "layer_normalization",
    "moments",
    "normalize",
    "psnr",
    "rms_normalization",
]


@operation
def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm along `axis`, (sum |x|^order)^(1 / order), which is at least `epsilon`: 1e-7 if None."""
    x, epsilon = as_float(x), 1e-7 if epsilon is None else epsilon
    if order == 2:
        total = apply("sum", apply("square", x), axis=axis, keepdims=True)
        return apply("multiply", x, apply("rsqrt", apply("maximum", total, epsilon * epsilon)))
    total = apply("sum", apply("power", apply("abs", x), float(order)), axis=axis, keepdims=True)
    return apply("divide", x, apply("maximum", apply("power", total, 1.0 / order), epsilon))


@operation
def moments(
    x: Any, axes: int | tuple[int, ...] | list[int], keepdims: bool = False, synchronized: bool = False
) -> tuple[Any, Any]:
    """Mean and variance along `axes`; with `synchronized` of the rows of all workers, where `axes` has the first."""
    x = as_float(x)
    places = [normalize_axis(axis, len(x.shape)) for axis in ([axes] if isinstance(axes, int) else axes)]
    if synchronized and 0 in places:
        return _global_moments(x, tuple(places), keepdims)
    return mean(x, axis=axes, keepdims=keepdims), var(x, axis=axes, keepdims=keepdims)


@operation
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, one of each for every place along `axis`."""
    x = as_float(x)
    place = normalize_axis(axis, len(x.shape))
    shape = tuple(-1 if other == place else 1 for other in range(len(x.shape)))

    def beside(item: Any) -> Any:
        return apply("reshape", align(x, item)[1], shape=shape)

    factor = apply("rsqrt", apply("add", beside(variance), epsilon))
    if scale is not None:
        factor = apply("multiply", factor, beside(scale))
    result = apply("multiply", apply("subtract", x, beside(mean)), factor)
    return result if offset is None else apply("add", result, beside(offset))


@operation
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: int | tuple[int, ...] = -1, epsilon: float | None = None
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, with the moments along `axis`; epsilon 1e-7 if None."""
    x, epsilon = as_float(x), 1e-7 if epsilon is None else epsilon
    result = apply(
        "multiply",
        apply("subtract", x, mean(x, axis=axis, keepdims=True)),
        apply("rsqrt", apply("add", var(x, axis=axis, keepdims=True), epsilon)),
    )
    if gamma is not None:
        result = apply("multiply", *align(result, _along(x, gamma, axis)))
    return result if beta is None else apply("add", *align(result, _along(x, beta, axis)))


@operation
def rms_normalization(
    x: Any, scale: Any = None, axis: int | tuple[int, ...] = -1, epsilon: float | None = None
) -> Any:
    """x / sqrt(mean(x^2) + epsilon) * scale, the mean along `axis`; epsilon 1e-7 if None (Zhang and Sennrich, 2019)."""
    x, epsilon = as_float(x), 1e-7 if epsilon is None else epsilon
    result = apply(
        "multiply", x, apply("rsqrt", apply("add", mean(apply("square", x), axis=axis, keepdims=True), epsilon))
    )
    return result if scale is None else apply("multiply", *align(result, _along(x, scale, axis)))


def _along(x: Any, item: Any, axis: int | tuple[int, ...]) -> Any:
    """A weight of the axes `axis` with axes of size 1 where `x` has others."""
    rank = len(x.shape)
    axes = {normalize_axis(one, rank) for one in ([axis] if isinstance(axis, int) else axis)}
    item = as_tensor(item)
    if len(item.shape) != len(axes) or len(axes) == rank:
        return item
    sizes = iter(-1 if size is None else size for size in item.shape)
    return apply("reshape", item, shape=tuple(next(sizes) if place in axes else 1 for place in range(rank)))


def _global_moments(x: Any, axes: tuple[int, ...], keepdims: bool) -> tuple[Any, Any]:
    """Sums over this worker's rows, made whole by those of the others."""
    count = global_sum(apply("size_of", x, axis=axes, dtype=str(x.dtype)))
    centre = apply("divide", global_sum(apply("sum", x, axis=axes, keepdims=True)), count)
    squares = apply("sum", apply("square", apply("subtract", x, centre)), axis=axes, keepdims=True)
    variance = apply("divide", global_sum(squares), count)
    if keepdims:
        return centre, variance
    return apply("squeeze", centre, axis=axes), apply("squeeze", variance, axis=axes)


@operation
def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """softmax(query @ key^T * scale + bias) @ value, head by head (Vaswani et al., 2017).

    Args:
        query: (batch, queries, heads, size).
        key, value: (batch, keys, heads or fewer, size); fewer heads are shared by groups of query heads.
        bias: added to the scores, broadcast to (batch, heads, queries, keys).
        mask: True where a query may look, of the shape of the scores.
        scale: 1 / sqrt(size) if None.
        is_causal: no query looks at later keys.
        flash_attention: has no effect: there is one way to compute it.
        attn_logits_soft_cap: scores s become s / (1 + |s| / cap).

    Returns:
        (batch, queries, heads, size).
    """
    query, key, value = align(as_float(query), as_float(key), as_float(value))
    groups = query.shape[2] // key.shape[2]
    if groups > 1:
        key, value = (apply("repeat", item, repeats=groups, axis=2) for item in (key, value))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = apply("multiply", apply("einsum", query, key, equation="bqhd,bkhd->bhqk"), factor)
    if bias is not None:
        scores = apply("add", *align(scores, bias))
    if attn_logits_soft_cap is not None:
        size = apply("multiply", apply("abs", scores), 1 / attn_logits_soft_cap)
        scores = apply("divide", scores, apply("add", size, 1.0))
    allowed = None if mask is None else as_tensor(mask)
    if is_causal:
        rows, columns = (apply("arange_like", scores, axis=axis) for axis in (-2, -1))
        earlier = apply("greater_equal", apply("expand_dims", rows, axis=-1), columns)
        allowed = earlier if allowed is None else apply("logical_and", allowed, earlier)
    if allowed is not None:
        closed = apply("full_like", scores, value=-1e9, dtype=str(scores.dtype))
        scores = apply("where", allowed, scores, closed)
    return apply("einsum", apply("softmax", scores, axis=-1), value, equation="bhqk,bkhd->bqhd")


@operation
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio in decibels: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2))."""
    x1, x2 = align(as_float(x1), as_float(x2))
    error = mean(apply("square", apply("subtract", x1, x2)))
    return apply("subtract", 20 * math.log10(max_val), apply("multiply", apply("log10", error), 10.0))
