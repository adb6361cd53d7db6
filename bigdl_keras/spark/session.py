"""Where the running Spark is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql.types import DataType


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
