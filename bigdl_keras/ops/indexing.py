"""Operations that choose elements: by place, by value, by order, by class."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.kernels.reshaping import encode_key
from bigdl_keras.ops.elementwise import align, as_tensor, where

__all__ = [
    "argmax",
    "argmin",
    "argpartition",
    "argsort",
    "digitize",
    "get_item",
    "in_top_k",
    "multi_hot",
    "one_hot",
    "searchsorted",
    "select",
    "slice",
    "slice_update",
    "sort",
    "take",
    "take_along_axis",
    "top_k",
]


@operation
def get_item(x: Any, key: Any) -> Any:
    """x[key] for integers, slices, None, Ellipsis; an array of integers gathers rows (as `take` along axis 0)."""
    if isinstance(key, (KerasTensor, np.ndarray, list)):
        return apply("take", as_tensor(x), as_tensor(key), axis=0)
    return apply("slice", as_tensor(x), key=encode_key(key))


@operation
def slice(inputs: Any, start_indices: Sequence[int], shape: Sequence[int]) -> Any:
    """The block of `shape` that starts at `start_indices`."""
    starts = [int(item) for item in np.asarray(start_indices).tolist()]
    key = tuple(builtins.slice(start, start + size) for start, size in zip(starts, shape, strict=True))
    return get_item(inputs, key)


@operation
def slice_update(inputs: Any, start_indices: Sequence[int], updates: Any) -> Any:
    """`inputs` with the block that starts at `start_indices` replaced by `updates`."""
    inputs, updates = align(inputs, updates)
    starts = [int(item) for item in np.asarray(start_indices).tolist()]
    sizes = inputs.shape, updates.shape
    if any(size is None and start for size, start in zip(sizes[0], starts, strict=True)):
        raise ValueError(
            f"slice_update can start only at 0 of an axis of unknown size. Received shape {sizes[0]}, starts {starts}."
        )
    widths = tuple(
        (start, 0 if whole is None else whole - start - part) for start, whole, part in zip(starts, *sizes, strict=True)
    )
    inside = apply(
        "pad", apply("full_like", updates, value=True, dtype="bool"), widths=widths, mode="constant", value=False
    )
    return where(inside, apply("pad", updates, widths=widths, mode="constant", value=0), inputs)


@operation
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The slices of `x` along `axis` at `indices`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("take", x, as_tensor(indices), axis=axis)


@operation
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Per position the element of `x` that `indices` names along `axis` (None: along all elements of `x`)."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("take_along_axis", x, as_tensor(indices), axis=axis)


@operation
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False) -> Any:
    """1 at the class each integer names, 0 elsewhere: one more axis of size `num_classes`; dense, whatever `sparse`."""
    return apply("one_hot", as_tensor(x), n=num_classes, axis=axis, dtype=dtype or "float32")


@operation
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: str | None = None, sparse: bool = False) -> Any:
    """1 at each class that occurs along the last axis of the integers, which becomes `num_classes`; dense."""
    inputs = as_tensor(inputs)
    hot = one_hot(inputs, num_classes, dtype=dtype)
    found = apply("max", hot, axis=-2) if len(inputs.shape) > 0 else hot
    rank = len(found.shape)
    if axis in (-1, rank - 1):
        return found
    order = list(range(rank - 1))
    order.insert(axis % rank, rank - 1)
    return apply("transpose", found, axes=tuple(order))


@operation
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Per position the choice that belongs to the first condition that holds, `default` where none does."""
    result = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(condition, choice, result)
    return result


@operation
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Place of the largest element along `axis`."""
    return apply("argmax", as_tensor(x), axis=axis, keepdims=keepdims)


@operation
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Place of the smallest element along `axis`."""
    return apply("argmin", as_tensor(x), axis=axis, keepdims=keepdims)


@operation
def sort(x: Any, axis: int = -1) -> Any:
    """`x` ascending along `axis`."""
    return apply("sort", as_tensor(x), axis=axis)


@operation
def argsort(x: Any, axis: int = -1) -> Any:
    """The order that sorts `x` along `axis`."""
    return apply("argsort", as_tensor(x), axis=axis)


@operation
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Any, Any]:
    """The k largest elements of the last axis, and their places."""
    values, indices = apply("top_k", as_tensor(x), k=k)
    return values, indices


@operation
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than k predictions of the last axis are larger than that of the class in `targets`."""
    predictions = as_tensor(predictions)
    own = take_along_axis(predictions, apply("expand_dims", as_tensor(targets), axis=-1), axis=-1)
    larger = apply("cast", apply("less", own, predictions), dtype="int32")
    return apply("less", apply("sum", larger, axis=-1), k)


@operation
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """How many elements of the ascending vector are less ('left') or not greater ('right') than each value."""
    if side not in ("left", "right"):
        raise ValueError(f"`side` must be 'left' or 'right'. Received {side!r}.")
    return apply("searchsorted", as_tensor(sorted_sequence), as_tensor(values), side=side)


@operation
def digitize(x: Any, bins: Any) -> Any:
    """The number of the bin each element is in: how many of the ascending borders are not greater."""
    return apply("searchsorted", as_tensor(bins), as_tensor(x), side="right")


@operation
def argpartition(x: Any, kth: int, axis: int = -1) -> Any:
    """An order along `axis` in which no element before place `kth` is larger, and none after it smaller."""
    return apply("argsort", as_tensor(x), axis=axis)
