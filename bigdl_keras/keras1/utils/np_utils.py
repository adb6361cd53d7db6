"""Labels as rows of zeros with a one."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_categorical(y: Any, nb_classes: int | None = None) -> np.ndarray:
    """One-hot rows of integer classes.

    Args:
        y: classes, counted from 0.
        nb_classes: length of a row; by default one more than the largest class.

    Returns:
        (rows, nb_classes) of float32.

    Raises:
        ValueError: a class is negative, or not below `nb_classes`.
    """
    classes = np.asarray(y, dtype=np.int64).ravel()
    count = int(classes.max(initial=-1)) + 1 if nb_classes is None else nb_classes
    if classes.size and (classes.min() < 0 or classes.max() >= count):
        raise ValueError(f"Classes must be in 0 .. {count - 1}. Received {classes.min()} .. {classes.max()}.")
    return np.eye(count, dtype=np.float32)[classes]
