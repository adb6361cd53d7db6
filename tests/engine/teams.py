"""Teams of workers in this process: each runs in a thread of its own, and meets the others by sockets or in memory."""

import threading

from bigdl_keras.data import as_source
from bigdl_keras.engine.assembling import assemble
from bigdl_keras.engine.collectives.alone import Alone
from bigdl_keras.engine.collectives.compression import find_compression
from bigdl_keras.engine.collectives.handshake import Door, new_key
from bigdl_keras.engine.collectives.sockets import Address, join
from bigdl_keras.engine.collectives.threads import ThreadTeam
from bigdl_keras.engine.local import DirectReporter
from bigdl_keras.engine.loop import Shard
from bigdl_keras.engine.report import Report

HOST = "127.0.0.1"


def together(function, size):
    """Answers of `function(rank)`, run at once; the first error is raised here."""
    answers, errors = [None] * size, []

    def run(rank):
        try:
            answers[rank] = function(rank)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(rank,), daemon=True) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert errors or not thread.is_alive()
    if errors:
        raise errors[0]
    return answers


def socket_team(size, compression=None, timeout_seconds=20.0):
    """Collectives that are joined by sockets."""
    key = new_key()
    doors = [Door(HOST, key) for _ in range(size)]
    addresses = [Address(HOST, door.port) for door in doors]
    packing = find_compression(compression)
    team = together(lambda rank: join(rank, addresses, doors[rank], key, timeout_seconds, packing), size)
    for door in doors:
        door.close()
    return team


def thread_team(size, compression=None):
    """Collectives of threads; nothing they exchange is compressed."""
    team = ThreadTeam(size, 20.0)
    return [team.member(rank) for rank in range(size)]


def train(job, data, size, compression=None, report=None, make=socket_team):
    """Every worker's loop after a fit, and the collectives, closed."""
    team = [Alone()] if size == 1 else make(size, compression)
    block = as_source(*data).read()

    def work(rank):
        loop = assemble(job, Shard(block, 0, block.rows, (rank, size)), None, team[rank],
                        DirectReporter(report or Report()))
        loop.run()
        return loop

    loops = together(work, size)
    for member in team:
        member.close()
    return loops, team
