"""What a layer accepts, checked before it is called."""

from __future__ import annotations

from collections.abc import Sequence


class InputSpec:
    """What a layer accepts: number of axes, and sizes of some of them.

    Args:
        dtype: remembered; inputs are cast, not refused.
        shape: full shape, None where any size is fine.
        ndim: exact number of axes.
        max_ndim, min_ndim: bounds of the number of axes.
        axes: axis -> required size.
        name: remembered.
    """

    def __init__(self, dtype: str | None = None, shape: Sequence[int | None] | None = None, ndim: int | None = None,
                 max_ndim: int | None = None, min_ndim: int | None = None, axes: dict[int, int] | None = None,
                 *, name: str | None = None) -> None:
        self.dtype, self.name = dtype, name
        self.ndim = len(shape) if shape is not None else ndim
        self.min_ndim = min_ndim
        self.max_ndim = max_ndim
        self.axes = dict(axes or {})
        if shape is not None:
            self.axes |= {axis: size for axis, size in enumerate(shape) if size is not None}

    def check(self, shape: tuple[int | None, ...], layer: str, position: int = 0) -> None:
        """Raise ValueError where `shape` does not fit."""
        wanted = None
        if self.ndim is not None and len(shape) != self.ndim:
            wanted = f"expected {self.ndim} axes"
        elif self.min_ndim is not None and len(shape) < self.min_ndim:
            wanted = f"expected at least {self.min_ndim} axes"
        elif self.max_ndim is not None and len(shape) > self.max_ndim:
            wanted = f"expected at most {self.max_ndim} axes"
        else:
            for axis, size in self.axes.items():
                if shape[axis] is not None and shape[axis] != size:
                    wanted = f"expected axis {axis} to have size {size}"
        if wanted:
            raise ValueError(f"Input {position} of layer '{layer}' is incompatible with the layer: {wanted}. "
                             f"Received shape {tuple(shape)}.")
