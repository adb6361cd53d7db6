"""BigDL 0.x's OptimMethods: Torch's argument names and Torch's SGD."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras import optimizers as _ours
from bigdl_keras.keras1.plateau import Plateau
from bigdl_keras.optimizers import Optimizer
from bigdl_keras.optimizers.base import State
from bigdl_keras.optimizers.schedules import LearningRateSchedule
from bigdl_keras.optimizers.schedules.bigdl import RateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone, chunks
from bigdl_keras.registry import register

OptimMethod = Optimizer


@register("optimizer")
class TorchSGD(Optimizer):
    """Gradient descent as Torch and BigDL do it: decay in the gradient, momentum with dampening, both before the rate.

    `g = gradient + weightdecay * weights`; `v = momentum * v + (1 - dampening) * g` (the first time `v = g`);
    `weights -= rate * v`, or with `nesterov` `weights -= rate * (g + momentum * v)`.

    Args:
        learning_rate: a number or a schedule.
        weightdecay: of the formula.
        momentum: of the formula.
        dampening: of the formula; None for the momentum itself, as in BigDL.
        nesterov: look ahead along v; needs momentum and dampening 0.
        **options: see `Optimizer`.
    """

    plateau: Plateau | None = None
    """What lowers the rate during a fit of `keras1`, where it was made with one."""

    def __init__(self, learning_rate: float | LearningRateSchedule = 1e-3, weightdecay: float = 0.0,
                 momentum: float = 0.0, dampening: float | None = None, nesterov: bool = False,
                 **options: Any) -> None:
        super().__init__(learning_rate, **options)
        dampening = momentum if dampening is None else dampening
        if nesterov and (not momentum or dampening):
            raise ValueError("`nesterov` needs momentum > 0 and dampening=0. "
                             f"Received momentum={momentum}, dampening={dampening}.")
        self.weightdecay = weightdecay
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (("momentum",),) if self.momentum else ()

    @property
    def weights_rest(self) -> bool:
        return not (self.momentum or self.weightdecay)

    @property
    def slots_rest(self) -> bool:
        return True

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        rate = self.learning_rate_at(iteration)
        velocities = state["momentum"] if self.momentum else gradient
        for weight, slope, velocity, scratch in chunks(weights, gradient, velocities, scratch=1):
            if self.weightdecay:
                np.multiply(weight, self.weightdecay, out=scratch)
                slope += scratch
            step = slope
            if self.momentum:
                velocity *= self.momentum
                np.multiply(slope, 1.0 if iteration == 0 else 1.0 - self.dampening, out=scratch)
                velocity += scratch
                step = velocity
                if self.nesterov:
                    np.multiply(velocity, self.momentum, out=scratch)
                    slope += scratch
                    step = slope
            np.multiply(step, rate, out=scratch)
            weight -= scratch

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weightdecay": self.weightdecay, "momentum": self.momentum,
                "dampening": self.dampening, "nesterov": self.nesterov}


def SGD(learningrate: float = 1e-3, learningrate_decay: float = 0.0, weightdecay: float = 0.0, momentum: float = 0.0,
        dampening: float | None = None, nesterov: bool = False,
        leaningrate_schedule: RateSchedule | Plateau | None = None, learningrates: Any = None, weightdecays: Any = None,
        learningrate_schedule: RateSchedule | Plateau | None = None) -> Optimizer:
    """Torch's gradient descent.

    Args:
        learningrate, learningrate_decay: rate / (1 + updates * decay), where no schedule is given.
        weightdecay, momentum, dampening, nesterov: see `TorchSGD`.
        leaningrate_schedule: one of `optimizers.schedules` that begins at `learningrate`, or a `Plateau`; BigDL spells
            it so.
        learningrates, weightdecays: only None.
        learningrate_schedule: the same, spelled right.
    """
    if learningrates is not None or weightdecays is not None:
        raise ValueError("`learningrates` and `weightdecays`, tensors of one number a weight, are not known here.")
    schedule = leaningrate_schedule or learningrate_schedule
    if isinstance(schedule, Plateau):
        made = TorchSGD(learningrate, weightdecay, momentum, dampening, nesterov)
        made.plateau = schedule
        return made
    rate = learningrate if schedule is None else schedule.starting_at(learningrate)
    return TorchSGD(rate, weightdecay, momentum, dampening, nesterov, decay=learningrate_decay)


def LarsSGD(lr_schedule_owner: bool = True, trust: float = 1.0, learningrate: float = 1e-3,
            learningrate_decay: float = 0.01, weightdecay: float = 0.0005, momentum: float = 0.5,
            learningrate_schedule: RateSchedule | None = None) -> Optimizer:
    """Momentum with a rate for each variable, by the length of its weights and of its gradient (see `optimizers.LARS`).

    One is enough for a model: BigDL makes one for each layer and takes lengths of all weights of the layer together.

    Args:
        lr_schedule_owner: has no effect: there is one schedule.
        trust: factor of all rates, above 0 and up to 1.
        learningrate, learningrate_decay: rate / (1 + updates * decay), where no schedule is given.
        weightdecay, momentum: of the formula of `optimizers.LARS`.
        learningrate_schedule: one of `optimizers.schedules` that begins at `learningrate`.
    """
    if not 0 < trust <= 1:
        raise ValueError(f"`trust` of LarsSGD must be above 0 and at most 1. Received {trust!r}.")
    schedule = learningrate_schedule
    rate = learningrate if schedule is None else schedule.starting_at(learningrate)
    return _ours.LARS(rate, momentum, trust, weightdecay, decay=0.0 if schedule else learningrate_decay)


def Adam(learningrate: float = 1e-3, learningrate_decay: float = 0.0, beta1: float = 0.9, beta2: float = 0.999,
         epsilon: float = 1e-8) -> Optimizer:
    """Means of the gradient and of its square."""
    return _ours.Adam(lr=learningrate, decay=learningrate_decay, beta_1=beta1, beta_2=beta2, epsilon=epsilon)


def ParallelAdam(learningrate: float = 1e-3, learningrate_decay: float = 0.0, beta1: float = 0.9, beta2: float = 0.999,
                 epsilon: float = 1e-8, parallel_num: int = -1) -> Optimizer:
    """`Adam`: every worker updates its own slice in any case."""
    return Adam(learningrate, learningrate_decay, beta1, beta2, epsilon)


def Adagrad(learningrate: float = 1e-3, learningrate_decay: float = 0.0, weightdecay: float = 0.0) -> Optimizer:
    """Steps divided by the root of the sum of squared gradients."""
    if weightdecay:
        raise ValueError("Use W_regularizer=l2(weightdecay / 2) on the layers. "
                         f"Received weightdecay={weightdecay}.")
    return _ours.Adagrad(lr=learningrate, decay=learningrate_decay, epsilon=1e-10)


def Adadelta(decayrate: float = 0.9, epsilon: float = 1e-10) -> Optimizer:
    """Steps measured by the steps before."""
    return _ours.Adadelta(lr=1.0, rho=decayrate, epsilon=epsilon)


def Adamax(learningrate: float = 0.002, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-38) -> Optimizer:
    """Adam with the largest gradient in place of the mean square."""
    return _ours.Adamax(lr=learningrate, beta_1=beta1, beta_2=beta2, epsilon=epsilon)


def RMSprop(learningrate: float = 1e-2, learningrate_decay: float = 0.0, decayrate: float = 0.99,
            epsilon: float = 1e-8) -> Optimizer:
    """Steps divided by the root of a running mean of squared gradients."""
    return _ours.RMSprop(lr=learningrate, decay=learningrate_decay, rho=decayrate, epsilon=epsilon)


def Ftrl(learningrate: float = 1e-3, learningrate_power: float = -0.5, initial_accumulator_value: float = 0.1,
         l1_regularization_strength: float = 0.0, l2_regularization_strength: float = 0.0,
         l2_shrinkage_regularization_strength: float = 0.0) -> Optimizer:
    """Follow the regularized leader."""
    return _ours.Ftrl(learningrate, learningrate_power, initial_accumulator_value, l1_regularization_strength,
                      l2_regularization_strength, l2_shrinkage_regularization_strength)


def LBFGS(max_iter: int = 20, max_eval: float = float("inf"), tolfun: float = 1e-5, tolx: float = 1e-9,
          ncorrection: int = 100, learningrate: float = 1.0, verbose: bool = False,
          linesearch: Any = None) -> Optimizer:
    """Quasi-Newton steps, one a batch; what bounds the inner iterations of the original is accepted."""
    if linesearch is not None:
        raise ValueError("LBFGS takes no `linesearch` here: its steps are `learningrate` long.")
    return _ours.LBFGS(learningrate, history_size=ncorrection)
