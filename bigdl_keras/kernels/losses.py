"""Cross-entropies from logits, one loss a sample: fused, because log(softmax(x)) in two steps is unsafe in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.indexing import checked_indices
from bigdl_keras.kernels.reshaping import dtype_of_first
from bigdl_keras.kernels.table import KERNELS, Kernel, each, sum_to_shape
from bigdl_keras.shapes import broadcast


def _softmax(logits: Any) -> tuple[Any, Any, Any]:
    """Probabilities, the shifted logits' log of sums, and the shifts, along the last axis."""
    largest = np.maximum.reduce(logits, axis=-1, keepdims=True)
    probabilities = logits - largest
    np.exp(probabilities, out=probabilities)
    total = np.add.reduce(probabilities, axis=-1, keepdims=True)
    probabilities /= total
    return probabilities, np.log(total) + largest, largest


def softmax_cross_entropy(logits: Any, targets: Any, *, out: Any = None) -> tuple[Any, Any]:
    """-sum(targets * log_softmax(logits)) along the last axis."""
    probabilities, log_total, _ = _softmax(logits)
    weight = np.add.reduce(targets, axis=-1, keepdims=True)
    loss = (log_total * weight)[..., 0] - np.einsum("...i,...i->...", targets, logits)
    return loss, (probabilities, weight)


def softmax_cross_entropy_gradient(dy: Any, logits: Any, targets: Any, saved: Any, *, wanted: Any, out: Any) -> Any:
    probabilities, weight = saved
    flow = np.asarray(dy)[..., None]
    dlogits = dtargets = None
    if wanted[0]:
        dlogits = np.multiply(probabilities, weight, out=out[0])
        dlogits -= targets
        dlogits *= flow
    if wanted[1]:
        tiny = np.finfo(probabilities.dtype).tiny
        dtargets = np.log(np.maximum(probabilities, tiny))
        dtargets *= -flow
    return dlogits, dtargets


def softmax_cross_entropy_shape(logits: Any, targets: Any, **attributes: Any) -> Any:
    """Shape rule of `softmax_cross_entropy`."""
    return broadcast(logits, targets)[:-1]


def sparse_softmax_cross_entropy(logits: Any, targets: Any, *, out: Any = None) -> tuple[Any, Any]:
    """-log_softmax(logits)[target], the target being the number of the right class."""
    classes = logits.shape[-1]
    chosen = checked_indices(np.asarray(targets), classes, f"Labels for {classes} classes").reshape(-1)
    probabilities, log_total, _ = _softmax(logits)
    rows = np.arange(chosen.size)
    loss = log_total[..., 0] - logits.reshape(-1, classes)[rows, chosen].reshape(logits.shape[:-1])
    return loss, probabilities


def sparse_softmax_cross_entropy_gradient(
    dy: Any, logits: Any, targets: Any, probabilities: Any, *, wanted: Any, out: Any
) -> Any:
    flow = np.asarray(dy)[..., None]
    dlogits = np.multiply(probabilities, flow, out=out[0])
    flat = dlogits.reshape(-1, logits.shape[-1])
    flat[np.arange(len(flat)), np.asarray(targets).reshape(-1).astype(np.int64, copy=False)] -= flow.reshape(-1)
    return flat.reshape(logits.shape), None


def sparse_softmax_cross_entropy_shape(logits: Any, targets: Any, **attributes: Any) -> Any:
    """Shape rule of `sparse_softmax_cross_entropy`."""
    return broadcast(logits[:-1], targets)


def sigmoid_cross_entropy(logits: Any, targets: Any, *, out: Any = None) -> Any:
    """-t * log(sigmoid(x)) - (1 - t) * log(1 - sigmoid(x)) = max(x, 0) - x * t + log1p(exp(-|x|))."""
    rest = np.absolute(logits)
    np.negative(rest, out=rest)
    np.exp(rest, out=rest)
    np.log1p(rest, out=rest)
    rest += np.maximum(logits, 0)
    return np.subtract(rest, logits * targets, out=out)


def sigmoid_cross_entropy_gradient_logits(dy: Any, logits: Any, targets: Any, *, out: Any = None) -> Any:
    decay = np.exp(-np.absolute(logits))
    probabilities = np.where(logits >= 0, 1 / (1 + decay), decay / (1 + decay))
    return sum_to_shape(np.multiply(dy, probabilities - targets), logits.shape, out)


def sigmoid_cross_entropy_gradient_targets(dy: Any, logits: Any, targets: Any, *, out: Any = None) -> Any:
    return sum_to_shape(np.multiply(dy, -logits), targets.shape, out)


def _broadcast_shape(logits: Any, targets: Any, **attributes: Any) -> Any:
    return broadcast(logits, targets)


KERNELS["softmax_cross_entropy"] = Kernel(
    softmax_cross_entropy, softmax_cross_entropy_gradient, softmax_cross_entropy_shape, ("inputs", "saved"), saves=True
)
KERNELS["sparse_softmax_cross_entropy"] = Kernel(
    sparse_softmax_cross_entropy,
    sparse_softmax_cross_entropy_gradient,
    sparse_softmax_cross_entropy_shape,
    ("inputs", "saved"),
    saves=True,
    dtype=dtype_of_first,
)
KERNELS["sigmoid_cross_entropy"] = Kernel(
    sigmoid_cross_entropy,
    each(sigmoid_cross_entropy_gradient_logits, sigmoid_cross_entropy_gradient_targets),
    _broadcast_shape,
)
