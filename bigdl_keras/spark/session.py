"""Where the running Spark is found, or started as BigDL's scripts start it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql.types import DataType

_GROUP_PROPERTIES = ("spark.jobGroup.id", "spark.job.description", "spark.job.interruptOnCancel")
_RECOMMENDED = {
    "spark.scheduler.minRegisteredResourcesRatio": "1.0",  # a gang wants all executors there
    "spark.speculation": "false",  # two copies of one worker would be one too many
    "spark.python.worker.reuse": "true",
}


def create_spark_conf() -> SparkConf:
    """A SparkConf with what suits training."""
    from pyspark import SparkConf

    return SparkConf().setAll(list(_RECOMMENDED.items()))


def init_nncontext(conf: Any = None, **options: Any) -> SparkContext:
    """The running SparkContext, or a new one.

    Args:
        conf: a SparkConf, or the name of the application.
        options: BigDL's further arguments change nothing here.
    """
    from pyspark import SparkContext

    if conf is None or isinstance(conf, str):
        name, conf = conf, create_spark_conf()
        if name is not None:
            conf.setAppName(name)
    return SparkContext.getOrCreate(conf)


def init_engine() -> None:
    """BigDL's start of its JVM engine; nothing needs to be started here."""


def active_context() -> SparkContext:
    """The SparkContext that runs in this process.

    Raises:
        RuntimeError: there is none.
    """
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if context is None:
        raise RuntimeError("No SparkContext is running. Start one first: SparkSession.builder.getOrCreate(), "
                           "or train in this process with engine='local'.")
    return context


def sql_type(text: str) -> DataType:
    """The data type that SQL writes so, as array<float>."""
    from pyspark.sql.types import _parse_datatype_string

    return _parse_datatype_string(text)


def driver_host(context: SparkContext) -> str:
    """The address by which executors reach the driver."""
    return str(context.getConf().get("spark.driver.host", "127.0.0.1")).strip("[]")


@contextmanager
def job_group(context: SparkContext, name: str) -> Iterator[None]:
    """Jobs of this thread belong to a group; then again to that of the caller."""
    before = {key: context.getLocalProperty(key) for key in _GROUP_PROPERTIES}
    context.setJobGroup(name, "bigdl_keras training", interruptOnCancel=True)
    try:
        yield
    finally:
        for key, value in before.items():
            context._jsc.setLocalProperty(key, value)
