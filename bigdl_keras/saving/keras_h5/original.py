"""`get_weights` of an imported model speaks the language of the Keras that made it: its order and its array layout."""

from __future__ import annotations

from collections.abc import Sequence

from ..layer_configs import is_multi_backend
from ..spec import StoreNode, Version
from .assign import Match
from .layouts import Layout, candidates, layout_of

_MODELS = ("Sequential", "Functional")


def original_layout(root: StoreNode, version: Version, matches: Sequence[Match] = ()) -> Layout | None:
    """How the arrays of a model lie in the list that `get_weights` of `version` gives.

    Keras 1 and 2.2 list the arrays of a nested model with the trainable ones first, later Keras layer by layer; Keras 1
    has its own array layouts besides.

    Args:
        root: the model.
        version: the Keras that the model came from.
        matches: how its layers lie in the file, where there is one; it tells the variants of Keras 1 apart.

    Returns:
        The layout (`to_file` gives the old list, `from_file` takes it), or None where it is ours.
    """
    if version.major >= 3:
        return None
    known = {id(match.layer): match.layout for match in matches}
    index_of = {id(variable): index for index, variable in enumerate(root.flat())}
    places, pieces = [], []
    for part in root.parts():
        variables = part.flat()
        if not variables or id(variables[0]) not in index_of:
            continue
        layout = known.get(id(part)) or layout_of(part, [], version, next(candidates(part)))
        steps = list(zip(layout.places, layout.pieces, strict=True))
        if part.class_name in _MODELS and _goes_layer_by_layer(root, version):
            steps.sort(key=lambda step: min(step[0]))
        for own_places, piece in steps:
            global_places = tuple(index_of.pop(id(variables[place]), -1) for place in own_places)
            if -1 not in global_places:
                places.append(global_places)
                pieces.append(piece)
    layout = Layout(tuple(places), tuple(pieces))
    plain = all(piece.from_file is list for piece in pieces) and [place for group in places for place in group] == list(
        range(layout.count)
    )
    return None if plain and version.major > 1 else layout  # the backend of Keras 1 may still show in a weights file


def _goes_layer_by_layer(root: StoreNode, version: Version) -> bool:
    """Whether the arrays of a nested model are listed layer by layer instead of the trainable ones first."""
    if version.major == 1:
        return root.class_name == "Sequential"
    return not is_multi_backend(version)
