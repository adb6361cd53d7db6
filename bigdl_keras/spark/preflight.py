"""What would fail in a job, or hang, is found before the job starts."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pyspark import SparkContext

_GRACE_SECONDS = 2.0  # executors of a young application may still be registering
_ENCRYPTION = ("spark.network.crypto.enabled", "spark.ssl.enabled", "spark.ssl.rpc.enabled")
ALLOW_PLAIN = "spark.bigdl_keras.allowUnencrypted"
PORTS = "spark.bigdl_keras.ports"
MEMORY_LIMIT = "spark.bigdl_keras.memoryLimit"
_DEFAULT_LIMIT = "256m"  # leaves room in the memory overhead of an executor, 384m by default
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Configured(Protocol):
    """A SparkContext, or what answers in its place where there is none."""

    def getConf(self) -> Any:
        """The configuration, which has `get(key, default)`."""


def task_slots(context: SparkContext) -> int:
    """How many tasks can run at once now."""
    scala = context._jsc.sc()
    profile = scala.resourceProfileManager().defaultResourceProfile()
    return int(scala.maxNumConcurrentTasks(profile))


def free_slots(context: SparkContext) -> int:
    """How many more tasks can run now; those of an executor that hangs are taken until Spark gives it up."""
    executors = context._jsc.sc().statusTracker().getExecutorInfos()
    return task_slots(context) - sum(int(executor.numRunningTasks()) for executor in executors)


def check_gang(context: SparkContext, workers: int) -> None:
    """Raise unless `workers` tasks can run at the same time and exchange data.

    Raises:
        ValueError: too few slots, dynamic allocation, or encryption that our sockets would undercut.
    """
    check_settings(context)
    deadline = time.monotonic() + _GRACE_SECONDS
    while (slots := task_slots(context)) < workers and time.monotonic() < deadline:
        time.sleep(0.1)
    if slots < workers:
        raise ValueError(f"Training with {workers} workers needs {workers} task slots at once, but Spark has {slots} "
                         f"(master {context.master}). Use workers={max(slots, 1)}, or give the application more "
                         "executors or cores (spark.executor.instances, spark.executor.cores).")


def ports(context: Configured) -> Sequence[int]:
    """The ports that the processes of a fit may listen on; (0,) for any.

    Raises:
        ValueError: the configuration says something else than 'first-last'.
    """
    given = str(context.getConf().get(PORTS, ""))
    if not given:
        return (0,)
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", given)
    if match is None or not 0 < int(match[1]) <= int(match[2]) < 1 << 16:
        raise ValueError(f"{PORTS} must be a range of ports as in '40000-40099'. Received {given!r}.")
    return range(int(match[1]), int(match[2]) + 1)


def memory_limit(context: Configured) -> int:
    """Bytes of rows that a worker keeps in memory; more lie in memory-mapped files under Spark's local folders.

    Raises:
        ValueError: the configuration says something else than a size.
    """
    text = str(context.getConf().get(MEMORY_LIMIT, _DEFAULT_LIMIT)).strip().lower()
    match = re.fullmatch(r"(\d+)\s*([bkmgt]?)b?", text)
    if match is None:
        raise ValueError(f"{MEMORY_LIMIT} must be a size as '512m' or '2g'. Received {text!r}.")
    return int(match[1]) * _UNITS[match[2]]


def is_elastic(context: Configured) -> bool:
    """Whether executors come and go."""
    return bool(context.getConf().get("spark.dynamicAllocation.enabled", "false") == "true")


def is_encrypted(context: Configured) -> bool:
    """Whether what goes over the network or lies on disks is to be encrypted, and we are not excused from it."""
    conf = context.getConf()
    return conf.get(ALLOW_PLAIN, "false") != "true" and any(
        conf.get(key, "false") == "true" for key in (*_ENCRYPTION, "spark.io.encryption.enabled"))


def check_settings(context: Configured) -> None:
    """Raise where the configuration rules a gang out."""
    conf = context.getConf()
    if is_elastic(context):
        raise ValueError("The barrier engine needs all workers at once, which Spark does not promise with dynamic "
                         "allocation. Set spark.dynamicAllocation.enabled=false, or use engine='shuffle'.")
    encrypted = [key for key in _ENCRYPTION if conf.get(key, "false") == "true"]
    if encrypted and conf.get(ALLOW_PLAIN, "false") != "true":
        raise ValueError(f"{encrypted[0]}=true asks for encrypted traffic, but workers exchange gradients over "
                         f"authenticated sockets that are not encrypted. Set {ALLOW_PLAIN}=true to allow that, or "
                         "use engine='shuffle', whose traffic is Spark's own.")
