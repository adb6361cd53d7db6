"""Arrays of a legacy file find their layers: by name, or by the order of the layers that have weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..report import WeightReport
from ..spec import StoreNode, Version
from .layouts import Layout, candidates, layout_of
from .legacy import FileLayer


@dataclass(frozen=True)
class Match:
    """A layer of the model with the file layer that fills it, and how the one lies in the other."""

    layer: StoreNode
    source: FileLayer
    layout: Layout


def weighted_layers(root: StoreNode) -> list[StoreNode]:
    """Top-level layers of a model that own arrays, each once, in model order."""
    return list({id(part): part for part in root.parts() if part.flat()}.values())


def assign(
    layers: Sequence[FileLayer],
    root: StoreNode,
    version: Version,
    *,
    by_name: bool = False,
    skip_mismatch: bool = False,
) -> tuple[WeightReport, list[Match]]:
    """Read the arrays of `layers` for the model `root`.

    Args:
        layers: what the file lists, in its order.
        root: the model.
        version: the Keras that wrote the file.
        by_name: take layers with the same name only; others stay as they are.
        skip_mismatch: leave a layer alone where number or shapes of arrays differ, instead of raising. (Another number
            of layers is refused even so, as in Keras: it would put arrays into layers that they do not belong to.)

    Returns:
        The report with the arrays, and the matches (for optimizer state and for the layout of older Keras).

    Raises:
        ValueError: a layer does not fit; the message has its name, the expected and the found shapes.
    """
    sources = [layer for layer in layers if layer.arrays]
    targets = weighted_layers(root)
    report = WeightReport([None] * len(root.flat()))
    index_of = {id(variable): index for index, variable in enumerate(root.flat())}
    matches = []
    for target, source in _pairs(sources, targets, by_name, report):
        layout = _fitting_layout(target, source, version)
        if layout is None:
            problem = _mismatch(target, source, version)
            if not skip_mismatch:
                raise ValueError(problem)
            report.skipped.append(problem)
            continue
        arrays = layout.from_file([array.read() for array in source.arrays])
        for variable, array in zip(target.flat(), arrays, strict=True):
            report.arrays[index_of[id(variable)]] = np.asarray(array, order="C")
        report.matched.append(target.name)
        matches.append(Match(target, source, layout))
    return report, matches


def _pairs(
    sources: list[FileLayer],
    targets: list[StoreNode],
    by_name: bool,
    report: WeightReport,
) -> list[tuple[StoreNode, FileLayer]]:
    named = {source.name: source for source in sources}
    same_names = len(named) == len(sources) == len(targets) and {target.name for target in targets} == set(named)
    if by_name or same_names:
        pairs = [(target, named[target.name]) for target in targets if target.name in named]
        report.missing += [target.name for target in targets if target.name not in named]
        report.unused += [name for name in named if name not in {target.name for target in targets}]
        return pairs
    if len(sources) != len(targets):
        raise ValueError(
            f"The file has {len(sources)} layers with weights, the model has {len(targets)}.\n"
            f"In the file: {_listed([source.name for source in sources])}.\n"
            f"In the model: {_listed([target.name for target in targets])}.\n"
            "Load the file into the architecture it was saved from, or use by_name=True to fill only layers with the "
            "same name."
        )
    return list(zip(targets, sources, strict=True))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "") if names else "none"


def _fitting_layout(target: StoreNode, source: FileLayer, version: Version) -> Layout | None:
    """The first order of arrays under which all shapes fit, preferably one under which the weight names fit too."""
    fitting = []
    for trains in candidates(target):
        layout = layout_of(target, source.shapes, version, trains)
        if layout.count == len(source.arrays) and _shapes_fit(layout, target, source):
            if _names_fit(layout, target, source):
                return layout
            fitting.append(layout)
    return fitting[0] if fitting else None


def _shapes_fit(layout: Layout, target: StoreNode, source: FileLayer) -> bool:
    try:
        made = layout.from_file([_ghost(shape) for shape in source.shapes])
    except (ValueError, IndexError):
        return False
    return [array.shape for array in made] == [variable.shape for variable in target.flat()]


def _ghost(shape: tuple[int, ...]) -> np.ndarray:
    """An array of this shape that takes no memory."""
    return np.broadcast_to(np.float32(0), shape)


def _names_fit(layout: Layout, target: StoreNode, source: FileLayer) -> bool:
    """Whether each array that lies alone in the file is called there as in our layer (kernel, bias, gamma, ...)."""
    variables = target.flat()
    position = 0
    for places, piece in zip(layout.places, layout.pieces, strict=True):
        if piece.count == len(places):
            for offset, place in enumerate(places):
                theirs = source.weight_names[position + offset].rpartition("/")[2].partition(":")[0]
                if theirs != variables[place].name.rpartition("/")[2]:
                    return False
        position += piece.count
    return True


def _mismatch(target: StoreNode, source: FileLayer, version: Version) -> str:
    if any("/lora_" in name for name in source.weight_names):
        return (
            f"The file's layer '{source.name}' has LoRA adapters, which .h5 files of Keras 3 keep apart from its "
            f"weights: they cannot be read into layer '{target.name}' ({target.class_name}). Save it in Keras as "
            ".keras or .weights.h5, which add them to the weights, or use skip_mismatch=True to leave it as it is."
        )
    layout = layout_of(target, source.shapes, version, next(iter(candidates(target))))
    expected = ", ".join(f"{variable.name} {variable.shape}" for variable in target.flat())
    found = ", ".join(f"{name} {shape}" for name, shape in zip(source.weight_names, source.shapes, strict=True))
    return (
        f"Layer '{target.name}' ({target.class_name}) does not fit the file's layer '{source.name}': the model expects "
        f"{layout.count} arrays [{expected}], the file has {len(source.arrays)} [{found}]. Give the layer the "
        "arguments it was saved with, load with by_name=True under another name, or use skip_mismatch=True to leave it "
        "as it is."
    )
