"""Files are written aside and renamed: a reader never sees half a file, and equal models give equal bytes."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from . import store
from .archive import CONFIG, METADATA, WEIGHTS
from .keras_json import to_keras_json
from .optimizer_state import OptimizerState, to_arrays
from .spec import ModelSpec, StoreNode

# The Keras whose formats are written.
KERAS_VERSION = "3.15.1"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_keras(path: str | Path, spec: ModelSpec, root: StoreNode, optimizer: OptimizerState | None = None) -> None:
    """Write a model as a .keras archive.

    Args:
        path: where to; the folder must exist.
        spec: the architecture, with `compile` if the model is compiled.
        root: the arrays.
        optimizer: what the optimizer remembers, or None.
    """
    metadata = {"keras_version": KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}
    members = [
        (METADATA, json.dumps(metadata).encode()),
        (CONFIG, json.dumps(to_keras_json(spec)).encode()),
        (WEIGHTS, _store_bytes(root, _optimizer_arrays(spec.compile, root, optimizer))),
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    write_aside(path, content.getvalue())


def write_weights(
    path: str | Path,
    root: StoreNode,
    compile_arguments: dict[str, Any] | None = None,
    optimizer: OptimizerState | None = None,
) -> None:
    """Write arrays as a .weights.h5 file of Keras 3, with the optimizer's if given."""
    write_aside(path, _store_bytes(root, _optimizer_arrays(compile_arguments, root, optimizer)))


def _optimizer_arrays(
    arguments: dict[str, Any] | None,
    root: StoreNode,
    state: OptimizerState | None,
) -> tuple[str, Sequence[np.ndarray]] | None:
    if state is None:
        return None
    described = (arguments or {}).get("optimizer")
    config = dict(described.get("config") or {}) if isinstance(described, dict) else {}
    count = sum(variable.trainable for variable in root.flat())
    return str(config.get("name") or state.class_name.lower()), to_arrays(state, config, count)


def _store_bytes(root: StoreNode, optimizer: tuple[str, Sequence[np.ndarray]] | None) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        store.write_store(file, root, optimizer)
    return content.getvalue()


def write_aside(path: str | Path, content: bytes) -> None:
    """Write `content` beside `path` and rename it there."""
    place = Path(path)
    if not place.parent.is_dir():
        raise ValueError(f"Cannot write '{path}': the folder '{place.parent}' does not exist. Create it first.")
    aside = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(content)
        os.replace(aside, place)
    except BaseException:
        with suppress(OSError):
            aside.unlink()
        raise
