"""Frames between a worker and the driver: a short JSON header and raw bytes. Nothing in them can execute."""

from __future__ import annotations

import dataclasses
import json
import socket
import struct
from typing import Any

import numpy as np

from bigdl_keras.engine.collectives.handshake import receive_exactly
from bigdl_keras.engine.phases import Phases
from bigdl_keras.engine.report import BatchReport, EpochReport, Evaluation
from bigdl_keras.engine.stragglers import Dropped

_LENGTHS = struct.Struct("<IQ")
_LONGEST_HEADER = 1 << 20
_BATCH_FIELDS = ("iteration", "epoch", "batch", "rows", "learning_rate", "seconds")
_LONGEST_PAYLOAD = 1 << 37  # 128 GiB: beyond any vector, far below a garbage length


def send_frame(connection: socket.socket, header: dict[str, Any], payload: np.ndarray | None = None) -> None:
    """Send a header and perhaps an array's bytes."""
    text = json.dumps(header).encode()
    raw = memoryview(b"") if payload is None else np.ascontiguousarray(payload).reshape(-1).view(np.uint8).data
    connection.sendall(_LENGTHS.pack(len(text), raw.nbytes) + text)
    if raw.nbytes:
        connection.sendall(raw)


def receive_frame(connection: socket.socket, deadline: float | None = None) -> tuple[dict[str, Any], bytes]:
    """The next frame.

    Raises:
        ConnectionError: the other side is gone, or what it sent is no frame.
        TimeoutError: nothing came before `deadline` (of time.monotonic).
    """
    header_length, length = _LENGTHS.unpack(receive_exactly(connection, _LENGTHS.size, deadline))
    if header_length > _LONGEST_HEADER or length > _LONGEST_PAYLOAD:
        raise ConnectionError(f"A frame of {header_length} + {length} bytes is refused.")
    try:
        header = json.loads(receive_exactly(connection, header_length, deadline))
    except ValueError as error:
        raise ConnectionError(f"A frame without a header: {error}.") from None
    if not isinstance(header, dict):
        raise ConnectionError("A frame whose header is no object.")
    return header, receive_exactly(connection, length, deadline) if length else b""


def pack_batch(report: BatchReport) -> tuple[dict[str, Any], np.ndarray]:
    """A batch report as a frame."""
    header = {name: getattr(report, name) for name in _BATCH_FIELDS}
    numbers = np.asarray(report.numbers, dtype=np.float64)
    if report.validation is None:
        return header, numbers
    header["validation"] = [report.validation.rows, len(numbers)]
    return header, np.concatenate([numbers, report.validation.numbers])


def unpack_batch(header: dict[str, Any], payload: bytes) -> BatchReport:
    """The batch report of a frame."""
    numbers, validation = np.frombuffer(payload, dtype=np.float64), None
    if "validation" in header:
        rows, length = header["validation"]
        numbers, validation = numbers[:length], Evaluation(numbers[length:], rows)
    return BatchReport(**{name: header[name] for name in _BATCH_FIELDS}, numbers=numbers, validation=validation)


def pack_epoch(report: EpochReport) -> tuple[dict[str, Any], np.ndarray]:
    """An epoch report as a frame."""
    names = ("epoch", "iteration", "seconds", "learning_rate")
    header: dict[str, Any] = {name: getattr(report, name) for name in names}
    parts = [report.training] if report.validation is None else [report.training, report.validation]
    header["phases"] = None if report.phases is None else report.phases.seconds.tolist()
    header["dropped"] = None if report.dropped is None else dataclasses.asdict(report.dropped)
    header["parts"] = [[part.rows, len(part.numbers)] for part in parts]
    return header, np.concatenate([part.numbers for part in parts])


def unpack_epoch(header: dict[str, Any], payload: bytes) -> EpochReport:
    """The epoch report of a frame."""
    numbers = np.frombuffer(payload, dtype=np.float64)
    parts, start = [], 0
    for rows, length in header["parts"]:
        parts.append(Evaluation(numbers[start:start + length], rows))
        start += length
    return EpochReport(header["epoch"], header["iteration"], header["seconds"], parts[0],
                       parts[1] if len(parts) > 1 else None, header["learning_rate"],
                       None if header["phases"] is None else Phases(np.array(header["phases"])),
                       None if header["dropped"] is None else Dropped(**header["dropped"]))


def pack_vectors(vectors: dict[str, np.ndarray]) -> tuple[dict[str, Any], np.ndarray]:
    """Named vectors as a frame."""
    header = {"vectors": [[name, vector.dtype.str, len(vector)] for name, vector in vectors.items()]}
    parts = [np.ascontiguousarray(vector).view(np.uint8) for vector in vectors.values()]
    return header, np.concatenate(parts) if parts else np.empty(0, np.uint8)


def unpack_vectors(header: dict[str, Any], payload: bytes) -> dict[str, np.ndarray]:
    """The named vectors of a frame."""
    vectors, start = {}, 0
    for name, dtype, length in header["vectors"]:
        vectors[name] = np.frombuffer(payload, dtype=dtype, count=length, offset=start)
        start += vectors[name].nbytes
    return vectors
