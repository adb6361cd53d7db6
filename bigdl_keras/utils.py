"""Keras's namespace of this name: encoding of labels and sequences, seeds, names of the user's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.initializers import set_random_seed
from bigdl_keras.layers.naming import clear_session
from bigdl_keras.registry import custom_object_scope, get_custom_objects, register_keras_serializable

__all__ = [
    "PyDataset",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "set_random_seed",
    "to_categorical",
]


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows of integer classes.

    Args:
        x: integers from 0, of any shape; a last axis of size 1 is dropped.
        num_classes: size of the new last axis; default the largest class + 1.

    Returns:
        float32 array of shape (*x.shape, num_classes).

    Raises:
        ValueError: a class is negative or not below `num_classes`.
    """
    classes = np.asarray(x)
    if not np.issubdtype(classes.dtype, np.integer):
        classes = classes.astype("int64")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = int(classes.max(initial=-1)) + 1 if num_classes is None else int(num_classes)
    if classes.size and (classes.min() < 0 or classes.max() >= count):
        raise ValueError(
            f"Classes must be from 0 to {count - 1}. Received classes from {classes.min()} to {classes.max()}."
        )
    return np.eye(count, dtype="float32")[classes]


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """`x` divided by its norm of the given order along `axis`; rows of zeros stay zero."""
    array = np.asarray(x)
    norm = np.asarray(np.linalg.norm(array, order, axis, keepdims=True))
    return np.asarray(array / np.where(norm == 0, 1, norm))


def pad_sequences(
    sequences: Sequence[Sequence[Any]],
    maxlen: int | None = None,
    dtype: str = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float = 0.0,
) -> np.ndarray:
    """Sequences of several lengths as one array.

    Args:
        sequences: lists of numbers, or of arrays of one shape.
        maxlen: length of the result; default that of the longest sequence.
        dtype: of the result.
        padding: 'pre' or 'post': where `value` is put in.
        truncating: 'pre' or 'post': where longer sequences are cut.
        value: what fills.

    Returns:
        Array of shape (sequences, maxlen, ...).

    Raises:
        ValueError: an unknown `padding` or `truncating`.
    """
    for name, choice in (("padding", padding), ("truncating", truncating)):
        if choice not in ("pre", "post"):
            raise ValueError(f"`{name}` must be 'pre' or 'post'. Received {choice!r}.")
    length = max((len(sequence) for sequence in sequences), default=0) if maxlen is None else maxlen
    inner = next((np.shape(sequence[0]) for sequence in sequences if len(sequence)), ())
    result = np.full((len(sequences), length, *inner), value, dtype=dtype)
    for row, sequence in zip(result, sequences, strict=True):
        kept = sequence[max(len(sequence) - length, 0) :] if truncating == "pre" else sequence[:length]
        start = length - len(kept) if padding == "pre" else 0
        row[start : start + len(kept)] = kept
    return result


class PyDataset:
    """Base of the user's data sets: `len(data)` batches `data[i]`, each (x, y) or (x, y, sample_weight).

    `fit` takes what has these two methods, of this class or not, and asks for one batch after another, in this process.

    Args:
        workers, use_multiprocessing, max_queue_size: for compatibility; batches are made when they are needed.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        """Number of batches."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__(self), the number of batches.")

    def __getitem__(self, index: int) -> Any:
        """One batch."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index), one batch.")

    def on_epoch_end(self) -> None:
        """Called after each epoch."""
