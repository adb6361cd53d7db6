"""Files and models meet in plain data: what a model is (`ModelSpec`) and where its weights live (`StoreNode`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class TensorRef:
    """A tensor: output `tensor_index` of call `node_index` of the layer called `layer`.

    Calls count from 0, as in Keras 3. `shape` and `dtype` are what a file says of the tensor; that is not its identity.
    """

    layer: str
    node_index: int = 0
    tensor_index: int = 0
    shape: tuple[int | None, ...] | None = field(default=None, compare=False)
    dtype: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Call:
    """One call of a layer; where a tensor stands in `args` or `kwargs` (or a nest in them) there is a `TensorRef`."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerSpec:
    """A layer of a model, with the argument names and meanings of Keras 3.

    Args:
        class_name: Keras 3 class name; operators on tensors are called 'ops.<function>'.
        name: name of the layer, unique in its model.
        config: arguments of the class. Sub-layers of wrappers are nested {"class_name", "config"} dicts.
        inbound: one `Call` for each time the layer is called (empty for input layers and in a Sequential).
        model: the nested model, if this layer is one.
        module, registered_name: as the file says, for information; never imported.
        build_shape: the input shape the layer was built with, where the file says so.
        shared: a number that layers of several models, nested in each other, have in common if they are one object.
    """

    class_name: str
    name: str
    config: dict[str, Any]
    inbound: tuple[Call, ...] = ()
    model: ModelSpec | None = None
    module: str | None = None
    registered_name: str | None = None
    build_shape: Any = None
    shared: int | None = None


@dataclass(frozen=True)
class Version:
    """The Keras that wrote a file."""

    major: int
    full: str = ""
    backend: str | None = None

    def __str__(self) -> str:
        return f"Keras {self.full or self.major}" + (f" ({self.backend})" if self.backend else "")


@dataclass(frozen=True)
class ModelSpec:
    """An architecture as plain data.

    Args:
        class_name: 'Sequential' or 'Functional'.
        name: name of the model.
        layers: in the order of the file, which may name a layer before the layers that feed it. A Sequential starts
            with an 'InputLayer' entry wherever the input shape is known.
        inputs, outputs: `TensorRef`, or lists or dicts of them, in the structure that the model takes and returns.
        compile: arguments of `compile` ('optimizer', 'loss', 'metrics', 'loss_weights', ...), or None.
        version: the Keras whose file this came from.
        trainable: False where the whole model was frozen.
    """

    class_name: str
    name: str
    layers: tuple[LayerSpec, ...]
    inputs: Any = None
    outputs: Any = None
    compile: dict[str, Any] | None = None
    version: Version = Version(3)
    trainable: bool = True


@dataclass(frozen=True, eq=False)
class StoreVariable:
    """One array of a layer. `value` is None where only the place is meant (before reading).

    An array that two objects own (SpectralNormalization owns its layer's kernel) is the same `StoreVariable` in both.
    """

    name: str
    shape: tuple[int, ...]
    trainable: bool = True
    value: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class StoreNode:
    """A layer or a model as a tree of the objects that own arrays.

    A layer that several parents share must be the same `StoreNode` object under each of them.

    Args:
        class_name: class of the object.
        name: its name.
        variables: arrays of this object alone, trainable ones first, in the order of creation.
        children: attribute name -> sub-object or tuple of sub-objects, in the order of creation.
        config: canonical config of the layer; the importer needs it to translate older layouts.
    """

    class_name: str
    name: str
    variables: tuple[StoreVariable, ...] = ()
    children: Mapping[str, StoreNode | tuple[StoreNode, ...]] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    def parts(self) -> Iterator[StoreNode]:
        """Sub-objects in the order of creation."""
        for child in self.children.values():
            yield from (child,) if isinstance(child, StoreNode) else child

    def owners(self) -> list[StoreNode]:
        """All objects of the tree that own arrays, parents before parts, parts in the order of creation, each once."""
        found: list[StoreNode] = []
        visited: set[int] = set()

        def visit(node: StoreNode) -> None:
            if id(node) in visited:
                return
            visited.add(id(node))
            if node.variables:
                found.append(node)
            for part in node.parts():
                visit(part)

        visit(self)
        return found

    def flat(self) -> list[StoreVariable]:
        """All arrays of the tree in the order of `get_weights`: own ones first, then part by part, each once."""
        return list({id(variable): variable for owner in self.owners() for variable in owner.variables}.values())


def map_tensors(function: Callable[[TensorRef], Any], nest: Any) -> Any:
    """Replace every `TensorRef` in nested lists, tuples and dicts by `function(reference)`."""
    if isinstance(nest, TensorRef):
        return function(nest)
    if isinstance(nest, Mapping):
        return {key: map_tensors(function, value) for key, value in nest.items()}
    if isinstance(nest, list | tuple):
        return type(nest)(map_tensors(function, value) for value in nest)
    return nest


def tensors_of(nest: Any) -> list[TensorRef]:
    """Every `TensorRef` in nested lists, tuples and dicts, in order."""
    found: list[TensorRef] = []
    map_tensors(found.append, nest)
    return found
