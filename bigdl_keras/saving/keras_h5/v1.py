"""Weights of Keras 1: one array per gate, Theano's axis order and turned kernels, Conv1D with an idle axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..spec import Version
from .pieces import Arrays, Piece, Step, chain, each, flipped, reshaped, same, transposed, unchanged

Shape = tuple[int, ...]
# Keras 1 lists the gates of an LSTM as i, c, f, o; later Keras joins them as i, f, c, o.
_LSTM_GATES = (0, 2, 1, 3)
_GRU_GATES = (0, 1, 2)


def piece(
    class_name: str, config: Mapping[str, Any], ours: Sequence[Shape], shapes: Sequence[Shape], version: Version
) -> Piece:
    """The piece of one layer (or recurrent cell) whose arrays have the shapes `ours`.

    Args:
        class_name: canonical class.
        config: canonical config; `data_format` tells the axis order of kernels.
        ours: shapes of our arrays.
        shapes: shapes of the file's arrays from here on; empty where no file is at hand.
        version: of the file; kernels written by Theano are turned around.
    """
    turned = version.backend == "theano"
    first = config.get("data_format") == "channels_first"
    if class_name in ("LSTM", "LSTMCell", "GRU", "GRUCell") and len(ours) == 3:
        gates = _LSTM_GATES if class_name.startswith("LSTM") else _GRU_GATES
        joined = bool(shapes) and shapes[0] == ours[0]
        return unchanged(3) if joined else _gates(gates, (same, same), (same, same))
    if class_name in ("ConvLSTM2D", "ConvLSTMCell", "ConvLSTM2DCell") and len(ours) == 3:
        kernel = _kernel(ours[0], first, turned)
        return _gates(_LSTM_GATES, kernel, kernel)
    if class_name == "PReLU" and shapes and shapes[0] != ours[0] and len(shapes[0]) == len(ours[0]):
        return _shared_slopes(shapes[0], ours[0])
    if class_name in _KERNELS:
        return each(*(_KERNELS[class_name](shape, first, turned) if len(shape) > 2 else (same, same) for shape in ours))
    return unchanged(len(ours))


def _kernel(shape: Shape, first: bool, turned: bool) -> Step:
    """(spatial..., in, out); with channels first the file has (out, in, spatial...)."""
    spatial = len(shape) - 2
    steps = [transposed((*range(2, 2 + spatial), 1, 0))] if first else []
    return chain(*steps, *([flipped(range(spatial))] if turned else []))


def _kernel_1d(shape: Shape, first: bool, turned: bool) -> Step:
    """(length, in, out); the file has (length, 1, in, out)."""
    return chain(reshaped(shape, (shape[0], 1, *shape[1:])), *([flipped((0,))] if turned else []))


def _kernel_transposed(shape: Shape, first: bool, turned: bool) -> Step:
    """(rows, columns, out, in); the file has (rows, columns, in, out), with channels first (out, in, rows, columns)."""
    return chain(transposed((2, 3, 0, 1) if first else (0, 1, 3, 2)), *([flipped((0, 1))] if turned else []))


_KERNELS = {
    "Conv1D": _kernel_1d,
    "Conv2D": _kernel,
    "Conv3D": _kernel,
    "Conv2DTranspose": _kernel_transposed,
    "SeparableConv2D": _kernel,
}


def _shared_slopes(file: Shape, ours: Shape) -> Piece:
    """PReLU: Keras 1 does not store which axes share a slope; its array shows it by a 1."""
    shared = tuple(slice(0, 1) if one == 1 else slice(None) for one in file)
    return Piece(1, lambda arrays: [np.broadcast_to(arrays[0], ours)], lambda arrays: [arrays[0][shared]])


def _gates(order: Sequence[int], kernel: Step, recurrent: Step) -> Piece:
    """Three arrays (kernel, recurrent kernel, bias) for each gate become three arrays with the gates side by side."""
    count = len(order)
    back = [order.index(gate) for gate in range(count)]

    def from_file(arrays: Arrays) -> Arrays:
        ways = (kernel[0], recurrent[0], same)
        return [
            np.concatenate([way(arrays[3 * gate + kind]) for gate in order], axis=-1) for kind, way in enumerate(ways)
        ]

    def to_file(arrays: Arrays) -> Arrays:
        ways = (kernel[1], recurrent[1], same)
        split = [np.split(array, count, axis=-1) for array in arrays]
        return [ways[kind](split[kind][place]) for place in back for kind in range(3)]

    return Piece(3 * count, from_file, to_file)
