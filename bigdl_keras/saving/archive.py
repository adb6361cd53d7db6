"""The .keras archive: config.json, metadata.json and model.weights.h5 in one zip file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .limits import DEFAULT_LIMITS, Limits, parse_json
from .spec import Version

CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"


@dataclass(frozen=True)
class Archive:
    """What lies in a .keras file; the weights are unpacked when asked for."""

    path: Path
    config: dict[str, Any]
    version: Version
    limits: Limits

    def weights(self) -> bytes:
        """The HDF5 file with the weights."""
        with zipfile.ZipFile(self.path) as archive:
            if WEIGHTS not in archive.namelist():
                found = ", ".join(archive.namelist()[:8])
                raise ValueError(
                    f"it has no '{WEIGHTS}' (found: {found}). Weights in other formats (npz, sharded) are not read: "
                    "save again with model.save('name.keras')."
                )
            return _member(archive, WEIGHTS, self.limits.max_array_bytes, self.limits)

    def text(self, name: str) -> str | None:
        """A text file among the assets, or None."""
        with zipfile.ZipFile(self.path) as archive:
            if ASSETS + name not in archive.namelist():
                return None
            return _member(archive, ASSETS + name, self.limits.max_text_bytes, self.limits).decode("utf-8")


def read_archive(path: Path, limits: Limits = DEFAULT_LIMITS) -> Archive:
    """Open a .keras file and read its two JSON texts."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in names:
            parts = name.replace("\\", "/").split("/")
            if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
                raise ValueError(f"it has a member called {name[:80]!r}, which would leave its folder.")
        if len(set(names)) < len(names):
            raise ValueError("it has several members with one name.")
        if CONFIG not in names:
            raise ValueError(
                f"it is a zip file without '{CONFIG}', so not a .keras file (found: {', '.join(names[:8])})."
            )
        config = parse_json(_member(archive, CONFIG, limits.max_text_bytes, limits), f"its {CONFIG}", limits)
        metadata = (
            parse_json(_member(archive, METADATA, limits.max_text_bytes, limits), f"its {METADATA}", limits)
            if METADATA in names
            else {}
        )
    if not isinstance(config, dict):
        raise ValueError(f"its {CONFIG} must be an object.")
    full = metadata.get("keras_version", "3") if isinstance(metadata, dict) else "3"
    major = int(full.split(".")[0]) if isinstance(full, str) and full.split(".")[0].isdigit() else 3
    return Archive(path, config, Version(max(major, 2), str(full)), limits)


def _member(archive: zipfile.ZipFile, name: str, most: int, limits: Limits) -> bytes:
    """The bytes of a member, of at most the size it states, itself checked first."""
    info = archive.getinfo(name)
    if info.file_size > most or info.file_size > max(info.compress_size, 4096) * limits.max_expansion:
        raise ValueError(f"its member '{name}' says it unpacks to {info.file_size} bytes, more than allowed.")
    with archive.open(info) as member:
        content = member.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise ValueError(f"its member '{name}' has {len(content)} bytes instead of {info.file_size}.")
    return content
