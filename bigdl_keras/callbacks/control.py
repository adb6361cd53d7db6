"""Callbacks that steer a training: they stop it or change its learning rate."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.callbacks import console
from bigdl_keras.callbacks.base import Callback, Logs
from bigdl_keras.callbacks.monitor import Monitor


class EarlyStopping(Callback):
    """Stops when a monitored value no longer gets better.

    Args:
        monitor: key of the logs.
        min_delta: smallest change that counts as better.
        patience: epochs without a better value that are waited for.
        verbose: 1 says when and why.
        mode: "min", "max" or "auto" (by the name).
        baseline: a value that must be beaten.
        restore_best_weights: end with the weights of the best epoch.
        start_from_epoch: epochs that are not looked at.

    Attributes:
        best: best value, and `best_epoch` its epoch.
        stopped_epoch: epoch after which training was stopped, or 0.
    """

    remembers = ("wait", "stopped_epoch", "best", "best_weights", "best_epoch")

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0,
                 mode: str = "auto", baseline: float | None = None, restore_best_weights: bool = False,
                 start_from_epoch: int = 0) -> None:
        super().__init__()
        self.monitor = monitor
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.uses_weights = "epoch" if restore_best_weights else None
        self._monitor = Monitor(monitor, mode, min_delta, "EarlyStopping")
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None
        self.best_epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self._monitor.read(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._monitor.is_better(current, self._monitor.worst if self.best is None else self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._monitor.is_better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            console.write_line(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                console.write_line(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stops as soon as the loss is not a finite number.

    Args:
        raise_error: True raises a RuntimeError instead of ending the fit quietly.
    """

    uses_weights = None

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            if self.raise_error:
                raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}: {loss}. Lower the learning rate, or "
                                   "clip gradients; without TerminateOnNaN, fit names where it began.")
            console.write_line(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class LearningRateScheduler(Callback):
    """Sets the learning rate of every epoch.

    Args:
        schedule: function of (epoch, learning rate so far), or of (epoch), that returns a learning rate.
        verbose: 1 says what it sets.
    """

    uses_weights = None

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        try:
            inspect.signature(schedule).bind(0, 0.0)
            self._arguments = 2
        except TypeError:
            self._arguments = 1

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        rate = self.schedule(*(epoch, float(optimizer.learning_rate))[: self._arguments])
        if not isinstance(rate, numbers.Real | np.ndarray):
            raise ValueError("The schedule of LearningRateScheduler must return a number. "
                             f"Received {rate!r} for epoch {epoch}.")
        optimizer.learning_rate = float(rate)
        if self.verbose:
            console.write_line(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(Callback):
    """Lowers the learning rate when a monitored value no longer gets better.

    Args:
        monitor: key of the logs.
        factor: of the learning rate, less than 1.
        patience: epochs without a better value that are waited for.
        verbose: 1 says what it sets.
        mode: "min", "max" or "auto" (by the name).
        min_delta: smallest change that counts as better.
        cooldown: epochs after a reduction that are not looked at.
        min_lr: lowest learning rate.
    """

    uses_weights = None
    remembers = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0,
                 mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0) -> None:
        super().__init__()
        if factor >= 1.0:
            raise ValueError(f"`factor` of ReduceLROnPlateau must be less than 1. Received {factor}.")
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._monitor = Monitor(monitor, mode, min_delta, "ReduceLROnPlateau")
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = float(optimizer.learning_rate)
        current = self._monitor.read(logs)
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._monitor.is_better(current, self._monitor.worst if self.best is None else self.best):
            self.best, self.wait = current, 0
        elif not self.cooldown_counter:
            self.wait += 1
            old = float(optimizer.learning_rate)
            if self.wait >= self.patience and old > self.min_lr:
                optimizer.learning_rate = max(old * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    console.write_line(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to "
                                       f"{optimizer.learning_rate}.")


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin: function of (epoch, logs).
        on_epoch_end: function of (epoch, logs).
        on_train_begin: function of (logs).
        on_train_end: function of (logs).
        on_train_batch_begin: function of (batch, logs).
        on_train_batch_end: function of (batch, logs).
        **hooks: functions for further hooks, by name.
    """

    def __init__(self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_train_begin: Any = None,
                 on_train_end: Any = None, on_train_batch_begin: Any = None, on_train_batch_end: Any = None,
                 **hooks: Any) -> None:
        super().__init__()
        hooks.update(on_epoch_begin=on_epoch_begin, on_epoch_end=on_epoch_end, on_train_begin=on_train_begin,
                     on_train_end=on_train_end, on_train_batch_begin=on_train_batch_begin,
                     on_train_batch_end=on_train_batch_end)
        for name, function in hooks.items():
            if not (name.startswith("on_") and hasattr(Callback, name)):
                raise ValueError(f"There is no hook called {name!r}.")
            if function is not None:
                setattr(self, name, function)
        self.uses_weights = "epoch" if on_epoch_begin or on_epoch_end else None
