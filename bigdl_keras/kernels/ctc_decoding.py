"""The most likely labels of sequences under CTC, by a search that keeps the best beginnings (Graves et al., 2006)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel

# logits (batch, time, classes), lengths (batch); labels (paths, batch, time), -1 after their end; scores (batch, paths)

Beam = dict[tuple[int, ...], tuple[float, float]]  # labels -> log probability of ending in a blank, and in a label


def _extended(beam: Beam, scores: Any, blank: int) -> Beam:
    """All beginnings one time step later."""
    found: Beam = {}

    def add(labels: tuple[int, ...], blanks: float, spoken: float) -> None:
        known = found.get(labels, (-np.inf, -np.inf))
        found[labels] = (float(np.logaddexp(known[0], blanks)), float(np.logaddexp(known[1], spoken)))

    for labels, (blanks, spoken) in beam.items():
        total = float(np.logaddexp(blanks, spoken))
        add(labels, total + scores[blank], -np.inf)
        for label, score in enumerate(scores):
            if label == blank:
                continue
            again = bool(labels) and labels[-1] == label
            if again:
                add(labels, -np.inf, spoken + score)
            add((*labels, label), -np.inf, (blanks if again else total) + score)
    return found


def _best(beam: Beam, count: int) -> list[tuple[tuple[int, ...], float]]:
    totals = [(labels, float(np.logaddexp(*scores))) for labels, scores in beam.items()]
    return sorted(totals, key=lambda item: (-item[1], item[0]))[:count]


def ctc_beam_search(
    logits: Any, lengths: Any, *, width: int, paths: int, blank: int, out: Any = None
) -> tuple[Any, Any]:
    """Labels and log probabilities of the `paths` best of `width` beginnings."""
    batch, time, _ = logits.shape
    labels = np.full((paths, batch, time), -1, np.int32)
    scores = np.full((batch, paths), -np.inf, logits.dtype)
    shifted = logits - logits.max(axis=-1, keepdims=True, initial=-np.inf)
    logarithms = (shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))).tolist()
    for row, length in enumerate(np.asarray(lengths).tolist()):
        beam: Beam = {(): (0.0, -np.inf)}
        for step in range(int(length)):
            extended = _extended(beam, logarithms[row][step], blank)
            beam = {found: extended[found] for found, _ in _best(extended, width)}
        for path, (found, score) in enumerate(_best(beam, paths)):
            labels[path, row, : len(found)] = found
            scores[row, path] = score
    return labels, scores


def ctc_beam_search_shape(logits: Any, lengths: Any, *, paths: int, **attributes: Any) -> list[Any]:
    """Shape rule of `ctc_beam_search`."""
    return [(paths, *logits[:2]), (logits[0], paths)]


KERNELS["ctc_beam_search"] = Kernel(
    ctc_beam_search,
    None,
    ctc_beam_search_shape,
    several=True,
    dtype=lambda logits, lengths, **attributes: ["int32", np.dtype(logits).name],
)
