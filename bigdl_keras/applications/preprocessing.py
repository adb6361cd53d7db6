"""Images as the published weights expect them; each family of networks was trained on numbers of its own scale."""

from __future__ import annotations

from typing import Any

import numpy as np

_MEAN_BGR = (103.939, 116.779, 123.68)
_MEAN_RGB, _DEVIATION_RGB = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocess_input(x: Any, mode: str = "caffe") -> np.ndarray:
    """Images of numbers 0 to 255, scaled for a network with ImageNet weights.

    Args:
        x: (..., rows, columns, 3), red, green, blue.
        mode: 'caffe' for VGG and ResNet (blue, green, red; means taken off), 'tf' for Inception and MobileNet (-1 to
            1), 'torch' (0 to 1, then standardized by channel).

    Returns:
        A new float32 array.

    Raises:
        ValueError: an unknown mode, or not three channels.
    """
    images = np.array(x, dtype=np.float32)
    if images.ndim < 3 or images.shape[-1] != 3:
        raise ValueError(f"Images must have the shape (..., rows, columns, 3). Received {images.shape}.")
    if mode == "caffe":
        return images[..., ::-1] - np.asarray(_MEAN_BGR, np.float32)
    if mode == "tf":
        return images / np.float32(127.5) - np.float32(1)
    if mode == "torch":
        return (images / np.float32(255) - np.asarray(_MEAN_RGB, np.float32)) / np.asarray(_DEVIATION_RGB, np.float32)
    raise ValueError(f"`mode` must be 'caffe', 'tf' or 'torch'. Received {mode!r}.")
