"""History and its file: the numbers of every epoch, kept."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from bigdl_keras.callbacks.base import Callback, Logs


class History(Callback):
    """The logs of every epoch; `fit` returns it.

    Attributes:
        history: list of values by name, one value an epoch.
        epoch: numbers of the epochs.
    """

    uses_weights = None
    remembers = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch = []
        self.history = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class CSVLogger(Callback):
    """Writes the logs of every epoch as a row of a CSV file.

    Args:
        filename: the file.
        separator: between the fields.
        append: go on in a file that exists, under its header.
    """

    uses_weights = None

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: Any = None
        self._names: list[str] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._names = self._header() if self.append else []
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf8")  # noqa: SIM115
        self.append = True  # a second fit with this callback goes on

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if not self._names:
            self._names = ["epoch", *sorted(logs)]
            self._write(self._names)
        self._write([epoch if name == "epoch" else _text(logs.get(name, "NA")) for name in self._names])

    def get_state(self) -> dict[str, Any]:
        with open(self.filename, newline="", encoding="utf8") as file:
            return {"names": self._names, "text": file.read()}

    def set_state(self, state: dict[str, Any]) -> None:
        self._names = state["names"]
        self._file.seek(0)
        self._file.truncate()
        self._file.write(state["text"])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _header(self) -> list[str]:
        if not os.path.exists(self.filename):
            return []
        with open(self.filename, newline="", encoding="utf8") as file:
            return next(csv.reader(file, delimiter=self.separator), [])

    def _write(self, row: Iterable[Any]) -> None:
        csv.writer(self._file, delimiter=self.separator, lineterminator="\n").writerow(row)
        self._file.flush()


def _text(value: Any) -> Any:
    return f'"[{", ".join(map(str, value))}]"' if isinstance(value, np.ndarray) and value.ndim else value
