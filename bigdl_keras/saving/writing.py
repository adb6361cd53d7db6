"""Files are written aside and renamed: a reader never sees half a file, and equal models give equal bytes."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py

from . import store
from .archive import CONFIG, METADATA, WEIGHTS
from .keras_json import to_keras_json
from .legacy_export import legacy_bytes, optimizer_config
from .optimizer_state import OptimizerState, optimizer_name, to_arrays
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
        (WEIGHTS, _store_bytes(root, optimizer, optimizer_config(spec))),
    ]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    write_aside(path, content.getvalue())


def write_weights(
    path: str | Path, root: StoreNode, optimizer: OptimizerState | None = None, config: Mapping[str, Any] | None = None
) -> None:
    """Write arrays as a .weights.h5 file of Keras 3, with the optimizer's if given (`config` is the optimizer's)."""
    write_aside(path, _store_bytes(root, optimizer, config or {}))


def write_h5(path: str | Path, spec: ModelSpec, root: StoreNode, optimizer: OptimizerState | None = None) -> None:
    """Write a model as a legacy whole-model .h5 file of Keras 3; arguments as for `write_keras`."""
    write_aside(path, legacy_bytes(spec, root, optimizer, KERAS_VERSION))


def _store_bytes(root: StoreNode, state: OptimizerState | None, config: Mapping[str, Any]) -> bytes:
    count = sum(variable.trainable for variable in root.flat())
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        named = None if state is None else (optimizer_name(state, config), to_arrays(state, config, count))
        store.write_store(file, root, named)
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
