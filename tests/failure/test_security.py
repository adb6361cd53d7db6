"""Who does not hold the key of a job is refused or timed out, whatever it sends, and training does not notice."""

import base64
import contextlib
import errno
import logging
import pickle
import queue
import socket
import struct
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigdl_keras.data import as_source
from bigdl_keras.engine import barrier, wire
from bigdl_keras.engine.collectives.handshake import KEY_BYTES, Door, Refused, call, new_key, welcome
from bigdl_keras.engine.collectives.sockets import Address, Sockets, join
from bigdl_keras.engine.meeting import Delegate, DriverUnreachable, Meeting
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.engine.tasks import GangTask
from bigdl_keras.errors import WorkerLost
from tests.engine.teams import together

HOST = "127.0.0.1"
HELLO = b"bigdlk01"
GARBAGE = [b"", b"\x00", HELLO, HELLO[:3], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(500), b"\xff" * 500,
           HELLO + struct.pack("<i", 0) + bytes(64), struct.pack("<IQ", 2, 1 << 32) + b"{}" * 50]


@pytest.fixture
def meeting():
    """A meeting of two, and its key."""
    key = new_key()
    found = Meeting(2, HOST, key, queue.Queue())
    yield found, key
    found.close()


def both_meet(meeting, key):
    """Both workers come and learn each other's address."""
    def work(rank):
        delegate = Delegate(HOST, meeting.port, key, rank, HOST)
        addresses = delegate.exchange_addresses(Address(HOST, 1000 + rank))
        delegate.close()
        return addresses

    expected = [Address(HOST, 1000), Address(HOST, 1001)]
    assert together(work, 2) == [expected, expected]


def said_by_caller(key, rank):
    """The bytes of a genuine introduction, as somebody on the wire would have recorded them."""
    caller, called = socket.socketpair()
    recorder, behind = socket.socketpair()
    record = []

    def relay(source, target, kept):
        while data := source.recv(4096):
            if kept is not None:
                kept.append(data)
            target.sendall(data)

    from bigdl_keras.engine.collectives.handshake import introduce

    for source, target, kept in ((called, recorder, record), (recorder, called, None)):
        threading.Thread(target=relay, args=(source, target, kept), daemon=True).start()
    answers = together(lambda side: introduce(caller, key, rank, 10.0) if side else welcome(behind, key, 10.0), 2)
    assert answers[0] == rank
    for end in (caller, behind, called, recorder):
        end.close()
    return b"".join(record)


def turned_away(port, data, seconds=10.0):
    """Say `data`; whether the other side then hangs up without having taken us for a worker."""
    with socket.create_connection((HOST, port), seconds) as stranger:
        try:
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(4096):
                pass
        except ConnectionError:
            pass
        except OSError as error:  # it had hung up already; that it never does is a TimeoutError
            if error.errno != errno.ENOTCONN:
                raise
    return True


# ---- the rendezvous


def test_the_wrong_key(meeting):
    found, key = meeting
    with pytest.raises(DriverUnreachable, match="cannot reach the driver"):
        Delegate(HOST, found.port, new_key(), 0, HOST)
    both_meet(found, key)


def test_a_replayed_hello(meeting):
    found, key = meeting
    recorded = said_by_caller(key, 0)
    assert len(recorded) == len(HELLO) + 4 + 32 + 32
    turned_away(found.port, recorded)
    assert not found.addresses
    both_meet(found, key)


def test_a_reflected_answer(meeting):
    found, key = meeting
    with socket.create_connection((HOST, found.port), 10) as stranger:
        stranger.sendall(HELLO + struct.pack("<i", 0) + bytes(32))
        answer = stranger.recv(4096)
        stranger.sendall(answer[-32:])  # its own proof, said back
        assert stranger.recv(10) == b""
    both_meet(found, key)


@pytest.mark.parametrize("said", GARBAGE)
def test_garbage_at_the_meeting(meeting, said):
    found, key = meeting
    turned_away(found.port, said)
    both_meet(found, key)


def test_silent_strangers_hold_nobody_up(meeting):
    found, key = meeting
    strangers = [socket.create_connection((HOST, found.port)) for _ in range(20)]
    started = time.monotonic()
    both_meet(found, key)
    found.close()
    assert time.monotonic() - started < 5
    for stranger in strangers:
        stranger.close()


def test_nobody_listens_once_all_have_come(meeting):
    found, key = meeting
    delegates = together(lambda rank: Delegate(HOST, found.port, key, rank, HOST), 2)
    together(lambda rank: delegates[rank].exchange_addresses(Address(HOST, 1)), 2)
    deadline = time.monotonic() + 5
    while True:
        try:
            socket.create_connection((HOST, found.port), 1).close()
        except ConnectionRefusedError:
            break
        except ConnectionError:  # reset: the port closed at this very moment
            continue
        finally:
            assert time.monotonic() < deadline
    for delegate in delegates:
        delegate.close()


@pytest.mark.parametrize("frame", [struct.pack("<IQ", 5, 0) + b"{}", struct.pack("<IQ", 1 << 31, 0),
                                   struct.pack("<IQ", 2, 1 << 62) + b"{}", b"\x00"])
def test_a_worker_that_sends_no_frame_is_gone(meeting, frame):
    found, key = meeting
    connection = call(HOST, found.port, key, 1, 10.0)
    with contextlib.suppress(OSError):  # the driver may hang up before all is said
        connection.sendall(frame)
        connection.shutdown(socket.SHUT_WR)
    event = found.events.get(timeout=10)
    assert (event.kind, event.rank) == ("gone", 1)
    connection.close()


def test_an_announced_length_takes_no_memory():
    first, second = socket.socketpair()
    first.sendall(struct.pack("<IQ", 2, 1 << 32) + b"{}" + bytes(1000))
    first.close()
    tracemalloc.start()
    with pytest.raises(ConnectionError):
        wire.receive_frame(second)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    second.close()
    assert peak < 1 << 26


# ---- the mesh


def mesh(key, doors, timeout_seconds=20.0):
    addresses = [Address(HOST, door.port) for door in doors]
    team = together(lambda rank: join(rank, addresses, doors[rank], key, timeout_seconds), len(doors))
    for door in doors:
        door.close()
    return team


@pytest.mark.parametrize("said", GARBAGE)
def test_garbage_at_the_mesh(said):
    key = new_key()
    doors = [Door(HOST, key, 2.0) for _ in range(2)]
    strangers = [socket.create_connection((HOST, doors[0].port)) for _ in range(3)]
    for stranger in strangers:
        stranger.sendall(said)
    team = mesh(key, doors)
    assert together(lambda rank: float(team[rank].sum(np.ones(1))[0]), 2) == [2.0, 2.0]
    for item in (*team, *strangers):
        item.close()


def test_the_wrong_key_and_a_replay_at_the_mesh():
    key = new_key()
    doors = [Door(HOST, key, 2.0) for _ in range(2)]
    stranger = socket.create_connection((HOST, doors[0].port))
    stranger.sendall(said_by_caller(key, 1))
    refusals = []

    def wrong(side):
        try:
            call(HOST, doors[0].port, new_key(), 1, 10.0)
        except Refused as error:
            refusals.append(error)

    thread = threading.Thread(target=wrong, args=(0,))
    thread.start()
    team = mesh(key, doors)
    thread.join(10)
    assert len(refusals) == 1
    assert together(lambda rank: float(team[rank].sum(np.ones(1))[0]), 2) == [2.0, 2.0]
    for item in (*team, stranger):
        item.close()


@pytest.mark.parametrize("frame", [struct.pack("<QQ", 1, 1 << 32), struct.pack("<QQ", 1, 7), struct.pack("<QQ", 9, 8),
                                   b"\xff" * 64])
def test_a_frame_of_another_length_ends_the_exchange(frame):
    mine, theirs = socket.socketpair()
    team = Sockets(0, {1: theirs}, {1: HOST}, 10.0)
    mine.sendall(frame + bytes(100))
    with pytest.raises(WorkerLost, match=r"Worker 1 of 2 on 127.0.0.1 is lost"):
        team.sum(np.zeros(1))
    mine.close()
    team.close()


def test_a_frame_that_is_cut_short_ends_the_exchange():
    mine, theirs = socket.socketpair()
    team = Sockets(0, {1: theirs}, {1: HOST}, 10.0)
    mine.sendall(struct.pack("<QQ", 1, 80) + bytes(30))
    mine.shutdown(socket.SHUT_WR)
    with pytest.raises(WorkerLost, match="closed the connection"):
        team.sum(np.zeros(10))
    mine.close()
    team.close()


# ---- fuzzed


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda data: HELLO + data)))
def test_no_bytes_are_welcome(data):
    stranger, door = socket.socketpair()
    stranger.sendall(data)
    stranger.shutdown(socket.SHUT_WR)
    with pytest.raises((ConnectionError, TimeoutError)):
        welcome(door, b"k" * KEY_BYTES, 5.0)
    stranger.close()
    door.close()


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.tuples(st.binary(max_size=30), st.integers(0, 1 << 63)).map(
    lambda pair: struct.pack("<IQ", len(pair[0]), pair[1]) + pair[0])))
def test_frames_of_any_bytes_are_read_or_refused(data):
    sender, receiver = socket.socketpair()
    sender.sendall(data)
    sender.shutdown(socket.SHUT_WR)
    try:
        header, _ = wire.receive_frame(receiver, time.monotonic() + 5.0)
        assert isinstance(header, dict)
    except (ConnectionError, TimeoutError):
        pass
    sender.close()
    receiver.close()


# ---- a fit among strangers


class Strangers:
    """Threads that say garbage to every port of a job, from its first to its last moment."""

    def __init__(self):
        self.meetings, self.calls, self._over = [], 0, threading.Event()
        self._thread = threading.Thread(target=self._pester, daemon=True)
        self._thread.start()

    def _pester(self):
        number, kept = 0, []
        while not self._over.wait(0.01):
            for meeting in list(self.meetings):
                for port in (meeting.port_for_strangers, *(item.port for item in list(meeting.addresses.values()))):
                    number += 1
                    try:
                        stranger = socket.create_connection((HOST, port), 0.5)
                    except OSError:
                        continue
                    self.calls += 1
                    with contextlib.suppress(OSError):
                        stranger.sendall(GARBAGE[number % len(GARBAGE)])
                    kept.append(stranger)  # some stay, silent
                    if len(kept) > 30:
                        kept.pop(0).close()
        for stranger in kept:
            stranger.close()

    def leave(self):
        self._over.set()
        self._thread.join(10)


@pytest.mark.spark
def test_a_fit_among_strangers_and_a_key_that_nobody_tells(spark, make_job, make_data, monkeypatch, caplog, capfd):
    data = make_data(40)
    rows = as_source(spark.sparkContext.parallelize(list(zip(*data, strict=True)), 2))
    engine = choose_engine("barrier", rows, 2)
    job = make_job(epochs=20, batch_size=8)
    undisturbed = engine.run(job, rows, None, Report())

    strangers, key = Strangers(), bytes(range(100, 100 + KEY_BYTES))

    class Watched(Meeting):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.port_for_strangers = self.port
            strangers.meetings.append(self)

    monkeypatch.setattr(barrier, "Meeting", Watched)
    monkeypatch.setattr(barrier, "new_key", lambda: key)
    with caplog.at_level(logging.DEBUG):
        found = engine.run(job, rows, None, Report())
    strangers.leave()
    assert strangers.calls > 1  # ports are open only until all workers have come
    np.testing.assert_array_equal(found.values, undisturbed.values)
    assert found.progress == undisturbed.progress

    meeting = strangers.meetings[0]
    task = GangTask(None, (), 2, key, HOST, 1)
    shown = [caplog.text, *capfd.readouterr(), repr(task), repr(meeting), repr(vars(meeting)), repr(job), repr(found)]
    forms = [key.hex(), base64.b64encode(key).decode(), repr(key)[2:-1], str(list(key))[1:-1], key.decode("latin1")]
    for text in shown:
        assert not any(form in text for form in forms)
    assert key not in pickle.dumps((job, found))
