"""Adam and its relatives: steps measured by running means of the gradient and of its square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register


class _Moments(Optimizer):
    """What the rules of this module share: two decay rates, an epsilon, two slots."""

    def __init__(self, learning_rate: float | LearningRateSchedule, beta_1: float, beta_2: float, epsilon: float | None,
                 **options: Any) -> None:
        super().__init__(learning_rate, **options)
        for name, beta in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= beta < 1:
                raise ValueError(f"`{name}` must be in [0, 1). Received {beta}.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = self.default_epsilon if epsilon is None else epsilon

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum", "velocity"),)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


@register("optimizer", "adam")
class Adam(_Moments):
    """Adaptive moments.

    `m += (1 - beta_1) * (gradient - m)`; `v += (1 - beta_2) * (gradient ** 2 - v)`;
    `weights -= rate * m / (sqrt(v) + epsilon)` with `rate = learning_rate * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)`.
    Source: Kingma & Ba, "Adam: A Method for Stochastic Optimization", 2014 (epsilon as in its section 2).

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the mean of the gradient.
        beta_2: decay of the mean of its square.
        epsilon: added to the square root; 1e-7 by default.
        amsgrad: divide by the largest `v` so far (Reddi et al., 2018).
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = None, amsgrad: bool = False, **options: Any) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum", "velocity"), ("velocity_hat",)) if self.amsgrad else (("momentum", "velocity"),)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        step = iteration + 1
        rate = self.learning_rate_at(iteration) * math.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        mean, square = state["momentum"], state["velocity"]
        largest = state["velocity_hat"] if self.amsgrad else square
        for weight, slope, m, v, v_hat, scratch in chunks(weights, gradient, mean, square, largest, scratch=1):
            update_moments(slope, m, v, self.beta_1, self.beta_2, scratch)
            if self.amsgrad:
                np.maximum(v_hat, v, out=v_hat)
            np.sqrt(v_hat, out=scratch)
            scratch += self.epsilon
            np.divide(m, scratch, out=scratch)
            scratch *= rate
            weight -= scratch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "amsgrad": self.amsgrad}


@register("optimizer", "adamw", "adam_w")
class AdamW(Adam):
    """Adam with decoupled weight decay: `weights -= learning_rate * weight_decay * weights` before each update.

    Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", 2017.

    Args:
        learning_rate: a number or a schedule.
        weight_decay: strength of the decay.
        beta_1: decay of the mean of the gradient.
        beta_2: decay of the mean of its square.
        epsilon: added to the square root; 1e-7 by default.
        amsgrad: divide by the largest `v` so far.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, weight_decay: float | None = 0.004,
                 beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float | None = None, amsgrad: bool = False,
                 **options: Any) -> None:
        if weight_decay is None:
            raise ValueError("AdamW needs a `weight_decay`. Received None; use Adam for none.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **options)


@register("optimizer", "adamax")
class Adamax(_Moments):
    """Adam with the infinity norm: `u = max(beta_2 * u, |gradient|)`.

    `weights -= learning_rate * m / ((1 - beta_1 ** t) * (u + epsilon))`.
    Source: Kingma & Ba, 2014, section 7.1.

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the mean of the gradient.
        beta_2: decay of the norm.
        epsilon: added to the norm.
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = None, **options: Any) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum", "norm"),)

    @property
    def lazy_slots(self) -> tuple[str, ...]:
        return self.slots

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration) / (1.0 - self.beta_1 ** (iteration + 1))
        for weight, slope, m, u, scratch in chunks(weights, gradient, state["momentum"], state["norm"], scratch=1):
            np.subtract(slope, m, out=scratch)
            scratch *= 1.0 - self.beta_1
            m += scratch
            u *= self.beta_2
            np.abs(slope, out=scratch)
            np.maximum(u, scratch, out=u)
            np.add(u, self.epsilon, out=scratch)
            np.divide(m, scratch, out=scratch)
            scratch *= rate
            weight -= scratch


@register("optimizer", "nadam")
class Nadam(_Moments):
    """Adam with Nesterov momentum, which is warmed up: `u(t) = beta_1 * (1 - 0.96 ** (t * schedule_decay) / 2)`.

    `m_hat = u(t + 1) * m / (1 - u(1) ... u(t + 1)) + (1 - u(t)) * gradient / (1 - u(1) ... u(t))`;
    `weights -= learning_rate * m_hat / (sqrt(v / (1 - beta_2 ** t)) + epsilon)`.
    Source: Dozat, "Incorporating Nesterov Momentum into Adam", 2016.

    Keras 2.11 to 2.15 multiply the product by u(t) variable by variable, so that each sees another: see `_turns`.

    Args:
        learning_rate: a number or a schedule.
        beta_1: decay of the mean of the gradient.
        beta_2: decay of the mean of its square.
        epsilon: added to the square root; 1e-7 by default.
        schedule_decay: speed of the warm-up: 1 in Keras 3, 0.004 in Keras 1 and 2 (the default when made with `lr` or
            `decay`; their tf.keras calls it `decay`).
        **options: see `Optimizer`.
    """

    def __init__(self, learning_rate: float | LearningRateSchedule = 0.001, beta_1: float = 0.9, beta_2: float = 0.999,
                 epsilon: float | None = None, *, schedule_decay: float | None = None, **options: Any) -> None:
        old = schedule_decay is not None or "lr" in options or options.get("decay") is not None
        decay = options.pop("decay", None)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.legacy = old
        if schedule_decay is None:
            schedule_decay = (decay or 0.004) if old else 1.0
        self.schedule_decay = schedule_decay
        self._product = (0, 1.0)
        self._first_step = 0
        self._turns_per_variable = False

    @property
    def lazy_slots(self) -> tuple[str, ...]:
        return ()  # the running means do move

    def take_on(self, keras_version: tuple[int, ...]) -> None:
        if keras_version >= (2, 11):
            self._turns_per_variable = not self.legacy
        elif self.schedule_decay == 1.0:
            self.schedule_decay = 0.004

    def resume(self, iterations: int) -> None:
        super().resume(iterations)
        if self._turns_per_variable:  # files of these versions lack the product, and it begins anew
            self._first_step = iterations
            self._product = (iterations, 1.0)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        step = iteration + 1
        if not self._turns_per_variable or part is None:
            product = self._product_before(step, 1) * self._warm_up(step)
            self._update_span(slice(None), product, weights, gradient, state, step)
            return
        count = len(part.shapes)
        before = self._product_before(step, count)
        for segment in part.segments:
            product = before * self._warm_up(step) ** self._turns(step, segment.variable, count)
            self._update_span(segment.span, product, weights, gradient, state, step)

    def _update_span(self, span: slice, product: float, weights: np.ndarray, gradient: np.ndarray, state: State,
                     step: int) -> None:
        """Update a run of weights; `product` is u(1) ... u(step)."""
        rate = self.learning_rate_at(step - 1)
        now, later = self._warm_up(step), self._warm_up(step + 1)
        of_mean = rate * later / (1.0 - product * later)
        of_slope = rate * (1.0 - now) / (1.0 - product)
        unbiased = 1.0 / (1.0 - self.beta_2**step)
        for weight, slope, m, v, scratch, top in chunks(
            weights[span], gradient[span], state["momentum"][span], state["velocity"][span], scratch=2
        ):
            update_moments(slope, m, v, self.beta_1, self.beta_2, scratch)
            np.multiply(m, of_mean, out=top)
            np.multiply(slope, of_slope, out=scratch)
            top += scratch
            np.multiply(v, unbiased, out=scratch)
            np.sqrt(scratch, out=scratch)
            scratch += self.epsilon
            top /= scratch
            weight -= top

    def _warm_up(self, step: int) -> float:
        return float(self.beta_1 * (1.0 - 0.5 * 0.96 ** (step * self.schedule_decay)))

    def _product_before(self, step: int, count: int) -> float:
        """Product of u before `step`, which `count` variables advance; the last one is kept, for the next step."""
        known, product = self._product
        if known >= step:
            known, product = self._first_step, 1.0
        for index in range(known + 1, step):
            if not product:
                break
            product *= self._warm_up(index) ** self._turns(index, count - 1, count)
        self._product = (step - 1, product)
        return product

    def _turns(self, step: int, variable: int, count: int) -> int:
        """How often the product has been multiplied in `step` once it is the turn of `variable` of `count`.

        Keras 2.11 to 2.15 ask, variable by variable, whether a counter says that it was done; but the counter is a
        Python number, which their compiled step holds as it was when traced: `count + variable` for each variable, or
        `variable` where a file had made the optimizer's variables before, for then it is traced but once. So each
        multiplies, except the one for which that number happens to equal the step. With a single variable their first
        step would divide by zero; it gets the turn that was meant, as in all other versions.
        """
        if count == 1:
            return 1
        traced = 0 if self._first_step else count
        return variable + 1 - (traced <= step <= traced + variable)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.legacy:
            config["decay"] = self.schedule_decay
        return config


def update_moments(slope: np.ndarray, mean: np.ndarray, square: np.ndarray, beta_1: float, beta_2: float,
                   scratch: np.ndarray) -> None:
    """Move the running means of the gradient and of its square, in place."""
    np.subtract(slope, mean, out=scratch)
    scratch *= 1.0 - beta_1
    mean += scratch
    np.multiply(slope, slope, out=scratch)
    scratch -= square
    scratch *= 1.0 - beta_2
    square += scratch
