"""Operations that move elements without changing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.kernels.reshaping import encode_key
from bigdl_keras.ops.elementwise import align, as_tensor
from bigdl_keras.shapes import normalize_axis

__all__ = ["argmax", "argmin", "argsort", "broadcast_to", "concatenate", "cumsum", "expand_dims", "flip", "full",
           "full_like", "get_item", "in_top_k", "moveaxis", "one_hot", "ones", "ones_like", "pad", "ravel", "repeat", "reshape", "roll",
           "sort", "split", "squeeze", "stack", "swapaxes", "take", "take_along_axis", "tile", "top_k", "transpose",
           "tril", "triu", "unstack", "zeros", "zeros_like"]


@operation
def reshape(x: Any, newshape: Sequence[int | None]) -> Any:
    """The elements of `x` in `newshape`; one entry may be -1, and None stands for the size `x` has on that axis."""
    return apply("reshape", as_tensor(x), shape=tuple(newshape))


@operation
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """`x` with its axes in another order (reversed where `axes` is None)."""
    x = as_tensor(x)
    axes = range(len(x.shape))[::-1] if axes is None else axes
    return apply("transpose", x, axes=tuple(normalize_axis(axis, len(x.shape)) for axis in axes))


@operation
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """`x` with the axes `source` moved to the places `destination`."""
    rank = len(x.shape)
    sources, destinations = ([normalize_axis(axis, rank) for axis in np.atleast_1d(item).tolist()]
                             for item in (source, destination))
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return apply("transpose", as_tensor(x), axes=tuple(order))


@operation
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """`x` with two axes exchanged."""
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return apply("transpose", as_tensor(x), axes=tuple(order))


@operation
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """`x` with a new axis of size 1 at `axis`."""
    x = as_tensor(x)
    axes = [axis] if isinstance(axis, int) else axis
    rank = len(x.shape) + len(axes)
    for place in sorted(normalize_axis(item, rank) for item in axes):
        x = apply("expand_dims", x, axis=place)
    return x


@operation
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """`x` without the axes of size 1 at `axis` (None: all of them)."""
    return apply("squeeze", as_tensor(x), axis=tuple(axis) if isinstance(axis, list) else axis)


@operation
def ravel(x: Any) -> Any:
    """`x` as one axis."""
    return apply("reshape", as_tensor(x), shape=(-1,))


@operation
def concatenate(xs: Sequence[Any], axis: int = -1) -> Any:
    """Tensors joined along an axis they have."""
    return apply("concatenate", *align(*xs), axis=axis)


@operation
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Tensors of one shape joined along a new axis."""
    return apply("stack", *align(*x), axis=axis)


@operation
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """`x` cut along `axis` in equal sections, or at the given indices."""
    sections = indices_or_sections if isinstance(indices_or_sections, int) else tuple(indices_or_sections)
    return list(apply("split", as_tensor(x), sections=sections, axis=axis))


@operation
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices of `x` along `axis`, without that axis."""
    axis = normalize_axis(axis, len(x.shape))
    count = num if num is not None else x.shape[axis]
    if count is None:
        raise ValueError(f"unstack needs `num`: the size of axis {axis} of a tensor of shape {x.shape} is unknown.")
    return [get_item(x, (slice(None),) * axis + (place,)) for place in range(count)]


@operation
def get_item(x: Any, key: Any) -> Any:
    """x[key] for integers, slices, None, Ellipsis; an array of integers gathers rows (as `take` along axis 0)."""
    if isinstance(key, (KerasTensor, np.ndarray, list)):
        return apply("take", as_tensor(x), as_tensor(key), axis=0)
    return apply("slice", as_tensor(x), key=encode_key(key))


@operation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Any:
    """`x` with margins: `pad_width` is one number, a pair for all axes, or a pair per axis."""
    rank = len(x.shape)
    widths = np.broadcast_to(np.asarray(pad_width), (rank, 2)).tolist()
    return apply("pad", as_tensor(x), widths=tuple(map(tuple, widths)), mode=mode, value=constant_values or 0.0)


@operation
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """Each element (or slice along `axis`) `repeats` times."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("repeat", x, repeats=int(repeats), axis=axis)


@operation
def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """The whole of `x` repeated along each axis."""
    return apply("tile", as_tensor(x), repeats=(repeats,) if isinstance(repeats, int) else tuple(repeats))


@operation
def flip(x: Any, axis: int | None = None) -> Any:
    """`x` in reverse order along `axis` (None: all axes)."""
    return apply("flip", as_tensor(x), axis=axis)


@operation
def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """`x` shifted along `axis`; what leaves at one end enters at the other."""
    return apply("roll", as_tensor(x), shift=shift, axis=axis)


@operation
def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """`x` repeated to `shape` by numpy's broadcasting rules."""
    return apply("broadcast_to", as_tensor(x), shape=tuple(shape))


@operation
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The slices of `x` along `axis` at `indices`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("take", x, as_tensor(indices), axis=axis)


@operation
def take_along_axis(x: Any, indices: Any, axis: int = -1) -> Any:
    """Per position the element of `x` that `indices` names along `axis`."""
    return apply("take_along_axis", as_tensor(x), as_tensor(indices), axis=axis)


@operation
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: str = "float32") -> Any:
    """1 at the class each integer names, 0 elsewhere: one more axis of size `num_classes`."""
    return apply("one_hot", as_tensor(x), n=num_classes, axis=axis, dtype=dtype)


@operation
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Running sum along `axis`."""
    x = as_tensor(x)
    if axis is None:
        x, axis = apply("reshape", x, shape=(-1,)), 0
    return apply("cumsum", x, axis=axis)


@operation
def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes."""
    return apply("tril", as_tensor(x), k=k)


@operation
def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes."""
    return apply("triu", as_tensor(x), k=k)


@operation
def sort(x: Any, axis: int = -1) -> Any:
    """`x` ascending along `axis`."""
    return apply("sort", as_tensor(x), axis=axis)


@operation
def argsort(x: Any, axis: int = -1) -> Any:
    """The order that sorts `x` along `axis`."""
    return apply("argsort", as_tensor(x), axis=axis)


@operation
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Place of the largest element along `axis`."""
    return apply("argmax", as_tensor(x), axis=axis, keepdims=keepdims)


@operation
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Place of the smallest element along `axis`."""
    return apply("argmin", as_tensor(x), axis=axis, keepdims=keepdims)


@operation
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Any, Any]:
    """The k largest elements of the last axis, and their places."""
    values, indices = apply("top_k", as_tensor(x), k=k)
    return values, indices


@operation
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than k predictions of the last axis are larger than that of the class in `targets`."""
    predictions = as_tensor(predictions)
    own = take_along_axis(predictions, expand_dims(as_tensor(targets), -1), axis=-1)
    larger = apply("cast", apply("less", own, predictions), dtype="int32")
    return apply("less", apply("sum", larger, axis=-1), k)


@operation
def zeros_like(x: Any, dtype: str | None = None) -> Any:
    """Zeros in the shape of `x`."""
    return full_like(x, 0, dtype)


@operation
def ones_like(x: Any, dtype: str | None = None) -> Any:
    """Ones in the shape of `x`."""
    return full_like(x, 1, dtype)


@operation
def full_like(x: Any, fill_value: float, dtype: str | None = None) -> Any:
    """`fill_value` in the shape of `x`."""
    x = as_tensor(x)
    if isinstance(x, (KerasTensor, Weight)):
        return apply("full_like", x, value=fill_value, dtype=str(np.dtype(dtype or x.dtype)))
    return np.full_like(x, fill_value, dtype=dtype)


def zeros(shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
    """An array of zeros."""
    return np.zeros(shape, dtype)


def ones(shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
    """An array of ones."""
    return np.ones(shape, dtype)


def full(shape: Sequence[int], fill_value: float, dtype: str = "float32") -> np.ndarray:
    """An array of `fill_value`."""
    return np.full(shape, fill_value, dtype)


