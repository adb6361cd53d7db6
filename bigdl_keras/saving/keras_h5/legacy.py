"""The HDF5 files of Keras 1, 2 and 3 (.h5): named groups, one per layer, each with its list of weight names."""

from __future__ import annotations

from dataclasses import dataclass

import h5py

from ..spec import Version
from .reader import H5Reader, StoredArray


@dataclass(frozen=True)
class FileLayer:
    """One layer in a file: its name and arrays in the order in which Keras listed them."""

    name: str
    weight_names: tuple[str, ...]
    arrays: tuple[StoredArray, ...]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the arrays."""
        return [array.shape for array in self.arrays]


def is_legacy(reader: H5Reader) -> bool:
    """Whether the file has the legacy layout (whole model or weights only)."""
    return weights_group(reader) is not None


def weights_group(reader: H5Reader) -> h5py.Group | None:
    """The group with the layers: 'model_weights' in a whole-model file, the root in a weights-only file."""
    group = reader.group(reader.root, "model_weights")
    if group is not None:
        return group
    attributes = reader.root.attrs
    return reader.root if any(name in attributes for name in ("layer_names", "layer_names0", "nb_layers")) else None


def file_layers(reader: H5Reader) -> list[FileLayer]:
    """All layers that the file lists, in its order, with those that have no arrays."""
    group = weights_group(reader)
    if group is None:
        raise ValueError("it has no weights: neither 'model_weights' nor 'layer_names' is there.")
    names = reader.names(group, "layer_names")
    if names is None:
        return _numbered_layers(reader, group)
    return [_layer(reader, group, name) for name in names]


def model_weights(reader: H5Reader) -> FileLayer | None:
    """The arrays that belong to the model itself, if the file has any."""
    group = weights_group(reader)
    name = "top_level_model_weights"
    found = None if group is None or reader.group(group, name) is None else _layer(reader, group, name)
    return found if found is not None and found.arrays else None


def optimizer_weights(reader: H5Reader) -> FileLayer | None:
    """The arrays of the optimizer, if the file has any."""
    found = (
        _layer(reader, reader.root, "optimizer_weights")
        if reader.group(reader.root, "optimizer_weights") is not None
        else None
    )
    return found if found is not None and found.arrays else None


def _layer(reader: H5Reader, group: h5py.Group, name: str) -> FileLayer:
    place = reader.group(group, name)
    if place is None:
        raise ValueError(f"layer '{name}' is listed in 'layer_names' but its group is missing.")
    weight_names = reader.names(place, "weight_names") or []
    plain = name.replace("/", "_")  # as the reader of the architecture names it
    return FileLayer(plain, tuple(weight_names), tuple(reader.stored(place, weight) for weight in weight_names))


def _numbered_layers(reader: H5Reader, group: h5py.Group) -> list[FileLayer]:
    """Keras 0.x and 1.0 numbered everything: layer_<k> with param_<p>."""
    layers: list[FileLayer] = []
    while (place := reader.group(group, f"layer_{len(layers)}")) is not None:
        names: list[str] = []
        while reader.find(place, f"param_{len(names)}") is not None:
            names.append(f"param_{len(names)}")
        layers.append(
            FileLayer(f"layer_{len(layers)}", tuple(names), tuple(reader.stored(place, name) for name in names))
        )
    return layers


def version_of(reader: H5Reader) -> Version:
    """The Keras and backend that wrote a file; before Keras 2 the backend shows only in the names of its variables."""
    group = weights_group(reader)
    places = [reader.root, *([group] if group is not None else [])]
    full = next((text for place in places if (text := reader.text(place, "keras_version"))), None)
    backend = next((text for place in places if (text := reader.text(place, "backend"))), None)
    major = int(full.split(".")[0]) if full and full.split(".")[0].isdigit() else 1
    if backend is None and major == 1:
        names = [name for layer in file_layers(reader) for name in layer.weight_names]
        backend = ("tensorflow" if all(name.endswith(":0") for name in names) else "theano") if names else None
    return Version(major, full or "", backend)
