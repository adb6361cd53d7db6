"""The one table of kernels: a name, its mathematics, its gradient and its shape rule.

A kernel is a pure function of arrays. `forward(*inputs, out=None, **attributes)` never writes an input.
`gradient(dy, *needs, wanted, out, **attributes)` answers with one array (or None) per input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kernel:
    """All that the compiler knows of a kernel.

    Args:
        forward: `f(*inputs, out=None, **attributes)`. Returns the output array (a tuple if `outputs` says so), or,
            with `saves`, the pair (output, saved). `out` is a hint: a buffer of the output's shape and dtype.
        gradient: `g(dy, *needs, wanted, out, **attributes)` in the joint form (`each` builds it from one function
            per input). `wanted[i]` says whether input i needs a gradient, `out[i]` is a buffer or None. `dy` is an
            array, or for several outputs a tuple with None where nothing flows back. None: not differentiable.
        shape: `(*input_shapes, **attributes)` -> output shape, or a list of shapes for several outputs.
        needs: what the gradient is given after `dy`, in this order: "inputs" (all of them, spread), "output",
            "saved", "shapes" (a tuple of the input shapes).
        several: the kernel answers with a tuple of outputs and `shape` with a list.
        saves: forward answers with (output, saved). The gradient is called once and may overwrite what was saved.
        view: the output may share memory with input 0.
        elementwise: `out` may be the same memory as an input of the same shape and dtype.
        dtype: output dtype (or a list of them), or a function of the input dtypes and attributes; None promotes the
            inputs.
        random: forward takes `draws` (kernels.random.Draws).
        collective: forward and gradient take `total`, a function that sums a float64 array over all workers.
        rows: `r(**attributes)`, for a kernel that takes rows of input 0: answers with the function of `(dy, *needs)`
            that gives the number (n,) and the gradient (n, width) of each row taken, not added up; None where these
            attributes take something else.
    """

    forward: Callable[..., Any]
    gradient: Callable[..., tuple[Any, ...]] | None
    shape: Callable[..., Any]
    needs: tuple[str, ...] = ("inputs",)
    several: bool = False
    saves: bool = False
    view: bool = False
    elementwise: bool = False
    dtype: Any = None
    random: bool = False
    collective: bool = False
    rows: Callable[..., Callable[..., tuple[Any, Any]] | None] | None = None


KERNELS: dict[str, Kernel] = {}


def each(*functions: Callable[..., Any] | None) -> Callable[..., tuple[Any, ...]]:
    """Join one gradient per input, `g_i(dy, *needs, out=None, **attributes)`, into the joint form."""

    def gradient(
        dy: Any, *needs: Any, wanted: tuple[bool, ...], out: tuple[Any, ...], **attributes: Any
    ) -> tuple[Any, ...]:
        return tuple(
            function(dy, *needs, out=buffer, **attributes) if want and function is not None else None
            for function, want, buffer in zip(functions, wanted, out, strict=True)
        )

    return gradient


def same_shape(shape: Any, *_: Any, **attributes: Any) -> Any:
    """Shape rule of kernels that keep the shape of their first input."""
    return shape


def sum_to_shape(dy: np.ndarray, shape: tuple[int, ...], out: np.ndarray | None = None) -> np.ndarray:
    """Undo broadcasting: sum `dy` over the axes along which an input of `shape` was repeated."""
    if dy.shape == tuple(shape):
        return dy
    leading = dy.ndim - len(shape)
    axes = tuple(range(leading)) + tuple(
        leading + axis for axis, size in enumerate(shape) if size == 1 and dy.shape[leading + axis] != 1
    )
    if out is not None and out.shape == tuple(shape):
        flat = out.reshape([size for axis, size in enumerate(dy.shape) if axis not in axes])
        np.add.reduce(dy, axis=axes, out=flat) if axes else np.copyto(out, dy)
        return out
    return np.add.reduce(dy, axis=axes).reshape(shape)
