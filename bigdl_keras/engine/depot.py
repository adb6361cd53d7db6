"""Parcels for other machines: a thread of the process that wrote them hands them out to whoever holds the fit's key."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from bigdl_keras.engine.collectives.handshake import Door, call, receive_exactly
from bigdl_keras.engine.collectives.ports import ANY
from bigdl_keras.engine.parcels import Place
from bigdl_keras.errors import PartsLost

_REQUEST = struct.Struct("<I32sQQ")  # leg, name of the file, first byte, bytes
_ANSWER = struct.Struct("<Q")  # bytes that follow: as many as were asked for, or none
_UNCHANGED, _WRITTEN_OVER = b"=", b"!"  # after these bytes: whether they were the right ones to their end
_LOOK_SECONDS = 2.0  # between two looks whether the fit has ended
_SEND_SECONDS = 60.0
_CALL_SECONDS = 10.0  # until a call is answered; a firewall may drop it
_CALLER = 0  # callers need no number here


def folder_of_leg(folder: Path, leg: int | str) -> Path:
    """Where the parcels of one chain of rounds lie."""
    return folder / f"parcels-{leg}"


class Depot:
    """Answers for the parcels in a folder for as long as the folder is there.

    Args:
        folder: of the fit.
        host: address by which others see this machine.
        key: of the fit.
        ports: to choose from.
    """

    def __init__(self, folder: Path, host: str, key: bytes, ports: Sequence[int] = ANY) -> None:
        self._folder = folder
        self._door = Door(host, key, ports=ports)
        self.host, self.port = host, self._door.port
        threading.Thread(target=self._listen, name="bigdl_keras depot", daemon=True).start()

    def _listen(self) -> None:
        with self._door:
            while self._folder.is_dir():
                connection = self._door.accept(_LOOK_SECONDS)
                if connection is not None:
                    threading.Thread(target=self._serve, args=(connection,), name="bigdl_keras depot",
                                     daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """One caller: who proves nothing, asks wrongly or is too slow is hung up on."""
        with connection, suppress(OSError):
            self._door.welcome(connection)
            connection.settimeout(_SEND_SECONDS)
            while self._folder.is_dir():
                if not select.select([connection], [], [], _LOOK_SECONDS)[0]:
                    continue
                leg, name, start, count = _REQUEST.unpack(receive_exactly(connection, _REQUEST.size))
                if not name.isalnum():
                    return
                self._send(connection, folder_of_leg(self._folder, leg) / name.decode("ascii"), start, count)

    def _send(self, connection: socket.socket, path: Path, start: int, count: int) -> None:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            connection.sendall(_ANSWER.pack(0))
            return
        with file:
            there = start + count <= os.fstat(file.fileno()).st_size
            connection.sendall(_ANSWER.pack(count if there else 0))
            if there:
                connection.sendfile(file, start, count)
                connection.sendall(_UNCHANGED if path.exists() else _WRITTEN_OVER)


class Courier:
    """Fetches parcels from other machines; connections are kept.

    Args:
        key: of the fit.
        timeout_seconds: how long another process may be silent.
    """

    def __init__(self, key: bytes, timeout_seconds: float) -> None:
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._connections: dict[tuple[str, int], socket.socket] = {}

    def fetch(self, place: Place) -> np.ndarray:
        """What lies there.

        Raises:
            PartsLost: nobody answers, or it does not lie there any more.
        """
        for _ in range(2):  # a connection of earlier rounds may have been closed meanwhile
            try:
                return self._ask(place)
            except OSError as error:
                cause = error
                connection = self._connections.pop((place.host, place.port), None)
                if connection is not None:
                    connection.close()
        raise PartsLost(f"A part of the training state cannot be fetched from {place.host}:{place.port}: {cause}. "
                        "Either the process there has died, or a firewall is between: executors must be able to "
                        "connect to each other on any port from 1024 up, or on those of spark.bigdl_keras.ports.")

    def close(self) -> None:
        """Hang up on all."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _ask(self, place: Place) -> np.ndarray:
        connection = self._connections.get((place.host, place.port))
        if connection is None:
            connection = call(place.host, place.port, self._key, _CALLER, min(self._timeout_seconds, _CALL_SECONDS))
            connection.settimeout(self._timeout_seconds)
            self._connections[place.host, place.port] = connection
        path = Path(place.path)
        leg = int(path.parent.name.rpartition("-")[2])
        connection.sendall(_REQUEST.pack(leg, path.name.encode("ascii"), place.start, place.nbytes))
        if _ANSWER.unpack(receive_exactly(connection, _ANSWER.size))[0] != place.nbytes:
            raise ConnectionError("it is not there any more")
        array = np.empty(place.length, place.dtype)
        _fill(connection, array.view(np.uint8).data)
        if receive_exactly(connection, len(_UNCHANGED)) != _UNCHANGED:
            raise ConnectionError("it has been written over meanwhile")
        return array


def _fill(connection: socket.socket, buffer: memoryview) -> None:
    """Receive as many bytes as the buffer has.

    Raises:
        ConnectionError: the other side closed the connection first.
        TimeoutError: it was silent.
    """
    while buffer:
        count = connection.recv_into(buffer)
        if not count:
            raise ConnectionError("the other side closed the connection")
        buffer = buffer[count:]


def own_address(toward: str) -> str:
    """The address of this machine on the network that leads to `toward`."""
    if (given := os.environ.get("SPARK_LOCAL_IP")):
        return given
    try:
        family = socket.getaddrinfo(toward, 9, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((toward, 9))  # sends nothing
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
