"""A checkpoint is a file of plain data that appears whole or not at all; a damaged one gives way to the one before."""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.engine.progress import EpochSoFar
from bigdl_keras.saving import paths

_logger = logging.getLogger(__name__)
_FORMAT = 1
_NAME = re.compile(r"checkpoint-(\d{10,})\.npz")
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class TrainingState:
    """A moment of a fit that training can go on from.

    Attributes:
        values: the whole value vector.
        optimizer_state: slot -> vector as long as the trained part.
        iteration: updates finished.
        epoch: epochs finished.
        so_far: what is done of the next epoch.
        seed: of shuffling and of all random numbers; with the iteration it fixes them.
        learning_rate: of the optimizer, or None where it follows a schedule.
        stopped: a decision has ended the fit here.
        notes: plain data of the driver: what callbacks remember, and what the fit was given.
    """

    values: np.ndarray
    optimizer_state: dict[str, np.ndarray]
    iteration: int
    epoch: int
    so_far: EpochSoFar = field(default_factory=EpochSoFar)
    seed: int = 0
    learning_rate: float | None = None
    stopped: bool = False
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        batches = f", batch {self.so_far.batches}" if self.so_far.batches else ""
        return f"iteration {self.iteration} (epoch {self.epoch + bool(batches)}{batches})"


class CheckpointFolder:
    """Checkpoints of one fit, in a folder of any file system.

    Args:
        path: a local path, or a URI that `pyarrow.fs` opens (file://, hdfs://, s3://, gs://).
        filesystem: a `pyarrow.fs.FileSystem` on which `path` is, instead.
        keep: how many checkpoints stay; older ones are deleted after a new one is written.

    Raises:
        ValueError: `keep` is not positive, or the URI cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], filesystem: Any = None, keep: int = 2) -> None:
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            raise ValueError(f"`keep` must be a positive integer. Received {keep!r}.")
        self.keep = keep
        self.shown = os.fspath(path)
        self._files, self._path = _opened(self.shown, filesystem)

    def __repr__(self) -> str:
        return f"CheckpointFolder({self.shown!r}, keep={self.keep})"

    def names(self) -> list[str]:
        """Names of the checkpoints, the newest first."""
        from pyarrow.fs import FileSelector

        found = self._files.get_file_info(FileSelector(self._path, allow_not_found=True))
        numbered = [(int(match[1]), info.base_name) for info in found if (match := _NAME.fullmatch(info.base_name))]
        return [name for _, name in sorted(numbered, reverse=True)]

    def write(self, state: TrainingState, alone: bool = False) -> str:
        """Write a checkpoint, then delete those that are too many. Returns its name.

        Args:
            state: what to write.
            alone: delete all others, which are not of this fit.

        Raises:
            TypeError: what a callback remembers is not plain data.
            OSError: the file system refuses.
        """
        arrays = _packed(state)
        name = f"checkpoint-{state.iteration:010d}.npz"
        self._files.create_dir(self._path, recursive=True)
        target = f"{self._path}/{name}"
        if self._files.type_name in paths.WHOLE_WRITES:
            self._write_arrays(target, arrays)
        else:
            aside = f"{self._path}/.{name}-{uuid.uuid4().hex[:8]}.part"
            try:
                self._write_arrays(aside, arrays)
                self._put_in_place(aside, target)
            except BaseException:
                with suppress(OSError):
                    self._files.delete_file(aside)
                raise
        if alone:
            self.clear(keep=name)
        for old in self.names()[self.keep:]:
            self._files.delete_file(f"{self._path}/{old}")
        return name

    def read(self, name: str) -> TrainingState:
        """Read a checkpoint.

        Raises:
            ValueError: it is damaged, or of a later format.
        """
        path = f"{self._path}/{name}"
        try:
            with self._files.open_input_file(path) as file, np.load(file, allow_pickle=False) as arrays:
                return _unpacked({key: arrays[key] for key in arrays.files})
        except _DAMAGE as error:
            raise ValueError(f"The checkpoint {self.shown}/{name} cannot be read: {error or type(error).__name__}. It "
                             "is damaged, or was not written to its end.") from error

    def newest(self) -> TrainingState | None:
        """The newest checkpoint that can be read, or None; those that cannot are named in the log."""
        for name in self.names():
            try:
                return self.read(name)
            except ValueError as error:
                _logger.warning("%s Falling back to the one before.", error)
        return None

    def clear(self, keep: str | None = None) -> None:
        """Delete all checkpoints, except one called `keep`, and what interrupted writers left behind."""
        from pyarrow.fs import FileSelector

        for info in self._files.get_file_info(FileSelector(self._path, allow_not_found=True)):
            name = info.base_name
            if name != keep and (_NAME.fullmatch(name) or (name.startswith(".checkpoint-") and name.endswith(".part"))):
                self._files.delete_file(f"{self._path}/{name}")

    def _write_arrays(self, path: str, arrays: dict[str, np.ndarray]) -> None:
        with self._files.open_output_stream(path) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        if self._files.type_name == "local":
            _flush(path)

    def _put_in_place(self, aside: str, target: str) -> None:
        paths.move_over(self._files, aside, target)
        if self._files.type_name == "local":
            _flush(os.path.dirname(target))


def _opened(path: str, filesystem: Any) -> tuple[Any, str]:
    """(file system, path on it)"""
    if filesystem is not None:
        return filesystem, path.rstrip("/")
    try:
        return paths.open_filesystem(path, "The checkpoint folder")
    except ValueError as error:
        raise ValueError(f"{error} Or pass `filesystem=`.") from error


def _flush(path: str) -> None:
    """Have a file (or the entries of a folder) on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- plain data

def _packed(state: TrainingState) -> dict[str, np.ndarray]:
    """A state as named arrays; the one called 'description' is JSON."""
    arrays = {"values": state.values, "totals": state.so_far.totals}
    arrays |= {f"optimizer/{slot}": vector for slot, vector in state.optimizer_state.items()}
    noted: list[np.ndarray] = []
    description = {
        "format": _FORMAT, "iteration": state.iteration, "epoch": state.epoch, "batches": state.so_far.batches,
        "rows": state.so_far.rows, "seed": state.seed, "learning_rate": state.learning_rate, "stopped": state.stopped,
        "notes": _plain(state.notes, noted, "notes"),
    }
    arrays |= {f"note/{number}": array for number, array in enumerate(noted)}
    return arrays | {"description": np.frombuffer(json.dumps(description).encode(), dtype=np.uint8)}


def _unpacked(arrays: dict[str, np.ndarray]) -> TrainingState:
    found = json.loads(arrays["description"].tobytes())
    if found["format"] != _FORMAT:
        raise ValueError(f"its format {found['format']!r} is not known to this version, which writes {_FORMAT}")
    state = {name.partition("/")[2]: vector for name, vector in arrays.items() if name.startswith("optimizer/")}
    so_far = EpochSoFar(found["batches"], found["rows"], arrays["totals"])
    return TrainingState(arrays["values"], state, found["iteration"], found["epoch"], so_far, found["seed"],
                         found["learning_rate"], found["stopped"], _restored(found["notes"], arrays))


def _plain(value: Any, noted: list[np.ndarray], where: str) -> Any:
    """Nested plain data as JSON's; arrays go to `noted`, and their numbers stand in for them."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return _plain(value.item(), noted, where)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        noted.append(value)
        return {"array": len(noted) - 1}
    if isinstance(value, (list, tuple)):
        return [_plain(item, noted, f"{where}[{place}]") for place, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _plain(item, noted, f"{where}[{key!r}]") for key, item in value.items()}}
    raise TypeError(f"A checkpoint holds plain data only: numbers, text, arrays, lists, and dicts by name. {where} is "
                    f"{value!r} of type {type(value).__name__}. If it belongs to a callback, answer with plain data in "
                    "its get_state().")


def _restored(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_restored(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[f"note/{value['array']}"]
    return {key: _restored(item, arrays) for key, item in value["dict"].items()}
