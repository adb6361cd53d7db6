"""One door for every file: what it is shows in its first bytes, not in its name."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from . import optimizer_state, store
from .archive import Archive, read_archive
from .json_config import parse_model, read_json
from .keras_h5 import legacy
from .keras_h5.assign import Match, assign
from .keras_h5.layouts import Layout
from .keras_h5.original import original_layout
from .keras_h5.reader import H5Reader
from .limits import DEFAULT_LIMITS, Limits, check_exists, parse_json, reading
from .listing import ArrayEntry, list_arrays
from .objects import Reading
from .optimizer_state import OptimizerState
from .report import WeightReport
from .spec import ModelSpec, StoreNode, Version
from .training_config import canonical_compile
from .vocabularies import IDF_WEIGHTS, with_vocabularies

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class KerasFile:
    """A Keras file that has been looked into: its architecture is read, its arrays are read when asked for.

    Args:
        path: where it is.
        spec: the architecture, or None in a weights-only file.
        version: the Keras that wrote it.
        limits: caps on what it may ask for.
        kind: 'h5' (legacy, whole model or weights), 'weights.h5' (Keras 3 weights) or 'keras' (archive).
    """

    path: Path
    spec: ModelSpec | None
    version: Version
    limits: Limits
    kind: str

    @property
    def is_weights_only(self) -> bool:
        """Whether the file has no architecture."""
        return self.spec is None

    def read_weights(self, root: StoreNode, *, by_name: bool = False, skip_mismatch: bool = False) -> WeightReport:
        """Read the arrays for a model.

        Args:
            root: the model as a tree of the objects that own arrays.
            by_name: fill only layers whose name is in the file.
            skip_mismatch: leave layers alone that do not fit, instead of raising.

        Returns:
            The arrays in the order of `root.flat()`, and what was matched, skipped, missing and unused.

        Raises:
            ValueError: the file is damaged, or a layer does not fit.
        """
        if self.kind == "h5":
            return self._with_reader(lambda reader: self._assign(reader, root, by_name, skip_mismatch)[0])
        return self._with_reader(
            lambda reader: store.read_store(reader, root, by_name=by_name, skip_mismatch=skip_mismatch)
        )

    def read_optimizer(self, root: StoreNode, optimizer: dict[str, Any] | None = None) -> OptimizerState | None:
        """Read what the optimizer remembers, or None where the file has nothing (or nothing that fits).

        Args:
            root: the model.
            optimizer: {"class_name", "config"}; by default that of the file.
        """
        chosen = optimizer or ((self.spec.compile or {}).get("optimizer") if self.spec else None)
        if not isinstance(chosen, dict):
            return None
        return self._with_reader(
            lambda reader: self._optimizer(reader, root, chosen["class_name"], dict(chosen.get("config") or {}))
        )

    def original_layout(self, root: StoreNode) -> Layout | None:
        """How `get_weights` of the Keras that wrote this file lists the arrays of a model; None where as ours."""
        if self.version.major >= 3:
            return None
        if self.kind != "h5":
            return original_layout(root, self.version)
        return self._with_reader(
            lambda reader: original_layout(root, self.version, self._assign(reader, root, False, False)[1])
        )

    def list_arrays(self) -> tuple[list[ArrayEntry], list[ArrayEntry]]:
        """(arrays of layers, arrays of the optimizer), with names, shapes and sizes; no numbers are read."""
        return self._with_reader(list_arrays)

    def _optimizer(
        self, reader: H5Reader, root: StoreNode, class_name: str, config: dict[str, Any]
    ) -> OptimizerState | None:
        if self.kind == "h5":
            layer = legacy.optimizer_weights(reader)
            if layer is None:
                return None
            matches = self._assign(reader, root, False, False)[1]
            return optimizer_state.from_legacy(class_name, layer, matches, root, self.version)
        group = reader.group(reader.root, "optimizer/vars")
        if group is None:
            return None
        arrays = [array.read() for array in reader.numbered(group)]
        shapes = [variable.shape for variable in root.flat() if variable.trainable]
        return (
            optimizer_state.from_arrays(class_name, config, arrays, shapes, self.version.major >= 3) if arrays else None
        )

    def _assign(
        self, reader: H5Reader, root: StoreNode, by_name: bool, skip_mismatch: bool
    ) -> tuple[WeightReport, list[Match]]:
        return assign(legacy.file_layers(reader), root, self.version, by_name=by_name, skip_mismatch=skip_mismatch)

    def _with_reader(self, action: Callable[[H5Reader], _Answer]) -> _Answer:
        with reading(self.path):
            source: Path | bytes = self.path
            if self.kind == "keras":
                source = read_archive(self.path, self.limits).weights()
            with H5Reader(source, str(self.path), self.limits) as reader:
                return action(reader)


def read_file(
    path: str | Path,
    *,
    known_layers: Collection[str] | None = None,
    safe_mode: bool = True,
    limits: Limits = DEFAULT_LIMITS,
) -> KerasFile:
    """Look into a Keras file of any generation.

    Args:
        path: a .keras, .h5, .hdf5 or .weights.h5 file.
        known_layers: class names that can be built; others are reported together as gaps. None accepts all.
        safe_mode: with False, Lambda layers whose Python code is in the file are read without it.
        limits: caps on what the file may ask for.

    Returns:
        The file, with its architecture.

    Raises:
        ValueError: no such file, not a Keras file, damaged, or with gaps.
    """
    place = check_exists(path)
    with reading(path):
        with place.open("rb") as file:
            start = file.read(8)
        if start[:4] == b"PK\x03\x04" or zipfile.is_zipfile(place):
            return _read_archive(place, known_layers, safe_mode, limits)
        if start != _HDF5_SIGNATURE:
            raise ValueError(
                "it is neither a HDF5 (.h5) nor a zip (.keras) file"
                + (", it is empty." if not start else f"; it starts with {start!r}.")
                + " TensorFlow SavedModels and checkpoints are not Keras files: save with model.save('name.keras')."
            )
        with H5Reader(place, str(path), limits) as reader:
            return _read_h5(place, reader, known_layers, safe_mode, limits)


def is_json(path: str | Path) -> bool:
    """Whether the first letter of a file is that of a JSON object (the formats with weights are binary).

    Raises:
        ValueError: no such file.
    """
    with check_exists(path).open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b'"')


def read_text(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """The text of an architecture's JSON file.

    Raises:
        ValueError: no such file, larger than an architecture may be, or no text.
    """
    place = check_exists(path)
    with reading(path):
        if place.stat().st_size > limits.max_text_bytes:
            raise ValueError(f"it has {place.stat().st_size} bytes, more than the {limits.max_text_bytes} allowed.")
        try:
            return place.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("it is no text, hence not the JSON of an architecture.") from None


def _read_archive(place: Path, known_layers: Collection[str] | None, safe_mode: bool, limits: Limits) -> KerasFile:
    archive = read_archive(place, limits)
    spec = read_json(
        archive.config, known_layers=known_layers, safe_mode=safe_mode, version=archive.version, limits=limits
    )
    return KerasFile(place, _with_vocabularies(spec, archive, str(place), limits), archive.version, limits, "keras")


def _with_vocabularies(spec: ModelSpec, archive: Archive, place: str, limits: Limits) -> ModelSpec:
    def weights_of(path: str) -> np.ndarray | None:
        with H5Reader(archive.weights(), place, limits) as reader:
            group = reader.group(reader.root, f"{path}/vars")
            stored = None if group is None or IDF_WEIGHTS not in group else reader.stored(group, IDF_WEIGHTS)
            return None if stored is None else stored.read()

    return with_vocabularies(spec, archive.text, weights_of)


def _read_h5(
    place: Path, reader: H5Reader, known_layers: Collection[str] | None, safe_mode: bool, limits: Limits
) -> KerasFile:
    if not legacy.is_legacy(reader):
        if store.is_store(reader):
            return KerasFile(place, None, Version(3), limits, "weights.h5")
        raise ValueError(
            "it is a HDF5 file, but not one of Keras: it has neither 'model_weights', 'layer_names' nor 'layers'."
        )
    version = legacy.version_of(reader)
    text = reader.text(reader.root, "model_config")
    if text is None:
        return KerasFile(place, None, version, limits, "h5")
    entry = parse_json(text, "its model_config", limits)
    if isinstance(entry, dict) and version.major < 3:
        version = Version(version.major, version.full, version.backend or entry.get("backend"))
    spec = read_json(entry, known_layers=known_layers, safe_mode=safe_mode, version=version, limits=limits)
    training = reader.text(reader.root, "training_config")
    if training is not None:
        raw = parse_json(training, "its training_config", limits)
        context = Reading(version, parse_model, safe_mode=safe_mode, limits=limits)
        compiled = canonical_compile(raw, context) if isinstance(raw, dict) else None
        spec = ModelSpec(
            spec.class_name, spec.name, spec.layers, spec.inputs, spec.outputs, compiled, spec.version, spec.trainable
        )
    return KerasFile(place, spec, version, limits, "h5")
