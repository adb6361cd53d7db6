"""A file is a stranger: sizes are checked before memory is given, and every failure to read says which file and why."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What a file may ask for.

    Args:
        max_array_bytes: memory that all arrays read from one file may take together.
        max_text_bytes: size of a JSON text.
        max_depth: nesting of a JSON text (a nested model adds about five levels).
        max_expansion: how many times larger than the file compressed arrays may become.
        max_layers: number of layers, nested ones included.
    """

    max_array_bytes: int = 64 * 2**30
    max_text_bytes: int = 64 * 2**20
    max_depth: int = 160
    max_expansion: int = 100
    max_layers: int = 100_000


DEFAULT_LIMITS = Limits()

# What h5py, zipfile and our own walks may raise on a damaged file; MemoryError is HDF5's answer to absurd sizes.
DAMAGE = (
    OSError,
    KeyError,
    IndexError,
    RuntimeError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    ArithmeticError,
    MemoryError,
    UnicodeError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turn whatever goes wrong inside into a ValueError that names the file."""
    try:
        yield
    except ValueError as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"File '{path}' cannot be read: {error}") from error
    except DAMAGE as error:
        raise ValueError(
            f"File '{path}' cannot be read as a Keras file: it is damaged, incomplete or of another kind "
            f"({type(error).__name__}: {str(error)[:300]}). Copy or download it again, "
            "or save it again with the program that wrote it."
        ) from error


def check_exists(path: str | Path) -> Path:
    """Return `path` as a Path if a file is there, else raise."""
    place = Path(path)
    if not place.is_file():
        kind = "is a directory" if place.is_dir() else "does not exist"
        if (place / "saved_model.pb").is_file():
            kind = "is a TensorFlow SavedModel, which only TensorFlow reads: save it there as 'name.keras'"
        raise ValueError(f"File not found: '{path}' {kind}. Give the path of a .keras, .h5 or .weights.h5 file.")
    return place


def parse_json(text: str | bytes, what: str, limits: Limits = DEFAULT_LIMITS) -> Any:
    """`json.loads` with caps on size and depth; `what` names the text in errors."""
    if len(text) > limits.max_text_bytes:
        raise ValueError(f"{what} has {len(text)} bytes, more than the {limits.max_text_bytes} allowed.")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"{what} is not valid JSON: {error}.") from error
    check_depth(value, what, limits)
    return value


def check_depth(value: Any, what: str, limits: Limits = DEFAULT_LIMITS) -> None:
    """Refuse nests that are too deep (or endless, where a caller passes Python dicts)."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > limits.max_depth:
            raise ValueError(f"{what} is nested more than {limits.max_depth} levels deep.")
        level = [
            child
            for item in level
            if isinstance(item, dict | list | tuple)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list | tuple)
        ]
