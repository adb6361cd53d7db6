"""Predictions become a column of the DataFrame they were made for, in one pass through Arrow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bigdl_keras.data import Block
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.engine import tasks
from bigdl_keras.engine.job import PredictionJob
from bigdl_keras.engine.predicting import Predictor
from bigdl_keras.spark import session

_SQL_NAMES = {"f4": "float", "f8": "double", "i1": "tinyint", "i2": "smallint", "i4": "int", "i8": "bigint",
              "b1": "boolean"}


def with_predictions(job: PredictionJob, source: DataFrameSource, prediction_col: str,
                     names: tuple[str, ...] = (), predict: Callable[..., Any] | None = None) -> Any:
    """The DataFrame of `source`, lazily, with all columns and their order, and a column of predictions at the end.

    Args:
        job: what predicts.
        source: the features.
        prediction_col: name of the new column: a number, array<float> or, for several outputs, a struct.
        names: of several outputs.
        predict: what runs in executors, called with (reader, field, batches); by default the job as it is.

    Returns:
        The new DataFrame.

    Raises:
        ValueError: the DataFrame already has a column of that name.
    """
    import pyarrow

    frame = source.frame
    if prediction_col in frame.columns:
        raise ValueError(f"The DataFrame already has a column {prediction_col!r}. Choose another `prediction_col`.")
    outputs = Predictor(job).outputs(Block.of(source.first))
    kinds = [_kind(output) for output in outputs]
    names = names or tuple(f"output_{number}" for number in range(len(outputs)))
    if len(outputs) == 1:
        sql, arrow = kinds[0]
    else:
        sql = f"struct<{', '.join(f'`{name}`: {kind[0]}' for name, kind in zip(names, kinds, strict=True))}>"
        arrow = pyarrow.struct([(name, kind[1]) for name, kind in zip(names, kinds, strict=True)])
    field = pyarrow.field(prediction_col, arrow)
    schema = type(frame.schema)(list(frame.schema.fields)).add(prediction_col, session.sql_type(sql))
    predict = predict or partial(tasks.predict_batches, job)
    function = partial(predict, source.reader, field)
    return source.prepared(keep=True).mapInArrow(function, schema)


def _kind(output: np.ndarray) -> tuple[str, Any]:
    """The SQL and the Arrow type of one row of an output; a single number is a number."""
    import pyarrow

    axes = output.ndim - 1
    name, kind = _SQL_NAMES[output.dtype.str[1:]], pyarrow.from_numpy_dtype(output.dtype)
    for _ in range(axes):
        name, kind = f"array<{name}>", pyarrow.list_(kind)
    return name, kind
