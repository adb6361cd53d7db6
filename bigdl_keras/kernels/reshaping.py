"""Kernels that move numbers without changing them: shapes, orders, pieces and copies; gradients move them back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each, sum_to_shape
from bigdl_keras.shapes import broadcast, normalize_axis

# Shape of an array: `shape` holds ints, one -1 at most, and None for "as the same axis of the input"


def target_shape(actual: Any, shape: Iterable[int | None]) -> tuple[int, ...]:
    """`shape` with None replaced by the sizes of `actual`."""
    return tuple(actual[axis] if size is None else size for axis, size in enumerate(shape))


def reshape_shape(given: Any, *, shape: Any) -> Any:
    """Shape rule of `reshape`: one unknown size is derived where the others are known."""
    wanted: list[int | None] = [given[axis] if size is None else size for axis, size in enumerate(shape)]
    unknown_given = [axis for axis, size in enumerate(given) if size is None]
    kept = [axis for axis, size in enumerate(shape) if size is None and given[axis] is None]
    same = {axis for axis, size in enumerate(shape) if size is None}  # these cancel, also where they are 0
    total = math.prod(size for axis, size in enumerate(given) if size is not None and axis not in same)
    known = math.prod(size for axis, size in enumerate(wanted) if size not in (None, -1) and axis not in same)
    if -1 in wanted:
        place = wanted.index(-1)
        if len(kept) < len(unknown_given):
            wanted[place] = None
        elif known == 0:
            wanted[place] = 0
        elif total % known:
            raise ValueError(f"Cannot reshape {given} into {tuple(shape)}: {total} is not a multiple of {known}.")
        else:
            wanted[place] = total // known
    elif len(kept) == len(unknown_given) and total != known:
        raise ValueError(f"Cannot reshape {given} into {tuple(shape)}: {total} numbers against {known}.")
    return tuple(wanted)


def reshape(x: Any, *, shape: Any, out: Any = None) -> Any:
    target = target_shape(x.shape, shape)
    if x.size == 0 and -1 in target:  # numpy cannot derive a size from no numbers
        target = reshape_shape(x.shape, shape=shape)
    return x.reshape(target)


def back_to_shape(dy: Any, shapes: Any, *, out: Any = None, **attributes: Any) -> Any:
    """Gradient of all that only reshapes."""
    return dy.reshape(shapes[0])


def expand_dims_shape(given: Any, *, axis: int | tuple[int, ...]) -> Any:
    """Shape rule of `expand_dims`."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    rank = len(given) + len(axes)
    places = {normalize_axis(one, rank) for one in axes}
    sizes = iter(given)
    return tuple(1 if place in places else next(sizes) for place in range(rank))


def expand_dims(x: Any, *, axis: int | tuple[int, ...], out: Any = None) -> Any:
    return np.expand_dims(x, axis)


def squeeze_shape(given: Any, *, axis: int | tuple[int, ...] | None = None) -> Any:
    """Shape rule of `squeeze`."""
    if axis is None:
        return tuple(size for size in given if size != 1)
    axes = {normalize_axis(one, len(given)) for one in ((axis,) if isinstance(axis, int) else axis)}
    wrong = [place for place in axes if given[place] not in (1, None)]
    if wrong:
        raise ValueError(f"squeeze removes axes of size 1 only. Received axis={axis} of shape {given}.")
    return tuple(size for place, size in enumerate(given) if place not in axes)


def squeeze(x: Any, *, axis: int | tuple[int, ...] | None = None, out: Any = None) -> Any:
    return x.reshape(squeeze_shape(x.shape, axis=axis))


def transpose_shape(given: Any, *, axes: Any = None) -> Any:
    """Shape rule of `transpose`."""
    order = tuple(reversed(range(len(given)))) if axes is None else axes
    if sorted(normalize_axis(axis, len(given)) for axis in order) != list(range(len(given))):
        raise ValueError(f"transpose needs each axis of shape {given} once. Received axes={axes}.")
    return tuple(given[axis] for axis in order)


def transpose(x: Any, *, axes: Any = None, out: Any = None) -> Any:
    return np.transpose(x, axes)


def transpose_gradient(dy: Any, shapes: Any, *, axes: Any = None, out: Any = None) -> Any:
    if axes is None:
        return np.transpose(dy)
    return np.transpose(dy, np.argsort([normalize_axis(axis, dy.ndim) for axis in axes]))


KERNELS["reshape"] = Kernel(reshape, each(back_to_shape), reshape_shape, ("shapes",), view=True)
KERNELS["expand_dims"] = Kernel(expand_dims, each(back_to_shape), expand_dims_shape, ("shapes",), view=True)
KERNELS["squeeze"] = Kernel(squeeze, each(back_to_shape), squeeze_shape, ("shapes",), view=True)
KERNELS["transpose"] = Kernel(transpose, each(transpose_gradient), transpose_shape, ("shapes",), view=True)


# Broadcasting: None in `shape` is "as the input's axis, counted from the right"


def broadcast_to_shape(given: Any, *, shape: Any) -> Any:
    """Shape rule of `broadcast_to`."""
    offset = len(shape) - len(given)
    return tuple(given[axis - offset] if size is None and axis >= offset else size for axis, size in enumerate(shape))


def broadcast_to(x: Any, *, shape: Any, out: Any = None) -> Any:
    return np.broadcast_to(x, broadcast_to_shape(x.shape, shape=shape))


def broadcast_to_gradient(dy: Any, shapes: Any, *, shape: Any, out: Any = None) -> Any:
    return sum_to_shape(dy, shapes[0], out)


def broadcast_like(x: Any, like: Any, *, out: Any = None) -> Any:
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, like.shape))


def broadcast_like_shape(given: Any, like: Any, **attributes: Any) -> Any:
    """Shape rule of `broadcast_like`."""
    return broadcast(given, like)


def broadcast_like_gradient(dy: Any, shapes: Any, *, out: Any = None) -> Any:
    return sum_to_shape(dy, shapes[0], out)


def dtype_of_first(first: Any, *_: Any, **attributes: Any) -> str:
    """Dtype rule of kernels whose output has the dtype of their first input."""
    return np.dtype(first).name


KERNELS["broadcast_to"] = Kernel(broadcast_to, each(broadcast_to_gradient), broadcast_to_shape, ("shapes",), view=True)
KERNELS["broadcast_like"] = Kernel(
    broadcast_like,
    each(broadcast_like_gradient, None),
    broadcast_like_shape,
    ("shapes",),
    view=True,
    dtype=dtype_of_first,
)


# Joining


def concatenate_shape(*shapes: Any, axis: int = -1) -> Any:
    """Shape rule of `concatenate`."""
    place = normalize_axis(axis, len(shapes[0]))
    sizes = [shape[place] for shape in shapes if len(shape) == len(shapes[0])]
    try:
        if len(sizes) != len(shapes):
            raise ValueError("Shapes of different rank.")
        rest = broadcast(*((*shape[:place], 0, *shape[place + 1 :]) for shape in shapes))
        if any(len({shape[other] for shape in shapes} - {None}) > 1 for other in range(len(rest)) if other != place):
            raise ValueError("Shapes that differ.")
    except ValueError:
        raise ValueError(f"concatenate needs equal shapes except along axis {axis}. Received {list(shapes)}.") from None
    total = None if None in sizes else sum(sizes)
    return (*rest[:place], total, *rest[place + 1 :])


def concatenate(*inputs: Any, axis: int = -1, out: Any = None) -> Any:
    return np.concatenate(inputs, axis=axis, out=out)


def concatenate_gradient(dy: Any, shapes: Any, *, wanted: Any, out: Any, axis: int = -1) -> tuple[Any, ...]:
    place = normalize_axis(axis, dy.ndim)
    pieces = []
    start = 0
    for shape, want in zip(shapes, wanted, strict=True):
        stop = start + shape[place]
        pieces.append(dy[(slice(None),) * place + (slice(start, stop),)] if want else None)
        start = stop
    return tuple(pieces)


def stack_shape(*shapes: Any, axis: int = 0) -> Any:
    """Shape rule of `stack`."""
    common = broadcast(*shapes)
    place = normalize_axis(axis, len(common) + 1)
    return (*common[:place], len(shapes), *common[place:])


def stack(*inputs: Any, axis: int = 0, out: Any = None) -> Any:
    return np.stack(inputs, axis=axis, out=out)


def stack_gradient(dy: Any, shapes: Any, *, wanted: Any, out: Any, axis: int = 0) -> tuple[Any, ...]:
    moved = np.moveaxis(dy, axis, 0)
    return tuple(moved[place] if want else None for place, want in enumerate(wanted))


KERNELS["concatenate"] = Kernel(concatenate, concatenate_gradient, concatenate_shape, ("shapes",))
KERNELS["stack"] = Kernel(stack, stack_gradient, stack_shape, ("shapes",))


# Cutting: `sections` is a number of equal pieces or a tuple of the places to cut


def _cuts(size: int, sections: int | tuple[int, ...]) -> list[int]:
    if isinstance(sections, int):
        if size % sections:
            raise ValueError(f"split cannot cut an axis of size {size} into {sections} equal pieces.")
        return [size // sections * piece for piece in range(sections + 1)]
    inner = [min(cut % size if cut < 0 else cut, size) for cut in sections]
    return [0, *inner, size]


def split_shape(given: Any, *, sections: int | tuple[int, ...], axis: int = 0) -> list[Any]:
    """Shape rule of `split`: one shape a piece."""
    place = normalize_axis(axis, len(given))
    if given[place] is None:
        pieces = sections if isinstance(sections, int) else len(sections) + 1
        return [(*given[:place], None, *given[place + 1 :])] * pieces
    cuts = _cuts(given[place], sections)
    return [(*given[:place], max(stop - start, 0), *given[place + 1 :]) for start, stop in pairwise(cuts)]


def split(x: Any, *, sections: int | tuple[int, ...], axis: int = 0, out: Any = None) -> tuple[Any, ...]:
    return tuple(np.split(x, sections, axis=axis))


def split_gradient(dy: Any, shapes: Any, *, wanted: Any, out: Any, sections: Any, axis: int = 0) -> tuple[Any, ...]:
    dtype = next(piece.dtype for piece in dy if piece is not None)
    given = [
        np.zeros(shape, dtype) if piece is None else piece
        for piece, shape in zip(dy, split_shape(shapes[0], sections=sections, axis=axis), strict=True)
    ]
    return (np.concatenate(given, axis=axis, out=out[0]),)


KERNELS["split"] = Kernel(
    split, split_gradient, split_shape, ("shapes",), several=True, view=True, dtype=dtype_of_first
)


# Basic indexing. A key is a tuple of ints, None (a new axis), "..." and ("slice", start, stop, step): picklable


def encode_key(key: Any) -> tuple[Any, ...]:
    """The picklable form of a basic index: of an int, slice, None, Ellipsis or a tuple of them."""
    parts = key if isinstance(key, tuple) else (key,)
    encoded: list[Any] = []
    for part in parts:
        if isinstance(part, slice):
            encoded.append(("slice", part.start, part.stop, part.step))
        elif part is Ellipsis:
            encoded.append("...")
        elif part is None:
            encoded.append(None)
        elif isinstance(part, int | np.integer) and not isinstance(part, bool):
            encoded.append(int(part))
        else:
            raise TypeError(
                f"Indices must be integers, slices, None or '...'. Received {part!r}. "
                "To pick by an array of indices use ops.take."
            )
    return tuple(encoded)


def decode_key(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index that numpy knows."""
    return tuple(slice(*part[1:]) if isinstance(part, tuple) else Ellipsis if part == "..." else part for part in key)


def slice_shape(given: Any, *, key: Any) -> Any:
    """Shape rule of `slice`; a slice of an unknown axis is unknown unless it keeps the whole axis."""
    parts = list(decode_key(key))
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if used > len(given):
        raise ValueError(f"Too many indices for shape {given}: {used}.")
    fill = [slice(None)] * (len(given) - used)
    place = next((index for index, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[place : place + 1] = fill
    sizes = iter(given)
    result: list[int | None] = []
    for part in parts:
        if part is None:
            result.append(1)
            continue
        size = next(sizes)
        if isinstance(part, int):
            if size is not None and not -size <= part < size:
                raise IndexError(f"Index {part} is out of range for an axis of size {size} in shape {given}.")
        elif size is None:
            result.append(None)  # a slice of what is not known may be short
        else:
            result.append(len(range(*part.indices(size))))
    return tuple(result)


def slice_(x: Any, *, key: Any, out: Any = None) -> Any:
    return x[decode_key(key)]


def slice_gradient(dy: Any, shapes: Any, *, key: Any, out: Any = None) -> Any:
    dx = np.zeros(shapes[0], np.asarray(dy).dtype) if out is None else out
    if out is not None:
        dx.fill(0)
    dx[decode_key(key)] = dy
    return dx


KERNELS["slice"] = Kernel(slice_, each(slice_gradient), slice_shape, ("shapes",), view=True)
