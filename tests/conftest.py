"""Fixtures shared by all rooms: Spark sessions and the files that real Keras wrote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
FIXTURES = REPOSITORY.parent / "shared" / "fixtures" / "public"

os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")


def _session(master: str, **conf: str) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("bigdl_keras tests")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
        "spark.executorEnv.PYTHONPATH": str(REPOSITORY),
        **conf,
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A SparkSession in this process, with four task slots. Only one SparkContext can live in a process: where a
    `cluster` session is running it is stopped first."""
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        active.stop()
    session = _session("local[4]")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Folder of the files written by real Keras; tests are skipped where it is not there."""
    if not FIXTURES.is_dir():
        pytest.skip("the Keras fixtures are not beside this checkout")
    return FIXTURES
