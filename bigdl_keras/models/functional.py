"""A graph of layer calls between input and output tensors, walked the same for numbers and for traces."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.node import Node, nodes_between, operations_by_depth
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.input_layer import InputLayer


class Graph:
    """The calls between `inputs` and `outputs` (nests of KerasTensors).

    Raises:
        TypeError: an input or output is no KerasTensor.
        ValueError: an output does not depend on the inputs alone, or two layers share a name.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        for tensor in nest.flatten(inputs) + nest.flatten(outputs):
            if not isinstance(tensor, KerasTensor):
                raise TypeError(
                    "Model(inputs, outputs) takes tensors made by Input() and by calling layers on them. "
                    f"Received {tensor!r} of type {type(tensor).__name__}."
                )
        self.inputs = inputs
        self.outputs = outputs
        self.input_tensors: list[KerasTensor] = nest.flatten(inputs)
        self.output_tensors: list[KerasTensor] = nest.flatten(outputs)
        self.nodes: list[Node] = nodes_between(self.input_tensors, self.output_tensors)
        for node in self.nodes:
            if isinstance(node.operation, InputLayer):
                raise ValueError(
                    f"The model's output depends on the input '{node.operation.name}', which is not among "
                    f"`inputs` ({[tensor.name for tensor in self.input_tensors]}). Add it there."
                )
        self.entries = operations_by_depth(self.input_tensors, self.output_tensors)
        self.layers = self._layers_in_order()

    def _layers_in_order(self) -> list[Layer]:
        layers = [entry for entry in self.entries if isinstance(entry, Layer)]
        names: dict[str, Layer] = {}
        for layer in layers:
            if names.setdefault(layer.name, layer) is not layer:
                raise ValueError(
                    f"Two different layers are called '{layer.name}'. Layer names must be unique in a model: pass "
                    "`name=` to one of them."
                )
        return layers

    @property
    def input_names(self) -> list[str]:
        """Names under which data for the inputs is looked up."""
        return [tensor.name or f"input_{number}" for number, tensor in enumerate(self.input_tensors)]

    @property
    def output_names(self) -> list[str]:
        """Keys of a dict of outputs; else names of the layers that make them, numbered where one makes several."""
        if isinstance(self.outputs, dict) and len(self.outputs) == len(self.output_tensors):
            return sorted(self.outputs)
        names: list[str] = []
        for tensor in self.output_tensors:
            operation = tensor.node.operation if tensor.node is not None else None
            base = str(getattr(operation, "name", None) or getattr(operation, "__name__", "output"))
            name, number = base, 0
            while name in names:
                number += 1
                name = f"{base}_{number}"
            names.append(name)
        return names

    def run(self, inputs: Any) -> Any:
        """Call the layers one after another on `inputs`, arrays or tensors of a trace; returns the nest of outputs."""
        values: dict[int, Any] = {}
        for tensor, value in zip(self.input_tensors, self.arrange(inputs), strict=True):
            values[id(tensor)] = self._fit_rank(value, tensor)

        def replace(leaf: Any) -> Any:
            return values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        for node in self.nodes:
            outputs = node.operation(*nest.map_leaves(replace, node.args), **nest.map_leaves(replace, node.kwargs))
            for tensor, value in zip(node.output_tensors, nest.flatten(outputs), strict=True):
                values[id(tensor)] = value
        return nest.map_leaves(replace, self.outputs)

    def arrange(self, inputs: Any) -> list[Any]:
        """Leaves of `inputs` in the order of the model's inputs; dicts are read by input name.

        Raises:
            ValueError: a name is missing, or the number of inputs differs.
        """
        if isinstance(inputs, dict) and not isinstance(self.inputs, dict):
            missing = [name for name in self.input_names if name not in inputs]
            if missing:
                raise ValueError(
                    f"The model's input '{missing[0]}' is missing. Expected the keys {self.input_names}. "
                    f"Received {sorted(inputs)}."
                )
            return [inputs[name] for name in self.input_names]
        if isinstance(inputs, dict):
            missing = [name for name in self.inputs if name not in inputs]
            if missing:
                raise ValueError(f"The model's input '{missing[0]}' is missing. Received the keys {sorted(inputs)}.")
            inputs = {key: inputs[key] for key in self.inputs}
        leaves = nest.flatten(inputs)
        if len(leaves) != len(self.input_tensors):
            raise ValueError(
                f"The model has {len(self.input_tensors)} inputs ({', '.join(self.input_names)}). "
                f"Received {len(leaves)}."
            )
        return leaves

    def output_of(self, layer: Layer) -> Any:
        """What a layer of the graph makes, at its last call."""
        for node in reversed(self.nodes):
            if node.operation is layer:
                return node.outputs
        return layer.output  # an input

    def inputs_of(self, outputs: Any) -> list[KerasTensor]:
        """The inputs of the graph that these tensors of it depend on, in order."""
        met = {id(tensor) for tensor in self._upstream(outputs)}
        return [tensor for tensor in self.input_tensors if id(tensor) in met]

    def layers_up_to(self, layer: Layer) -> list[Layer]:
        """A layer of the graph and all that it depends on."""
        makers = [tensor.node.operation for tensor in self._upstream(self.output_of(layer)) if tensor.node is not None]
        return list(dict.fromkeys(maker for maker in makers if isinstance(maker, Layer)))

    def _upstream(self, outputs: Any) -> list[KerasTensor]:
        """The tensors and all that they are computed from, down to the graph's inputs."""
        ends = {id(tensor) for tensor in self.input_tensors}
        met: dict[int, KerasTensor] = {}
        waiting = list(nest.flatten(outputs))
        while waiting:
            tensor = waiting.pop()
            if id(tensor) not in met:
                met[id(tensor)] = tensor
                if id(tensor) not in ends and tensor.node is not None:
                    waiting.extend(tensor.node.input_tensors)
        return list(met.values())

    @staticmethod
    def _fit_rank(value: Any, tensor: KerasTensor) -> Any:
        """Keras lets (rows,) stand for (rows, 1), and the reverse."""
        shape = np.shape(value) if not hasattr(value, "shape") else value.shape
        if len(shape) == len(tensor.shape) - 1 and tensor.shape[-1] == 1:
            return ops.expand_dims(value, -1)
        if len(shape) == len(tensor.shape) + 1 and shape[-1] == 1:
            return ops.squeeze(value, -1)
        return value
