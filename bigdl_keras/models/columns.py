"""Which column of the data feeds which input, label and weight of a model; checked before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data import Choice, Column, Encoded, Source
from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import STRING
from bigdl_keras.layers.base import Layer
from bigdl_keras.models.runtime import Spec
from bigdl_keras.registry import suggestion

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model


@dataclass(frozen=True)
class Matched:
    """A source whose columns are in the order of a plan's inputs, and what they are.

    Attributes:
        source: inputs, then the labels and the weights that are not None.
        inputs: one spec per model input.
        labels, weights: one per head; None where the head has none.
    """

    source: Source
    inputs: tuple[Spec, ...]
    labels: tuple[Spec | None, ...]
    weights: tuple[Spec | None, ...]


def match_inputs(model: Model, source: Source) -> tuple[Source, tuple[Spec, ...]]:
    """The source with the model's inputs alone, in order.

    Raises:
        ValueError: the number, names or shapes of the inputs do not fit.
    """
    ensure_built(model, source)
    numbers = _input_columns(model, source)
    specs = _input_specs(model, source, numbers)
    return source.select(_as_read(model, numbers, specs)), specs


def match(model: Model, source: Source) -> Matched:
    """The source with inputs, labels and weights in the order of the model's plan inputs.

    Raises:
        ValueError: columns are missing, or their shapes do not fit.
    """
    ensure_built(model, source)
    if not model.heads:
        model.need_compiled("fit")
    inputs = _input_columns(model, source)
    labels = _head_columns(model, source.structure.y, "y")
    weights = _head_columns(model, source.structure.weights, "sample_weight", single_for_all=True)
    for head, label in zip(model.heads, labels, strict=True):
        if head.loss is not None and label is None:
            raise ValueError(
                f"There are no labels for the output '{head.name}', which has a loss. Received y={_what(source)}."
            )
    used = [label if head.used else None for head, label in zip(model.heads, labels, strict=True)]
    kept = [weight if label is not None else None for weight, label in zip(weights, used, strict=True)]
    specs = _input_specs(model, source, inputs)
    order = [*_as_read(model, inputs, specs), *(number for number in (*used, *kept) if number is not None)]
    return Matched(
        source.select(order),
        specs,
        _column_specs(source, used),
        _column_specs(source, kept),
    )


def _what(source: Source) -> str:
    return "None" if source.structure.y is None else f"{len(nest.flatten(source.structure.y))} arrays"


def ensure_built(model: Model, source: Source) -> None:
    """Build a model without shapes from the first row."""
    if model.graph is not None:
        return
    if hasattr(model, "build_from"):  # Sequential makes its graph now
        column = source.columns[nest.flatten(source.structure.x)[0]]
        model.build_from((None, *column.shape), _float_or_int(column))
    elif not model.built or model.call_structure is None:
        model.call_structure = source.structure.x
        with_rows = nest.map_leaves(lambda number: source.first[number], source.structure.x)
        Layer.__call__(model, with_rows)


def _input_columns(model: Model, source: Source) -> list[int]:
    x = source.structure.x
    if model.graph is None:
        return list(nest.flatten(x))
    names = model.graph.input_names
    if source.kind == "arrays" and not isinstance(x, (dict, list, tuple)):
        x = [x]
    leaves = nest.flatten(x)
    if isinstance(x, dict):
        for key in x:
            if key not in names and not isinstance(model.graph.inputs, dict):
                raise ValueError(
                    f"The data has an input {key!r}. The model's inputs are {names}.{suggestion(key, names)}"
                )
    elif len(leaves) != len(names):
        raise ValueError(
            f"The model '{model.name}' has {len(names)} inputs ({', '.join(names)}). Received {len(leaves)}: "
            f"{[source.columns[number].name for number in leaves]}."
        )
    return [int(number) for number in model.graph.arrange(x)]


def _input_specs(model: Model, source: Source, numbers: Sequence[int]) -> tuple[Spec, ...]:
    columns = [source.columns[number] for number in numbers]
    if model.graph is None:
        return tuple(Spec(tuple(column.shape), _float_or_int(column), column.name) for column in columns)
    return tuple(
        _input_spec(column, tensor.shape[1:], tensor.dtype, name)
        for column, tensor, name in zip(columns, model.graph.input_tensors, model.graph.input_names, strict=True)
    )


def _as_read(model: Model, numbers: Sequence[int], specs: Sequence[Spec]) -> list[Choice]:
    """The columns as the plan is given them: of strings, what the model's encoders make."""
    if not any(spec.dtype == STRING for spec in specs):
        return list(numbers)
    readings = model.runtime.readings(specs)

    def part(position: int) -> tuple[int, tuple[int, ...] | None, str | None]:
        spec = specs[position]
        known = None if None in spec.shape else tuple(size for size in spec.shape if size is not None)
        return numbers[position], known, None if spec.dtype == STRING else spec.dtype

    made = [Encoded(reading.layer, reading.encoder, tuple(map(part, reading.inputs))) for reading in readings]
    return [number for number, spec in zip(numbers, specs, strict=True) if spec.dtype != STRING] + made


def _input_spec(column: Column, shape: tuple[int | None, ...], dtype: str, name: str) -> Spec:
    given = tuple(column.shape)
    if np.dtype(column.dtype).kind == "O" and dtype != STRING:
        raise TypeError(f"The model's input '{name}' takes numbers. `{column.name}` holds strings: encode them, or "
                        "make it an Input(dtype='string') with a StringLookup, Hashing or TextVectorization behind it.")
    fits = len(given) == len(shape) and all(
        size is None or size == other for size, other in zip(shape, given, strict=True)
    )
    if fits:
        return Spec(tuple(shape), dtype, name)
    if dtype == STRING and None not in shape and prod(given) == prod(size or 0 for size in shape):  # shaped when read
        return Spec(tuple(shape), dtype, name)
    if (*given, 1) == tuple(shape) or (given == (*shape, 1)):
        return Spec(given, dtype, name)
    if (
        len(given) == len(shape) - 1
        and shape[-1] == 1
        and all(size is None or size == other for size, other in zip(shape[:-1], given, strict=True))
    ):
        return Spec(given, dtype, name)
    hint = f" Reshape it, or use Input({given})." if given else ""
    raise ValueError(
        f"The model's input '{name}' takes rows of shape {tuple(shape)}. "
        f"`{column.name}` has rows of shape {given}.{hint}"
    )


def _head_columns(model: Model, nested: Any, what: str, single_for_all: bool = False) -> list[int | None]:
    names = [head.name for head in model.heads]
    if nested is None:
        return [None] * len(names)
    if isinstance(nested, dict):
        keys = names if any(key in names for key in nested) else None
        if keys is None and model.graph is not None and isinstance(model.graph.outputs, dict):
            keys = sorted(model.graph.outputs)
        if keys is None:
            keys = names
        unknown = [key for key in nested if key not in keys]
        if unknown:
            raise ValueError(
                f"`{what}` has the key {unknown[0]!r}. The model's outputs are {keys}.{suggestion(unknown[0], keys)}"
            )
        return [nested.get(key) for key in keys]
    if not isinstance(nested, (list, tuple)):
        nested = [nested]
    leaves = nest.flatten(nested)
    if single_for_all and len(leaves) == 1:
        return leaves * len(names)
    trained = [head.loss is not None for head in model.heads]
    if len(leaves) == sum(trained) < len(names):  # what has no loss needs no labels
        given = iter(leaves)
        return [next(given) if has_loss else None for has_loss in trained]
    if len(leaves) != len(names):
        raise ValueError(f"The model has {len(names)} outputs ({', '.join(names)}). `{what}` has {len(leaves)} arrays.")
    return leaves


def _column_specs(source: Source, numbers: Sequence[int | None]) -> tuple[Spec | None, ...]:
    return tuple(
        None
        if number is None
        else Spec(
            tuple(source.columns[number].shape),
            str(np.dtype(source.columns[number].dtype)),
            source.columns[number].name,
        )
        for number in numbers
    )


def _float_or_int(column: Column) -> str:
    kind = np.dtype(column.dtype).kind
    if kind == "O":
        return STRING
    return "float32" if kind == "f" else ("int32" if kind in "iu" else str(np.dtype(column.dtype)))
