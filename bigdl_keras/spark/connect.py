"""Spark Connect: a session without a SparkContext in this process, asked through its own few doors."""

from __future__ import annotations

import hashlib
import pickle
import re
import socket
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bigdl_keras.spark import shipping

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_shipped: set[str] = set()
_shipping = threading.Lock()
_LONGEST_IN_PLAN = 1 << 20  # bytes: a plan is one message, which the server limits; longer things travel as files


def is_connect(frame: Any) -> bool:
    """Whether this DataFrame is one of a Spark Connect session."""
    return any(parent.__module__.startswith("pyspark.sql.connect") for parent in type(frame).__mro__)


class ConnectConf:
    """The configuration of the server, as far as it tells; looked at as that of a SparkContext."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def getConf(self) -> ConnectConf:
        """Itself."""
        return self

    def get(self, key: str, default: str) -> str:
        """The value of a key."""
        return str(self._session.conf.get(key, default))


def task_slots(session: Any) -> int | None:
    """How many tasks can run at once, if the configuration says so."""
    conf = ConnectConf(session)
    master = conf.get("spark.master", "")
    if master == "local":
        return 1
    if found := re.fullmatch(r"local\[(\d+).*\]", master):
        return int(found[1])
    if found := re.fullmatch(r"local-cluster\[(\d+),(\d+),\d+\]", master):
        return int(found[1]) * int(found[2])
    instances, cores = conf.get("spark.executor.instances", ""), conf.get("spark.executor.cores", "")
    if instances.isdigit() and cores.isdigit():
        return int(instances) * (int(cores) // int(conf.get("spark.task.cpus", "1")))
    return None


def ship(session: Any) -> None:
    """Give the executors this package, once per session."""
    with _shipping:
        number = str(session.session_id)
        if number in _shipped:
            return
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "bigdl_keras.zip"
            shipping.pack(archive)
            session.addArtifacts(str(archive), pyfile=True)
        _shipped.add(number)


@dataclass(frozen=True)
class Enclosure:
    """Something for the executors: within the plan or, where it is large, in a file that they find beside it.

    Attributes:
        content: the pickled thing, or nothing.
        file: name of the file in which it is instead.
    """

    content: bytes = field(default=b"", repr=False)
    file: str = ""

    def open(self) -> Any:
        """The thing itself, on an executor."""
        if not self.file:
            return pickle.loads(self.content)
        from pyspark import SparkFiles

        with open(SparkFiles.get(self.file), "rb") as file:
            return pickle.load(file)


def enclose(session: Any, thing: Any) -> Enclosure:
    """Give the executors something that only they open. The server keeps large things until the session ends."""
    from pyspark import cloudpickle

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "enclosure"
        with open(path, "wb") as file:
            hashing = _Hashing(file)
            cloudpickle.dump(thing, hashing, protocol=5)
        if path.stat().st_size <= _LONGEST_IN_PLAN:
            return Enclosure(path.read_bytes())
        name = f"bigdl_keras-{hashing.digest.hexdigest()[:32]}"
        number = f"{session.session_id} {name}"
        with _shipping:
            if number not in _shipped:
                session.addArtifacts(str(path.rename(path.with_name(name))), file=True)
                _shipped.add(number)
        return Enclosure(file=name)


class _Hashing:
    """A file that is written, and the digest of what was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        """As that of the file."""
        self.digest.update(data)
        return self._file.write(data)


def own_host(session: Any) -> str:
    """The address of this machine on the way to the server: executors near it may reach us there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(session.client.host), 1))  # sends nothing
            return str(probe.getsockname()[0])
        except (OSError, AttributeError):
            return "127.0.0.1"


def numbers_of_partitions(session: Any, size: int) -> list[int]:
    """For each of `size` partitions an integer that Spark's hash partitioning sends there."""
    from pyspark.sql import functions

    frame: DataFrame = session.range(64 * size)
    found = frame.select("id", functions.expr(f"pmod(hash(id), {size})").alias("partition")).collect()
    first = {int(row["partition"]): int(row["id"]) for row in reversed(found)}
    return [first[partition] for partition in range(size)]
