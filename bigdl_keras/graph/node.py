"""A node is one call: sharing a layer is calling it twice."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import KerasTensor


class Node:
    """One recorded call of a layer or a public operation in a model under construction.

    Args:
        operation: what was called (a Layer, or a function of `ops`).
        args, kwargs: the arguments, nests in which some leaves are KerasTensors.
        outputs: nest of new KerasTensors; they are told that this node made them.
    """

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        for index, tensor in enumerate(nest.flatten(outputs)):
            tensor.node = self
            tensor.index = index

    @property
    def input_tensors(self) -> list[KerasTensor]:
        """KerasTensors among the arguments, in order."""
        leaves = nest.flatten(list(self.args)) + nest.flatten(self.kwargs)
        return [leaf for leaf in leaves if isinstance(leaf, KerasTensor)]

    @property
    def output_tensors(self) -> list[KerasTensor]:
        """KerasTensors made by the call, in order."""
        return nest.flatten(self.outputs)


def nodes_between(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """Nodes needed to compute `outputs` from `inputs`, each after those it depends on.

    Raises:
        ValueError: an output depends on an input that is not listed.
    """
    known = {id(tensor) for tensor in inputs}
    order: list[Node] = []
    seen: set[int] = set()
    for output in outputs:
        stack: list[tuple[KerasTensor, bool]] = [(output, False)]
        while stack:
            tensor, ready = stack.pop()
            node = tensor.node
            if id(tensor) in known or (node is not None and id(node) in seen):
                continue
            if node is None:
                raise ValueError(f"The model's output {output!r} depends on {tensor!r}, which is not among the inputs "
                                 f"{[item.name for item in inputs]}. Add it to `inputs`.")
            if ready:
                seen.add(id(node))
                order.append(node)
            else:
                stack.append((tensor, True))
                stack.extend((parent, False) for parent in reversed(node.input_tensors))
    return order
