"""Activations of many numbers together: distributions along an axis, and the gated linear unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.activations import sigmoid
from bigdl_keras.kernels.table import KERNELS, Kernel, each, same_shape
from bigdl_keras.shapes import normalize_axis


def softmax(x: Any, *, axis: int | tuple[int, ...] = -1, out: Any = None) -> Any:
    """exp(x) / sum(exp(x)), shifted by the largest."""
    y = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    np.exp(y, out=y)
    return np.divide(y, np.add.reduce(y, axis=axis, keepdims=True), out=y)


def softmax_gradient(dy: Any, y: Any, *, axis: int | tuple[int, ...] = -1, out: Any = None) -> Any:
    dx = np.multiply(dy, y, out=out)
    inner = np.add.reduce(dx, axis=axis, keepdims=True)
    dx -= inner * y
    return dx


def log_softmax(x: Any, *, axis: int | tuple[int, ...] = -1, out: Any = None) -> Any:
    y = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    y -= np.log(np.add.reduce(np.exp(y), axis=axis, keepdims=True))
    return y


def log_softmax_gradient(dy: Any, y: Any, *, axis: int | tuple[int, ...] = -1, out: Any = None) -> Any:
    dx = np.exp(y, out=out)
    dx *= np.add.reduce(dy, axis=axis, keepdims=True)
    return np.subtract(dy, dx, out=dx)


def sparsemax(x: Any, *, axis: int = -1, out: Any = None) -> Any:
    """The nearest distribution to x (Martins and Astudillo, 2016): max(x - tau, 0), with tau so that the sum is 1."""
    moved = np.moveaxis(x, axis, -1)
    ordered = np.flip(np.sort(moved, axis=-1), axis=-1)
    total = np.cumsum(ordered, axis=-1, dtype=x.dtype)
    place = np.arange(1, moved.shape[-1] + 1, dtype=x.dtype)
    count = np.add.reduce(1 + place * ordered > total, axis=-1, keepdims=True, dtype=np.int64)
    last = np.maximum(count - 1, 0)
    tau = (np.take_along_axis(total, last, axis=-1) - 1) / count.astype(x.dtype)
    return np.maximum(x, np.moveaxis(tau, -1, axis), out=out) - np.moveaxis(tau, -1, axis)


def sparsemax_gradient(dy: Any, y: Any, *, axis: int = -1, out: Any = None) -> Any:
    support = (y > 0).astype(dy.dtype)
    dx = np.multiply(dy, support, out=out)
    share = np.add.reduce(dx, axis=axis, keepdims=True) / np.add.reduce(support, axis=axis, keepdims=True)
    dx -= share * support
    return dx


KERNELS["softmax"] = Kernel(softmax, each(softmax_gradient), same_shape, ("output",))
KERNELS["log_softmax"] = Kernel(log_softmax, each(log_softmax_gradient), same_shape, ("output",))
KERNELS["sparsemax"] = Kernel(sparsemax, each(sparsemax_gradient), same_shape, ("output",))


# Gated linear unit: one half times the sigmoid of the other


def glu_shape(shape: Any, *, axis: int = -1) -> Any:
    """Shape rule of `glu`: the axis is halved."""
    place = normalize_axis(axis, len(shape))
    size = shape[place]
    if size is not None and size % 2:
        raise ValueError(f"glu halves axis {axis}, whose size must be even. Received shape {shape}.")
    return (*shape[:place], None if size is None else size // 2, *shape[place + 1 :])


def glu(x: Any, *, axis: int = -1, out: Any = None) -> Any:
    value, gate = np.split(x, 2, axis=axis)
    return np.multiply(value, sigmoid(gate), out=out)


def glu_gradient(dy: Any, x: Any, *, axis: int = -1, out: Any = None) -> Any:
    value, gate = np.split(x, 2, axis=axis)
    gate = sigmoid(gate)
    return np.concatenate([dy * gate, dy * value * gate * (1 - gate)], axis=axis)


KERNELS["glu"] = Kernel(glu, each(glu_gradient), glu_shape)
