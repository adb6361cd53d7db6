"""Arithmetic on shapes in which an unknown axis is None."""

from __future__ import annotations

Shape = tuple[int | None, ...]


def broadcast(*shapes: Shape) -> Shape:
    """Shape of an elementwise result. None broadcast with 1 stays None; None with n gives n."""
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[int | None] = []
    for axis in range(-rank, 0):
        sizes = {shape[axis] for shape in shapes if -axis <= len(shape)} - {1}
        known = sizes - {None}
        if len(known) > 1:
            raise ValueError(f"Shapes {' and '.join(map(str, shapes))} cannot be broadcast together: "
                             f"axis {axis} has sizes {sorted(known)}.")  # type: ignore[type-var]
        result.append(known.pop() if known else (None if sizes else 1))
    return tuple(result)


def size(shape: Shape) -> int | None:
    """Number of elements, or None where an axis is unknown."""
    total = 1
    for axis in shape:
        if axis is None:
            return None
        total *= axis
    return total


def normalize_axis(axis: int, rank: int) -> int:
    """Non-negative form of `axis`."""
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is out of range for a tensor with {rank} axes.")
    return axis % rank


def pair(value: int | tuple[int, ...] | list[int], rank: int, name: str) -> tuple[int, ...]:
    """`value` for each of `rank` spatial axes."""
    if isinstance(value, int):
        return (value,) * rank
    values = tuple(value)
    if len(values) != rank or not all(isinstance(item, int) for item in values):
        raise ValueError(f"`{name}` must be an integer or {rank} integers. Received {value!r}.")
    return values


def window_size(length: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """Output length of a convolution or pooling along one axis ('valid', 'same' or 'causal')."""
    if length is None:
        return None
    if padding in ("same", "causal"):
        return -(-length // stride)
    return (length - (window - 1) * dilation - 1) // stride + 1
