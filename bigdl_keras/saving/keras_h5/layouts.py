"""How the arrays of one layer lie in a legacy file, and the way there and back: a list of small reversible steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..spec import StoreNode, StoreVariable, Version
from . import v1, v2
from .pieces import Piece, unchanged

# Arrays that never train, whatever the flags say; they follow the trainable ones in the file.
_NEVER_TRAINED = frozenset({"moving_mean", "moving_variance", "vector_u", "sn_u", "mean", "variance", "count"})
Trains = Callable[[StoreVariable], bool]


@dataclass(frozen=True)
class Layout:
    """The arrays of one top-level layer in a file, in terms of the arrays of our layer.

    Args:
        places: for each piece, the indices (in the layer's `flat()` order) of our arrays that it makes.
        pieces: for each piece, how many file arrays it takes and how they change.
    """

    places: tuple[tuple[int, ...], ...]
    pieces: tuple[Piece, ...]

    @property
    def count(self) -> int:
        """How many file arrays the layer has."""
        return sum(piece.count for piece in self.pieces)

    def from_file(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Our arrays, in `flat()` order, from those of the file."""
        result: dict[int, np.ndarray] = {}
        position = 0
        for places, piece in zip(self.places, self.pieces, strict=True):
            made = piece.from_file(list(arrays[position : position + piece.count]))
            position += piece.count
            result.update(zip(places, made, strict=True))
        return [result[index] for index in range(len(result))]

    def to_file(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The arrays of the file from ours in `flat()` order."""
        return [
            array
            for places, piece in zip(self.places, self.pieces, strict=True)
            for array in piece.to_file([arrays[place] for place in places])
        ]


def layout_of(layer: StoreNode, shapes: Sequence[tuple[int, ...]], version: Version, trains: Trains) -> Layout:
    """How `layer` lies in a file of `version` whose arrays have these `shapes`.

    Args:
        layer: one top-level layer.
        shapes: shapes of its file arrays, in order, as far as known: they tell older layouts apart.
        version: of the file.
        trains: which arrays come first.
    """
    places: list[tuple[int, ...]] = []
    pieces: list[Piece] = []
    position = 0
    owners = list(_owners(layer))
    index_of = {id(variable): index for index, variable in enumerate(layer.flat())}
    for first in (True, False):
        for owner, config in owners:
            variables = [
                variable for variable in owner.variables if trains(variable) is first and id(variable) in index_of
            ]
            if not variables:
                continue
            piece = _piece(owner.class_name, config, variables, list(shapes[position:]), version)
            places.append(tuple(index_of.pop(id(variable)) for variable in variables))
            pieces.append(piece)
            position += piece.count
    return Layout(tuple(places), tuple(pieces))


def candidates(layer: StoreNode) -> Iterator[Trains]:
    """The orders in which a file may list the arrays of a layer, the likeliest first.

    Keras lists what trains before what does not; a file may have been saved before or after layers were frozen.
    """
    yield lambda variable: variable.trainable
    yield lambda variable: variable.name.rpartition("/")[2].partition(":")[0] not in _NEVER_TRAINED
    yield lambda variable: True


def _owners(layer: StoreNode) -> Iterator[tuple[StoreNode, Mapping[str, Any]]]:
    """Owners of arrays, with the config that counts for them: their own over that of the layers around."""
    configs: dict[int, dict[str, Any]] = {}

    def visit(node: StoreNode, around: Mapping[str, Any]) -> None:
        if id(node) in configs:
            return
        configs[id(node)] = {**around, **node.config}
        for part in node.parts():
            visit(part, configs[id(node)])

    visit(layer, {})
    for owner in layer.owners():
        yield owner, configs[id(owner)]


def _piece(
    class_name: str,
    config: Mapping[str, Any],
    variables: list[StoreVariable],
    shapes: list[tuple[int, ...]],
    version: Version,
) -> Piece:
    ours = [variable.shape for variable in variables]
    if version.major == 1:
        return v1.piece(class_name, config, ours, shapes, version)
    if version.major == 2:
        return v2.piece(class_name, config, ours, shapes, version)
    return unchanged(len(variables))
