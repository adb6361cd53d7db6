"""Keras keeps a learnt vocabulary beside the config, as a text file; once read it is part of the config, as here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .spec import LayerSpec, ModelSpec
from .store import names_in_container

_FILE = "vocabulary.txt"
IDF_WEIGHTS = "idf_weights"
WITH_VOCABULARY = ("StringLookup", "IntegerLookup", "TextVectorization")


def with_vocabularies(spec: ModelSpec, text_of: Callable[[str], str | None],
                      weights_of: Callable[[str], np.ndarray | None], path: str = "layers") -> ModelSpec:
    """The architecture with the vocabularies of its layers.

    Args:
        spec: what the config of the file says.
        text_of: the content of a text file under 'assets/', or None.
        weights_of: the inverse document frequencies stored under the path of a layer, or None.
        path: where the layers of this model are filed.
    """
    parts = [layer for layer in spec.layers if not layer.class_name.startswith("ops.")]
    classes = [type_name(layer) for layer in parts]
    places = dict(zip([layer.name for layer in parts], names_in_container(classes), strict=True))

    def filled(layer: LayerSpec) -> LayerSpec:
        place = f"{path}/{places.get(layer.name)}"
        if layer.model is not None:
            return replace(layer, model=with_vocabularies(layer.model, text_of, weights_of, f"{place}/layers"))
        if layer.class_name not in WITH_VOCABULARY or layer.config.get("vocabulary") is not None:
            return layer
        text = text_of(f"{place}/{_FILE}")
        if text is None:
            return layer
        return replace(layer, config={**layer.config, **_learnt(layer, text, weights_of(place))})

    return replace(spec, layers=tuple(map(filled, spec.layers)))


def type_name(layer: LayerSpec) -> str:
    """The class under which a layer is counted."""
    return layer.class_name if layer.model is None else layer.model.class_name


def _learnt(layer: LayerSpec, text: str, weights: np.ndarray | None) -> dict[str, Any]:
    tokens: list[Any] = text.split("\n")
    if layer.class_name == "IntegerLookup":
        tokens = [int(token) for token in tokens if token]
    if weights is None:
        return {"vocabulary": tokens}
    return {"vocabulary": tokens, IDF_WEIGHTS: weights[:len(tokens)].tolist()}  # beyond are zeros, up to max_tokens
