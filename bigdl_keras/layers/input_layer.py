"""Where data enters a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.graph.node import Node
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.layers.base import Layer
from bigdl_keras.registry import register


@register("layer")
class InputLayer(Layer):
    """The entry of a model in its list of layers; users call `Input`.

    Args:
        shape: shape of one row, None on unknown axes.
        batch_size: number of rows if fixed.
        dtype: dtype of the data, default `floatx()`.
        batch_shape: shape with the batch axis, instead of `shape`.
        name: name of the input, also the key under which `fit` finds it in a dict.
    """

    def __init__(self, shape: Sequence[int | None] | None = None, batch_size: int | None = None, dtype: Any = None,
                 *, batch_shape: Sequence[int | None] | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        if batch_shape is None and shape is None:
            batch_shape = self.batch_input_shape
        if batch_shape is None and shape is None:
            raise ValueError("Input needs `shape`, the shape of one row, such as Input((784,)).")
        if shape is not None and isinstance(shape, int):
            raise ValueError(f"`shape` must be a tuple. Received {shape!r}; write ({shape},).")
        self.batch_shape = tuple(batch_shape) if batch_shape is not None else (batch_size, *(shape or ()))
        self.built = True
        tensor = KerasTensor(self.batch_shape, self.dtype, self.name)
        self._inbound_nodes.append(Node(self, (), {}, tensor))
        self.tensor = tensor

    def call(self, *_: Any) -> Any:
        raise RuntimeError(f"The input '{self.name}' is not among the model's inputs: add it to `inputs`.")

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": self.batch_shape, "dtype": self.dtype, "name": self.name}


def Input(shape: Sequence[int | None] | None = None, batch_size: int | None = None, dtype: Any = None,
          batch_shape: Sequence[int | None] | None = None, name: str | None = None, tensor: Any = None,
          **kwargs: Any) -> KerasTensor:
    """A symbolic tensor for data of the given shape.

    Args:
        shape: shape of one row, without the batch axis; None where the size varies.
        batch_size: number of rows if fixed.
        dtype: 'float32' unless given; 'int32' for indexes.
        batch_shape: shape with the batch axis, instead of `shape`.
        name: key of this input in dicts of arrays.
        tensor: an existing tensor to enter at; returned as it is.

    Returns:
        A KerasTensor on which layers can be called.
    """
    if tensor is not None:
        return tensor
    return InputLayer(shape, batch_size, dtype, batch_shape=batch_shape, name=name, **kwargs).tensor
