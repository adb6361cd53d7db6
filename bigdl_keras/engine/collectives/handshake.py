"""Two processes that hold the same key prove it to each other before either believes a byte of the other.

Both sides send 32 random bytes; each answers with HMAC-SHA256 over both and its own part in the talk, so an answer can
be neither guessed, nor replayed, nor reflected. The key itself never travels.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import struct
import time
from collections.abc import Sequence

from bigdl_keras.engine.collectives.ports import ANY, bound

KEY_BYTES = 32
_MAGIC = b"bigdlk01"
_NONCE_BYTES = 32
_RANK = struct.Struct("<i")
_FIRST_BYTES = 1 << 24
_WAITING_CALLERS = 512


class Refused(ConnectionError):
    """The other side does not hold the key, or does not speak our language."""


def new_key() -> bytes:
    """A key for one job."""
    return secrets.token_bytes(KEY_BYTES)


def introduce(connection: socket.socket, key: bytes, rank: int, timeout_seconds: float) -> None:
    """The side that connected: prove the key, say who we are, and have the other side prove the key.

    Raises:
        Refused: it did not.
        TimeoutError: it was silent.
    """
    deadline = time.monotonic() + timeout_seconds
    mine = _MAGIC + _RANK.pack(rank) + secrets.token_bytes(_NONCE_BYTES)
    connection.settimeout(timeout_seconds)
    connection.sendall(mine)
    answer = receive_exactly(connection, len(_MAGIC) + _NONCE_BYTES + hashlib.sha256().digest_size, deadline)
    theirs, proof = answer[:len(_MAGIC) + _NONCE_BYTES], answer[len(_MAGIC) + _NONCE_BYTES:]
    if not hmac.compare_digest(proof, _proof(key, b"accepted", mine, theirs)):
        raise Refused("The process that was called does not hold the key of this job.")
    connection.sendall(_proof(key, b"introduced", mine, theirs))
    connection.settimeout(None)


def welcome(connection: socket.socket, key: bytes, timeout_seconds: float) -> int:
    """The side that was called: the same from the other end. Returns the caller's rank.

    Raises:
        Refused: the caller does not hold the key.
        TimeoutError: the caller was silent.
    """
    deadline = time.monotonic() + timeout_seconds
    theirs = receive_exactly(connection, len(_MAGIC) + _RANK.size + _NONCE_BYTES, deadline)
    if theirs[:len(_MAGIC)] != _MAGIC:
        raise Refused("The caller does not speak the language of this job.")
    mine = _MAGIC + secrets.token_bytes(_NONCE_BYTES)
    connection.sendall(mine + _proof(key, b"accepted", theirs, mine))
    proof = receive_exactly(connection, hashlib.sha256().digest_size, deadline)
    if not hmac.compare_digest(proof, _proof(key, b"introduced", theirs, mine)):
        raise Refused("The caller does not hold the key of this job.")
    connection.settimeout(None)
    return int(_RANK.unpack_from(theirs, len(_MAGIC))[0])


def _proof(key: bytes, part: bytes, caller: bytes, called: bytes) -> bytes:
    return hmac.new(key, part + caller + called, hashlib.sha256).digest()


def receive_exactly(connection: socket.socket, length: int, deadline: float | None = None) -> bytes:
    """`length` bytes. Memory grows with what has come: an announced length alone takes none.

    Raises:
        ConnectionError: the other side closed the connection first.
        TimeoutError: not before `deadline` (of time.monotonic).
    """
    data, received = bytearray(min(length, _FIRST_BYTES)), 0
    while received < length:
        if received == len(data):
            data.extend(bytes(min(len(data), length - received)))
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("The other side is silent.")
            connection.settimeout(left)
        with memoryview(data) as view, view[received:] as rest:
            count = connection.recv_into(rest)
        if not count:
            raise ConnectionError("The other side closed the connection.")
        received += count
    return bytes(data)


class Door:
    """A listening socket that lets in only those who hold the key.

    Args:
        host: address to listen on, or one by which others see this machine (then we listen on all of its own).
        key: of the job.
        timeout_seconds: how long a caller may take to prove the key.
        ports: to choose from; the port stays ours until `close`.
    """

    def __init__(self, host: str, key: bytes, timeout_seconds: float = 10.0, ports: Sequence[int] = ANY) -> None:
        self._listener = bound(host, ports)
        self._listener.listen(_WAITING_CALLERS)
        self._key = key
        self._timeout_seconds = timeout_seconds

    @property
    def port(self) -> int:
        """Where to call."""
        return int(self._listener.getsockname()[1])

    def accept(self, timeout_seconds: float) -> socket.socket | None:
        """The next caller, still to be welcomed; None if nobody calls in time or the door is closed."""
        self._listener.settimeout(timeout_seconds)
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return None
        tune(connection)
        return connection

    def welcome(self, connection: socket.socket) -> int:
        """The caller's rank, once it has proved the key; closes the connection and raises if it does not."""
        try:
            return welcome(connection, self._key, self._timeout_seconds)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def call(host: str, port: int, key: bytes, rank: int, timeout_seconds: float) -> socket.socket:
    """Connect to a Door and go through it."""
    connection = socket.create_connection((host, port), timeout_seconds)
    try:
        tune(connection)
        introduce(connection, key, rank, timeout_seconds)
    except BaseException:
        connection.close()
        raise
    return connection


def tune(connection: socket.socket) -> None:
    """Send small messages at once; notice a machine that is gone."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
