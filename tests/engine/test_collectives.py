import socket
import time

import numpy as np
import pytest

from bigdl_keras.engine.collectives.alone import Alone
from bigdl_keras.engine.collectives.handshake import Door, Refused, call, new_key
from bigdl_keras.engine.collectives.sockets import Address, join
from bigdl_keras.engine.collectives.threads import ThreadTeam
from bigdl_keras.engine.ownership import slice_of
from bigdl_keras.errors import WorkerLost
from tests.engine.teams import HOST, socket_team, thread_team, together


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("length", [0, 1, 7, 300_000])
@pytest.mark.parametrize("make", [thread_team, socket_team])
def test_verbs(make, size, length):
    team = make(size)
    rng = np.random.default_rng(0)
    vectors = [rng.normal(size=length).astype(np.float32) for _ in range(size)]
    numbers = [rng.normal(size=(2, 3)) for _ in range(size)]
    in_order = np.zeros(length, dtype=np.float32)
    for vector in vectors:
        in_order += vector

    def work(rank):
        member, vector = team[rank], vectors[rank].copy()
        outcome = []
        for _ in range(2):
            total = member.sum(numbers[rank])
            mine = member.reduce_scatter(vector).copy()
            whole = np.full(length, np.nan, dtype=np.float32)
            whole[slice_of(length, rank, size)] = mine
            member.all_gather(whole)
            shared = np.full(length, float(rank), dtype=np.float32)
            member.share(shared)
            outcome.append((total, whole, shared))
        return outcome

    expected = sum(numbers[1:], numbers[0])
    for outcome in together(work, size):
        for total, whole, shared in outcome:
            np.testing.assert_array_equal(total, expected)
            np.testing.assert_array_equal(whole, in_order)
            np.testing.assert_array_equal(shared, np.zeros(length))
    for member in team:
        member.close()


def test_alone():
    vector = np.arange(3.0)
    assert Alone().reduce_scatter(vector) is vector
    assert Alone().sum(vector) is vector


def test_a_peer_that_leaves_is_named():
    first, second = socket_team(2)
    second.close()
    with pytest.raises(WorkerLost, match=r"Worker 1 of 2 on 127.0.0.1 is lost.*memoryOverhead"):
        for _ in range(3):
            first.sum(np.zeros(3))


def test_a_silent_peer_is_named():
    first, _second = socket_team(2, timeout_seconds=0.3)
    with pytest.raises(WorkerLost, match=r"Worker 1 of 2.*silent for 0.3 seconds"):
        first.all_gather(np.zeros(4, dtype=np.float32))


def test_frames_of_another_length_are_refused():
    first, second = socket_team(2)

    def run(rank):
        try:
            (first.sum(np.zeros(3)) if rank == 0 else second.sum(np.zeros(4)))
        except WorkerLost as error:
            (first if rank == 0 else second).close()
            return str(error)
        return ""

    assert "instead of" in "".join(together(run, 2))


def test_a_thread_that_fails_wakes_the_others():
    team = ThreadTeam(2, 20.0)

    def run(rank):
        if rank == 1:
            team.abort()
            return
        with pytest.raises(WorkerLost):
            team.member(0).sum(np.zeros(1))

    together(run, 2)


def knock(door):
    """What the next caller meets: its rank, or the error."""
    connection = door.accept(10)
    try:
        return door.welcome(connection)
    except OSError as error:
        return error


def test_handshake():
    key = new_key()
    door = Door(HOST, key)
    answers = together(lambda side: knock(door) if side == 0 else call(HOST, door.port, key, 7, 10), 2)
    assert answers[0] == 7
    answers[1].close()
    door.close()


def test_wrong_key_is_refused_on_both_sides():
    door = Door(HOST, new_key())

    def caller(side):
        if side == 0:
            return knock(door)
        with pytest.raises(Refused):
            call(HOST, door.port, new_key(), 1, 10)
        return None

    assert isinstance(together(caller, 2)[0], ConnectionError)
    door.close()


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n" * 10, bytes(200), b"bigdlk01" + bytes(36) + bytes(32)])
def test_strangers_are_turned_away_and_the_team_still_forms(said):
    key = new_key()
    doors = [Door(HOST, key, timeout_seconds=0.5) for _ in range(2)]
    stranger = socket.create_connection((HOST, doors[0].port))
    stranger.sendall(said)
    addresses = [Address(HOST, door.port) for door in doors]
    started = time.monotonic()
    team = together(lambda rank: join(rank, addresses, doors[rank], key, 10.0), 2)
    assert time.monotonic() - started < 5
    assert together(lambda rank: team[rank].sum(np.ones(1))[0], 2) == [2.0, 2.0]
    stranger.close()
    for item in (*team, *doors):
        item.close()


def test_a_worker_that_never_calls_is_named():
    key = new_key()
    doors = [Door(HOST, key) for _ in range(2)]
    with pytest.raises(WorkerLost, match=r"Worker 1 of 2 on 127.0.0.1 did not call worker 0"):
        join(0, [Address(HOST, door.port) for door in doors], doors[0], key, 0.3)
    for door in doors:
        door.close()
