"""Tasks tell the driver that they go on, by datagrams: any may be lost, and nothing is done where none ever comes."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from bigdl_keras.engine.collectives.ports import ANY, bound

_Item = TypeVar("_Item")
_TOKEN_BYTES = 16
_PER_DEADLINE = 8  # beats within the time after which a task is missed


class Pulse:
    """Beats in tasks. It travels with what they run, and beats for the first time where it arrives, before they begin.

    Args:
        host, port: of the driver.
        token: by which the driver knows its own tasks.
        seconds: between two beats.
    """

    def __init__(self, host: str, port: int, token: bytes, seconds: float) -> None:
        self._host, self._port, self._token, self._seconds = host, port, token, seconds
        self._next = 0.0

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _next=0.0)
        self.beat()

    def beat(self) -> None:
        """Say that this task goes on, unless it has just said so."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._seconds
        with suppress(OSError):
            family, _, _, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(self._token, address)

    def over(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The same items, with a beat whenever one has come."""
        for item in items:
            self.beat()
            yield item


class Listener:
    """The driver's side.

    Args:
        host: address by which executors reach the driver.
        seconds: how long a task may be silent.
        ports: to choose from.
    """

    def __init__(self, host: str, seconds: float, ports: Sequence[int] = ANY) -> None:
        token = secrets.token_bytes(_TOKEN_BYTES)
        self._socket = bound(host, ports, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._heard, self._token = 0, token
        self.pulse = Pulse(host, self._socket.getsockname()[1], token, seconds / _PER_DEADLINE)

    def heard(self) -> int:
        """How many beats have come so far."""
        with suppress(OSError):  # there is no more, or this is closed
            while True:
                self._heard += secrets.compare_digest(self._socket.recv(2 * _TOKEN_BYTES), self._token)
        return self._heard

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def beating(pulse: Pulse, function: Callable[[int, Any], Any], partition: int, items: Iterable[Any]) -> Any:
    """A function of a partition, with a beat at every item that it takes. Runs in an executor."""
    return function(partition, pulse.over(items))
