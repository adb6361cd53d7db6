"""Connectionist temporal classification (Graves et al., 2006): -log of the probability of all alignments of a label.

A label of L classes becomes 2 L + 1 states: blank, class, blank, ..., blank. `alpha[t, s]` is the log-probability of
all ways to be in state s after step t, `beta[t, s]` of all ways to go on from there; both count the emission at t.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.indexing import checked_indices
from bigdl_keras.kernels.table import KERNELS, Kernel


def _states(labels: Any, blank: int) -> tuple[Any, Any]:
    """Classes of the states (batch, 2 L + 1), and whether a state may be entered from the last but one."""
    batch, length = labels.shape
    classes = np.full((batch, 2 * length + 1), blank, dtype=np.int64)
    classes[:, 1::2] = labels
    skips = np.zeros(classes.shape, dtype=bool)
    skips[:, 2:] = (classes[:, 2:] != blank) & (classes[:, 2:] != classes[:, :-2])
    return classes, skips


def _shifted(x: Any, places: int) -> Any:
    """Row by row `x` moved right (left if negative), with log 0 where nothing was."""
    y = np.full_like(x, -np.inf)
    if places > 0:
        y[:, places:] = x[:, :-places]
    else:
        y[:, :places] = x[:, -places:]
    return y


def _forward_paths(emitted: Any, skips: Any, input_lengths: Any) -> Any:
    alpha = np.full_like(emitted, -np.inf)  # (time, batch, states)
    alpha[0, :, :2] = emitted[0, :, :2]
    for step in range(1, len(emitted)):
        before = alpha[step - 1]
        jumped = np.where(skips, _shifted(before, 2), -np.inf)
        ways = np.logaddexp(np.logaddexp(before, _shifted(before, 1)), jumped)
        alpha[step] = np.where((step < input_lengths)[:, None], ways + emitted[step], before)
    return alpha


def _backward_paths(emitted: Any, skips: Any, label_lengths: Any, input_lengths: Any) -> Any:
    beta = np.full_like(emitted, -np.inf)
    places = np.arange(emitted.shape[2])
    ends = (places == 2 * label_lengths[:, None]) | (places == 2 * label_lengths[:, None] - 1)
    for step in reversed(range(len(emitted))):
        last = (step == input_lengths - 1)[:, None]
        ways = np.full_like(emitted[0], -np.inf)
        if step + 1 < len(emitted):
            after = beta[step + 1]
            jumped = _shifted(np.where(skips, after, -np.inf), -2)
            ways = np.logaddexp(np.logaddexp(after, _shifted(after, -1)), jumped)
        beta[step] = np.where(last, np.where(ends, 0.0, -np.inf), ways) + emitted[step]
    return beta


def ctc_loss(
    logits: Any, labels: Any, label_lengths: Any, input_lengths: Any, *, blank: int = 0, out: Any = None
) -> tuple[Any, Any]:
    """(batch, time, classes) logits and (batch, L) labels give (batch,) losses."""
    batch, steps, classes = logits.shape
    label_lengths, input_lengths = (np.asarray(item).astype(np.int64) for item in (label_lengths, input_lengths))
    named = checked_indices(np.asarray(labels), classes, f"Labels for {classes} classes").astype(np.int64)
    shifted = logits - np.max(logits, axis=-1, keepdims=True, initial=-np.inf)
    scores = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    states, skips = _states(named, blank)
    emitted = np.take_along_axis(scores, np.broadcast_to(states[:, None], (batch, steps, states.shape[1])), axis=-1)
    emitted = np.moveaxis(emitted, 1, 0)  # (time, batch, states)
    alpha = _forward_paths(emitted, skips, input_lengths)
    rows = np.arange(batch)
    last = alpha[-1]
    with_blank, without = last[rows, 2 * label_lengths], last[rows, np.maximum(2 * label_lengths - 1, 0)]
    total = np.where(label_lengths > 0, np.logaddexp(with_blank, without), with_blank).astype(logits.dtype)
    return -total, (scores, states, skips, emitted, alpha, total)


def ctc_loss_gradient(
    dy: Any,
    logits: Any,
    labels: Any,
    label_lengths: Any,
    input_lengths: Any,
    saved: Any,
    *,
    wanted: Any,
    out: Any,
    blank: int = 0,
) -> Any:
    """softmax minus the share of the alignments that emit a class at a step."""
    scores, states, skips, emitted, alpha, total = saved
    label_lengths, input_lengths = (np.asarray(item).astype(np.int64) for item in (label_lengths, input_lengths))
    beta = _backward_paths(emitted, skips, label_lengths, input_lengths)
    possible = np.isfinite(total)
    with np.errstate(invalid="ignore"):
        shares = np.exp(alpha + beta - emitted - np.where(possible, total, 0.0)[None, :, None])
    shares = np.moveaxis(np.nan_to_num(shares, posinf=0.0), 0, 1)  # (batch, time, states)
    hot = np.equal(states[..., None], np.arange(logits.shape[-1])).astype(logits.dtype)  # (batch, states, classes)
    active = (np.arange(logits.shape[1]) < input_lengths[:, None]) & possible[:, None]
    dlogits = (np.exp(scores) - shares @ hot) * (active * np.asarray(dy)[:, None])[..., None]
    return dlogits.astype(logits.dtype, copy=False), None, None, None


def ctc_loss_shape(logits: Any, labels: Any, label_lengths: Any, input_lengths: Any, **attributes: Any) -> Any:
    """Shape rule of `ctc_loss`."""
    return logits[:1]


KERNELS["ctc_loss"] = Kernel(
    ctc_loss,
    ctc_loss_gradient,
    ctc_loss_shape,
    ("inputs", "saved"),
    saves=True,
    dtype=lambda first, *others, **attributes: first,
)
