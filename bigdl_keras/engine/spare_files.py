"""Files that are written over: a new one takes several times as long, for the system must find it clean pages first."""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from contextlib import suppress
from pathlib import Path
from typing import IO


class SpareFiles:
    """The files of one process, and which of them nobody needs any more.

    A file that is written over gets another name first. So whoever has read it can tell whether it was the one that it
    meant: its name is still there.

    Args:
        folder: where files lie until they are written over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, deque[tuple[int, Path]]] = defaultdict(deque)
        self._spare: dict[str, list[Path]] = defaultdict(list)

    def release(self, oldest: int) -> None:
        """Take the files of stages before `oldest` out of reach."""
        for kind, files in self._written.items():
            while files and files[0][0] < oldest:
                path = files.popleft()[1]
                with suppress(FileNotFoundError):  # its machine has cleared it away
                    self._folder.mkdir(parents=True, exist_ok=True)
                    self._spare[kind].append(path.replace(self._folder / path.name))

    def open(self, folder: Path, kind: str, serial: int) -> IO[bytes]:
        """A file with a name that nobody has used, at its beginning: a spare one of this kind if there is one.

        Args:
            folder: where it is to lie.
            kind: files of one kind are of one size.
            serial: of the stage that writes it; they grow.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / uuid.uuid4().hex
        self._written[kind].append((serial, path))
        while self._spare[kind]:
            with suppress(FileNotFoundError):
                return open(self._spare[kind].pop().replace(path), "r+b", buffering=0)
        return open(path, "xb", buffering=0)
