"""Rows that never come end a fit in time; rows that are slow in coming do not."""

import contextlib
import socket
import threading
import time

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine.pulse import Listener
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.errors import WorkerLost

WAYS = pytest.mark.parametrize(("name", "partitions"), [("barrier", 2), ("barrier", 3), ("shuffle", 2)])
SECONDS = 3.0


@pytest.fixture
def gate():
    """A server; whoever connects gets a byte for each row that may pass."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def stopped_at(gate, each_row):
    """Partition 1 asks at the gate once, before there are rows, or at each row."""
    address = gate.getsockname()

    def run(partition, rows):
        if partition != 1:
            return rows
        connection = socket.create_connection(address)
        if not each_row:
            connection.recv(1)
            return rows
        return (row for row in rows if connection.recv(1))
    return run


def source_of(session, data, partitions, function):
    rows = session.sparkContext.parallelize(list(zip(*data, strict=True)), partitions)
    return as_source(rows.mapPartitionsWithIndex(function))


@pytest.mark.spark
@pytest.mark.timeout(120)
@WAYS
def test_rows_that_never_come(spark, make_job, make_data, gate, name, partitions):
    data = make_data(24)
    source = source_of(spark, data, partitions, stopped_at(gate, each_row=False))
    started = time.monotonic()
    with pytest.raises(WorkerLost, match=r"No row has come for 3 seconds.*timeoutSeconds"):
        choose_engine(name, source, 2).run(make_job(timeout_seconds=SECONDS), source, None, Report())
    assert SECONDS <= time.monotonic() - started < 30
    good = source_of(spark, data, partitions, lambda partition, rows: rows)  # the session is as good as before
    assert choose_engine(name, good, 2).run(make_job(batch_size=8), good, None, Report()).progress.iteration == 3


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(120)
@WAYS
def test_rows_that_are_slow_in_coming(spark, make_job, make_data, gate, name, partitions):
    data, job, ended = make_data(24), make_job(batch_size=8, timeout_seconds=SECONDS), threading.Event()

    def let_pass():
        """Rows of one task at a time: a row each half second, which is six seconds or four for the partition."""
        while not ended.is_set():
            connection, _ = gate.accept()
            with connection, contextlib.suppress(OSError):  # the task has read all
                while not ended.wait(0.5):
                    connection.sendall(b".")

    server = threading.Thread(target=let_pass)
    server.start()
    source = source_of(spark, data, partitions, stopped_at(gate, each_row=True))
    started = time.monotonic()
    try:
        found = choose_engine(name, source, 2).run(job, source, None, Report())
    finally:
        ended.set()
        with contextlib.suppress(ConnectionError):
            socket.create_connection(gate.getsockname()).close()  # it may still wait for somebody to come
        server.join()
    assert time.monotonic() - started > SECONDS
    expected = choose_engine("local", source).run(job, as_source(*data), None, Report())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


def test_only_beats_with_the_token_count():
    import pickle

    with Listener("127.0.0.1", 8.0) as listener, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        pulse = pickle.loads(pickle.dumps(listener.pulse))  # as it comes to a task
        stranger.sendto(b"0" * 16, ("127.0.0.1", pulse._port))
        assert listener.heard() == 1
        assert list(pulse.over(range(3))) == [0, 1, 2]
        assert listener.heard() == 1  # too soon for another
        pulse._next = 0.0
        pulse.beat()
        assert listener.heard() == 2
