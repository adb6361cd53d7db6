"""Labels as rows of zeros with a one."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import utils as _ours


def to_categorical(y: Any, nb_classes: int | None = None) -> np.ndarray:
    """One-hot rows of integer classes; `nb_classes` is Keras 1's name of `num_classes`."""
    return _ours.to_categorical(y, nb_classes)
