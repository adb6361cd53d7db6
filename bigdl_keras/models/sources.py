"""What fit, evaluate and predict are given becomes sources of rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import ArraySource, Source, as_source, kind_of
from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import is_string

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model


def split_validation(arguments: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """(x, y, weights, validation data), with the last part of the arrays taken away by `validation_split`."""
    x, y, weights = arguments["x"], arguments["y"], arguments["sample_weight"]
    fraction = arguments["validation_split"]
    if not fraction or arguments["validation_data"] is not None:
        return x, y, weights, arguments["validation_data"]
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1. Received {fraction}.")
    if kind_of(x) != "arrays":
        raise ValueError(
            "`validation_split` works on arrays. For an RDD or a DataFrame use randomSplit() and `validation_data`."
        )
    rows = len(nest.flatten(x)[0])
    edge = int(rows * (1 - fraction))
    if edge == 0 or edge == rows:
        raise ValueError(
            f"`validation_split`={fraction} of {rows} rows leaves no rows to train on, or none to validate on."
        )

    def part(value: Any, rows_of_part: slice) -> Any:
        if value is None:
            return None
        if isinstance(value, (list, tuple)) and value and np.ndim(value[0]) == 0:
            value = np.asarray(value)
        return nest.map_leaves(lambda leaf: np.asarray(leaf)[rows_of_part], value)

    first, last = slice(0, edge), slice(edge, None)
    validation = (part(x, last), part(y, last)) + (() if weights is None else (part(weights, last),))
    return part(x, first), part(y, first), part(weights, first), validation


def source_of(model: Model, x: Any, y: Any, weights: Any, columns: dict[str, Any], labels: bool = True) -> Source:
    shapes = [tensor.shape[1:] for tensor in model.graph.input_tensors] if model.graph is not None else [(None,)]
    outputs = len(model.graph.output_tensors) if model.graph is not None else 1
    return as_source(
        x, y, weights, **columns, labels=labels, input_shapes=shapes, outputs=outputs, strings=may_read_strings(model)
    )


def may_read_strings(model: Model) -> bool:
    """Whether an input of the model takes strings, or it is not known yet what it takes."""
    return model.graph is None or any(map(is_string, model.graph.input_tensors))


def first_rows(steps: int | None, batch_size: int, x: Any, y: Any, weights: Any) -> tuple[Any, Any, Any]:
    """The rows of the first `steps` batches of arrays."""
    if steps is None:
        return x, y, weights
    if kind_of(x) != "arrays":
        raise ValueError(
            "A number of steps can be set for arrays. Take the rows you want of an RDD or a DataFrame with limit()."
        )
    rows = positive("steps", steps) * batch_size
    x, y, weights = (
        None if part is None else nest.map_leaves(lambda leaf: leaf[:rows], part) for part in (x, y, weights)
    )
    return x, y, weights


def validation_source(
    model: Model, validation: Any, columns: dict[str, Any], steps: int | None, batch_size: int
) -> Source:
    if kind_of(validation) != "arrays":
        first_rows(steps, batch_size, validation, None, None)
        usable = columns if kind_of(validation) == "dataframe" else {}
        return source_of(model, validation, None, None, usable)
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise ValueError(
            "`validation_data` must be a tuple (x, y) or (x, y, sample_weight) of arrays, an RDD or a DataFrame. "
            f"Received {type(validation).__name__}."
        )
    x, y, weights = (*validation, None)[:3]
    return ArraySource(*first_rows(steps, batch_size, x, y, weights), strings=may_read_strings(model))


def validation_epochs(frequency: Any, initial_epoch: int, epochs: int) -> Collection[int] | None:
    """The epochs after which to validate, None for all."""
    if isinstance(frequency, Collection):
        return {int(epoch) - 1 for epoch in frequency}
    if positive("validation_freq", frequency) == 1:
        return None
    return {epoch for epoch in range(initial_epoch, epochs) if (epoch + 1) % frequency == 0}


def positive(name: str, value: Any) -> int:
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received {value!r}.")
    return int(value)
