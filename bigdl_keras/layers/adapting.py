"""What a layer learns from data by `adapt` is a state that adds up: measured where the data lies, merged once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from importlib import import_module
from itertools import islice
from typing import Any

import numpy as np

Measure = Callable[[Any], Any]
Merge = Callable[[Any, Any], Any]

def refuse_change(layer: Any) -> None:
    """Raise if a model was made with what the layer would learn anew: its plans would not hear of it."""
    if layer.is_recorded:
        raise ValueError(f"Layer '{layer.name}' is part of a model that was made with what it knows. Adapt it, or set "
                         "its vocabulary, before the model is made; or make the model again with a new layer.")


_OF_SPARK = "bigdl_keras.data.summarizing"
"""The module that measures rows where they lie. It stands above and is asked by name, and only where such rows come."""


def measured(layer: str, data: Any, measure: Measure, merge: Merge, steps: int | None = None) -> Any:
    """The merged state of all data, in one pass.

    Args:
        layer: for messages.
        data: an array or list with one row per sample, an iterable (or list) of batches, an RDD of rows, or a DataFrame
            of which the wanted columns are selected.
        measure: from rows, as an array, to a state that can travel.
        merge: from two states to one.
        steps: number of batches to look at, where `data` is an iterable of them.

    Raises:
        TypeError: `data` is nothing of this.
        ValueError: there is no data.
    """
    if not isinstance(data, Iterable):
        return import_module(_OF_SPARK).summarize(layer, data, measure, merge)
    if hasattr(data, "shape") or (isinstance(data, (list, tuple)) and not (data and hasattr(data[0], "shape"))):
        batches: Iterable[Any] = [data]
    else:
        batches = data if steps is None else islice(data, steps)
    states = [measure(np.asarray(batch)) for batch in batches if len(batch)]
    if not states:
        raise ValueError(f"adapt() of {layer} needs data. Received none.")
    return reduce(merge, states)
