"""The weights layout of Keras 3 (`.weights.h5`): arrays numbered under the path of the object that owns them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import h5py
import numpy as np

from .keras_h5.reader import H5Reader, StoredArray
from .report import WeightReport
from .spec import StoreNode

_CLASS_ALIASES = {"GroupQueryAttention": "GroupedQueryAttention"}
# Parts without arrays that Keras stores too.
_EMPTY_PARTS = {
    "MultiHeadAttention": ("_softmax", "_dropout_layer"),
    "GroupQueryAttention": ("_softmax", "_dropout_layer"),
}


def snake_case(class_name: str) -> str:
    """The name under which Keras files an object of a class: Conv2D -> conv2d, PReLU -> p_re_lu."""
    name = re.sub(r"\W+", "", _CLASS_ALIASES.get(class_name, class_name))
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def paths_of(root: StoreNode) -> Iterator[tuple[str, StoreNode]]:
    """Every object of the tree with its path, in the order in which Keras visits them; a shared one where met first."""
    visited: set[int] = set()

    def visit(path: str, node: StoreNode) -> Iterator[tuple[str, StoreNode]]:
        if id(node) in visited:
            return
        visited.add(id(node))
        yield path, node
        for attribute in sorted(node.children, key=lambda name: (name != "layers", name.startswith("_"), name)):
            for step, part in _steps_to(attribute, node.children[attribute]):
                yield from visit(f"{path}/{step}" if path else step, part)

    yield from visit("", root)


def names_in_container(classes: Sequence[str]) -> list[str]:
    """dense, dense_1, dense_2: counted per class, whatever the layers are called."""
    counts: dict[str, int] = {}
    names = []
    for class_name in classes:
        name = snake_case(class_name)
        number = counts.get(name, 0)
        counts[name] = number + 1
        names.append(f"{name}_{number}" if number else name)
    return names


# Reading -----------------------------------------------------------------------------------------------------------


def is_store(reader: H5Reader) -> bool:
    """Whether a file has this layout."""
    return any(name in reader.root for name in ("layers", "vars", "_layer_checkpoint_dependencies"))


def read_store(
    reader: H5Reader, root: StoreNode, *, skip_mismatch: bool = False, by_name: bool = False
) -> WeightReport:
    """Read arrays for the objects of `root`.

    Args:
        reader: an open file.
        root: the model.
        skip_mismatch: leave an object alone where its arrays differ in number or shape, instead of raising.
        by_name: find top-level layers by the name stored beside their arrays (Keras 3.6 and later).

    Raises:
        ValueError: an object does not fit; the message has its path, the expected and the found shapes.
    """
    report = WeightReport([None] * len(root.flat()))
    index_of = {id(variable): index for index, variable in enumerate(root.flat())}
    named = _places_by_name(reader) if by_name else {}
    elsewhere = _places_of_subclasses(reader, root)
    for path, node in paths_of(root):
        place = _place_of(path, node, root, named, by_name)
        owner = None if place is None else _group(reader, place, elsewhere)
        group = None if owner is None else reader.group(owner, "vars")
        if group is None:
            if node.variables:
                _absent(path, node, report, skip_mismatch or by_name)
            continue
        arrays = list(reader.numbered(group))
        if not node.variables and not arrays:
            continue
        expected = [variable.shape for variable in node.variables]
        if [array.shape for array in arrays] != expected:
            problem = _mismatch(path, node, arrays)
            if not skip_mismatch:
                raise ValueError(problem)
            report.skipped.append(problem)
            continue
        for variable, array in zip(node.variables, arrays, strict=True):
            report.arrays[index_of[id(variable)]] = array.read()
        report.matched.append(node.name)
    return report


def _place_of(path: str, node: StoreNode, root: StoreNode, named: dict[str, str], by_name: bool) -> str | None:
    """Where to look for a node: its path, or with by_name that of the layer in the file that has its layer's name."""
    if not by_name or not path:
        return path
    steps = path.split("/")
    top = next(
        (
            part
            for name, part in zip(
                names_in_container([part.class_name for part in root.parts()]), root.parts(), strict=True
            )
            if steps[0] == "layers" and len(steps) > 1 and name == steps[1]
        ),
        None,
    )
    if top is None or top.name not in named:
        return None
    return "/".join(["layers", named[top.name], *steps[2:]])


def _places_by_name(reader: H5Reader) -> dict[str, str]:
    layers = reader.group(reader.root, "layers")
    found = {}
    for key in reader.keys(layers) if layers is not None else []:
        variables = reader.group(layers, f"{key}/vars")
        name = reader.text(variables, "name") if variables is not None else None
        if name:
            found[name] = key
    if not found:
        raise ValueError("by_name=True needs the names of layers, and the file has none: Keras stores them in this "
                         "format since 3.6. Load it without by_name into the architecture it was saved from.")
    return found


def _places_of_subclasses(reader: H5Reader, root: StoreNode) -> dict[str, str]:
    """Where parts may be that are not at their path: Keras also meets what a subclass of Model owns as its `layers`.

    A part is stored where it is met first. Keras 3 goes through attributes by name, private ones last, and counts all
    layers of a class; Keras 2 goes backwards and counts those alone that it has not met yet.
    """
    by_keras_3 = "name" in getattr(reader.group(reader.root, "vars"), "attrs", ())  # since 3.6
    found = {}
    for path, node in paths_of(root):
        if "layers" in node.children:
            continue
        prefix = f"{path}/" if path else ""
        counted = [(step, part.class_name) for attribute, child in node.children.items()
                   for step, part in _steps_to(attribute, child) if by_keras_3 or attribute < "layers"]
        for (step, _), name in zip(counted, names_in_container([kind for _, kind in counted]), strict=True):
            found[f"{prefix}{step}"] = f"{prefix}layers/{name}"
    return found


def _steps_to(attribute: str, child: StoreNode | Sequence[StoreNode]) -> list[tuple[str, StoreNode]]:
    """The objects that an attribute holds, with the way from their owner to them."""
    if isinstance(child, StoreNode):
        return [(attribute, child)]
    names = names_in_container([part.class_name for part in child])
    return [(f"{attribute}/{name}", part) for name, part in zip(names, child, strict=True)]


def _group(reader: H5Reader, path: str, elsewhere: dict[str, str]) -> h5py.Group | None:
    """The group of an object; attributes were private in some versions ('_query_dense') and public in others."""
    if not path:
        return reader.root
    above, _, step = path.rpartition("/")
    owner = _group(reader, above, elsewhere)
    for name in (step, f"_{step}", step.lstrip("_")):
        if owner is not None and name and (group := reader.group(owner, name)) is not None:
            return group
    return _group(reader, elsewhere[path], elsewhere) if path in elsewhere else None


def _absent(path: str, node: StoreNode, report: WeightReport, allowed: bool) -> None:
    if not allowed:
        raise ValueError(
            f"The file has nothing at '{path}', where the arrays of '{node.name}' ({node.class_name}) should be. Load "
            "it into the architecture it was saved from, or use skip_mismatch=True to leave such layers as they are."
        )
    report.missing.append(node.name)


def _mismatch(path: str, node: StoreNode, arrays: list[StoredArray]) -> str:
    expected = ", ".join(f"{variable.name} {variable.shape}" for variable in node.variables)
    found = ", ".join(str(array.shape) for array in arrays)
    return (
        f"Layer '{node.name}' ({node.class_name}, at '{path}') does not fit the file: the model expects "
        f"{len(node.variables)} arrays [{expected}], the file has {len(arrays)} [{found}]. Give the layer the "
        "arguments it was saved with, or use skip_mismatch=True to leave it as it is."
    )


# Writing -----------------------------------------------------------------------------------------------------------


def write_store(file: h5py.File, root: StoreNode, optimizer: tuple[str, Sequence[np.ndarray]] | None = None) -> None:
    """Write the arrays of `root` and, if given, an optimizer's (its name and its arrays in Keras's order)."""
    for path, node in paths_of(root):
        arrays = []
        for variable in node.variables:
            if variable.value is None:
                raise ValueError(f"Variable '{variable.name}' of layer '{node.name}' has no value to write.")
            arrays.append(variable.value)
        _write_object(file, path, node.name, arrays)
        if node.config.get("idf_weights") is not None:  # by this name, of the layers that have a vocabulary
            file[f"{path}/vars"].create_dataset("idf_weights", data=_frequencies(node))
        for part in _EMPTY_PARTS.get(node.class_name, ()):
            if part not in node.children:
                _write_object(file, f"{path}/{part}", "softmax" if part == "_softmax" else "dropout", [])
    if optimizer is not None:
        _write_object(file, "optimizer", optimizer[0], list(optimizer[1]))


def _frequencies(node: StoreNode) -> np.ndarray:
    """Inverse document frequencies as Keras stores them: with zeros up to the length of the layer's vectors."""
    weights = np.asarray(node.config["idf_weights"], "float32")
    depth = node.config["max_tokens"] if node.config["pad_to_max_tokens"] else len(weights)
    return np.pad(weights, (0, depth - len(weights)))


def _write_object(file: h5py.File, path: str, name: str, arrays: Sequence[np.ndarray]) -> None:
    group = file.create_group(f"{path}/vars" if path else "vars")
    group.attrs["name"] = name
    for index, array in enumerate(arrays):
        group.create_dataset(str(index), data=np.asarray(array))
