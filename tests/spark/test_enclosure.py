"""Small things travel in the plan, large ones as a file of the session, once."""

import shutil

import numpy as np
import pyspark
import pytest

from bigdl_keras.spark import connect


class Session:
    """Keeps files as a Spark Connect server does."""

    def __init__(self, folder, number):
        self.folder, self.session_id, self.files = folder, f"session {number}", []

    def addArtifacts(self, *paths, file):
        assert file
        for path in paths:
            self.files.append(shutil.copy(path, self.folder))


@pytest.fixture
def sessions(tmp_path, monkeypatch):
    monkeypatch.setattr(pyspark.SparkFiles, "get", lambda name: str(tmp_path / name))
    monkeypatch.setattr(connect, "_shipped", set())
    return [Session(tmp_path, number) for number in range(2)]


@pytest.mark.parametrize(("length", "files"), [(10, 0), (300_000, 1)])
def test_what_comes_out_is_what_went_in(sessions, length, files):
    thing = {"values": np.arange(length, dtype="float32"), "rate": 0.1}
    enclosure = connect.enclose(sessions[0], thing)
    assert len(sessions[0].files) == files
    assert len(repr(enclosure)) < 200
    found = enclosure.open()
    np.testing.assert_array_equal(found["values"], thing["values"])
    assert found["rate"] == 0.1
    found["values"][0] = 7.0  # a worker trains on its own copy
    assert enclosure.open()["values"][0] == 0.0


def test_the_same_is_sent_once_to_each_session(sessions):
    values = np.zeros(300_000, "float32")
    enclosures = [connect.enclose(session, values) for session in (sessions[0], sessions[0], sessions[1])]
    assert len({enclosure.file for enclosure in enclosures}) == 1
    assert [len(session.files) for session in sessions] == [1, 1]
    other = connect.enclose(sessions[0], values + 1)
    assert other.file != enclosures[0].file
    assert len(sessions[0].files) == 2
