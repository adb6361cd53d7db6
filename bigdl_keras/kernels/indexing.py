"""Kernels that choose by value: rows, orders, extremes and triangles; gradients scatter back what was gathered."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.reshaping import dtype_of_first
from bigdl_keras.kernels.table import KERNELS, Kernel, each, same_shape
from bigdl_keras.shapes import broadcast, normalize_axis


def scatter_add_rows(rows: Any, indices: Any, size: int, out: Any = None) -> Any:
    """Sum of the `rows` (n, width) that share an index, in an array (size, width)."""
    total = np.zeros((size, rows.shape[1]), rows.dtype) if out is None else out
    if out is not None:
        total.fill(0)
    add_rows(rows, indices, total)
    return total


def add_rows(rows: Any, indices: Any, total: Any) -> None:
    """Add each of the `rows` (n, width) to that row of `total` which its index names, in their order."""
    # numpy adds at flat places several times faster than at rows, and faster than sorting them
    places = np.add.outer(indices * rows.shape[1], np.arange(rows.shape[1]))
    np.add.at(total.reshape(-1), places.reshape(-1), rows.reshape(-1))


def embedding_shape(table: Any, indices: Any, **attributes: Any) -> Any:
    """Shape rule of `embedding`."""
    return (*indices, table[1])


def checked_indices(indices: Any, size: int, what: str) -> Any:
    """`indices` as integers within `size`, or an error that names the first wrong one."""
    whole = indices if indices.dtype.kind in "iu" else indices.astype(np.int64)
    if whole.size and (int(whole.min()) < 0 or int(whole.max()) >= size):
        wrong = whole[(whole < 0) | (whole >= size)]
        raise ValueError(
            f"{what} must be at least 0 and less than {size}. Received {wrong.flat[0]}"
            f" (row {int(np.argwhere((whole < 0) | (whole >= size))[0][0])} of this batch)."
        )
    return whole


def embedding(table: Any, indices: Any, *, out: Any = None) -> Any:
    whole = checked_indices(np.asarray(indices), table.shape[0], "Indices of an embedding")
    return np.take(table, whole, axis=0, out=out, mode="clip")  # checked above; clip skips numpy's own buffered check


def embedding_gradient_rows(dy: Any, table: Any, indices: Any) -> tuple[Any, Any]:
    flat = np.asarray(indices).reshape(-1).astype(np.int64, copy=False)
    return flat, dy.reshape(flat.size, table.shape[1])


def embedding_gradient_table(dy: Any, table: Any, indices: Any, *, out: Any = None) -> Any:
    flat, rows = embedding_gradient_rows(dy, table, indices)
    return scatter_add_rows(rows, flat, table.shape[0], out)


KERNELS["embedding"] = Kernel(
    embedding, each(embedding_gradient_table, None), embedding_shape, dtype=dtype_of_first,
    rows=lambda: embedding_gradient_rows,
)


def take_shape(given: Any, indices: Any, *, axis: int | None = None) -> Any:
    """Shape rule of `take`."""
    if axis is None:
        return indices
    place = normalize_axis(axis, len(given))
    return (*given[:place], *indices, *given[place + 1 :])


def take(x: Any, indices: Any, *, axis: int | None = None, out: Any = None) -> Any:
    return np.take(x, indices, axis=axis)


def take_gradient(dy: Any, x: Any, indices: Any, *, axis: int | None = None, out: Any = None) -> Any:
    flat = np.asarray(indices).reshape(-1).astype(np.int64, copy=False)
    if axis is None:
        flat = np.where(flat < 0, flat + x.size, flat)
        return scatter_add_rows(np.asarray(dy).reshape(-1, 1), flat, x.size).reshape(x.shape)
    place = normalize_axis(axis, x.ndim)
    flat = np.where(flat < 0, flat + x.shape[place], flat)
    parted = dy.reshape(*x.shape[:place], flat.size, *x.shape[place + 1 :])
    moved = np.moveaxis(parted, place, 0)
    width = int(np.prod(moved.shape[1:], dtype=np.int64))
    total = scatter_add_rows(moved.reshape(flat.size, width), flat, x.shape[place])
    return np.moveaxis(total.reshape(x.shape[place], *moved.shape[1:]), 0, place)


def take_along_axis_shape(given: Any, indices: Any, *, axis: int) -> Any:
    """Shape rule of `take_along_axis`."""
    place = normalize_axis(axis, len(given))
    common = broadcast((*given[:place], 1, *given[place + 1 :]), (*indices[:place], 1, *indices[place + 1 :]))
    return (*common[:place], indices[place], *common[place + 1 :])


def take_along_axis(x: Any, indices: Any, *, axis: int, out: Any = None) -> Any:
    return np.take_along_axis(x, indices.astype(np.int64, copy=False), axis=axis)


def take_along_axis_gradient(dy: Any, x: Any, indices: Any, *, axis: int, out: Any = None) -> Any:
    place = normalize_axis(axis, x.ndim)
    grids = list(np.ogrid[tuple(slice(size) for size in dy.shape)])
    grids = [np.zeros_like(grid) if x.shape[other] == 1 else grid for other, grid in enumerate(grids)]
    grids[place] = np.where(indices < 0, indices + x.shape[place], indices).astype(np.int64, copy=False)
    flat = np.ravel_multi_index(tuple(np.broadcast_arrays(*grids)), x.shape) if dy.size else np.zeros(0, np.int64)
    return scatter_add_rows(dy.reshape(-1, 1), flat.reshape(-1), x.size).reshape(x.shape)


def take_gradient_rows(dy: Any, x: Any, indices: Any) -> tuple[Any, Any]:
    flat = np.asarray(indices).reshape(-1).astype(np.int64, copy=False)
    width = int(np.prod(x.shape[1:], dtype=np.int64))
    return np.where(flat < 0, flat + x.shape[0], flat), np.asarray(dy).reshape(flat.size, width)


def take_rows(*, axis: int | None = None) -> Any:
    """How `take` answers for rows: only where it takes them."""
    return take_gradient_rows if axis == 0 else None


KERNELS["take"] = Kernel(take, each(take_gradient, None), take_shape, dtype=dtype_of_first, rows=take_rows)
KERNELS["take_along_axis"] = Kernel(
    take_along_axis, each(take_along_axis_gradient, None), take_along_axis_shape, dtype=dtype_of_first
)


# Yes and no as numbers


def one_hot_shape(given: Any, *, n: int, dtype: str = "float32", axis: int = -1) -> Any:
    """Shape rule of `one_hot`."""
    place = normalize_axis(axis, len(given) + 1)
    return (*given[:place], n, *given[place:])


def one_hot(x: Any, *, n: int, dtype: str = "float32", axis: int = -1, out: Any = None) -> Any:
    """1 at the place that x names, 0 elsewhere; all 0 where x is outside 0 .. n - 1."""
    whole = np.asarray(x).astype(np.int64, copy=False)
    y = np.equal(
        np.expand_dims(whole, axis),
        np.arange(n).reshape((n,) + (1,) * (whole.ndim - normalize_axis(axis, whole.ndim + 1))),
    )
    return y.astype(dtype)


def _dtype_attribute(*dtypes: Any, dtype: str = "float32", **attributes: Any) -> str:
    return dtype


KERNELS["one_hot"] = Kernel(one_hot, None, one_hot_shape, dtype=_dtype_attribute)


# Running sums and triangles


def cumsum_shape(given: Any, *, axis: int) -> Any:
    """Shape rule of `cumsum` and `cumprod`."""
    return given


def cumsum(x: Any, *, axis: int, out: Any = None) -> Any:
    return np.cumsum(x, axis=axis, dtype=x.dtype, out=out)


def cumsum_gradient(dy: Any, shapes: Any, *, axis: int, out: Any = None) -> Any:
    return np.flip(np.cumsum(np.flip(dy, axis), axis=axis, dtype=dy.dtype), axis)


def cumprod(x: Any, *, axis: int, out: Any = None) -> Any:
    return np.cumprod(x, axis=axis, dtype=x.dtype, out=out)


def cumprod_gradient(dy: Any, x: Any, *, axis: int, out: Any = None) -> Any:
    """dx[i] = prod(x[:i]) * (dy[i] + x[i+1] * (dy[i+1] + x[i+2] * ...)), by a backward recurrence: zeros do no harm."""
    moved, flow = np.moveaxis(x, axis, 0), np.moveaxis(dy, axis, 0)
    before = np.ones_like(moved)
    np.cumprod(moved[:-1], axis=0, out=before[1:])
    dx = np.empty_like(moved)
    carried = np.zeros_like(moved[:1].sum(axis=0))
    for place in reversed(range(len(moved))):
        carried = carried + flow[place]
        np.multiply(before[place], carried, out=dx[place, ...])
        carried = carried * moved[place]
    return np.moveaxis(dx, 0, axis)


def triangle_shape(given: Any, *, k: int = 0) -> Any:
    """Shape rule of `tril` and `triu`."""
    return given


def tril(x: Any, *, k: int = 0, out: Any = None) -> Any:
    return np.tril(x, k)


def tril_gradient(dy: Any, shapes: Any, *, k: int = 0, out: Any = None) -> Any:
    return np.tril(dy, k)


def triu(x: Any, *, k: int = 0, out: Any = None) -> Any:
    return np.triu(x, k)


def triu_gradient(dy: Any, shapes: Any, *, k: int = 0, out: Any = None) -> Any:
    return np.triu(dy, k)


def diag_shape(given: Any, *, k: int = 0) -> Any:
    """Shape rule of `diag`: a vector becomes the diagonal of a matrix."""
    return (None, None) if given[0] is None else (given[0] + abs(k), given[0] + abs(k))


def diag(x: Any, *, k: int = 0, out: Any = None) -> Any:
    return np.diag(x, k)


def diag_gradient(dy: Any, shapes: Any, *, k: int = 0, out: Any = None) -> Any:
    return np.diagonal(dy, k)


def _diagonal_size(rows: Any, columns: Any, offset: int) -> int | None:
    if rows is None or columns is None:
        return None
    return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


def diagonal_shape(given: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Shape rule of `diagonal`."""
    first, second = normalize_axis(axis1, len(given)), normalize_axis(axis2, len(given))
    rest = tuple(size for place, size in enumerate(given) if place not in (first, second))
    return (*rest, _diagonal_size(given[first], given[second], offset))


def diagonal(x: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1, out: Any = None) -> Any:
    return np.diagonal(x, offset, axis1, axis2)


def diagonal_gradient(dy: Any, shapes: Any, *, offset: int = 0, axis1: int = 0, axis2: int = 1, out: Any = None) -> Any:
    dx = np.zeros(shapes[0], dy.dtype)
    moved = np.moveaxis(dx, (axis1, axis2), (-2, -1))
    places = np.arange(dy.shape[-1])
    moved[..., places - min(offset, 0), places + max(offset, 0)] = dy
    return dx


KERNELS["cumsum"] = Kernel(cumsum, each(cumsum_gradient), cumsum_shape, ("shapes",))
KERNELS["cumprod"] = Kernel(cumprod, each(cumprod_gradient), cumsum_shape)
KERNELS["tril"] = Kernel(tril, each(tril_gradient), triangle_shape, ("shapes",))
KERNELS["triu"] = Kernel(triu, each(triu_gradient), triangle_shape, ("shapes",))
KERNELS["diag"] = Kernel(diag, each(diag_gradient), diag_shape, ("shapes",))
KERNELS["diagonal"] = Kernel(diagonal, each(diagonal_gradient), diagonal_shape, ("shapes",), view=True)


# Orders


def sort_shape(given: Any, *, axis: int = -1) -> Any:
    """Shape rule of `sort` and `argsort`."""
    return given


def sort(x: Any, *, axis: int = -1, out: Any = None) -> tuple[Any, Any]:
    order = np.argsort(x, axis=axis, kind="stable")
    return np.take_along_axis(x, order, axis=axis), order


def sort_gradient(dy: Any, order: Any, *, axis: int = -1, out: Any = None) -> Any:
    dx = np.empty_like(dy)
    np.put_along_axis(dx, order, dy, axis=axis)
    return dx


def argsort(x: Any, *, axis: int = -1, out: Any = None) -> Any:
    return np.argsort(x, axis=axis, kind="stable").astype(np.int32)


def top_k_shape(given: Any, *, k: int, sorted: bool = True) -> list[Any]:
    """Shape rule of `top_k`: values and places."""
    return [(*given[:-1], k), (*given[:-1], k)]


def top_k(x: Any, *, k: int, sorted: bool = True, out: Any = None) -> tuple[Any, Any]:
    """The k largest of the last axis, largest first; of equal ones the first comes first."""
    order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, axis=-1), order.astype(np.int32)


def top_k_gradient(dy: Any, x: Any, y: Any, *, wanted: Any, out: Any, k: int, sorted: bool = True) -> tuple[Any, ...]:
    if dy[0] is None:
        return (None,)
    dx = np.zeros_like(x)
    np.put_along_axis(dx, y[1].astype(np.int64), dy[0], axis=-1)
    return (dx,)


def _top_k_dtype(first: Any, **attributes: Any) -> list[str]:
    return [np.dtype(first).name, "int32"]


KERNELS["sort"] = Kernel(sort, each(sort_gradient), sort_shape, ("saved",), saves=True)
KERNELS["argsort"] = Kernel(argsort, None, sort_shape, dtype="int32")
KERNELS["top_k"] = Kernel(top_k, top_k_gradient, top_k_shape, ("inputs", "output"), several=True, dtype=_top_k_dtype)


def arg_shape(given: Any, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Shape rule of `argmax` and `argmin`."""
    if axis is None:
        return (1,) * len(given) if keepdims else ()
    place = normalize_axis(axis, len(given))
    return (*given[:place], *((1,) if keepdims else ()), *given[place + 1 :])


def argmax(x: Any, *, axis: int | None = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.argmax(x, axis=axis, keepdims=keepdims).astype(np.int32)


def argmin(x: Any, *, axis: int | None = None, keepdims: bool = False, out: Any = None) -> Any:
    return np.argmin(x, axis=axis, keepdims=keepdims).astype(np.int32)


KERNELS["argmax"] = Kernel(argmax, None, arg_shape, dtype="int32")
KERNELS["argmin"] = Kernel(argmin, None, arg_shape, dtype="int32")


def zeros_like(x: Any, *, dtype: str | None = None, out: Any = None) -> Any:
    return np.zeros(x.shape, dtype or x.dtype)


def ones_like(x: Any, *, dtype: str | None = None, out: Any = None) -> Any:
    return np.ones(x.shape, dtype or x.dtype)


def full_like(x: Any, *, value: float, dtype: str | None = None, out: Any = None) -> Any:
    return np.full(x.shape, value, dtype or x.dtype)


def stop_gradient(x: Any, *, out: Any = None) -> Any:
    return x


def size_of(x: Any, *, axis: int | tuple[int, ...] | None = None, dtype: str = "int32", out: Any = None) -> Any:
    """How many numbers lie along `axis` (all axes for None), for graphs made before shapes are known."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return np.asarray(np.prod([x.shape[one] for one in axes], dtype=np.int64), dtype=dtype)


def _counting_dtype(*dtypes: Any, dtype: str = "int32", **attributes: Any) -> str:
    return dtype


def _size_shape(given: Any, **attributes: Any) -> Any:
    return ()


def _like_dtype(first: Any, *, dtype: str | None = None, **attributes: Any) -> str:
    return dtype or np.dtype(first).name


def arange_like(x: Any, *, axis: int, dtype: str = "int32", out: Any = None) -> Any:
    """0 .. n - 1, where n is the size of `axis` of x."""
    return np.arange(x.shape[axis], dtype=dtype)


def arange_like_shape(given: Any, *, axis: int, dtype: str = "int32") -> Any:
    """Shape rule of `arange_like`."""
    return (given[axis],)


KERNELS["zeros_like"] = Kernel(zeros_like, None, same_shape, dtype=_like_dtype)
KERNELS["ones_like"] = Kernel(ones_like, None, same_shape, dtype=_like_dtype)
KERNELS["full_like"] = Kernel(full_like, None, same_shape, dtype=_like_dtype)
KERNELS["stop_gradient"] = Kernel(stop_gradient, None, same_shape, view=True)
KERNELS["size_of"] = Kernel(size_of, None, _size_shape, dtype=_counting_dtype)
KERNELS["arange_like"] = Kernel(arange_like, None, arange_like_shape, dtype=_counting_dtype)
