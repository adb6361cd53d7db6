"""A stack of layers, each fed by the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.input_layer import Input, InputLayer
from bigdl_keras.models.functional import Graph
from bigdl_keras.models.model import Model


class Sequential(Model):
    """A model made of layers one after another.

    Args:
        layers: the layers; the first may be an `Input`, or have `input_shape=`. Without either, shapes are taken from
            the first data.
        name: name of the model.

    Example:
        >>> import bigdl_keras as bk
        >>> model = bk.Sequential([bk.Input((4,)), bk.layers.Dense(2, activation="softmax")])
        >>> model.count_params()
        10
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._stack: list[Layer] = []
        self._entry: InputLayer | None = None
        for layer in layers or ():
            self._append(layer)
        self._connect()

    def add(self, layer: Any) -> None:
        """Put a layer on top of the stack.

        Raises:
            TypeError: it is not a layer.
            ValueError: its name is taken, or it does not fit the output below.
        """
        self._append(layer)
        self._connect()

    def pop(self) -> Layer:
        """Take the top layer off and return it."""
        if not self._stack:
            raise ValueError(f"The model '{self.name}' has no layers to remove.")
        layer = self._stack.pop()
        self._connect()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor) and layer.node is not None and isinstance(layer.node.operation, InputLayer):
            layer = layer.node.operation
        if isinstance(layer, InputLayer):
            if self._stack or self._entry:
                raise ValueError(f"An Input must be the first layer of the Sequential model '{self.name}'.")
            self._entry = layer
            return
        if not isinstance(layer, Layer):
            raise TypeError(
                f"Only layers can be added to a Sequential model. Received {layer!r} of type {type(layer).__name__}."
            )
        if any(layer.name == other.name for other in self._stack):
            raise ValueError(
                f"The model '{self.name}' already has a layer called '{layer.name}'. Pass another `name=`."
            )
        if not self._stack and self._entry is None:
            self._entry = _entry_of(layer)
        self._stack.append(layer)

    def _connect(self) -> None:
        """Call the layers in turn where the input is known."""
        if self._entry is None or not self._stack:
            self.graph = None
            self._layers.clear()
            self._layers.extend(self._stack)
            self.built = False
            return
        tensor = self._entry.tensor
        for layer in self._stack:
            tensor = layer(tensor)
            if not isinstance(tensor, KerasTensor):
                raise ValueError(
                    f"Each layer of a Sequential model must have one output. '{layer.name}' has {len(tensor)}. "
                    "Use Model(inputs, outputs) for it."
                )
        self._set_graph(Graph(self._entry.tensor, tensor))

    def build(self, input_shape: Any = None) -> None:
        """Create the weights for inputs of `input_shape`, batch axis included.

        Raises:
            ValueError: no shape, and the model has no Input either.
        """
        if self.graph is None:
            if input_shape is None:
                raise ValueError(f"The Sequential model '{self.name}' has no Input: build(input_shape) needs a shape, "
                                 "batch axis included.")
            self.build_from(tuple(input_shape), self.dtype)

    def build_from(self, shape: tuple[int | None, ...], dtype: str) -> None:
        """Enter data of this shape, batch axis included, and connect the layers."""
        if not self._stack:
            raise ValueError(f"The Sequential model '{self.name}' has no layers. Add some with add().")
        self._entry = Input(batch_shape=(None, *shape[1:]), dtype=dtype).node.operation
        self._connect()

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self.graph is None:
            for layer in self._stack:
                inputs = layer(inputs)
            return inputs
        return self.graph.run(inputs)

    @property
    def is_chain(self) -> bool:
        """Whether one entry and the layers one after another are the whole model."""
        return self.graph is None or self._entry is not None

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._stack)


def _entry_of(layer: Layer) -> InputLayer | None:
    """The entry that the first layer declares by `input_shape=`, or has because it is a model."""
    if layer.batch_input_shape is not None:
        dtype = "int32" if type(layer).__name__ == "Embedding" else layer._input_dtype()
        return InputLayer(batch_shape=layer.batch_input_shape, dtype=dtype, name=f"{layer.name}_input")
    if isinstance(layer, Model) and layer.graph is not None and len(layer.inputs) == 1:
        tensor = layer.inputs[0]
        return InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=f"{layer.name}_input")
    return None
