"""Which engine trains: the gang on Spark for data that is there, this process for arrays."""

from __future__ import annotations

import logging

from bigdl_keras.data import Source
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.data.from_rdd import RddSource
from bigdl_keras.engine.barrier import BarrierEngine
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.registry import suggestion
from bigdl_keras.spark import preflight, session

Engine = LocalEngine | BarrierEngine
_NAMES = ("auto", "local", "barrier")
_logger = logging.getLogger(__name__)


def choose_engine(engine: str, source: Source, workers: int | None = None) -> Engine:
    """The engine for a job.

    Args:
        engine: 'local' (threads of this process), 'barrier' (a gang of Spark tasks) or 'auto': barrier for an RDD or
            DataFrame, local for arrays.
        source: the rows.
        workers: how many threads or tasks share the work. By default one thread, or as many tasks as the data has
            partitions and Spark has slots.

    Raises:
        ValueError: there is no such engine, or Spark cannot run it.
        RuntimeError: no Spark is running.
    """
    if engine not in _NAMES:
        raise ValueError(f"There is no engine called {engine!r}.{suggestion(str(engine), _NAMES)} Use one of {_NAMES}.")
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise ValueError(f"`workers` must be a positive integer. Received {workers!r}.")
    if engine == "local" or (engine == "auto" and source.kind == "arrays"):
        return LocalEngine(workers)
    context = source.rdd.context if isinstance(source, RddSource) else session.active_context()
    preflight.check_settings(context)
    if workers is None:
        slots = max(preflight.task_slots(context), 1)
        spread = source.pieces().getNumPartitions() if isinstance(source, (RddSource, DataFrameSource)) else slots
        workers = min(slots, max(spread, 1))
    if engine == "auto":
        _logger.info("Engine 'barrier' with %d workers: the data is in Spark, and so many tasks can run at once.",
                     workers)
    return BarrierEngine(workers, context)
