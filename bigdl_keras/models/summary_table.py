"""The table that `summary()` prints: BigDL's columns, 'Connected to' included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.graph import nest
from bigdl_keras.layers.base import Layer

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model


def summary_text(
    model: Model, line_length: int | None, positions: Sequence[float] | None, expand_nested: bool, show_trainable: bool
) -> str:
    """The table as text."""
    linear = all(len(_parents(model, layer)) <= 1 for layer in model.layers)
    fields = (
        ["Layer (type)", "Output Shape", "Param #"]
        + (["Trainable"] if show_trainable else [])
        + ([] if linear else ["Connected to"])
    )
    rows = [_row(model, layer, depth, show_trainable, linear) for layer, depth in _layers(model, expand_nested)]
    widths = _widths(fields, rows, line_length, positions)
    rule = "_" * sum(widths)
    lines = [f'Model: "{model.name}"', rule, _line(fields, widths), "=" * sum(widths)]
    for row in rows:
        lines.extend(_line(part, widths) for part in _wrapped(row))
    lines += [rule, *_totals(model)]
    return "\n".join(lines)


def _layers(model: Any, expand_nested: bool, depth: int = 0) -> Iterator[tuple[Layer, int]]:
    for layer in model.layers:
        yield layer, depth
        if expand_nested and hasattr(layer, "layers"):
            yield from _layers(layer, expand_nested, depth + 1)


def _row(model: Model, layer: Layer, depth: int, show_trainable: bool, linear: bool) -> list[list[str]]:
    name = f"{'> ' * depth}{layer.name} ({type(layer).__name__})"
    count = layer.count_params() if layer.built else 0
    row = [[name], [_shape_text(layer)], [f"{count:,}" if layer.built else "? (not built)"]]
    if show_trainable:
        row.append(["Y" if layer.trainable else "N"])
    if not linear:
        row.append(_parents(model, layer) or [""])
    return row


def _shape_text(layer: Layer) -> str:
    if not layer._inbound_nodes:
        return "?"
    shapes = [tensor.shape for tensor in nest.flatten(layer._inbound_nodes[0].outputs)]
    return str(shapes[0]) if len(shapes) == 1 else ", ".join(map(str, shapes))


def _parents(model: Model, layer: Layer) -> list[str]:
    """'layer[call][output]' of every tensor that feeds the layer in this model."""
    if model.graph is None:
        return []
    names = []
    for node in model.graph.nodes:
        if node.operation is layer:
            for tensor in node.input_tensors:
                source = tensor.node.operation
                calls = getattr(source, "_inbound_nodes", [tensor.node])
                name = getattr(source, "name", getattr(source, "__name__", "?"))
                names.append(f"{name}[{calls.index(tensor.node)}][{tensor.index}]")
    return names


def _widths(
    fields: Sequence[str],
    rows: Sequence[Sequence[list[str]]],
    line_length: int | None,
    positions: Sequence[float] | None,
) -> list[int]:
    if line_length and positions and len(positions) >= len(fields):
        edges = [0, *(int(line_length * place) for place in positions[: len(fields)])]
        return [stop - start for start, stop in itertools.pairwise(edges)]
    widths = [
        max([len(field), *(len(line) for row in rows for line in row[number])]) + 3
        for number, field in enumerate(fields)
    ]
    if line_length and sum(widths) < line_length:
        widths[-1] += line_length - sum(widths)
    return widths


def _wrapped(row: Sequence[list[str]]) -> Iterator[list[str]]:
    for number in range(max(len(cell) for cell in row)):
        yield [cell[number] if number < len(cell) else "" for cell in row]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(cell[: width - 1].ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _totals(model: Model) -> list[str]:
    def count(variables: Sequence[Any]) -> int:
        return sum(int(np.prod(variable.shape, dtype=np.int64)) for variable in variables)

    def line(title: str, number: int) -> str:
        return f"{title}: {number:,} ({_bytes_text(4 * number)})"

    return [
        line("Total params", count(model.weights)),
        line("Trainable params", count(model.trainable_weights)),
        line("Non-trainable params", count(model.non_trainable_weights)),
    ]


def _bytes_text(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} GB"
