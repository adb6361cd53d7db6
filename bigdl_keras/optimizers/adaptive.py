"""Rules that divide each step by a history of squared gradients: RMSprop, Adagrad, Adadelta and FTRL."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register


@register("optimizer", "rmsprop")
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    `v = rho * v + (1 - rho) * gradient ** 2`; `weights -= learning_rate * gradient / sqrt(v + epsilon)`.
    Made with `lr` or `decay` (Keras 1 and 2) and without momentum it divides by `sqrt(v) + epsilon`.
    Source: Tieleman & Hinton, "Lecture 6.5 - rmsprop", 2012.

    Args:
        learning_rate: a number or a schedule.
        rho: decay of the mean.
        momentum: fraction of the last step that is taken again.
        epsilon: keeps the divisor from 0.
        centered: divide by the standard deviation instead: `sqrt(v - mean(gradient) ** 2 + epsilon)`.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, rho: float = 0.9, momentum: float = 0.0,
                 epsilon: float | None = None, centered: bool = False, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = self.default_epsilon if epsilon is None else epsilon
        self.centered = centered

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        groups = [("velocity",)]
        if self.momentum:
            groups.append(("momentum",))
        if self.centered:
            groups.append(("average_gradient",))
        return tuple(groups)

    @property
    def lazy_slots(self) -> tuple[str, ...] | None:
        return self.slots if self.momentum else None

    @property
    def weights_rest(self) -> bool:
        return not (self.momentum or self.centered) and self.epsilon > 0

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        outside = self.legacy and not self.momentum
        square = state["velocity"]
        velocity, mean = state.get("momentum", square), state.get("average_gradient", square)
        for weight, slope, v, m, average, scratch in chunks(weights, gradient, square, velocity, mean, scratch=1):
            np.multiply(slope, slope, out=scratch)
            scratch *= 1.0 - self.rho
            v *= self.rho
            v += scratch
            if self.centered:
                np.multiply(slope, 1.0 - self.rho, out=scratch)
                average *= self.rho
                average += scratch
                np.multiply(average, average, out=scratch)
                np.subtract(v, scratch, out=scratch)
                divide_by_root(slope, scratch, self.epsilon, outside, scratch)
            else:
                divide_by_root(slope, v, self.epsilon, outside, scratch)
            scratch *= rate
            if self.momentum:
                m *= self.momentum
                m += scratch
                weight -= m
            else:
                weight -= scratch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon,
                "centered": self.centered}


@register("optimizer", "adagrad")
class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients.

    `a += gradient ** 2`; `weights -= learning_rate * gradient / sqrt(a + epsilon)`.
    Made with `lr` or `decay` (Keras 1 and 2) it divides by `sqrt(a) + epsilon`, and with `lr` the sum begins at 0.
    Source: Duchi et al., "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.

    Args:
        learning_rate: a number or a schedule.
        initial_accumulator_value: where the sum begins; 0.1 by default.
        epsilon: keeps the divisor from 0.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001,
                 initial_accumulator_value: float | None = None, epsilon: float | None = None,
                 **options: Any) -> None:
        from_zero = "lr" in options
        super().__init__(learning_rate, **options)
        self._begins_by_default = initial_accumulator_value is None
        if initial_accumulator_value is None:
            initial_accumulator_value = 0.0 if from_zero else 0.1
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = self.default_epsilon if epsilon is None else epsilon

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("accumulator",),)

    def initial_value(self, slot: str, weights: np.ndarray) -> float:
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def take_on(self, keras_version: tuple[int, ...]) -> None:
        if self._begins_by_default and keras_version < (2, 3):
            self.initial_accumulator_value = 0.0

    @property
    def weights_rest(self) -> bool:
        return self.epsilon > 0

    @property
    def slots_rest(self) -> bool:
        return True

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        for weight, slope, accumulator, scratch in chunks(weights, gradient, state["accumulator"], scratch=1):
            np.multiply(slope, slope, out=scratch)
            accumulator += scratch
            divide_by_root(slope, accumulator, self.epsilon, self.legacy, scratch)
            scratch *= rate
            weight -= scratch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initial_accumulator_value": self.initial_accumulator_value,
                "epsilon": self.epsilon}


@register("optimizer", "adadelta")
class Adadelta(Optimizer):
    """Steps measured by the root mean square of earlier steps over that of the gradients.

    `a = rho * a + (1 - rho) * gradient ** 2`; `delta = gradient * sqrt(d + epsilon) / sqrt(a + epsilon)`;
    `d = rho * d + (1 - rho) * delta ** 2`; `weights -= learning_rate * delta`.
    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.

    Args:
        learning_rate: a number or a schedule.
        rho: decay of both means.
        epsilon: added below both roots.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, rho: float = 0.95,
                 epsilon: float | None = None, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.epsilon = self.default_epsilon if epsilon is None else epsilon

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("accumulated_grad", "accumulated_delta_var"),)

    @property
    def lazy_slots(self) -> tuple[str, ...]:
        return self.slots

    @property
    def weights_rest(self) -> bool:
        return self.epsilon > 0

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        squares, steps = state["accumulated_grad"], state["accumulated_delta_var"]
        for weight, slope, a, d, scratch, delta in chunks(weights, gradient, squares, steps, scratch=2):
            np.multiply(slope, slope, out=scratch)
            scratch *= 1.0 - self.rho
            a *= self.rho
            a += scratch
            np.add(d, self.epsilon, out=delta)
            np.add(a, self.epsilon, out=scratch)
            delta /= scratch
            np.sqrt(delta, out=delta)
            delta *= slope
            np.multiply(delta, delta, out=scratch)
            scratch *= 1.0 - self.rho
            d *= self.rho
            d += scratch
            delta *= rate
            weight -= delta

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


@register("optimizer", "ftrl")
class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights under an L1 penalty.

    `n += gradient ** 2`; `z += gradient - (n ** -p - n_before ** -p) / learning_rate * weights`;
    `weights = (clip(z, -l1, l1) - z) / (n ** -p / learning_rate + 2 * l2)`, p being `learning_rate_power`.
    Source: McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013.

    Args:
        learning_rate: a number or a schedule.
        learning_rate_power: at most 0; 0 keeps the learning rate constant.
        initial_accumulator_value: where `n` begins.
        l1_regularization_strength: l1.
        l2_regularization_strength: l2.
        l2_shrinkage_regularization_strength: penalty that acts on the gradient only.
        beta: the paper's beta; adds `beta / (2 * learning_rate)` to l2.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, learning_rate_power: float = -0.5,
                 initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
                 l2_regularization_strength: float = 0.0, l2_shrinkage_regularization_strength: float = 0.0,
                 beta: float = 0.0, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        if learning_rate_power > 0:
            raise ValueError(f"`learning_rate_power` must be at most 0. Received {learning_rate_power}.")
        for name, value in (("initial_accumulator_value", initial_accumulator_value),
                            ("l1_regularization_strength", l1_regularization_strength),
                            ("l2_regularization_strength", l2_regularization_strength),
                            ("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)):
            if value < 0:
                raise ValueError(f"`{name}` must be at least 0. Received {value}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("accumulator", "linear"),)

    def initial_value(self, slot: str, weights: np.ndarray) -> float:
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    @property
    def lazy_slots(self) -> tuple[str, ...]:
        return self.slots

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength + self.beta / (2.0 * rate)
        shrinkage = 2.0 * self.l2_shrinkage_regularization_strength
        for weight, slope, n, z, scratch, old, new in chunks(
            weights, gradient, state["accumulator"], state["linear"], scratch=3
        ):
            self._power(n, old)
            np.multiply(slope, slope, out=scratch)
            n += scratch
            self._power(n, new)
            z += slope
            if shrinkage:
                np.multiply(weight, shrinkage, out=scratch)
                z += scratch
            np.subtract(new, old, out=old)
            old /= rate
            old *= weight
            z -= old
            np.clip(z, -l1, l1, out=scratch)
            scratch -= z
            new /= rate
            new += 2.0 * l2
            np.divide(scratch, new, out=weight)

    def _power(self, accumulator: np.ndarray, out: np.ndarray) -> None:
        if self.learning_rate_power == -0.5:
            np.sqrt(accumulator, out=out)
        else:
            np.power(accumulator, -self.learning_rate_power, out=out)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator_value": self.initial_accumulator_value,
            "l1_regularization_strength": self.l1_regularization_strength,
            "l2_regularization_strength": self.l2_regularization_strength,
            "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }


def divide_by_root(slope: np.ndarray, square: np.ndarray, epsilon: float, outside: bool, out: np.ndarray) -> None:
    """`slope / sqrt(square + epsilon)`, or `slope / (sqrt(square) + epsilon)` if `outside`."""
    if outside:
        np.sqrt(square, out=out)
        out += epsilon
    else:
        np.add(square, epsilon, out=out)
        np.sqrt(out, out=out)
    np.divide(slope, out, out=out)
