"""A team of processes, every two of them joined by a socket, exchanges raw frames of lengths that both sides know."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bigdl_keras.engine.collectives.compression import Compression
from bigdl_keras.engine.collectives.handshake import Door, call
from bigdl_keras.engine.collectives.rows import Frame, Lookups, Rows
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.errors import WorkerLost, WorkerSilent

_HEADER = struct.Struct("<QQ")  # number of the exchange, length of what follows
LIKELY_CAUSE = ("Its process was probably killed, most often for lack of memory: look into the log of its executor, "
                "raise spark.executor.memoryOverhead or spark.executor.pyspark.memory, or use a smaller batch_size.")


@dataclass(frozen=True)
class Address:
    """Where a worker listens for the others."""

    host: str
    port: int


class _Peer:
    """One other worker: its socket, what is still to be sent to it and received from it."""

    def __init__(self, rank: int, connection: socket.socket, host: str) -> None:
        self.rank = rank
        self.host = host
        self.connection = connection
        self.header = bytearray(_HEADER.size)
        self.exchange = 0
        self.outgoing: list[memoryview] = []
        self.incoming: list[memoryview] = []
        self.open_ended: memoryview | None = None
        self.length = 0

    def begin(self, exchange: int, out: memoryview | None, into: memoryview | None, at_most: bool = False) -> None:
        """Queue a frame each way, as far as there is one; what comes fills `into`, or is `at_most` as long."""
        self.exchange = exchange
        self.outgoing = [] if out is None else [memoryview(_HEADER.pack(exchange, out.nbytes)), out]
        self.incoming = []
        if into is not None:
            self.length = into.nbytes
            self.open_ended = into if at_most else None  # how much of it to fill, the header will say
            self.incoming = [memoryview(self.header)] if at_most else [memoryview(self.header), into]

    def send(self) -> None:
        """Send what the socket takes now."""
        while self.outgoing:
            try:
                count = self.connection.sendmsg(self.outgoing)
            except BlockingIOError:
                return
            self.outgoing = _advance(self.outgoing, count)

    def receive(self) -> None:
        """Receive what has come.

        Raises:
            ConnectionError: the peer is gone, or sent another frame than was expected.
        """
        while self.incoming:
            try:
                count = self.connection.recvmsg_into(self.incoming)[0]
            except BlockingIOError:
                return
            if not count:
                raise ConnectionError("it closed the connection")
            had_header = self.open_ended is None and len(self.incoming) < 2
            self.incoming = _advance(self.incoming, count)
            if not had_header and len(self.incoming) < (2 if self.open_ended is None else 1):
                self._open()

    def _open(self) -> None:
        """The header has come: see whether what follows is what we wait for."""
        exchange, length = _HEADER.unpack(self.header)
        most = self.length
        if exchange != self.exchange or length > most or (length < most and self.open_ended is None):
            bound = "" if self.open_ended is None else "at most "
            raise ConnectionError(f"it sent the frame {(exchange, length)} instead of "
                                  f"({self.exchange}, {bound}{most}) (exchange, bytes)")
        if self.open_ended is not None:
            self.length = length
            self.incoming = [self.open_ended[:length]] if length else []
            self.open_ended = None


def _advance(buffers: list[memoryview], count: int) -> list[memoryview]:
    """What is left of `buffers` after `count` bytes."""
    while buffers and count >= buffers[0].nbytes:
        count -= buffers[0].nbytes
        buffers = buffers[1:]
    return [buffers[0][count:], *buffers[1:]] if count else buffers


class Sockets:
    """The collective of one process of a team.

    Args:
        rank: my number.
        connections: a connection to each other worker, by rank.
        hosts: where the others are, for messages.
        timeout_seconds: how long to wait for another worker.
        compression: how gradients and weights travel.

    Attributes:
        sent_bytes: what went out so far.
    """

    def __init__(self, rank: int, connections: Mapping[int, socket.socket], hosts: Mapping[int, str],
                 timeout_seconds: float, compression: Compression | None = None) -> None:
        self.rank = rank
        self.size = len(connections) + 1
        self.compression = compression
        self.sent_bytes = 0
        self._peers = {other: _Peer(other, connection, hosts[other]) for other, connection in connections.items()}
        self._timeout_seconds = timeout_seconds
        self._exchange_count = 0
        self._buffers: dict[tuple[int, str], list[np.ndarray]] = {}
        self._wires: dict[tuple[str, int], np.ndarray] = {}
        for connection in connections.values():
            connection.setblocking(False)

    def sum(self, numbers: np.ndarray, patient: bool = False) -> np.ndarray:
        """Every worker sends its numbers to every other, and all add them in the order of ranks."""
        flat = np.ascontiguousarray(numbers, dtype=np.float64).reshape(-1)
        received = self._scratch(len(flat), flat.dtype)[:-1]
        self._exchange(dict.fromkeys(self._peers, flat), dict(zip(self._peers, received, strict=True)), patient)
        return self._add(flat, received, np.zeros_like(flat)).reshape(numbers.shape)

    def reduce_scatter(self, vector: np.ndarray, lookups: Lookups | None = None) -> np.ndarray:
        """Every slice of the vector goes to its owner; mine is added in the order of ranks."""
        mine = self._slice(vector, self.rank)
        if lookups is not None:
            return self._reduce_rows(vector, mine, lookups)
        *received, total = self._scratch(len(mine), vector.dtype)
        if self.compression is not None:
            return self._reduce_compressed(self.compression, vector, mine, total)
        self._exchange({rank: self._slice(vector, rank) for rank in self._peers},
                       dict(zip(self._peers, received, strict=True)))
        return self._add(mine, received, total)

    def all_gather(self, vector: np.ndarray, mine: np.ndarray | None = None, lookups: Lookups | None = None) -> None:
        """My slice goes to all others, and theirs into their places."""
        compression = None if mine is None else self.compression
        if lookups is not None and (compression is None or compression.each_alone):
            self._gather_rows(compression, vector, mine, lookups)
            return
        if mine is not None and compression is not None:
            self._gather_compressed(compression, vector, mine)
            return
        mine = self._slice(vector, self.rank)
        self._exchange(dict.fromkeys(self._peers, mine), {rank: self._slice(vector, rank) for rank in self._peers})

    def share(self, vector: np.ndarray) -> None:
        """The vector of rank 0 goes to all others."""
        if self.rank == 0:
            self._exchange(dict.fromkeys(self._peers, vector), {})
        else:
            self._exchange({}, {0: vector})

    def close(self) -> None:
        """Close all connections."""
        for peer in self._peers.values():
            peer.connection.close()

    def _reduce_compressed(self, compression: Compression, vector: np.ndarray, mine: np.ndarray,
                           total: np.ndarray) -> np.ndarray:
        """As `reduce_scatter`: others' terms arrive rounded, mine is exact."""
        outgoing = {}
        for rank in self._peers:
            theirs = self._slice(vector, rank)
            outgoing[rank] = self._wire("out", rank, compression.nbytes(len(theirs)))
            compression.pack(theirs, outgoing[rank])
        received = {rank: self._wire("in", rank, compression.nbytes(len(mine))) for rank in self._peers}
        self._exchange(outgoing, received)
        if self.rank == 0:
            np.copyto(total, mine)
        else:
            compression.unpack(received[0], total)
        for rank in range(1, self.size):
            if rank == self.rank:
                total += mine
            else:
                compression.add(received[rank], total)
        return total

    def _gather_compressed(self, compression: Compression, vector: np.ndarray, mine: np.ndarray) -> None:
        """As `all_gather`: all slices are read from what travels, mine too."""
        wires = {rank: self._wire("in", rank, compression.nbytes(len(self._slice(vector, rank))))
                 for rank in range(self.size)}
        compression.pack(mine, wires[self.rank])
        self._exchange(dict.fromkeys(self._peers, wires[self.rank]), {rank: wires[rank] for rank in self._peers})
        for rank, wire in wires.items():
            compression.unpack(wire, self._slice(vector, rank))

    def _reduce_rows(self, vector: np.ndarray, mine: np.ndarray, lookups: Lookups) -> np.ndarray:
        """As `reduce_scatter`, of tables only the rows that were touched."""
        frames = [Frame(part, vector.dtype, self.compression) for part in lookups.parts]
        chosen = [part.choose(lookups.touched) for part in lookups.parts]
        outgoing = {rank: frames[rank].pack(self._slice(vector, rank), chosen[rank]) for rank in self._peers}
        received = self._swap(outgoing, dict.fromkeys(self._peers, frames[self.rank]))
        part, own, total = lookups.mine, chosen[self.rank], lookups.begin()
        for rank in range(self.size):
            if rank == self.rank:
                part.copy(mine, own, total, adds=rank > 0)
            else:
                (part.scatter if rank == 0 else part.add)(*received[rank], total)
        lookups.finish([own, *(rows for _, rows in received.values())])
        return total

    def _gather_rows(self, compression: Compression | None, vector: np.ndarray, mine: np.ndarray | None,
                     lookups: Lookups) -> None:
        """As `all_gather`, of tables only the rows that have moved."""
        frames = [Frame(part, vector.dtype, compression) for part in lookups.parts]
        own = frames[self.rank].pack(self._slice(vector, self.rank) if mine is None else mine, lookups.summed)
        received = self._swap(dict.fromkeys(self._peers, own), {rank: frames[rank] for rank in self._peers})
        if compression is not None:
            received[self.rank] = frames[self.rank].unpack(own)
        for rank, (numbers, rows) in received.items():
            lookups.parts[rank].scatter(numbers, rows, self._slice(vector, rank))

    def _swap(self, outgoing: Mapping[int, np.ndarray],
              frames: Mapping[int, Frame]) -> dict[int, tuple[np.ndarray, Rows]]:
        """Send frames of rows to all, and open those that come."""
        incoming = {rank: self._wire("in", rank, frame.longest) for rank, frame in frames.items()}
        self._exchange(outgoing, incoming, at_most=True)
        opened = {}
        for rank, frame in frames.items():
            try:
                opened[rank] = frame.unpack(incoming[rank][:self._peers[rank].length])
            except ValueError as error:
                raise self._lost(self._peers[rank], error) from None
        return opened

    def _wire(self, way: str, rank: int, nbytes: int) -> np.ndarray:
        """A buffer for packed numbers, kept from call to call."""
        found = self._wires.get((way, rank))
        if found is None or len(found) < nbytes:
            found = self._wires[way, rank] = np.empty(nbytes, np.uint8)
        return found[:nbytes]

    def _slice(self, vector: np.ndarray, rank: int) -> np.ndarray:
        return vector[slice_of(len(vector), rank, self.size)]

    def _scratch(self, length: int, dtype: np.dtype[np.generic]) -> list[np.ndarray]:
        """One buffer per other worker, and one more for a total; kept from call to call."""
        key = (length, dtype.str)
        if key not in self._buffers:
            if len(self._buffers) > 8:
                self._buffers.clear()
            self._buffers[key] = [np.empty(length, dtype=dtype) for _ in range(self.size)]
        return self._buffers[key]

    def _add(self, mine: np.ndarray, received: Sequence[np.ndarray], total: np.ndarray) -> np.ndarray:
        """The sum in the order of ranks, which is that of `received` with mine put in its place."""
        terms = [*received[:self.rank], mine, *received[self.rank:]]
        np.add(terms[0], terms[1], out=total)
        for term in terms[2:]:
            total += term
        return total

    def _exchange(self, outgoing: Mapping[int, np.ndarray], incoming: Mapping[int, np.ndarray],
                  patient: bool = False, at_most: bool = False) -> None:
        """Send and receive one frame per peer, all at once; those that come may be shorter with `at_most`."""
        self._exchange_count += 1
        self.sent_bytes += sum(_HEADER.size + array.nbytes for array in outgoing.values())
        for rank, peer in self._peers.items():
            peer.begin(self._exchange_count, _bytes(outgoing.get(rank)), _bytes(incoming.get(rank)), at_most)
        busy = list(self._peers.values())
        deadline = None if patient else time.monotonic() + self._timeout_seconds
        while busy:
            for peer in busy:
                self._try(peer)
            busy = [peer for peer in busy if peer.outgoing or peer.incoming]
            if busy:
                self._wait(busy, deadline)

    def _try(self, peer: _Peer) -> None:
        try:
            peer.send()
            peer.receive()
        except OSError as error:
            raise self._lost(peer, error) from None

    def _lost(self, peer: _Peer, error: Exception) -> WorkerLost:
        return WorkerLost(f"Worker {peer.rank} of {self.size} on {peer.host} is lost, says worker {self.rank}: "
                          f"{error}. {LIKELY_CAUSE}")

    def _wait(self, busy: Sequence[_Peer], deadline: float | None) -> None:
        """Until one of the sockets can go on."""
        poll = select.poll()
        for peer in busy:
            wanted = (select.POLLOUT if peer.outgoing else 0) | (select.POLLIN if peer.incoming else 0)
            poll.register(peer.connection, wanted)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not poll.poll(left):
            silent = busy[0]
            raise WorkerSilent(f"Worker {silent.rank} of {self.size} on {silent.host} has been silent for "
                               f"{self._timeout_seconds:g} seconds, says worker {self.rank}. It hangs, or its machine "
                               "is overloaded or gone.")


def _bytes(array: np.ndarray | None) -> memoryview | None:
    return None if array is None else array.view(np.uint8).data


def join(rank: int, addresses: Sequence[Address], door: Door, key: bytes, timeout_seconds: float,
         compression: Compression | None = None) -> Sockets:
    """Join the team: call every worker of a lower rank, and let those of higher ranks in.

    Raises:
        WorkerLost: one of them cannot be reached, or does not call.
    """
    size = len(addresses)
    connections: dict[int, socket.socket] = {}
    for other in range(rank):
        address = addresses[other]
        try:
            connections[other] = call(address.host, address.port, key, rank, timeout_seconds)
        except OSError as error:
            raise WorkerLost(f"Worker {rank} of {size} cannot reach worker {other} on {address.host}:{address.port}: "
                             f"{error}. Executors must be able to connect to each other, on any port from 1024 "
                             "up.") from None
    missing = _let_in(door, rank, size, connections, timeout_seconds)
    if missing:
        raise WorkerLost(f"Worker {missing[0]} of {size} on {addresses[missing[0]].host} did not call worker {rank} "
                         f"within {timeout_seconds:g} seconds. {LIKELY_CAUSE}")
    ordered = {other: connections[other] for other in sorted(connections)}
    return Sockets(rank, ordered, {other: addresses[other].host for other in ordered}, timeout_seconds, compression)


def _let_in(door: Door, rank: int, size: int, connections: dict[int, socket.socket],
            timeout_seconds: float) -> list[int]:
    """Fill `connections` with those of higher rank that call; each caller is welcomed by a thread of its own."""
    deadline = time.monotonic() + timeout_seconds
    arrived = threading.Condition()

    def welcome(connection: socket.socket) -> None:
        try:
            caller = door.welcome(connection)
        except OSError:
            return
        with arrived:
            if rank < caller < size and caller not in connections:
                connections[caller] = connection
            else:
                connection.close()
            arrived.notify()

    def missing() -> list[int]:
        return [other for other in range(rank + 1, size) if other not in connections]

    while missing() and time.monotonic() < deadline:
        connection = door.accept(0.05)
        if connection is not None:
            threading.Thread(target=welcome, args=(connection,), daemon=True).start()
    return missing()
