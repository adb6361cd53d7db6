"""Parcels: small arrays travel themselves, large ones lie in files that others map or call for, with the key only."""

import shutil
import socket
import struct
import threading

import numpy as np
import pytest

from bigdl_keras.engine.collectives.handshake import call, new_key
from bigdl_keras.engine.depot import Courier, Depot, folder_of_leg, own_address
from bigdl_keras.engine.parcels import TRAVELS_BYTES, Parcel, Place, Shelf
from bigdl_keras.errors import PartsLost

KEY = new_key()


class NoFetcher:
    def fetch(self, place):
        raise AssertionError(f"{place} lies on this machine")


@pytest.fixture
def large():
    return np.random.default_rng(0).normal(size=TRAVELS_BYTES).astype("float32")


@pytest.fixture
def depot(tmp_path):
    folder = tmp_path / "fit"
    folder.mkdir()
    yield Depot(folder, "127.0.0.1", KEY)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def courier():
    found = Courier(KEY, 5.0)
    yield found
    found.close()


def shelf_of(depot, leg=0):
    return Shelf(folder_of_leg(depot._folder, leg), depot.host, depot.port)


@pytest.mark.parametrize("count", [0, 7, TRAVELS_BYTES // 4])
def test_a_small_array_travels(tmp_path, count):
    array = np.arange(count, dtype="float32")
    with Shelf(tmp_path / "leg") as shelf:
        parcel = shelf.put(array)
    array += 1  # what is sent is what was
    np.testing.assert_array_equal(parcel.open(NoFetcher()), np.arange(count))
    assert not (tmp_path / "leg").exists()


def test_large_arrays_lie_in_one_file(tmp_path, large):
    others = [large, large[:-3].astype("float64"), np.arange(100_000)]
    with Shelf(tmp_path) as shelf:
        parcels = [shelf.put(array) for array in others]
    assert len(list(tmp_path.iterdir())) == 1
    for parcel, array in zip(parcels, others, strict=True):
        found = parcel.open(NoFetcher())
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype
        assert not found.flags.writeable
        np.testing.assert_array_equal(parcel.part(5, 9).open(NoFetcher()), array[5:9])
        assert parcel.part(5, 5).open(NoFetcher()).shape == (0,)


def test_without_a_folder_everything_travels(large):
    with Shelf(None) as shelf:
        parcel = shelf.put(large)
    np.testing.assert_array_equal(parcel.part(10, 20).open(NoFetcher()), large[10:20])


def test_another_machine_calls_for_them(depot, courier, large):
    with shelf_of(depot, leg=3) as shelf:
        parcel = shelf.put(large)
    np.testing.assert_array_equal(courier.fetch(parcel.place), large)
    np.testing.assert_array_equal(courier.fetch(parcel.part(11, 4000).place), large[11:4000])
    assert len(courier._connections) == 1  # which is kept


def test_a_connection_that_was_closed_is_made_anew(depot, courier, large):
    with shelf_of(depot) as shelf:
        place = shelf.put(large).place
    courier.fetch(place)
    for connection in courier._connections.values():
        connection.shutdown(socket.SHUT_RDWR)
    np.testing.assert_array_equal(courier.fetch(place), large)


def test_what_is_gone_is_lost(depot, courier, large):
    with shelf_of(depot) as shelf:
        parcel = shelf.put(large)
    shutil.rmtree(folder_of_leg(depot._folder, 0))
    with pytest.raises(PartsLost, match="it is not there any more"):
        parcel.open(courier)


def test_nobody_answers(courier, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PartsLost, match=r"cannot be fetched from 127\.0\.0\.1:\d+: .*firewall"):
        Parcel(None, Place(str(tmp_path / "parcels-0" / "x"), 0, 9, "<f4", "127.0.0.1", port)).open(courier)


def test_who_has_another_key_gets_nothing(depot, courier, large):
    with shelf_of(depot) as shelf:
        place = shelf.put(large).place
    with pytest.raises(PartsLost):
        Courier(new_key(), 5.0).fetch(place)
    np.testing.assert_array_equal(courier.fetch(place), large)


@pytest.mark.parametrize("request_", [
    struct.pack("<I32sQQ", 0, b"../../../../../../etc/passwd", 0, 10), struct.pack("<I32sQQ", 0, bytes(32), 0, 10),
    struct.pack("<I32sQQ", 0, b"\xff" * 32, 0, 10), b"short",
])
def test_a_request_that_is_none_is_hung_up_on(depot, courier, large, request_):
    with shelf_of(depot) as shelf:
        place = shelf.put(large).place
    with call(depot.host, depot.port, KEY, 0, 5.0) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10.0)
        assert connection.recv(1) == b""
    np.testing.assert_array_equal(courier.fetch(place), large)


@pytest.mark.parametrize(("start", "count"), [(0, 1 << 62), (1 << 63, 8), (TRAVELS_BYTES * 4, 1)])
def test_more_than_there_is_is_not_sent(depot, large, start, count):
    with shelf_of(depot) as shelf:
        name = shelf.put(large).place.path.rpartition("/")[2]
    with call(depot.host, depot.port, KEY, 0, 5.0) as connection:
        connection.sendall(struct.pack("<I32sQQ", 0, name.encode(), start, count))
        connection.settimeout(10.0)
        assert struct.unpack("<Q", connection.recv(8)) == (0,)


def test_a_silent_caller_keeps_nobody_waiting(depot, courier, large):
    with shelf_of(depot) as shelf:
        place = shelf.put(large).place
    with socket.create_connection((depot.host, depot.port)):
        np.testing.assert_array_equal(courier.fetch(place), large)


def test_a_depot_ends_with_its_folder(depot, courier, large):
    with shelf_of(depot) as shelf:
        courier.fetch(shelf.put(large).place)
    threads = [thread for thread in threading.enumerate() if thread.name == "bigdl_keras depot"]
    assert threads
    shutil.rmtree(depot._folder)
    for thread in threads:
        thread.join(timeout=20.0)
        assert not thread.is_alive()


def test_own_address(monkeypatch):
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    assert own_address("127.0.0.1") == "127.0.0.1"
    assert own_address("no such host") == socket.gethostname()
    monkeypatch.setenv("SPARK_LOCAL_IP", "10.1.2.3")
    assert own_address("127.0.0.1") == "10.1.2.3"
