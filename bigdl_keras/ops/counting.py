"""Operations that count, or join what belongs together: bins, segments, places named by indices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.creation import full_like
from bigdl_keras.ops.elementwise import (
    add,
    align,
    as_float,
    as_tensor,
    cast,
    greater,
    maximum,
    minimum,
    multiply,
    subtract,
    where,
)
from bigdl_keras.ops.indexing import one_hot

__all__ = [
    "bincount",
    "histogram",
    "nonzero",
    "scatter",
    "scatter_update",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "unique",
    "unravel_index",
]


@operation
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each of 0 .. minlength - 1 occurs, or the sum of its weights; on arrays up to the largest element.

    A vector is counted as one, a matrix row by row; `sparse` has no effect, tensors are dense.
    """
    x = as_tensor(x)
    if isinstance(x, np.ndarray):
        minlength = max(minlength, int(x.max(initial=-1)) + 1)
    elif not minlength:
        raise ValueError("bincount on a symbolic tensor needs `minlength`: the largest element is not known.")
    weights = full_like(x, 1, "int32") if weights is None else as_tensor(weights)
    if len(x.shape) == 1:
        return apply("bincount", x, weights, bins=minlength)
    hot = one_hot(x, minlength, dtype=str(weights.dtype))
    return apply("sum", apply("multiply", hot, apply("expand_dims", weights, axis=-1)), axis=-2)


@operation
def histogram(x: Any, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[Any, Any]:
    """How many elements lie in each of `bins` equal intervals from the smallest to the largest, or in `range`.

    Returns:
        The counts (bins), in the dtype of `x`, and the borders of the intervals (bins + 1). The last border belongs to
        its interval.

    Raises:
        ValueError: a number of bins below 1, or a range that ends before it begins.
    """
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"`bins` must be a positive integer. Received {bins!r}.")
    if range is not None and not range[0] <= range[1]:
        raise ValueError(f"`range` must be (smallest, largest). Received {range!r}.")
    flat = apply("reshape", as_float(x), shape=(-1,))
    dtype = str(flat.dtype)
    if range is None:
        low, high = apply("min", flat, axis=None), apply("max", flat, axis=None)
    else:
        low, high = (np.asarray(end, dtype) for end in range)
    half = multiply(cast(apply("equal", low, high), dtype), 0.5)
    low, high = subtract(low, half), add(high, half)
    steps = np.arange(bins + 1, dtype=dtype) / np.asarray(bins, dtype)
    borders = add(multiply(steps[::-1].copy(), low), multiply(steps, high))
    place = add(apply("searchsorted", borders, flat, side="right"), -1)
    place = where(apply("equal", flat, high), bins - 1, place)
    return apply("bincount", place, full_like(place, 1, dtype), bins=bins), borders


def nonzero(x: Any) -> tuple[np.ndarray, ...]:
    """The places of the elements that are not 0, one array an axis; on arrays only.

    Raises:
        TypeError: a symbolic tensor: how many there are depends on the data.
    """
    return tuple(place.astype(np.int32) for place in np.nonzero(_array(x, "nonzero")))


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements (or slices along `axis`) in ascending order; on arrays only.

    Args:
        x: an array.
        sorted: has no effect: they always are.
        return_index: also where each occurs first.
        return_inverse: also which of them each element is.
        return_counts: also how often each occurs.
        axis: compare slices along it; None compares elements.
        size: how many to return: the first, or all and then `fill_value`.
        fill_value: what stands for missing ones; the smallest where it is None.

    Raises:
        TypeError: a symbolic tensor: how many there are depends on the data.
    """
    found = np.unique(
        _array(x, "unique"), return_index=True, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    values, index, inverse, counts = found
    if size is not None:
        values = _sized(values, size, fill_value, axis or 0)
        index, counts = _sized(index, size, None, 0), _sized(counts, size, 0, 0)
    asked = (return_index, index), (return_inverse, inverse), (return_counts, counts)
    answers = [values, *(item.astype(np.int32) for wanted, item in asked if wanted)]
    return tuple(answers) if len(answers) > 1 else values


def _sized(values: np.ndarray, size: int, fill: Any, axis: int) -> np.ndarray:
    """The first `size` of the values, and then `fill`, or the first again."""
    count = values.shape[axis]
    kept = np.take(values, np.arange(min(count, size)), axis=axis)
    if count >= size:
        return kept
    first = np.take(values, [0] * (size - count), axis=axis)
    return np.concatenate([kept, first if fill is None else np.full_like(first, fill)], axis=axis)


def _array(x: Any, name: str) -> np.ndarray:
    if isinstance(x, KerasTensor):
        raise TypeError(
            f"{name} works on arrays only: the shape of its answer depends on the data, and a model is compiled for "
            f"shapes. Received {x!r}. Use where, or a mask."
        )
    return np.asarray(as_tensor(x))


@operation
def unravel_index(indices: Any, shape: Sequence[int]) -> tuple[Any, ...]:
    """The place on each axis of a tensor of `shape` of the elements that flat indices name."""
    rest, places = as_tensor(indices), []
    for size in reversed(shape):
        places.append(apply("mod", rest, size))
        rest = apply("floor_divide", rest, size)
    return tuple(reversed(places))


def _of_segments(name: str, meaning: str) -> Callable[..., Any]:
    def compute(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
        segment_ids = as_tensor(segment_ids)
        if num_segments is None:
            num_segments = int(_array(segment_ids, f"{name} without num_segments").max(initial=-1)) + 1
        return apply(name, as_tensor(data), segment_ids, segments=num_segments)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = (
        f"{meaning} of the rows of `data` that share a number: (num_segments, ...). On arrays num_segments may be None."
    )
    return operation(compute)


segment_sum = _of_segments("segment_sum", "Sums")
segment_max = _of_segments("segment_max", "Largest elements")
segment_min = _of_segments("segment_min", "Smallest elements")
segment_prod = _of_segments("segment_prod", "Products")


def _flat_places(indices: Any, shape: Sequence[int]) -> Any:
    """The number of the place (n) that indices (n, k) name on the first k axes of `shape`."""
    depth = indices.shape[-1]
    steps = np.cumprod([1, *shape[1:depth][::-1]])[::-1].astype(np.int32)
    return apply("sum", apply("multiply", indices, steps), axis=-1)


@operation
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros of `shape` with the values added at the places (n, k) of the first k axes that the indices name."""
    indices, values = as_tensor(indices), as_tensor(values)
    places = _flat_places(indices, shape)
    rows = apply("segment_sum", values, places, segments=int(np.prod(shape[: indices.shape[-1]])))
    return apply("reshape", rows, shape=tuple(shape))


@operation
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs` with other elements at some places.

    Args:
        inputs: a tensor of known shape.
        indices: (n, k): places on the first k axes.
        updates: (n, ...): what belongs there; where a place is named twice, the last one.
        reduction: None replaces; "add", "mul", "max" and "min" join the new with the old, as often as a place is named.

    Raises:
        ValueError: an unknown reduction, or an unknown shape.
    """
    joins = {"add": ("sum", add), "mul": ("prod", multiply), "max": ("max", maximum), "min": ("min", minimum)}
    if reduction is not None and reduction not in joins:
        raise ValueError(f"`reduction` must be None or one of {', '.join(map(repr, joins))}. Received {reduction!r}.")
    (inputs, updates), indices = align(inputs, updates), as_tensor(indices)
    shape = tuple(inputs.shape)
    if None in shape:
        raise ValueError(f"scatter_update needs `inputs` of a known shape. Received {shape}.")
    places, count = _flat_places(indices, shape), int(np.prod(shape[: indices.shape[-1]]))
    if reduction is not None:
        kernel, join = joins[reduction]
        rows = apply(f"segment_{kernel}", updates, places, segments=count)
        return join(inputs, apply("reshape", rows, shape=shape))
    numbers = apply("arange_like", places, axis=0)
    last = apply("segment_max", numbers, places, segments=count)
    named = greater(last, -1)
    rows = apply("take", updates, maximum(last, 0), axis=0)
    flat = apply("reshape", inputs, shape=(count, *shape[indices.shape[-1] :]))
    named = apply("reshape", named, shape=(count, *(1,) * (len(flat.shape) - 1)))
    return apply("reshape", where(named, rows, flat), shape=shape)
