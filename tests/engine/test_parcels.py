"""Parcels: small arrays travel themselves, large ones lie in files that others map or call for, with the key only."""

import os
import shutil
import socket
import struct
import threading

import numpy as np
import pytest

from bigdl_keras.engine.collectives.handshake import call, new_key
from bigdl_keras.engine.depot import Courier, Depot, folder_of_leg, own_address
from bigdl_keras.engine.parcels import TRAVELS_BYTES, Parcel, Place, Shelf, opened
from bigdl_keras.engine.spare_files import SpareFiles
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


@pytest.fixture
def files(tmp_path):
    return SpareFiles(tmp_path / "fit" / "spare")


def shelf_in(folder, files=None, serial=0, **where):
    """Where a stage lays down what it sends."""
    return Shelf(lambda: (files or SpareFiles(folder)).open(folder, "gradient", serial), **where)


def shelf_of(depot, leg=0, files=None, serial=0):
    return shelf_in(folder_of_leg(depot._folder, leg), files, serial, host=depot.host, port=depot.port)


def read(parcel, fetcher=None):
    with opened([parcel], fetcher or NoFetcher()) as (array,):
        return array.copy()


@pytest.mark.parametrize("count", [0, 7, TRAVELS_BYTES // 4])
def test_a_small_array_travels(tmp_path, count):
    array = np.arange(count, dtype="float32")
    with shelf_in(tmp_path / "leg") as shelf:
        parcel = shelf.put(array)
    array += 1  # what is sent is what was
    np.testing.assert_array_equal(read(parcel), np.arange(count))
    assert not (tmp_path / "leg").exists()


def test_large_arrays_lie_in_one_file(tmp_path, large):
    others = [large, large[:-3].astype("float64"), np.arange(100_000)]
    with shelf_in(tmp_path / "leg") as shelf:
        parcels = [shelf.put(array) for array in others]
    assert len(list((tmp_path / "leg").iterdir())) == 1
    for parcel, array in zip(parcels, others, strict=True):
        with opened([parcel, parcel.part(5, 9), parcel.part(5, 5)], NoFetcher()) as (found, part, nothing):
            np.testing.assert_array_equal(found, array)
            assert found.dtype == array.dtype
            assert not found.flags.writeable
            np.testing.assert_array_equal(part, array[5:9])
            assert nothing.shape == (0,)


def test_without_a_folder_everything_travels(large):
    with Shelf(None) as shelf:
        parcel = shelf.put(large)
    np.testing.assert_array_equal(read(parcel.part(10, 20)), large[10:20])


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
        read(parcel, courier)


def test_nobody_answers(courier, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(PartsLost, match=r"cannot be fetched from 127\.0\.0\.1:\d+: .*firewall"):
        read(Parcel(None, Place(str(tmp_path / "parcels-0" / "x"), 0, 9, "<f4", "127.0.0.1", port)), courier)


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


def test_files_that_nobody_needs_are_written_over(depot, files, large):
    old = []
    for serial in range(4):
        with shelf_of(depot, files=files, serial=serial) as shelf:
            old.append(shelf.put(large + serial))
    inodes = {os.stat(parcel.place.path).st_ino for parcel in old}
    files.release(oldest=3)
    for serial in range(4, 7):
        with shelf_of(depot, leg=1, files=files, serial=serial) as shelf:
            parcel = shelf.put(large[:-5] * serial)
        assert os.stat(parcel.place.path).st_ino in inodes
        np.testing.assert_array_equal(read(parcel), large[:-5] * serial)
    np.testing.assert_array_equal(read(old[3]), large + 3)
    for parcel in old[:3]:
        assert not os.path.exists(parcel.place.path)
    with shelf_of(depot, leg=1, files=files, serial=7) as shelf:
        assert os.stat(shelf.put(large).place.path).st_ino not in inodes


def test_files_that_were_cleared_away_are_not_missed(depot, files, large):
    for serial in range(2):
        with shelf_of(depot, files=files, serial=serial) as shelf:
            shelf.put(large)
    files.release(oldest=1)
    shutil.rmtree(depot._folder)
    files.release(oldest=2)
    with shelf_of(depot, files=files, serial=2) as shelf:
        np.testing.assert_array_equal(read(shelf.put(large)), large)


def test_what_is_written_over_while_it_is_read_is_lost(depot, files, large):
    with shelf_of(depot, files=files) as shelf:
        parcel = shelf.put(large)
    with pytest.raises(PartsLost, match="written over"), opened([parcel], NoFetcher()) as (array,):
        files.release(oldest=1)
        with shelf_of(depot, leg=1, files=files, serial=1) as shelf:
            shelf.put(-large)
        np.testing.assert_array_equal(array, -large)  # it was indeed


def test_what_is_written_over_while_it_is_sent_is_lost(depot, courier, files, large, monkeypatch):
    with shelf_of(depot, files=files) as shelf:
        place = shelf.put(large).place
    send = socket.socket.sendfile

    def late(*arguments):
        files.release(oldest=1)
        return send(*arguments)

    monkeypatch.setattr(socket.socket, "sendfile", late)
    with pytest.raises(PartsLost, match=r"not there any more|written over"):
        courier.fetch(place)
