"""Workers meet at the driver: there they learn each other's addresses, and rank 0 reports and asks.

Every worker keeps its connection to the end, so that the driver knows at once which of them died.
"""

from __future__ import annotations

import logging
import queue
import select
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigdl_keras.engine import wire
from bigdl_keras.engine.collectives.handshake import Door, call
from bigdl_keras.engine.collectives.ports import ANY
from bigdl_keras.engine.collectives.sockets import Address
from bigdl_keras.engine.report import BatchReport, Decision, EpochReport, Snapshot

_logger = logging.getLogger(__name__)
_CALL_SECONDS = 10.0


class DriverUnreachable(ConnectionError):
    """An executor cannot open a connection to the driver."""


@dataclass(frozen=True)
class Event:
    """Something the driver hears.

    Attributes:
        kind: kind of the frame; 'gone' where a worker's connection ended without its goodbye.
        rank: who.
        header, payload: of the frame.
    """

    kind: str
    rank: int
    header: dict[str, Any]
    payload: bytes = b""


class Meeting:
    """The driver's side.

    Args:
        size: number of workers.
        host: address by which executors reach the driver.
        key: of the job.
        events: where what is heard goes.
        ports: to choose from.
    """

    def __init__(self, size: int, host: str, key: bytes, events: queue.Queue[Event],
                 ports: Sequence[int] = ANY) -> None:
        self.size = size
        self.events = events
        self._door = Door(host, key, ports=ports)
        self.port = self._door.port
        self.addresses: dict[int, Address] = {}
        self._connections: dict[int, socket.socket] = {}
        self._callers: set[socket.socket] = set()
        self._strangers = 0
        self._complete = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._accept, name="bigdl_keras meeting", daemon=True)]
        self._threads[0].start()

    def send(self, rank: int, header: dict[str, Any], payload: np.ndarray | None = None) -> None:
        """Send a frame to a worker; one that is gone makes itself known as an event."""
        try:
            wire.send_frame(self._connections[rank], header, payload)
        except OSError as error:
            _logger.debug("worker %d does not listen any more: %s", rank, error)

    def place(self, rank: int) -> str:
        """'worker 1 of 2 on node7' for messages."""
        address = self.addresses.get(rank)
        return f"worker {rank} of {self.size}" + (f" on {address.host}" if address else "")

    def dismiss(self) -> None:
        """Hang up on everybody: workers that wait for the driver, or for each other, end."""
        with self._complete:
            self._closed = True
            self._complete.notify_all()
        self._door.close()
        for connection in list(self._callers):
            _hang_up(connection)

    def close(self) -> None:
        """Dismiss the workers and end our threads."""
        self.dismiss()
        for thread in self._threads:
            thread.join(_CALL_SECONDS)

    def _accept(self) -> None:
        """Let callers in until all workers have come; from then on, nobody has to listen any more."""
        while not self._closed and len(self.addresses) < self.size:
            connection = self._door.accept(0.2)
            if connection is not None:
                self._callers.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()
        self._door.close()
        if self._closed:  # somebody may have called while the others were dismissed
            self.dismiss()

    def _serve(self, connection: socket.socket) -> None:
        """One worker's connection, from its first byte to its last."""
        try:
            rank = self._door.welcome(connection)
        except OSError as error:
            self._callers.discard(connection)
            self._strangers += 1
            level = logging.WARNING if self._strangers == 1 and not self._closed else logging.DEBUG
            _logger.log(level, "A caller that does not belong to this job was turned away: %s", error)
            return
        try:
            hello, _ = wire.receive_frame(connection)
            if hello.get("kind") == "failed":  # it could not read its rows
                self.events.put(Event("failed", rank, hello))
                return
            if not self._enter(rank, Address(str(hello["host"]), int(hello["port"])), connection):
                return
            while True:
                header, payload = wire.receive_frame(connection)
                self.events.put(Event(str(header.get("kind")), rank, header, payload))
                if header.get("kind") == "goodbye":
                    return
        except (OSError, KeyError, ValueError) as error:
            if not self._closed:
                self.events.put(Event("gone", rank, {"reason": str(error)}))
        finally:
            self._callers.discard(connection)
            connection.close()

    def _enter(self, rank: int, address: Address, connection: socket.socket) -> bool:
        """Note a worker's address, wait for the others, and tell it all of them. False: the meeting was closed."""
        with self._complete:
            if not 0 <= rank < self.size or rank in self._connections:
                raise ConnectionError(f"There is no place for a worker of rank {rank}.")
            self.addresses[rank], self._connections[rank] = address, connection
            self._complete.notify_all()
            self._complete.wait_for(lambda: self._closed or len(self.addresses) == self.size)
            if self._closed:
                return False
        everybody = [[self.addresses[other].host, self.addresses[other].port] for other in range(self.size)]
        wire.send_frame(connection, {"kind": "addresses", "addresses": everybody})
        return True


def _hang_up(connection: socket.socket) -> None:
    """Wake the thread that reads from the connection."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class Delegate:
    """A worker's side: the reporter of its loop.

    Args:
        host, port: of the meeting.
        key: of the job.
        rank: mine.
        own_host: where I am, for messages.
    """

    def __init__(self, host: str, port: int, key: bytes, rank: int, own_host: str) -> None:
        try:
            self._connection = call(host, port, key, rank, _CALL_SECONDS)
        except OSError as error:
            raise DriverUnreachable(f"Worker {rank} on {own_host} cannot reach the driver at {host}:{port}: "
                                    f"{error}. Set spark.driver.host to an address that executors can reach.") from None
        self._stop = False

    def exchange_addresses(self, address: Address) -> list[Address]:
        """Say where I listen, now that I am ready to train; answers with everybody's once all are."""
        wire.send_frame(self._connection, {"kind": "ready", "host": address.host, "port": address.port})
        header, _ = wire.receive_frame(self._connection)
        return [Address(str(host), int(port)) for host, port in header["addresses"]]

    def began(self, rows: int, batches: int) -> None:
        """Training starts."""
        wire.send_frame(self._connection, {"kind": "began", "rows": rows, "batches": batches})

    def ask_epoch_begin(self, epoch: int, snapshot: Snapshot) -> Decision:
        """An epoch starts."""
        return self._ask({"kind": "epoch_began", "epoch": epoch}, None, snapshot)

    def batch_ended(self, report: BatchReport) -> None:
        """An iteration has finished."""
        header, numbers = wire.pack_batch(report)
        wire.send_frame(self._connection, {"kind": "batch", **header}, numbers)

    def ask_batch(self, report: BatchReport, snapshot: Snapshot) -> Decision:
        """An iteration has finished; what now?"""
        header, numbers = wire.pack_batch(report)
        return self._ask({"kind": "batch", "asks": True, **header}, numbers, snapshot)

    def ask_epoch(self, report: EpochReport, snapshot: Snapshot) -> Decision:
        """An epoch has finished; what now?"""
        header, numbers = wire.pack_epoch(report)
        return self._ask({"kind": "epoch", "asks": True, **header}, numbers, snapshot)

    def stop_requested(self) -> bool:
        """Whether the driver has said to stop."""
        while select.select([self._connection], [], [], 0)[0]:
            header, _ = wire.receive_frame(self._connection)
            self._stop = self._stop or header["kind"] == "stop"
        return self._stop

    def failed(self, error: BaseException, text: str, consequence: bool) -> None:
        """Tell the driver that this worker ends with an error, so that nobody waits for it."""
        header = {"kind": "failed", "type": type(error).__name__, "message": str(error)[:10_000],
                  "text": text[:100_000], "consequence": consequence}
        try:
            wire.send_frame(self._connection, header)
        except OSError:
            _logger.debug("the driver has hung up first")

    def close(self) -> None:
        """Say goodbye: from here on, my end is no accident."""
        try:
            wire.send_frame(self._connection, {"kind": "goodbye"})
        except OSError:
            _logger.debug("the driver has hung up first")
        self._connection.close()

    def _ask(self, header: dict[str, Any], numbers: np.ndarray | None, snapshot: Snapshot) -> Decision:
        wire.send_frame(self._connection, header, numbers)
        while True:
            answer, payload = wire.receive_frame(self._connection)
            kind = answer["kind"]
            if kind == "values":
                description, raw = wire.pack_vectors({"values": snapshot.values()})
                wire.send_frame(self._connection, {"kind": "snapshot", **description}, raw)
            elif kind == "optimizer_state":
                description, raw = wire.pack_vectors(snapshot.optimizer_state())
                wire.send_frame(self._connection, {"kind": "snapshot", **description}, raw)
            elif kind == "stop":
                self._stop = True
            else:
                values = wire.unpack_vectors(answer, payload).get("values")
                return Decision(bool(answer["stop"]) or self._stop, answer["learning_rate"], values)
