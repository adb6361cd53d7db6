"""Rows of every kind become blocks of columns: arrays, RDDs and DataFrames behind one face, `Source`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.data.block import Block, Column
from bigdl_keras.data.from_arrays import ArraySource
from bigdl_keras.data.from_dataframe import DataFrameSource
from bigdl_keras.data.from_rdd import RddSource
from bigdl_keras.data.minibatches import Minibatches
from bigdl_keras.data.sample import Sample
from bigdl_keras.data.source import Choice, Encoded, Source, Structure, kind_of

__all__ = ["Block", "Choice", "Column", "Encoded", "Minibatches", "Sample", "Source", "Structure", "as_source",
           "kind_of"]

def as_source(x: Any, y: Any = None, sample_weight: Any = None, *, feature_cols: Any = None, label_cols: Any = None,
              weight_col: str | None = None, labels: bool = True,
              input_shapes: Sequence[tuple[int | None, ...]] = ((None,),), outputs: int = 1,
              strings: bool = False) -> Source:
    """Make a Source of whatever `fit`, `evaluate` or `predict` was given.

    Args:
        x: arrays, a list, tuple or dict of arrays, an RDD, or a DataFrame.
        y, sample_weight: for arrays.
        feature_cols, label_cols, weight_col: column names, for a DataFrame.
        labels: False where only features are read (predict).
        input_shapes: row shapes of the model's inputs, without the batch axis: they group and shape DataFrame columns.
        outputs: number of the model's outputs, which groups the label columns of a DataFrame.
        strings: features may be strings, of which the model makes numbers.

    Returns:
        The source.

    Raises:
        TypeError: an argument does not go with this kind of data.
        ValueError: the data has no rows, a column is missing, or rows do not fit together.
    """
    kind = kind_of(x)
    if kind != "arrays" and (y is not None or sample_weight is not None):
        what, hint = (("a DataFrame", "name them with `label_cols` and `weight_col`") if kind == "dataframe"
                      else ("an RDD", "put them into its rows: (x, y, weight)"))
        raise TypeError(f"With {what}, `y` and `sample_weight` must be None: {hint}.")
    if kind != "dataframe" and (feature_cols is not None or label_cols is not None or weight_col is not None):
        raise TypeError("`feature_cols`, `label_cols` and `weight_col` name columns of a DataFrame. "
                        f"Received x of type {type(x).__name__}.")
    if kind == "rdd":
        return RddSource(x, labels=labels, inputs=len(input_shapes), outputs=outputs, strings=strings)
    if kind == "dataframe":
        return DataFrameSource(x, feature_cols, label_cols if labels else None, weight_col if labels else None,
                               labels=labels, input_shapes=input_shapes, outputs=outputs, strings=strings)
    return ArraySource(x, y, sample_weight, strings)
