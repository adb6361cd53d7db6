"""Kernels that pad, copy and reorder: gradients add up what became of each number."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel, each
from bigdl_keras.shapes import normalize_axis

# Padding: `widths` is one (before, after) an axis


def pad_shape(given: Any, *, widths: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Shape rule of `pad`."""
    return tuple(
        None if size is None else size + before + after for size, (before, after) in zip(given, widths, strict=True)
    )


def pad(x: Any, *, widths: Any, mode: str = "constant", value: float = 0.0, out: Any = None) -> Any:
    if mode != "constant":
        return np.pad(x, widths, mode=mode)  # type: ignore[call-overload]
    y = np.empty(pad_shape(x.shape, widths=widths), x.dtype) if out is None else out
    y.fill(value)
    y[_inner(x.shape, widths)] = x
    return y


def _inner(shape: Any, widths: Any) -> tuple[slice, ...]:
    return tuple(slice(before, before + size) for size, (before, _) in zip(shape, widths, strict=True))


def pad_gradient(
    dy: Any, shapes: Any, *, widths: Any, mode: str = "constant", value: float = 0.0, out: Any = None
) -> Any:
    if mode == "constant":
        return dy[_inner(shapes[0], widths)]
    for axis, (size, (before, after)) in enumerate(zip(shapes[0], widths, strict=True)):
        sources = np.pad(np.arange(size), (before, after), mode=mode)  # type: ignore[call-overload]
        folded = np.zeros((*dy.shape[:axis], size, *dy.shape[axis + 1 :]), dy.dtype)
        np.add.at(np.moveaxis(folded, axis, 0), sources, np.moveaxis(dy, axis, 0))
        dy = folded
    return dy


KERNELS["pad"] = Kernel(pad, each(pad_gradient), pad_shape, ("shapes",))


# Copies and orders


def repeat_shape(given: Any, *, repeats: int, axis: int) -> Any:
    """Shape rule of `repeat`."""
    place = normalize_axis(axis, len(given))
    size = given[place]
    return (*given[:place], None if size is None else size * repeats, *given[place + 1 :])


def repeat(x: Any, *, repeats: int, axis: int, out: Any = None) -> Any:
    return np.repeat(x, repeats, axis=axis)


def repeat_gradient(dy: Any, shapes: Any, *, repeats: int, axis: int, out: Any = None) -> Any:
    place = normalize_axis(axis, len(shapes[0]))
    parted = dy.reshape(*shapes[0][: place + 1], repeats, *shapes[0][place + 1 :])
    return np.add.reduce(parted, axis=place + 1, out=out)


def _aligned(given: Any, repeats: Any) -> tuple[Any, Any]:
    rank = max(len(given), len(repeats))
    return (1,) * (rank - len(given)) + tuple(given), (1,) * (rank - len(repeats)) + tuple(repeats)


def tile_shape(given: Any, *, repeats: Any) -> Any:
    """Shape rule of `tile`."""
    return tuple(None if size is None else size * times for size, times in zip(*_aligned(given, repeats), strict=True))


def tile(x: Any, *, repeats: Any, out: Any = None) -> Any:
    return np.tile(x, repeats)


def tile_gradient(dy: Any, shapes: Any, *, repeats: Any, out: Any = None) -> Any:
    pairs = list(zip(*_aligned(shapes[0], repeats), strict=True))
    parted = dy.reshape([number for size, times in pairs for number in (times, size)])
    return np.add.reduce(parted, axis=tuple(range(0, 2 * len(pairs), 2))).reshape(shapes[0])


def flip_shape(given: Any, *, axis: Any = None) -> Any:
    """Shape rule of `flip`."""
    return given


def flip(x: Any, *, axis: Any = None, out: Any = None) -> Any:
    return np.flip(x, axis)


def flip_gradient(dy: Any, shapes: Any, *, axis: Any = None, out: Any = None) -> Any:
    return np.flip(dy, axis)


def roll_shape(given: Any, *, shift: Any, axis: Any = None) -> Any:
    """Shape rule of `roll`."""
    return given


def roll(x: Any, *, shift: Any, axis: Any = None, out: Any = None) -> Any:
    return np.roll(x, shift, axis)


def roll_gradient(dy: Any, shapes: Any, *, shift: Any, axis: Any = None, out: Any = None) -> Any:
    back = tuple(-one for one in shift) if isinstance(shift, tuple) else -shift
    return np.roll(dy, back, axis)


KERNELS["repeat"] = Kernel(repeat, each(repeat_gradient), repeat_shape, ("shapes",))
KERNELS["tile"] = Kernel(tile, each(tile_gradient), tile_shape, ("shapes",))
KERNELS["flip"] = Kernel(flip, each(flip_gradient), flip_shape, ("shapes",), view=True)
KERNELS["roll"] = Kernel(roll, each(roll_gradient), roll_shape, ("shapes",))
