"""Optimizers under Keras 1.2.2's and BigDL's arguments: `lr`, `decay`, and the formulas of their time."""

from __future__ import annotations

from typing import Any

from bigdl_keras import optimizers as _ours
from bigdl_keras.optimizers import Optimizer
from bigdl_keras.optimizers.schedules import PolyEpochDecay, WarmupLinearDecay
from bigdl_keras.optimizers.schedules.bigdl import RateSchedule

__all__ = ["Adadelta", "Adagrad", "Adam", "AdamWeightDecay", "Adamax", "Nadam", "PolyEpochDecay", "RMSprop", "SGD",
           "get"]


def SGD(lr: float = 0.01, momentum: float = 0.0, decay: float = 0.0, nesterov: bool = False,
        **options: Any) -> Optimizer:
    """Gradient descent."""
    return _ours.SGD(lr=lr, momentum=momentum, decay=decay, nesterov=nesterov, **options)


def RMSprop(lr: float = 0.001, rho: float = 0.9, epsilon: float = 1e-8, decay: float = 0.0,
            **options: Any) -> Optimizer:
    """Steps divided by the root of a running mean of squared gradients."""
    return _ours.RMSprop(lr=lr, rho=rho, epsilon=epsilon, decay=decay, **options)


def Adagrad(lr: float = 0.01, epsilon: float = 1e-8, decay: float = 0.0, **options: Any) -> Optimizer:
    """Steps divided by the root of the sum of squared gradients."""
    return _ours.Adagrad(lr=lr, epsilon=epsilon, decay=decay, **options)


def Adadelta(lr: float = 1.0, rho: float = 0.95, epsilon: float = 1e-8, decay: float = 0.0,
             **options: Any) -> Optimizer:
    """Steps measured by the steps before."""
    return _ours.Adadelta(lr=lr, rho=rho, epsilon=epsilon, decay=decay, **options)


def Adam(lr: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, decay: float = 0.0,
         schedule: RateSchedule | None = None, weight_decay: float = 0.0, **options: Any) -> Optimizer:
    """Means of the gradient and of its square.

    Args:
        lr, beta_1, beta_2, epsilon, decay: of Keras 1.
        schedule: BigDL 2's: one of `optimizers.schedules` that begins at `lr`.
        weight_decay: BigDL 2's; only 0 can be honoured: use W_regularizer=l2(weight_decay / 2) on the layers.
        options: further arguments of our Adam.
    """
    if weight_decay:
        raise ValueError("BigDL's Adam adds weight_decay * weights to the gradient. Instead use "
                         f"W_regularizer=l2(weight_decay / 2) on the layers. Received weight_decay={weight_decay}.")
    rate = lr if schedule is None else schedule.starting_at(lr)
    return _ours.Adam(lr=rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, decay=decay, **options)


def AdamWeightDecay(lr: float = 0.001, warmup_portion: float = -1.0, total: int = -1, schedule: str = "linear",
                    beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-6, weight_decay: float = 0.01,
                    **options: Any) -> Optimizer:
    """Adam with decoupled weight decay and the warm-up of BERT; unlike BigDL's it corrects the bias of its means."""
    rate = WarmupLinearDecay(warmup_portion, total, schedule, initial_learning_rate=lr)
    return _ours.AdamW(learning_rate=rate, beta_1=beta1, beta_2=beta2, epsilon=epsilon, weight_decay=weight_decay,
                       **options)


def Adamax(lr: float = 0.002, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8, decay: float = 0.0,
           **options: Any) -> Optimizer:
    """Adam with the largest gradient in place of the mean square."""
    return _ours.Adamax(lr=lr, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, decay=decay, **options)


def Nadam(lr: float = 0.002, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8,
          schedule_decay: float = 0.004, **options: Any) -> Optimizer:
    """Adam with Nesterov's momentum."""
    return _ours.Nadam(lr=lr, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, schedule_decay=schedule_decay, **options)


_NAMES: dict[str, Any] = {"sgd": SGD, "rmsprop": RMSprop, "adagrad": Adagrad, "adadelta": Adadelta, "adam": Adam,
                          "adamax": Adamax, "nadam": Nadam}


def get(identifier: Any) -> Any:
    """What `compile(optimizer=...)` means: a string has Keras 1's settings; everything else is ours to read."""
    if isinstance(identifier, str) and identifier.lower() in _NAMES:
        return _NAMES[identifier.lower()]()
    return getattr(identifier, "optimizer", identifier)
