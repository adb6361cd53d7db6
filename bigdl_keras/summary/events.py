"""Event files: what is written reaches the disk within seconds and reads back as it was; a torn tail is no error.

A file is a sequence of records, little-endian: length (8 bytes), its checksum, an `Event` message, its checksum.
"""

from __future__ import annotations

import itertools
import logging
import os
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tensorboardX import summary as messages
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto import event_pb2, graph_pb2, node_def_pb2
from tensorboardX.record_writer import masked_crc32c

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_LARGEST_RECORD = 256 * 2**20
_serial = itertools.count()


class Scalar(NamedTuple):
    """One point of a curve."""

    step: int
    value: float
    wall_time: float


class EventFile:
    """Writes scalars and histograms into one event file, which appears with the first of them.

    Args:
        directory: folder of the file; made where it is missing.
        flush_seconds: longest time that a written value stays in memory while others follow it.
    """

    def __init__(self, directory: str | os.PathLike[str], flush_seconds: float = 2.0) -> None:
        self.directory = os.fspath(directory)
        self.flush_seconds = flush_seconds
        self._writer: Any = None
        self._flushed = 0.0
        self._lock = threading.Lock()

    def scalar(self, tag: str, value: float, step: int, wall_time: float | None = None) -> None:
        """Add a point to the curve `tag`."""
        self._write(messages.scalar(tag, float(value)), step, wall_time)

    def histogram(self, tag: str, values: np.ndarray, step: int, wall_time: float | None = None) -> None:
        """Add the distribution of `values`; those that are not finite are left out."""
        flat = np.asarray(values, np.float64).ravel()
        flat = flat[np.isfinite(flat)]
        if flat.size:
            self._write(messages.histogram(tag, flat, _edges(flat)), step, wall_time)

    def graph(self, nodes: Sequence[tuple[str, str, Sequence[str]]]) -> None:
        """Add a graph that TensorBoard draws: the name of each node, its kind, and the names of what it reads."""
        definition = graph_pb2.GraphDef(
            node=[node_def_pb2.NodeDef(name=name, op=kind, input=inputs) for name, kind, inputs in nodes]
        )
        self._write_event(event_pb2.Event(wall_time=time.time(), graph_def=definition.SerializeToString()))

    def flush(self) -> None:
        """Bring everything to the disk."""
        with self._lock:
            if self._writer is not None:
                self._writer.flush()
                self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close; a later value begins another file in the same folder."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _write(self, message: Any, step: int, wall_time: float | None) -> None:
        now = time.time() if wall_time is None else wall_time
        self._write_event(event_pb2.Event(wall_time=now, step=int(step), summary=message))

    def _write_event(self, event: Any) -> None:
        with self._lock:
            if self._writer is None:
                os.makedirs(self.directory, exist_ok=True)
                suffix = f".{os.getpid()}.{next(_serial)}"  # two files of one folder may begin in the same second
                self._writer = EventsWriter(os.path.join(self.directory, "events"), suffix)
                self._flushed = 0.0
            self._writer.write_event(event)
            if time.monotonic() - self._flushed >= self.flush_seconds:
                self._writer.flush()
                self._flushed = time.monotonic()

    def __getstate__(self) -> dict[str, Any]:
        return {"directory": self.directory, "flush_seconds": self.flush_seconds}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def read_scalars(directory: str | os.PathLike[str]) -> dict[str, list[Scalar]]:
    """All curves in the event files of a folder, each in the order of steps.

    Args:
        directory: a folder that a writer of event files (ours or another) wrote into, or still does.

    Returns:
        Points by tag. Empty where the folder does not exist.
    """
    curves: dict[str, list[Scalar]] = {}
    for path in sorted(Path(directory).glob("*tfevents*")):
        for event in _events(path):
            for value in event.summary.value:
                number = _number(value)
                if number is not None:
                    curves.setdefault(value.tag, []).append(Scalar(event.step, number, event.wall_time))
    for points in curves.values():
        points.sort(key=lambda point: (point.step, point.wall_time))
    return curves


def _events(path: Path) -> Iterator[Any]:
    """Events of a file up to its first incomplete or damaged record."""
    with path.open("rb") as file:
        while header := file.read(_HEADER.size):
            if len(header) < _HEADER.size:
                return
            length, checksum = _HEADER.unpack(header)
            if checksum != masked_crc32c(header[:8]) or length > _LARGEST_RECORD:
                logger.warning("%s is damaged after byte %d; the rest is not read.", path, file.tell() - _HEADER.size)
                return
            record = file.read(length + _CHECKSUM.size)
            if len(record) < length + _CHECKSUM.size:
                return  # another process is still writing it
            payload = record[:length]
            if _CHECKSUM.unpack(record[length:])[0] != masked_crc32c(payload):
                logger.warning("%s is damaged before byte %d; the rest is not read.", path, file.tell())
                return
            yield event_pb2.Event.FromString(payload)


def _number(value: Any) -> float | None:
    """The scalar in a summary value, in either of the two forms that writers use."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind == "tensor" and not value.tensor.tensor_shape.dim:
        tensor = value.tensor
        if tensor.float_val:
            return float(tensor.float_val[0])
        if tensor.dtype == 1 and len(tensor.tensor_content) == 4:  # DT_FLOAT
            return float(np.frombuffer(tensor.tensor_content, "<f4")[0])
    return None


def _edges(values: np.ndarray) -> np.ndarray:
    """Bucket edges over the range of the values."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        margin = max(abs(low), 1.0) * 1e-3
        low, high = low - margin, high + margin
    return np.linspace(low, high, 31)
