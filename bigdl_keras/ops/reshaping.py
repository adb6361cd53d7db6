"""Operations that move elements without changing them: new shapes, new orders, joins, cuts and copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import aligned_tensors, as_tensor
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "append",
    "array_split",
    "broadcast_to",
    "concatenate",
    "expand_dims",
    "flip",
    "hstack",
    "meshgrid",
    "moveaxis",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "unstack",
    "vstack",
]


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
    x = as_tensor(x)
    rank = len(x.shape)
    sources, destinations = (
        [normalize_axis(axis, rank) for axis in np.atleast_1d(item).tolist()] for item in (source, destination)
    )
    order = [axis for axis in range(rank) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return apply("transpose", x, axes=tuple(order))


@operation
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """`x` with two axes exchanged."""
    x = as_tensor(x)
    order = list(range(len(x.shape)))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return apply("transpose", x, axes=tuple(order))


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
def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Tensors joined along an axis they have."""
    return apply("concatenate", *aligned_tensors(*xs), axis=axis)


@operation
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Tensors of one shape joined along a new axis."""
    return apply("stack", *aligned_tensors(*x), axis=axis)


@operation
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """`x` cut along `axis` in equal sections, or at the given indices."""
    sections = indices_or_sections if isinstance(indices_or_sections, int) else tuple(indices_or_sections)
    return list(apply("split", as_tensor(x), sections=sections, axis=axis))


@operation
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """The slices of `x` along `axis`, without that axis."""
    x = as_tensor(x)
    axis = normalize_axis(axis, len(x.shape))
    count = num if num is not None else x.shape[axis]
    if count is None:
        raise ValueError(f"unstack needs `num`: the size of axis {axis} of a tensor of shape {x.shape} is unknown.")
    return [get_item(x, (slice(None),) * axis + (place,)) for place in range(count)]


@operation
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 after x1 along `axis` (None: both as one axis)."""
    if axis is None:
        x1, x2, axis = ravel(x1), ravel(x2), 0
    return apply("concatenate", *aligned_tensors(x1, x2), axis=axis)


@operation
def hstack(xs: Sequence[Any]) -> Any:
    """Tensors joined along their second axis, vectors along their only one."""
    xs = aligned_tensors(*xs)
    return apply("concatenate", *xs, axis=0 if len(xs[0].shape) == 1 else 1)


@operation
def vstack(xs: Sequence[Any]) -> Any:
    """Tensors joined along their first axis, vectors as rows."""
    xs = [apply("expand_dims", x, axis=0) if len(x.shape) == 1 else x for x in aligned_tensors(*xs)]
    return apply("concatenate", *xs, axis=0)


@operation
def array_split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """`x` cut along `axis` in sections of which the first may be larger by one, or at the given indices."""
    x = as_tensor(x)
    if isinstance(indices_or_sections, int):
        length = x.shape[axis]
        if length is None:
            raise ValueError(f"array_split needs a known size of axis {axis}. Received shape {x.shape}.")
        small, larger = divmod(length, indices_or_sections)
        sizes = [small + (place < larger) for place in range(indices_or_sections)]
        indices_or_sections = np.cumsum(sizes[:-1]).tolist()
    return list(split(x, indices_or_sections, axis))


@operation
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """`array` turned by k quarters from the first to the second of the axes."""
    first, second = axes
    turned = as_tensor(array)
    for _ in range(k % 4):
        turned = flip(swapaxes(turned, first, second), first)
    return turned


@operation
def meshgrid(*x: Any, indexing: str = "xy") -> list[Any]:
    """The coordinates of a grid: one tensor a vector, each of the shape of the grid."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f"`indexing` must be 'xy' or 'ij'. Received {indexing!r}.")
    grids = []
    for place, vector in enumerate(x):
        shape = [1] * len(x)
        shape[place] = -1
        grid = reshape(vector, shape)
        for other, item in enumerate(x):
            if other != place:
                grid = apply("repeat", grid, repeats=_length(item), axis=other)
        grids.append(swapaxes(grid, 0, 1) if indexing == "xy" and len(x) > 1 else grid)
    return grids


def _length(x: Any) -> int:
    length = np.shape(x)[0] if not hasattr(x, "shape") else x.shape[0]
    if length is None:
        raise ValueError("meshgrid needs vectors of known length.")
    return int(length)


@operation
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None) -> Any:
    """`x` with margins: `pad_width` is one number, a pair for all axes, or a pair per axis."""
    x = as_tensor(x)
    rank = len(x.shape)
    widths = np.broadcast_to(np.asarray(pad_width), (rank, 2)).tolist()
    return apply("pad", x, widths=tuple(map(tuple, widths)), mode=mode, value=constant_values or 0.0)


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
