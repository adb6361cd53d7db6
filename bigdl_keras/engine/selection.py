"""Which engine trains: the gang on Spark for data that is there, this process for arrays."""

from __future__ import annotations

import logging
from typing import Any

from bigdl_keras.data import Source
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.data.from_rdd import RddSource
from bigdl_keras.engine.barrier import BarrierEngine
from bigdl_keras.engine.connect import ConnectEngine
from bigdl_keras.engine.local import LocalEngine
from bigdl_keras.engine.shuffle import ShuffleEngine
from bigdl_keras.registry import suggestion
from bigdl_keras.spark import connect, preflight, session

Engine = LocalEngine | BarrierEngine | ShuffleEngine | ConnectEngine
_NAMES = ("auto", "local", "barrier", "shuffle")
_logger = logging.getLogger(__name__)


def choose_engine(engine: str, source: Source, workers: int | None = None) -> Engine:
    """The engine for a job.

    Args:
        engine: 'local' (threads of this process), 'barrier' (a gang of Spark tasks), 'shuffle' (short tasks, for Spark
            that cannot promise a gang) or 'auto': local for arrays; for an RDD or DataFrame barrier where a gang can be
            scheduled, else shuffle.
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
    if isinstance(source, DataFrameSource) and connect.is_connect(source.frame):
        return _connect_engine(engine, source, workers)
    context = source.rdd.context if isinstance(source, RddSource) else session.active_context()
    obstacle = _obstacle(context, workers) if engine == "auto" else None
    if engine == "barrier":
        preflight.check_settings(context)
    if workers is None:
        slots = max(preflight.task_slots(context), 1)
        spread = source.pieces().getNumPartitions() if isinstance(source, (RddSource, DataFrameSource)) else slots
        workers = max(spread, 1) if preflight.is_elastic(context) else min(slots, max(spread, 1))
    if engine == "shuffle" or obstacle is not None:
        if obstacle is not None:
            _logger.info("Engine 'shuffle' with %d workers, for a gang cannot be scheduled: %s", workers, obstacle)
        return ShuffleEngine(workers, context)
    if engine == "auto":
        _logger.info("Engine 'barrier' with %d workers: the data is in Spark, and so many tasks can run at once.",
                     workers)
    return BarrierEngine(workers, context)


def _connect_engine(engine: str, source: DataFrameSource, workers: int | None) -> ConnectEngine:
    """The engine for a DataFrame of Spark Connect."""
    if engine == "shuffle":
        raise ValueError("engine='shuffle' needs a SparkContext, which Spark Connect does not have. Use "
                         "engine='barrier'.")
    spark = source.frame.sparkSession
    preflight.check_settings(connect.ConnectConf(spark))
    slots = connect.task_slots(spark)
    if workers is not None and slots is not None and workers > slots:
        raise ValueError(f"Training with {workers} workers needs {workers} task slots at once, but Spark has {slots}. "
                         f"Use workers={slots}, or give the server more executors or cores.")
    return ConnectEngine(workers or slots or 0, spark)


def _obstacle(context: Any, workers: int | None) -> str | None:
    """Why a gang cannot be scheduled, or None."""
    try:
        preflight.check_settings(context)
        if workers is not None:
            preflight.check_gang(context, workers)
    except ValueError as error:
        return str(error).partition(". ")[0] + "."
    return None
