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
    return _search(inputs, outputs)[0]


def caller(node: Node) -> Any:
    """What counts as one entry of a model: a layer, however often it is called; for a function each call by itself."""
    return node.operation if hasattr(node.operation, "_inbound_nodes") else node


def operations_by_depth(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Any]:
    """What is called between `inputs` and `outputs`, and what made the inputs, in Keras's order of layers.

    The farther from the outputs, the earlier; of equally far ones, the one that a depth-first search from the outputs
    meets first. Files list layers and weights in this order.
    """
    order, met = _search(inputs, outputs)
    entries = [tensor.node for tensor in inputs if tensor.node is not None]
    node_depths: dict[int, int] = {}
    depths: dict[int, int] = {}
    operations: dict[int, Any] = {}
    inner = {id(node) for node in order}
    for node in [*reversed(order), *entries]:
        key = id(caller(node))
        depth = max(node_depths.get(id(node), 0), depths.get(key, 0))
        depths[key], operations[key] = depth, caller(node)
        for tensor in node.input_tensors if id(node) in inner else ():
            if tensor.node is not None:
                node_depths[id(tensor.node)] = max(depth + 1, node_depths.get(id(tensor.node), 0))
    places = {key: place for place, key in enumerate(met)}
    return [operations[key] for key in sorted(depths, key=lambda key: (-depths[key], places.get(key, -1)))]


def _search(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> tuple[list[Node], list[int]]:
    """Depth-first from the outputs: nodes in the order of completion, ids of operations in the order of first sight."""
    known = {id(tensor) for tensor in inputs}
    order: list[Node] = []
    finished: set[int] = set()
    met: dict[int, None] = {}
    for output in outputs:
        stack: list[tuple[KerasTensor, bool]] = [(output, False)]
        while stack:
            tensor, ready = stack.pop()
            node = tensor.node
            if node is not None and id(node) not in finished:
                met.setdefault(id(caller(node)))
            if id(tensor) in known or (node is not None and id(node) in finished):
                continue
            if node is None:
                raise ValueError(
                    f"The model's output {output!r} depends on {tensor!r}, which is not among the inputs "
                    f"{[item.name for item in inputs]}. Add it to `inputs`."
                )
            if ready:
                finished.add(id(node))
                order.append(node)
            else:
                stack.append((tensor, True))
                stack.extend((parent, False) for parent in reversed(node.input_tensors))
    return order, list(met)
