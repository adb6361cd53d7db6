"""Reductions: many numbers become one along `axis` (an int, a tuple, or None for all), kept as size 1 by `keepdims`."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each
from bigdl_keras.shapes import normalize_axis

Axis = int | tuple[int, ...] | None


def axes_of(axis: Axis, rank: int) -> tuple[int, ...]:
    """The reduced axes, non-negative and ascending."""
    if axis is None:
        return tuple(range(rank))
    chosen = (axis,) if isinstance(axis, int) else tuple(axis)
    return tuple(sorted(normalize_axis(one, rank) for one in chosen))


def reduced_shape(shape: Any, *, axis: Axis = None, keepdims: bool = False, **attributes: Any) -> Any:
    """Shape rule of reductions."""
    axes = axes_of(axis, len(shape))
    if keepdims:
        return tuple(1 if place in axes else size for place, size in enumerate(shape))
    return tuple(size for place, size in enumerate(shape) if place not in axes)


def _kept(y: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """`y` with the reduced axes of `shape` present again, of size 1."""
    return np.reshape(y, reduced_shape(shape, axis=axis, keepdims=True))


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    count = 1
    for place in axes_of(axis, len(shape)):
        count *= shape[place]
    return count


def _spread(dy: Any, shape: tuple[int, ...], out: Any) -> Any:
    if out is None:
        return np.array(np.broadcast_to(dy, shape))
    np.copyto(out, dy)
    return out


def accumulator(dtype: Any, **attributes: Any) -> str:
    """Dtype of sums and products: small integers grow to 32 bits, the rest stays."""
    dtype = np.dtype(dtype)
    if dtype.kind in "biu" and dtype.itemsize < 4:
        return "uint32" if dtype.kind == "u" else "int32"
    return dtype.name


def reduce_sum(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.add.reduce(x, axis=axes_of(axis, np.ndim(x)), keepdims=keepdims, out=out, dtype=accumulator(x.dtype))


def sum_gradient(dy: Any, shapes: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return _spread(_kept(dy, shapes[0], axis), shapes[0], out)


def reduce_mean(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    total = np.asarray(reduce_sum(x, axis=axis, keepdims=keepdims, out=out))
    return np.divide(total, max(_count(x.shape, axis), 1), out=total)


def mean_gradient(dy: Any, shapes: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    share = np.divide(_kept(dy, shapes[0], axis), max(_count(shapes[0], axis), 1))
    return _spread(share, shapes[0], out)


def reduce_max(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.maximum.reduce(x, axis=axes_of(axis, x.ndim), keepdims=keepdims, out=out)


def reduce_min(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.minimum.reduce(x, axis=axes_of(axis, x.ndim), keepdims=keepdims, out=out)


def extremum_gradient(dy: Any, x: Any, y: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    """Equal extrema share the gradient equally."""
    chosen = np.equal(x, _kept(y, x.shape, axis))
    count = np.add.reduce(chosen, axis=axes_of(axis, x.ndim), keepdims=True, dtype=dy.dtype)
    return np.multiply(_kept(dy, x.shape, axis) / count, chosen, out=out)


def reduce_prod(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.multiply.reduce(x, axis=axes_of(axis, x.ndim), dtype=accumulator(x.dtype), keepdims=keepdims, out=out)


def prod_gradient(dy: Any, x: Any, y: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    """The product of all others: of what stands before times of what stands after, so that zeros do no harm."""
    axes = axes_of(axis, x.ndim)
    if not axes:
        return _spread(dy, x.shape, out)
    kept = [place for place in range(x.ndim) if place not in axes]
    order = kept + list(axes)
    moved = np.transpose(x, order)
    flat = moved.reshape(*moved.shape[: len(kept)], _count(x.shape, axis))
    before = np.ones_like(flat)
    np.multiply.accumulate(flat[..., :-1], axis=-1, out=before[..., 1:])
    after = np.ones_like(flat)
    np.multiply.accumulate(flat[..., :0:-1], axis=-1, out=after[..., -2::-1])
    others = np.transpose((before * after).reshape(moved.shape), np.argsort(order))
    return np.multiply(_kept(dy, x.shape, axis), others, out=out)


def reduce_var(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    centred = x - reduce_mean(x, axis=axis, keepdims=True)
    return reduce_mean(np.square(centred, out=centred), axis=axis, keepdims=keepdims, out=out)


def var_gradient(dy: Any, x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    centred = np.subtract(x, reduce_mean(x, axis=axis, keepdims=True), out=out)
    return np.multiply(centred, _kept(dy, x.shape, axis) * (2 / _count(x.shape, axis) if x.size else 0.0), out=out)


def reduce_std(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    variance = np.asarray(reduce_var(x, axis=axis, keepdims=keepdims, out=out))
    return np.sqrt(variance, out=variance)


def std_gradient(dy: Any, x: Any, y: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    share = np.divide(dy, 2 * y, out=np.zeros_like(np.asarray(dy)), where=np.not_equal(y, 0))
    return var_gradient(share, x, axis=axis, keepdims=keepdims, out=out)


def reduce_any(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.logical_or.reduce(x, axis=axes_of(axis, x.ndim), keepdims=keepdims, out=out)


def reduce_all(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.logical_and.reduce(x, axis=axes_of(axis, x.ndim), keepdims=keepdims, out=out)


def logsumexp(x: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    """log(sum(exp(x))), shifted by the largest so that nothing overflows."""
    axes = axes_of(axis, x.ndim)
    largest = np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, np.zeros_like(largest))
    total = np.add.reduce(np.exp(x - largest), axis=axes, keepdims=True)
    with np.errstate(divide="ignore"):
        result = np.log(total)
    result += largest
    return result if keepdims else result.reshape(reduced_shape(x.shape, axis=axis))


def logsumexp_gradient(dy: Any, x: Any, y: Any, *, axis: Axis = None, keepdims: bool = False, out: Any = None) -> Any:
    share = np.subtract(x, _kept(y, x.shape, axis), out=out)
    share = np.exp(share, out=share)
    return np.multiply(share, _kept(dy, x.shape, axis), out=share)


KERNELS["sum"] = Kernel(reduce_sum, each(sum_gradient), reduced_shape, ("shapes",), dtype=accumulator)
KERNELS["mean"] = Kernel(reduce_mean, each(mean_gradient), reduced_shape, ("shapes",))
KERNELS["max"] = Kernel(reduce_max, each(extremum_gradient), reduced_shape, ("inputs", "output"))
KERNELS["min"] = Kernel(reduce_min, each(extremum_gradient), reduced_shape, ("inputs", "output"))
KERNELS["prod"] = Kernel(reduce_prod, each(prod_gradient), reduced_shape, ("inputs", "output"), dtype=accumulator)
KERNELS["var"] = Kernel(reduce_var, each(var_gradient), reduced_shape)
KERNELS["std"] = Kernel(reduce_std, each(std_gradient), reduced_shape, ("inputs", "output"))
KERNELS["any"] = Kernel(reduce_any, None, reduced_shape, dtype="bool")
KERNELS["all"] = Kernel(reduce_all, None, reduced_shape, dtype="bool")
KERNELS["logsumexp"] = Kernel(logsumexp, each(logsumexp_gradient), reduced_shape, ("inputs", "output"))
