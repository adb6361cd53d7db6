"""Axes cut, joined and turned as a pattern says, and what can be said so: stacks, cuts, mirrors, blocks of pixels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import aligned_tensors, as_tensor
from bigdl_keras.ops.reshaping import flip, split
from bigdl_keras.shapes import pair

__all__ = [
    "depth_to_space",
    "dsplit",
    "dstack",
    "extract_sequences",
    "fliplr",
    "flipud",
    "fold",
    "hsplit",
    "rearrange",
    "space_to_depth",
    "unfold",
    "vsplit",
]


@operation
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """Axes in another order, cut into several or joined (Rogozhnikov, Einops, 2022).

    Args:
        tensor: a tensor.
        pattern: names for the axes before and after, "batch (rows patch) channels -> batch patch rows channels"; names
            in brackets are parts of one axis, the first the outermost.
        **axes_lengths: the size of parts; of each cut axis one may be left out.

    Returns:
        A tensor with the same elements. Sizes that are unknown may be of axes that stay as they are.

    Raises:
        ValueError: the pattern does not fit the tensor.
    """
    tensor = as_tensor(tensor)
    before, after = _axes_of(pattern)
    names = [name for group in before for name in group]
    if len(before) != len(tensor.shape) or sorted(names) != sorted(name for group in after for name in group):
        raise ValueError(
            f"A pattern names each axis of the tensor once on each side. Received {pattern!r} for a tensor of shape "
            f"{tensor.shape}."
        )
    sizes = dict(axes_lengths)
    for group, size in zip(before, tensor.shape, strict=True):
        sizes |= _parts(group, size, sizes, pattern)
    turned = apply(
        "transpose",
        _reshaped(tensor, [sizes[name] for name in names]),
        axes=tuple(names.index(name) for group in after for name in group),
    )
    return _reshaped(turned, [_joined([sizes[name] for name in group], pattern) for group in after])


def _axes_of(pattern: str) -> tuple[list[list[str]], list[list[str]]]:
    """The names of each axis before and after."""
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"A pattern is 'axes before -> axes after'. Received {pattern!r}.")
    before, after = ([re.findall(r"\w+", axis) for axis in re.findall(r"\([^)]*\)|\w+", side)] for side in sides)
    return before, after


def _parts(group: list[str], size: int | None, known: dict[str, int], pattern: str) -> dict[str, Any]:
    """The sizes of the parts of an axis."""
    missing = [name for name in group if name not in known]
    rest = prod(known[name] for name in group if name not in missing)
    if len(group) == 1 and missing:
        return {group[0]: size}
    if len(missing) > 1 or size is None or size % rest or (not missing and size != rest):
        raise ValueError(
            f"An axis of size {size} cannot be cut into {' '.join(group)!r} with the sizes {known} of {pattern!r}."
        )
    return dict.fromkeys(missing, size // rest)


def _joined(sizes: list[int | None], pattern: str) -> int | None:
    if len(sizes) == 1:
        return sizes[0]
    if None in sizes:
        raise ValueError(f"Only axes of known size can be joined. Received sizes {sizes} in {pattern!r}.")
    return prod(size for size in sizes if size is not None)


def _reshaped(x: Any, sizes: list[int | None]) -> Any:
    """`x` with these sizes, of which one may be unknown."""
    if sizes.count(None) > 1 and len(sizes) != len(x.shape):
        raise ValueError(f"rearrange needs all sizes but one. Received a tensor of shape {x.shape}.")
    if tuple(sizes) == tuple(x.shape):
        return x
    return apply("reshape", x, shape=tuple(-1 if size is None else size for size in sizes))


_BLOCKS = {
    "channels_last": ("n h w (a b c)", "n (h a) (w b) c"),
    "channels_first": ("n (c a b) h w", "n c (h a) (w b)"),
}


def _blocks(data_format: str) -> tuple[str, str]:
    if data_format not in _BLOCKS:
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first'. Received {data_format!r}.")
    return _BLOCKS[data_format]


@operation
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels of one pixel as a block of pixels: (n, h, w, b * b * c) gives (n, b * h, b * w, c)."""
    deep, wide = _blocks(data_format)
    return rearrange(x, f"{deep} -> {wide}", a=block_size, b=block_size)


@operation
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of pixels as channels of one: (n, b * h, b * w, c) gives (n, h, w, b * b * c)."""
    deep, wide = _blocks(data_format)
    return rearrange(x, f"{wide} -> {deep}", a=block_size, b=block_size)


@operation
def dstack(xs: Sequence[Any]) -> Any:
    """Tensors joined along their third axis; vectors are (1, n, 1) and matrices (m, n, 1)."""
    deep = []
    for x in aligned_tensors(*xs):
        for place in {0: (0, 0, 0), 1: (0, 2), 2: (2,)}.get(len(x.shape), ()):
            x = apply("expand_dims", x, axis=place)
        deep.append(x)
    return apply("concatenate", *deep, axis=2)


def _cut(name: str, axis: Callable[[int], int], meaning: str) -> Callable[..., Any]:
    def compute(x: Any, indices_or_sections: int | Sequence[int]) -> list[Any]:
        x = as_tensor(x)
        return list(split(x, indices_or_sections, axis(len(x.shape))))

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = f"`x` cut along {meaning} in equal sections, or at the given indices."
    return operation(compute)


vsplit = _cut("vsplit", lambda rank: 0, "its first axis")
hsplit = _cut("hsplit", lambda rank: min(rank - 1, 1), "its second axis, a vector along its only one,")
dsplit = _cut("dsplit", lambda rank: 2, "its third axis")


@operation
def flipud(x: Any) -> Any:
    """`x` in reverse order along its first axis."""
    return flip(x, 0)


@operation
def fliplr(x: Any) -> Any:
    """`x` in reverse order along its second axis."""
    return flip(x, 1)


@operation
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows of the last axis: (..., time) gives (..., windows, sequence_length)."""
    x = as_tensor(x)
    if x.shape[-1] is None:
        raise ValueError(f"extract_sequences needs a known size of the last axis. Received shape {x.shape}.")
    lines = apply("reshape", x, shape=(-1, x.shape[-1], 1))
    windows = apply("patches", lines, window=(sequence_length,), strides=(sequence_stride,), dilation=(1,))
    sizes = tuple(-1 if size is None else size for size in x.shape[:-1])
    return apply("reshape", windows, shape=(*sizes, *windows.shape[1:]))


def _geometry(kernel_size: Any, dilation: Any, stride: Any) -> dict[str, Any]:
    return {
        "window": pair(kernel_size, 2, "kernel_size"),
        "dilation": pair(dilation, 2, "dilation"),
        "strides": pair(stride, 2, "stride"),
    }


@operation
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Windows of images with channels first as columns: (n, c, h, w) gives (n, c * window, number of windows).

    Args:
        x: (batch, channels, height, width).
        kernel_size, dilation, stride: of the windows, an integer or (height, width).
        padding: zeros around, an integer or (height, width).
    """
    before, beside = pair(padding, 2, "padding")
    last = apply("transpose", as_tensor(x), axes=(0, 2, 3, 1))
    widths = ((0, 0), (before, before), (beside, beside), (0, 0))
    attributes = _geometry(kernel_size, dilation, stride)
    windows = apply("patches", apply("pad", last, widths=widths, mode="constant", value=0), **attributes)
    return rearrange(windows, "n h w (k c) -> n (c k) (h w)", k=prod(attributes["window"]))


@operation
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Columns that `unfold` made, each number added to where it came from: (n, c * window, windows) gives (n, c, h, w).

    Args:
        x: (batch, channels * window, number of windows).
        output_size: height and width of the images.
        kernel_size, dilation, stride: of the windows, an integer or (height, width).
        padding: zeros that were around, an integer or (height, width).
    """
    attributes, pads = _geometry(kernel_size, dilation, stride), pair(padding, 2, "padding")
    sizes = tuple(size + 2 * pad for size, pad in zip(pair(output_size, 2, "output_size"), pads, strict=True))
    rows = (sizes[0] - (attributes["window"][0] - 1) * attributes["dilation"][0] - 1) // attributes["strides"][0] + 1
    windows = rearrange(x, "n (c k) (h w) -> n h w (k c)", k=prod(attributes["window"]), h=rows)
    whole = apply("overlap_add", windows, sizes=sizes, **attributes)
    key = [("slice", None, None, None), *(("slice", pad, -pad or None, None) for pad in pads)]
    return apply("transpose", apply("slice", whole, key=tuple(key)), axes=(0, 3, 1, 2))
