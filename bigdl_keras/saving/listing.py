"""What arrays a file holds, and of what size, shows without building a model and without reading a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import h5py

from .keras_h5 import legacy
from .keras_h5.reader import H5Reader, StoredArray


@dataclass(frozen=True)
class ArrayEntry:
    """An array in a file.

    Args:
        owner: the layer it belongs to, as the file calls it; 'optimizer' for what the optimizer remembers.
        name: what the file calls it.
        shape: its shape.
        dtype: its type.
        byte_count: what it takes in memory.
    """

    owner: str
    name: str
    shape: tuple[int, ...]
    dtype: str
    byte_count: int


def list_arrays(reader: H5Reader) -> tuple[list[ArrayEntry], list[ArrayEntry]]:
    """(arrays of layers, arrays of the optimizer) of an open file of any Keras."""
    if legacy.is_legacy(reader):
        layers = legacy.file_layers(reader)
        top = legacy.model_weights(reader)
        optimizer = legacy.optimizer_weights(reader)
        return (
            [entry for layer in [*layers, *([top] if top else [])] for entry in _of_layer(layer, layer.name)],
            list(_of_layer(optimizer, "optimizer")) if optimizer else [],
        )
    weights: list[ArrayEntry] = []
    remembered: list[ArrayEntry] = []
    for path, array in _walk(reader, reader.root, "", set()):
        owner, _, name = path.rpartition("/")
        if path.startswith("optimizer/"):
            remembered.append(_entry("optimizer", path.removeprefix("optimizer/"), array))
        else:
            weights.append(_entry(_owner(reader, owner), name, array))
    return weights, remembered


def _of_layer(layer: legacy.FileLayer, owner: str) -> Iterator[ArrayEntry]:
    for name, array in zip(layer.weight_names, layer.arrays, strict=True):
        yield _entry(owner, name, array)


def _entry(owner: str, name: str, array: StoredArray) -> ArrayEntry:
    return ArrayEntry(owner, name, array.shape, str(array.dataset.dtype), array.byte_count)


def _walk(
    reader: H5Reader, group: h5py.Group, path: str, visited: set[int]
) -> Iterator[tuple[str, StoredArray]]:
    """Every array below a group with its path; numbers in their order; a group that contains itself is met once."""
    place = h5py.h5o.get_info(group.id).addr
    if place in visited:
        return
    visited.add(place)
    for name in sorted(reader.keys(group), key=lambda key: (int(key) if key.isascii() and key.isdigit() else -1, key)):
        inner = f"{path}/{name}" if path else name
        found = reader.find(group, name)
        if isinstance(found, h5py.Group):
            yield from _walk(reader, found, inner, visited)
        elif found is not None:
            yield inner, reader.stored(group, name)


def _owner(reader: H5Reader, path: str) -> str:
    """The path of the object that owns arrays, and the layer's own name where the file has it beside them."""
    group = reader.group(reader.root, path)
    name = None if group is None else reader.text(group, "name")
    shown = path.removesuffix("/vars")
    return f"{shown} ({name})" if name and name != shown.rpartition("/")[2] else shown
