"""Prediction runs a plan over blocks, batch by batch; rows stay in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bigdl_keras.data import Block
from bigdl_keras.engine.job import PredictionJob
from bigdl_keras.graph.plan import Context, Execution


class Predictor:
    """A prediction job bound to its values."""

    def __init__(self, job: PredictionJob) -> None:
        self._batch_size = job.batch_size
        self._execution: Execution = job.plan.bind(job.values, None)

    def batches(self, block: Block) -> Iterator[list[np.ndarray]]:
        """Outputs of each batch of rows; a block of no rows gives one batch of none."""
        for start in range(0, max(block.rows, 1), self._batch_size):
            batch = block.take(slice(start, start + self._batch_size))
            outputs = self._execution.forward(batch.arrays, Context(training=False, places=np.arange(batch.rows)))
            yield [np.array(output) for output in outputs]  # the plan uses its buffers again

    def outputs(self, block: Block) -> list[np.ndarray]:
        """Outputs of all rows."""
        batches = list(self.batches(block))
        return [np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*batches, strict=True)]


def classes_of(predictions: np.ndarray, first: int = 0) -> np.ndarray:
    """The class of each row: the place of its largest number, or whether its only number is above 0.5.

    Args:
        predictions: (rows, ..., classes).
        first: number of the first class.
    """
    classes = predictions[..., 0] > 0.5 if predictions.shape[-1] == 1 else np.argmax(predictions, axis=-1)
    return np.asarray(classes, np.int64) + first


def class_of(prediction: Any, first: int = 0) -> Any:
    """`classes_of` one row: a number where the row is a vector."""
    classes = classes_of(np.atleast_1d(prediction)[None], first)[0]
    return int(classes) if np.ndim(classes) == 0 else classes
