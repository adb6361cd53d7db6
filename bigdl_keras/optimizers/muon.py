"""Muon needs whole matrices: workers put their parts together through `total`, each then works on those it owns."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.optimizers.adam import update_moments
from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register


@register("optimizer", "muon")
class Muon(Optimizer):
    """Momentum whose matrices are made orthogonal; vectors, embeddings and excluded variables follow AdamW.

    `m = momentum * m + gradient`; `g = gradient + momentum * m` (`nesterov`) or `m`;
    `weights -= learning_rate * rms_rate * sqrt(max(rows, columns)) * orthogonal(g)`, which takes `ns_steps` turns of
    `x = a * x + (b * x x' + c * (x x')^2) x` from `x = g / |g|`.
    Source: Jordan et al., "Muon", 2024; Liu et al., "Muon is Scalable for LLM Training", 2025.

    Each step moves every matrix to every worker: made for models whose matrices are small beside their batches.

    Args:
        learning_rate: a number or a schedule.
        adam_beta_1: decay of AdamW's mean of the gradient.
        adam_beta_2: decay of AdamW's mean of its square.
        adam_weight_decay: weight decay of the variables that follow AdamW.
        epsilon: added to AdamW's square root.
        weight_decay: weight decay of the matrices.
        exclude_layers: regular expressions; variables whose path contains one follow AdamW.
        exclude_embeddings: variables with "embedding" in their path follow AdamW.
        muon_a: a.
        muon_b: b.
        muon_c: c.
        adam_lr_ratio: AdamW's learning rate as a fraction of `learning_rate`.
        momentum: fraction of the last step that is taken again.
        ns_steps: turns of the iteration.
        nesterov: look ahead along the momentum.
        rms_rate: factor that makes steps as large as AdamW's; None for none.
        **options: see `Optimizer`.
    """

    layerwise = True

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, adam_beta_1: float = 0.9,
                 adam_beta_2: float = 0.999, adam_weight_decay: float | None = 0.004, epsilon: float = 1e-7,
                 weight_decay: float | None = 0.004, *, exclude_layers: Sequence[str] | None = None,
                 exclude_embeddings: bool = True, muon_a: float = 3.4445, muon_b: float = -4.7750,
                 muon_c: float = 2.0315, adam_lr_ratio: float = 1.0, momentum: float = 0.95, ns_steps: int = 5,
                 nesterov: bool = True, rms_rate: float | None = 0.2, **options: Any) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **options)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum", "velocity"),)

    def weight_decay_of(self, name: str, shape: tuple[int, ...]) -> float | None:
        return self.weight_decay if self._is_matrix(name, shape) else self.adam_weight_decay

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        part = part or Slice.whole(("weights",), (weights.shape,))
        matrices = [variable for variable, (name, shape) in enumerate(zip(part.names, part.shapes, strict=True))
                    if self._is_matrix(name, shape)]
        for segment in part.segments:
            span = segment.span
            if segment.variable in matrices:
                momentum = state["momentum"][span]
                momentum *= self.momentum
                momentum += gradient[span]
                if self.nesterov:
                    gradient[span] += self.momentum * momentum
                else:
                    gradient[span] = momentum
            else:
                self._adam(weights[span], gradient[span], state["momentum"][span], state["velocity"][span], iteration)
        self._step_along_matrices(weights, gradient, matrices, self.learning_rate_at(iteration), part, total)

    def _is_matrix(self, name: str, shape: tuple[int, ...]) -> bool:
        if len(shape) != 2 or (self.exclude_embeddings and "embedding" in name.lower()):
            return False
        return not any(re.search(pattern, name) for pattern in self.exclude_layers)

    def _adam(self, weights: np.ndarray, gradient: np.ndarray, mean: np.ndarray, square: np.ndarray,
              iteration: int) -> None:
        step = iteration + 1
        rate = self.learning_rate_at(iteration) * self.adam_lr_ratio
        rate *= math.sqrt(1.0 - self.adam_beta_2**step) / (1.0 - self.adam_beta_1**step)
        for weight, slope, m, v, scratch in chunks(weights, gradient, mean, square, scratch=1):
            update_moments(slope, m, v, self.adam_beta_1, self.adam_beta_2, scratch)
            np.sqrt(v, out=scratch)
            scratch += self.epsilon
            np.divide(m, scratch, out=scratch)
            scratch *= rate
            weight -= scratch

    def _step_along_matrices(self, weights: np.ndarray, directions: np.ndarray, matrices: list[int], rate: float,
                             part: Slice, total: Total) -> None:
        if not matrices:
            return
        sizes = part.sizes[matrices]
        starts = dict(zip(matrices, np.cumsum(sizes) - sizes, strict=True))
        whole = np.zeros(int(sizes.sum()))
        for segment in part.segments:
            if segment.variable in starts:
                start = starts[segment.variable] + segment.offset
                whole[start : start + segment.stop - segment.start] = directions[segment.span]
        whole = total(whole)
        for segment in part.segments:
            if segment.variable in starts:
                shape, start = part.shapes[segment.variable], starts[segment.variable]
                matrix = whole[start : start + math.prod(shape)].reshape(shape).astype(weights.dtype)
                size = 1.0 if self.rms_rate is None else math.sqrt(max(shape)) * self.rms_rate
                step = self._orthogonal(matrix).ravel()[segment.offset :][: segment.stop - segment.start]
                weights[segment.span] -= rate * size * step

    def _orthogonal(self, x: np.ndarray) -> np.ndarray:
        """The orthogonal matrix nearest to x, roughly: all its singular values come close to 1."""
        if x.shape[0] > x.shape[1]:
            return self._orthogonal(x.T).T
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            square = x @ x.T
            x = self.muon_a * x + (self.muon_b * square + self.muon_c * square @ square) @ x
        return x

    def get_config(self) -> dict[str, Any]:
        names = ("adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers", "exclude_embeddings",
                 "muon_a", "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "rms_rate")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
