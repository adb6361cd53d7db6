"""What a layer learns from Spark's data is measured where the rows lie; only states travel, and are merged once."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from functools import partial, reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.data.from_dataframe import column_values, prepare
from bigdl_keras.data.source import kind_of
from bigdl_keras.layers.adapting import Measure, Merge

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK_ROWS = 4096  # rows are Python objects until so many have come


def summarize_rdd(rdd: Any, measure: Measure, merge: Merge) -> Any:
    """The merged state of the rows of an RDD: numbers, strings, or arrays of them."""
    states = rdd.mapPartitions(partial(_states_of_rows, measure, merge)).collect()
    return _merged(states, merge, "The RDD")


def summarize_dataframe(frame: Any, measure: Measure, merge: Merge) -> Any:
    """The merged state of the rows of a DataFrame; several columns of numbers are columns of a matrix."""
    prepared = frame.select(*(prepare(frame, name, strings=True).alias(name) for name in frame.columns))
    rows = prepared.mapInArrow(partial(_states_of_batches, measure, merge), "state binary").collect()
    return _merged([pickle.loads(row[0]) for row in rows], merge, "The DataFrame")


def _merged(states: list[Any], merge: Merge, what: str) -> Any:
    if not states:
        raise ValueError(f"{what} is empty: there is nothing to adapt to.")
    return reduce(merge, states)


def _states_of_rows(measure: Measure, merge: Merge, rows: Iterable[Any]) -> Iterator[Any]:
    """Runs in an executor: one state for a partition, none where it has no rows."""
    iterator, states = iter(rows), []
    while chunk := list(islice(iterator, _CHUNK_ROWS)):
        states.append(measure(np.asarray(chunk)))
    if states:
        yield reduce(merge, states)


def _states_of_batches(measure: Measure, merge: Merge, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Runs in an executor: one pickled state for a partition, none where it has no rows."""
    import pyarrow

    states, done = [], 0
    for batch in batches:
        if batch.num_rows:
            columns = [column_values(batch.column(number), name, 0, done)
                       for number, name in enumerate(batch.schema.names)]
            states.append(measure(columns[0] if len(columns) == 1 else np.stack(columns, axis=1)))
            done += batch.num_rows
    if states:
        yield pyarrow.RecordBatch.from_pydict({"state": pyarrow.array([pickle.dumps(reduce(merge, states))], "binary")})


def summarize(layer: str, data: Any, measure: Measure, merge: Merge) -> Any:
    """The merged state of Spark's data.

    Raises:
        TypeError: it is none.
    """
    kind = kind_of(data)
    if kind == "arrays":
        raise TypeError(f"adapt() of {layer} takes an array, a list, an iterable of batches, an RDD or a DataFrame. "
                        f"Received {type(data).__name__}.")
    return summarize_rdd(data, measure, merge) if kind == "rdd" else summarize_dataframe(data, measure, merge)
