"""Where a range of ports is given, nobody listens outside of it; where none of it is free, that is said."""

import socket
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from bigdl_keras.data import as_source
from bigdl_keras.engine import meeting
from bigdl_keras.engine.collectives.handshake import Door, new_key
from bigdl_keras.engine.collectives.ports import ANY, bound
from bigdl_keras.engine.depot import Depot
from bigdl_keras.engine.pulse import Listener
from bigdl_keras.engine.report import Report
from bigdl_keras.engine.selection import choose_engine
from bigdl_keras.spark import preflight

HOST = "127.0.0.1"


@pytest.fixture
def ports():
    """Some neighbouring ports that were free a moment ago."""
    for first in range(40_000, 60_000, 16):
        found = range(first, first + 8)
        try:
            for port in found:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    bound(HOST, [port], kind).close()
        except OSError:
            continue
        return found
    raise AssertionError("no ports")


def test_everybody_listens_in_the_range(ports, tmp_path):
    with Door(HOST, new_key(), ports=ports[:2]) as one, Door(HOST, new_key(), ports=ports[:2]) as other:
        assert {one.port, other.port} == set(ports[:2])
        with pytest.raises(OSError, match=f"2 ports from {ports[0]} to {ports[1]} is free on {HOST}"):
            Door(HOST, new_key(), ports=ports[:2])
    assert Depot(tmp_path / "gone", HOST, new_key(), ports[2:3]).port == ports[2]
    with Listener(HOST, 1.0, ports[3:4]) as listener:
        assert listener.pulse._port == ports[3]
        with pytest.raises(OSError, match="is free"):
            Listener(HOST, 1.0, ports[3:4])


def test_an_address_of_another_machine():
    with bound("192.0.2.1") as found:  # of no machine at all
        assert found.getsockname()[0] == "0.0.0.0"


def test_the_setting():
    class Context:
        def __init__(self, **conf):
            self.conf = conf

        def getConf(self):
            return self.conf

    assert preflight.ports(Context()) == ANY
    assert preflight.ports(Context(**{preflight.PORTS: "40000-40099"})) == range(40_000, 40_100)
    for wrong in ("40000", "40099-40000", "0-10", "60000-70000", "a-b"):
        with pytest.raises(ValueError, match=r"ports must be a range of ports as in '40000-40099'\. Received"):
            preflight.ports(Context(**{preflight.PORTS: wrong}))


@pytest.mark.spark
def test_a_gang_listens_in_the_range(spark, make_job, make_data, ports, monkeypatch):
    seen, enter = deque(), meeting.Meeting._enter

    def noted(self, rank, address, connection):
        seen.extend((self.port, address.port))
        return enter(self, rank, address, connection)

    monkeypatch.setattr(meeting.Meeting, "_enter", noted)
    monkeypatch.setattr(preflight, "ports", lambda context: ports)
    data, job = make_data(12), make_job(epochs=1, batch_size=6)
    source = as_source(spark.sparkContext.parallelize(list(zip(*data, strict=True)), 2))
    found = choose_engine("barrier", source, 2).run(job, source, None, Report())
    assert len(set(seen)) == 3
    assert set(seen) <= set(ports)
    expected = choose_engine("local", source).run(job, as_source(*data), None, Report())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)


@pytest.mark.spark
def test_short_tasks_listen_in_the_range(spark, make_job, make_data, ports, monkeypatch):
    class Looker(Report):
        listening = frozenset()

        def on_batch_end(self, report, snapshot):
            self.listening |= listening_ports()

    monkeypatch.setattr(preflight, "ports", lambda context: ports)
    data, job, looker = make_data(12), make_job(epochs=1, batch_size=6, hidden=2000), Looker()
    source = as_source(spark.sparkContext.parallelize(list(zip(*data, strict=True)), 2))
    choose_engine("shuffle", source, 2).run(job, source, None, looker)
    assert looker.listening & set(ports)  # others of this machine may listen elsewhere


def listening_ports():
    """Of this machine, for TCP."""
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {int(fields[1].rpartition(":")[2], 16) for fields in lines if fields[3] == "0A"}
