"""Rules that look at whole variables: each worker adds what its slice knows, `total` makes it whole."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras.optimizers.adam import update_moments
from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Segment, Slice, Total, alone, chunks
from bigdl_keras.registry import register


@register("optimizer", "lamb")
class Lamb(Optimizer):
    """Adam's direction, scaled for each variable to the length of its weights.

    `direction = m_hat / (sqrt(v_hat) + epsilon)`; `weights -= learning_rate * |weights| / |direction| * direction`.
    Source: You et al., "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", 2019.

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the mean of the gradient.
        beta_2: decay of the mean of its square.
        epsilon: added to the square root; 1e-7 by default.
        **options: see `Optimizer`.
    """

    layerwise = True

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = None, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = self.default_epsilon if epsilon is None else epsilon

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum", "velocity"),)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        part = part or Slice.whole(("weights",), (weights.shape,))
        step = iteration + 1
        of_mean, of_square = 1.0 / (1.0 - self.beta_1**step), 1.0 / (1.0 - self.beta_2**step)
        for slope, m, v, scratch in chunks(gradient, state["momentum"], state["velocity"], scratch=1):
            update_moments(slope, m, v, self.beta_1, self.beta_2, scratch)
            np.multiply(v, of_square, out=scratch)
            np.sqrt(scratch, out=scratch)
            scratch += self.epsilon
            np.divide(m, scratch, out=slope)
            slope *= of_mean
        weight_norms, direction_norms = norms(part, total, weights, gradient)
        known = (weight_norms > 0) & (direction_norms > 0)
        ratios = np.divide(weight_norms, direction_norms, out=np.ones_like(weight_norms), where=known)
        part.scale(gradient, ratios * self.learning_rate_at(iteration))
        weights -= gradient

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


@register("optimizer", "lars")
class LARS(Optimizer):
    """Momentum with a learning rate for each variable, by the length of its weights and of its gradient.

    `ratio = trust * |weights| / (|gradient| + l2 * |weights|)`;
    `velocity = momentum * velocity + learning_rate * ratio * (gradient + l2 * weights)`; `weights -= velocity`.
    Variables excluded from weight decay have no penalty and ratio 1.
    Source: You et al., "Large Batch Training of Convolutional Networks", 2017.

    Args:
        learning_rate: a number or a schedule.
        momentum: fraction of the last step that is taken again.
        trust: the paper's trust coefficient.
        l2: strength of the penalty on the weights.
        **options: see `Optimizer`.
    """

    layerwise = True

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, momentum: float = 0.9, trust: float = 0.001,
                 l2: float = 5e-4, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = momentum
        self.trust = trust
        self.l2 = l2

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum",),)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        part = part or Slice.whole(("weights",), (weights.shape,))
        rate = self.learning_rate_at(iteration)
        weight_norms, slope_norms = norms(part, total, weights, gradient)
        known = (weight_norms > 0) & (slope_norms > 0)
        lengths = slope_norms + self.l2 * weight_norms
        ratios = np.divide(self.trust * weight_norms, lengths, out=np.ones_like(lengths), where=known)
        velocities = state["momentum"]
        for segment in part.segments:
            excluded = self.is_excluded(part.names[segment.variable])
            penalty, speed = (0.0, rate) if excluded else (self.l2, rate * float(ratios[segment.variable]))
            span = segment.span
            for weight, slope, velocity, scratch in chunks(weights[span], gradient[span], velocities[span], scratch=1):
                np.multiply(weight, penalty, out=scratch)
                scratch += slope
                scratch *= speed
                velocity *= self.momentum
                velocity += scratch
                weight -= velocity

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "trust": self.trust, "l2": self.l2}


@register("optimizer", "adafactor")
class Adafactor(Optimizer):
    """Adaptive steps from row and column means of squared gradients, relative to the size of the weights.

    With `b = 1 - t ** beta_2_decay` and `s = gradient ** 2 + epsilon_1`: `r = b * r + (1 - b) * mean(s, axis=-1)`,
    `c = b * c + (1 - b) * mean(s, axis=-2)`, `u = gradient / sqrt(r * c / mean(r))` (vectors: a mean of each element);
    `weights -= max(epsilon_2, rms(weights)) * rho * u / max(1, rms(u) / clip_threshold)` with
    `rho = min(learning_rate, 1 / sqrt(t))`.
    Source: Shazeer & Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", 2018.

    A slice of the weights may cut rows and columns, so `r` and `c` are kept beside each element they belong to: the
    state is spread over the workers anyway.

    Args:
        learning_rate: a number or a schedule.
        beta_2_decay: exponent of the decay.
        epsilon_1: added to squared gradients.
        epsilon_2: smallest size of the weights that steps are relative to.
        clip_threshold: largest root mean square of a step.
        relative_step: kept for its config; `rho` is at most `1 / sqrt(t)` either way.
        **options: see `Optimizer`.
    """

    layerwise = True

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, beta_2_decay: float = -0.8,
                 epsilon_1: float = 1e-30, epsilon_2: float = 1e-3, clip_threshold: float = 1.0,
                 relative_step: bool = True, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("r", "c"),)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        part = part or Slice.whole(("weights",), (weights.shape,))
        step = iteration + 1
        decay = 1.0 - step**self.beta_2_decay
        grids = [_Grid.of(shape) for shape in part.shapes]
        rows, columns = state["r"], state["c"]
        self._average_squares(gradient, rows, columns, decay, part, grids, total)
        row_means = _sums(part, grids, total, lambda grid, at: [(grid.matrix(at), grid.matrices, rows)])
        for segment in part.segments:
            grid, span = grids[segment.variable], segment.span
            if grid.factored:
                matrix = grid.matrix(_places(segment))
                mean = row_means[segment.variable][0][matrix] / (grid.height * grid.width)
                scale = np.sqrt(rows[span] / mean.astype(rows.dtype) * columns[span])
            else:
                scale = np.sqrt(rows[span])
            gradient[span] /= scale
        sizes = np.maximum(part.sizes, 1)
        weight_norms, direction_norms = norms(part, total, weights, gradient)
        rho = min(self.learning_rate_at(iteration), 1.0 / math.sqrt(step))
        lengths = np.maximum(self.epsilon_2, weight_norms / np.sqrt(sizes)) * rho
        part.scale(gradient, lengths / np.maximum(1.0, direction_norms / np.sqrt(sizes) / self.clip_threshold))
        weights -= gradient

    def _average_squares(self, gradient: np.ndarray, rows: np.ndarray, columns: np.ndarray, decay: float, part: Slice,
                         grids: list[_Grid], total: Total) -> None:
        """Move the means of squared gradients: of rows and columns, or of the elements of a vector."""
        squares = np.square(gradient, dtype=np.float64) + self.epsilon_1
        sums = _sums(part, grids, total, lambda grid, at: [(grid.row(at), grid.rows, squares),
                                                           (grid.column(at), grid.columns, squares)])
        for segment in part.segments:
            grid, span, at = grids[segment.variable], segment.span, _places(segment)
            if grid.factored:
                of_rows, of_columns = sums[segment.variable]
                _move(rows[span], of_rows[grid.row(at)] / grid.width, decay)
                _move(columns[span], of_columns[grid.column(at)] / grid.height, decay)
            else:
                _move(rows[span], squares[span], decay)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_2_decay": self.beta_2_decay, "epsilon_1": self.epsilon_1,
                "epsilon_2": self.epsilon_2, "clip_threshold": self.clip_threshold,
                "relative_step": self.relative_step}


class _Grid:
    """A variable as `matrices` matrices of `height` rows and `width` columns, its last two axes; or as a vector."""

    def __init__(self, matrices: int, height: int, width: int) -> None:
        self.factored = matrices > 0
        self.matrices, self.height, self.width = matrices, height, width
        self.rows, self.columns = matrices * height, matrices * width

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> _Grid:
        return cls(math.prod(shape[:-2]), *shape[-2:]) if len(shape) >= 2 else cls(0, 0, 0)

    def row(self, place: np.ndarray) -> np.ndarray:
        return place // self.width

    def column(self, place: np.ndarray) -> np.ndarray:
        column: np.ndarray = place // (self.height * self.width) * self.width + place % self.width
        return column

    def matrix(self, place: np.ndarray) -> np.ndarray:
        return place // (self.height * self.width)


def norms(part: Slice, total: Total, *vectors: np.ndarray) -> list[np.ndarray]:
    """Norm of every variable, for each of several vectors, in one sum over the workers."""
    squares = total(np.concatenate([part.square_sums(vector) for vector in vectors]))
    return np.split(np.sqrt(squares), len(vectors))


def _sums(part: Slice, grids: list[_Grid], total: Total, groups: Any) -> list[list[np.ndarray]]:
    """For each factored variable the sums that `groups` asks for, [(group of each place, number of groups, vector)]."""
    sums = [[np.zeros(count) for _, count, _ in groups(grid, np.zeros(0, np.int64))] if grid.factored else []
            for grid in grids]
    for segment in part.segments:
        if grids[segment.variable].factored:
            for index, (group, count, vector) in enumerate(groups(grids[segment.variable], _places(segment))):
                sums[segment.variable][index] += np.bincount(group, vector[segment.span], count)
    flat = [piece for pieces in sums for piece in pieces]
    if not flat:
        return sums
    whole = iter(np.split(total(np.concatenate(flat)), np.cumsum([piece.size for piece in flat])[:-1]))
    return [[next(whole) for _ in pieces] for pieces in sums]


def _places(segment: Segment) -> np.ndarray:
    """Flat positions, inside their variable, of the elements of a segment."""
    return np.arange(segment.offset, segment.offset + segment.stop - segment.start)


def _move(mean: np.ndarray, value: np.ndarray, decay: float) -> None:
    mean *= decay
    mean += ((1.0 - decay) * value).astype(mean.dtype)
