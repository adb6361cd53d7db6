"""Weights of Keras 2 lie as in Keras 3, except for CuDNN layers and for kernels written by the Theano backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..spec import Version
from .pieces import Arrays, Piece, each, flipped, same, unchanged

_CONVOLUTIONS = (
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "SeparableConv1D",
    "SeparableConv2D",
    "DepthwiseConv2D",
    "ConvLSTM2D",
    "ConvLSTMCell",
)
Shape = tuple[int, ...]


def piece(
    class_name: str, config: Mapping[str, Any], ours: Sequence[Shape], shapes: Sequence[Shape], version: Version
) -> Piece:
    """The piece of one layer (or recurrent cell) whose arrays have the shapes `ours`."""
    if class_name in ("LSTM", "LSTMCell") and len(ours) == 3 and len(shapes) > 2 and shapes[2] == (2 * ours[2][0],):
        return Piece(3, _lstm_from_cudnn, _lstm_to_cudnn)
    if (
        class_name in ("GRU", "GRUCell")
        and len(ours) == 3
        and len(shapes) > 2
        and shapes[2] == (2 * ours[2][-1],) != ours[2]
    ):
        return Piece(3, _gru_from_cudnn, _gru_to_cudnn)
    if version.backend == "theano" and class_name in _CONVOLUTIONS:
        return each(*((flipped(range(len(shape) - 2)) if len(shape) > 2 else (same, same)) for shape in ours))
    return unchanged(len(ours))


# CuDNN keeps every gate's input kernel transposed in memory but not in shape, and its recurrent kernel transposed;
# the bias is that of the inputs followed by that of the recurrence.


def _gates(function: Any, kernel: np.ndarray, gates: int) -> np.ndarray:
    return np.concatenate([function(part) for part in np.split(kernel, gates, axis=1)], axis=1)


def _retold(part: np.ndarray) -> np.ndarray:
    return part.T.reshape(part.shape, order="C")


def _kernels_from_cudnn(arrays: Arrays, gates: int) -> Arrays:
    return [
        _gates(lambda part: part.ravel(order="C").reshape(part.shape, order="F"), arrays[0], gates),
        _gates(lambda part: part.T, arrays[1], gates),
    ]


def _kernels_to_cudnn(arrays: Arrays, gates: int) -> Arrays:
    return [_gates(_retold, arrays[0], gates), _gates(lambda part: part.T, arrays[1], gates)]


def _lstm_from_cudnn(arrays: Arrays) -> Arrays:
    return [*_kernels_from_cudnn(arrays, 4), np.add(*np.split(arrays[2], 2))]


def _lstm_to_cudnn(arrays: Arrays) -> Arrays:
    return [*_kernels_to_cudnn(arrays, 4), np.concatenate([np.zeros_like(arrays[2]), arrays[2]])]


def _gru_from_cudnn(arrays: Arrays) -> Arrays:
    return [*_kernels_from_cudnn(arrays, 3), arrays[2].reshape(2, -1)]


def _gru_to_cudnn(arrays: Arrays) -> Arrays:
    return [*_kernels_to_cudnn(arrays, 3), arrays[2].reshape(-1)]
