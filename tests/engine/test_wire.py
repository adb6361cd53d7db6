import socket
import struct
import time

import numpy as np
import pytest

from bigdl_keras.engine import wire
from bigdl_keras.engine.report import BatchReport, EpochReport, Evaluation


@pytest.fixture
def pair():
    first, second = socket.socketpair()
    yield first, second
    first.close()
    second.close()


def passed(pair, header, payload=None):
    wire.send_frame(pair[0], header, payload)
    return wire.receive_frame(pair[1])


def test_reports_survive_the_way(pair):
    batch = BatchReport(7, 1, 2, 32, 0.1, 0.25, np.array([0.5, float("nan"), 3.0]))
    found = wire.unpack_batch(*passed(pair, *wire.pack_batch(batch)))
    assert (found.iteration, found.epoch, found.batch, found.rows, found.learning_rate, found.seconds) == (
        7, 1, 2, 32, 0.1, 0.25)
    np.testing.assert_array_equal(found.numbers, batch.numbers)
    for validation in (None, Evaluation(np.array([9.0]), 5)):
        epoch = EpochReport(3, 70, 1.5, Evaluation(np.array([1.0, 2.0]), 64), validation, 0.01)
        heard = wire.unpack_epoch(*passed(pair, *wire.pack_epoch(epoch)))
        assert (heard.epoch, heard.iteration, heard.training.rows, heard.learning_rate) == (3, 70, 64, 0.01)
        np.testing.assert_array_equal(heard.training.numbers, [1.0, 2.0])
        assert (heard.validation is None) == (validation is None)


def test_vectors_survive_the_way(pair):
    vectors = {"momentum": np.arange(3, dtype=np.float32), "count": np.arange(2, dtype=np.float64), "none": np.zeros(0)}
    found = wire.unpack_vectors(*passed(pair, *wire.pack_vectors(vectors)))
    assert list(found) == list(vectors)
    for name, vector in vectors.items():
        np.testing.assert_array_equal(found[name], vector)
    assert wire.unpack_vectors(*passed(pair, *wire.pack_vectors({}))) == {}


@pytest.mark.parametrize("garbage", [
    struct.pack("<IQ", 1 << 30, 0), struct.pack("<IQ", 2, 1 << 60) + b"{}", struct.pack("<IQ", 3, 0) + b"\xff\xff\xff",
    struct.pack("<IQ", 2, 0) + b"[]",
])
def test_garbage_is_refused(pair, garbage):
    pair[0].sendall(garbage)
    with pytest.raises(ConnectionError):
        wire.receive_frame(pair[1])


def test_a_frame_that_is_cut_short(pair):
    pair[0].sendall(struct.pack("<IQ", 2, 100) + b"{}" + b"x" * 50)
    pair[0].close()
    with pytest.raises(ConnectionError, match="closed the connection"):
        wire.receive_frame(pair[1])


def test_silence_ends_at_the_deadline(pair):
    with pytest.raises(TimeoutError):
        wire.receive_frame(pair[1], time.monotonic() + 0.1)
