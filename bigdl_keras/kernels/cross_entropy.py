"""Cross-entropies of probabilities in one pass; probabilities stay 1e-7 away from 0 and 1, where no gradient flows."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.indexing import checked_indices
from bigdl_keras.kernels.table import KERNELS, Kernel, each, sum_to_shape
from bigdl_keras.shapes import broadcast

EPSILON = 1e-7


def _kept(x: Any) -> Any:
    return np.clip(x, EPSILON, 1 - EPSILON)


def _inside(x: Any) -> Any:
    return (x >= EPSILON) & (x <= 1 - EPSILON)


def binary_cross_entropy(probabilities: Any, targets: Any, *, out: Any = None) -> Any:
    """-t log(p) - (1 - t) log(1 - p), element by element."""
    p = _kept(probabilities)
    no = np.log(1 - p)
    yes = np.log(p, out=p)
    yes -= no
    yes = yes * targets
    yes += no
    return np.negative(yes, out=out)


def binary_cross_entropy_gradient_probabilities(dy: Any, probabilities: Any, targets: Any, *, out: Any = None) -> Any:
    p = _kept(probabilities)
    flow = p - targets
    flow /= p * (1 - p)
    flow *= _inside(probabilities)
    flow *= dy
    return sum_to_shape(flow, probabilities.shape, out)


def binary_cross_entropy_gradient_targets(dy: Any, probabilities: Any, targets: Any, *, out: Any = None) -> Any:
    p = _kept(probabilities)
    return sum_to_shape(dy * (np.log(1 - p) - np.log(p)), targets.shape, out)


def _broadcast(first: Any, second: Any, **attributes: Any) -> Any:
    return broadcast(first, second)


def categorical_cross_entropy(probabilities: Any, targets: Any, *, out: Any = None) -> tuple[Any, Any]:
    """-sum(t log(p / sum(p))) along the last axis."""
    total = np.add.reduce(probabilities, axis=-1, keepdims=True)
    shares = probabilities / total
    loss = np.einsum("...i,...i->...", targets, np.log(_kept(shares)))
    return np.negative(loss, out=out if np.ndim(loss) else None), (shares, total)


def categorical_cross_entropy_gradient(
    dy: Any, probabilities: Any, targets: Any, saved: Any, *, wanted: Any, out: Any
) -> Any:
    shares, total = saved
    flow = np.asarray(dy)[..., None]
    kept = _kept(shares)
    dtargets = np.log(kept) * -flow if wanted[1] else None
    dprobabilities = None
    if wanted[0]:
        dshares = targets / kept
        dshares *= _inside(shares)
        dshares *= -flow
        inner = np.einsum("...i,...i->...", dshares, shares)[..., None]
        dprobabilities = np.subtract(dshares, inner, out=out[0])
        dprobabilities /= total
    return dprobabilities, dtargets


def categorical_cross_entropy_shape(probabilities: Any, targets: Any, **attributes: Any) -> Any:
    """Shape rule of `categorical_cross_entropy`."""
    return broadcast(probabilities, targets)[:-1]


def sparse_cross_entropy(probabilities: Any, labels: Any, *, out: Any = None) -> tuple[Any, Any]:
    """-log(p[label] / sum(p)) along the last axis, the label being the number of the right class."""
    classes = probabilities.shape[-1]
    chosen = checked_indices(np.asarray(labels), classes, f"Labels for {classes} classes").reshape(-1)
    chosen = chosen.astype(np.int64, copy=False)
    flat = probabilities.reshape(chosen.size, classes)
    total = np.add.reduce(flat, axis=-1)
    shares = flat[np.arange(chosen.size), chosen]
    shares /= total
    loss = np.log(_kept(shares))
    return np.negative(loss, out=loss).reshape(probabilities.shape[:-1]), (chosen, total, shares)


def sparse_cross_entropy_gradient(
    dy: Any, probabilities: Any, labels: Any, saved: Any, *, wanted: Any, out: Any
) -> Any:
    chosen, total, shares = saved
    flow = np.where(_inside(shares), np.reshape(dy, -1), 0) / total  # dy / sum(p), where the share may move
    dprobabilities = np.empty(probabilities.shape, probabilities.dtype) if out[0] is None else out[0]
    flat = dprobabilities.reshape(chosen.size, probabilities.shape[-1])
    flat[...] = flow[:, None]
    flat[np.arange(chosen.size), chosen] -= flow / shares.clip(EPSILON)
    return dprobabilities, None


def sparse_cross_entropy_shape(probabilities: Any, labels: Any, **attributes: Any) -> Any:
    """Shape rule of `sparse_cross_entropy`."""
    return broadcast(probabilities[:-1], labels)


KERNELS["binary_cross_entropy"] = Kernel(
    binary_cross_entropy,
    each(binary_cross_entropy_gradient_probabilities, binary_cross_entropy_gradient_targets),
    _broadcast,
)
KERNELS["categorical_cross_entropy"] = Kernel(
    categorical_cross_entropy,
    categorical_cross_entropy_gradient,
    categorical_cross_entropy_shape,
    ("inputs", "saved"),
    saves=True,
)
KERNELS["sparse_cross_entropy"] = Kernel(
    sparse_cross_entropy,
    sparse_cross_entropy_gradient,
    sparse_cross_entropy_shape,
    ("inputs", "saved"),
    saves=True,
    dtype=lambda first, *_, **__: first,
)
