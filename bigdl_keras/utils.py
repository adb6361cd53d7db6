"""Keras's namespace of this name: encoding of labels and sequences, seeds, names of the user's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.initializers import set_random_seed
from bigdl_keras.layers.naming import clear_session
from bigdl_keras.registry import custom_object_scope, get_custom_objects, register_keras_serializable

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

CustomObjectScope = custom_object_scope


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


class _Windows(PyDataset):
    """Batches of what `timeseries_dataset_from_array` cuts."""

    def __init__(self, data: np.ndarray, targets: np.ndarray | None, starts: np.ndarray, offsets: np.ndarray,
                 batch_size: int | None) -> None:
        super().__init__()
        self.data, self.targets, self.starts, self.offsets = data, targets, starts, offsets
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.starts) // (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches. Asked for {index}.")
        size = self.batch_size or 1
        starts = self.starts[index * size:(index + 1) * size]
        starts = starts if self.batch_size else starts[0]
        windows = self.data[np.expand_dims(starts, -1) + self.offsets]
        return windows if self.targets is None else (windows, self.targets[starts])


def timeseries_dataset_from_array(data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1,
                                  sampling_rate: int = 1, batch_size: int | None = 128, shuffle: bool = False,
                                  seed: int | None = None, start_index: int | None = None,
                                  end_index: int | None = None) -> PyDataset:
    """Windows of a series, batch by batch: the one from row i on goes with `targets[i]`.

    Args:
        data: (steps, ...).
        targets: one for each step at which a window may begin; None for windows alone.
        sequence_length: rows of a window.
        sequence_stride: steps between the beginnings of windows.
        sampling_rate: steps between the rows of a window.
        batch_size: windows in a batch; None for single windows.
        shuffle: in another order, by `seed`; the same in every epoch.
        seed: of the order.
        start_index, end_index: the part of the series that is used.

    Returns:
        A data set for `fit`: batches (windows, targets), or windows.

    Raises:
        ValueError: a number is not positive, or the series is shorter than a window.

    Example:
        >>> timeseries_dataset_from_array(np.arange(5), np.arange(5), 3, batch_size=2)[0][0]
        array([[0, 1, 2],
               [1, 2, 3]])
    """
    if min(sequence_length, sequence_stride, sampling_rate, 1 if batch_size is None else batch_size) < 1:
        raise ValueError("`sequence_length`, `sequence_stride`, `sampling_rate` and `batch_size` must be positive. "
                         f"Received {sequence_length}, {sequence_stride}, {sampling_rate} and {batch_size}.")
    first, last = start_index or 0, len(data) if end_index is None else end_index
    used = np.asarray(data)[first:last]
    count = len(used) - (sequence_length - 1) * sampling_rate
    answers = None if targets is None else np.asarray(targets)[first:last]
    count = count if answers is None else min(count, len(answers))
    if count < 1:
        raise ValueError(f"No window of {sequence_length} rows, {sampling_rate} steps apart, fits into {len(used)} "
                         f"steps{'' if answers is None else f' with {len(answers)} targets'}.")
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        np.random.default_rng(seed).shuffle(starts)
    return _Windows(used, answers, starts, np.arange(sequence_length) * sampling_rate, batch_size)


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """(x, y, sample_weight) without what is None at the end; x alone as it is, in a tuple if it is a list or tuple."""
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what a batch holds, None where it holds none.

    Raises:
        ValueError: a tuple of more than three.
    """
    parts = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if len(parts) > 3:
        raise ValueError(f"A batch is (x,), (x, y) or (x, y, sample_weight). Received {len(parts)} parts.")
    return (*parts, None, None, None)[:3]
