"""Symbolic values: what a layer is given while its mathematics is recorded instead of computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bigdl_keras.shapes import Shape

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""Public operations by name; `ops` files them here, so that operators work on tensors that live below it."""

STRING = "string"
"""Dtype of a tensor of strings; arrays of it are arrays of objects."""


class Operators:
    """Python's operators, answered by the public operations of the same meaning.

    `==` and `!=` keep Python's identity, so that tensors can be looked up in lists; use ops.equal and ops.not_equal.
    """

    shape: Any

    __array_priority__ = 1000
    __array_ufunc__ = None  # `array + tensor` must ask the tensor

    def __add__(self, other: Any) -> Any:
        return OPERATIONS["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return OPERATIONS["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return OPERATIONS["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return OPERATIONS["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return OPERATIONS["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return OPERATIONS["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return OPERATIONS["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return OPERATIONS["divide"](other, self)

    def __floordiv__(self, other: Any) -> Any:
        return OPERATIONS["floor_divide"](self, other)

    def __mod__(self, other: Any) -> Any:
        return OPERATIONS["mod"](self, other)

    def __pow__(self, other: Any) -> Any:
        return OPERATIONS["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return OPERATIONS["power"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return OPERATIONS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return OPERATIONS["matmul"](other, self)

    def __neg__(self) -> Any:
        return OPERATIONS["negative"](self)

    def __abs__(self) -> Any:
        return OPERATIONS["abs"](self)

    def __lt__(self, other: Any) -> Any:
        return OPERATIONS["less"](self, other)

    def __le__(self, other: Any) -> Any:
        return OPERATIONS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Any:
        return OPERATIONS["greater"](self, other)

    def __ge__(self, other: Any) -> Any:
        return OPERATIONS["greater_equal"](self, other)

    def __invert__(self) -> Any:
        return OPERATIONS["logical_not"](self)

    def __and__(self, other: Any) -> Any:
        return OPERATIONS["logical_and"](self, other)

    def __or__(self, other: Any) -> Any:
        return OPERATIONS["logical_or"](self, other)

    def __getitem__(self, key: Any) -> Any:
        return OPERATIONS["get_item"](self, key)

    # BigDL's methods of a Variable; axes count the batch as 0.

    def add(self, other: Any) -> Any:
        """self + other."""
        return self + other

    def sub(self, other: Any) -> Any:
        """self - other."""
        return self - other

    def slice(self, dim: int, start_index: int, length: int) -> Any:
        """`length` neighbouring places of axis `dim` from `start_index` on; -1 for all that follow."""
        stop = None if length == -1 else start_index + length
        return self[(slice(None),) * dim + (slice(start_index, stop),)]

    def index_select(self, dim: int, index: int) -> Any:
        """One place of axis `dim`, without the axis."""
        return self[(slice(None),) * dim + (index,)]

    def squeeze(self, dim: Any = None) -> Any:
        """Without axis `dim`, of size 1; None for all such axes but the batch."""
        axes = [axis for axis, size in enumerate(self.shape) if axis and size == 1] if dim is None else dim
        return OPERATIONS["squeeze"](self, axes) if axes != [] else self

    def get_output_shape(self) -> tuple[int | None, ...]:
        """The shape, with None for the batch."""
        return tuple(self.shape)

    get_input_shape = get_output_shape


class KerasTensor(Operators):
    """A value that will exist when a Plan runs.

    Args:
        shape: tuple of sizes; None where the size is known only at run time.
        dtype: numpy dtype name; or "string", of what only encoders read.
        name: for messages and summaries.

    Attributes:
        node: the call that makes it, None for an input.
        index: which of the node's outputs it is.
        keras_mask: boolean tensor of the valid time steps, or None.
    """

    def __init__(self, shape: Shape, dtype: str = "float32", name: str | None = None) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype = STRING if dtype == STRING else str(np.dtype(dtype))
        self.name = name
        self.node: Any = None
        self.index = 0
        self.keras_mask: Any = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape} dtype={self.dtype} name={self.name}>"

    def __bool__(self) -> bool:
        raise TypeError(
            f"{self!r} has no truth value while a model is being built: its numbers exist only when the model "
            "runs. Use ops.where, or a Python value that does not depend on the data."
        )

    def __iter__(self) -> Iterator[Any]:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"{self!r} cannot be iterated: the size of its first axis is unknown.")
        return (self[position] for position in range(self.shape[0]))

    def __len__(self) -> int:
        if not self.shape or self.shape[0] is None:
            raise TypeError(f"{self!r} has no length: the size of its first axis is unknown.")
        return self.shape[0]

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"{self!r} is symbolic and cannot become a numpy array. Use the functions of bigdl_keras.ops "
            "instead of numpy's inside layers, losses and Lambdas."
        )


class Weight(Operators):
    """A value that lives in the parameter vector: what the graph needs to know of a variable."""

    shape: tuple[int, ...]
    dtype: str
    name: str
    trainable: bool

    @property
    def value(self) -> np.ndarray:
        """The array itself."""
        raise NotImplementedError


def is_string(leaf: Any) -> bool:
    """Whether `leaf` is a KerasTensor of strings."""
    return isinstance(leaf, KerasTensor) and leaf.dtype == STRING


def is_symbolic(leaf: Any) -> bool:
    """Whether `leaf` is a KerasTensor."""
    return isinstance(leaf, KerasTensor)
