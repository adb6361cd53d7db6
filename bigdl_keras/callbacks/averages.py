"""The moving average of the weights takes their place for a while, wherever a model is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.callbacks.base import Callback, Logs


class SwapEMAWeights(Callback):
    """Evaluates with the moving average of the weights, which an optimizer with `use_ema=True` keeps.

    Given to `fit`, its validation is that of the average; given to `evaluate`, so is the evaluation. Training itself
    goes on with the weights.

    Args:
        swap_on_epoch: also show the average to the callbacks after this one in `on_epoch_end`, so that ModelCheckpoint
            saves it.
    """

    uses_weights = None

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self.uses_weights = "epoch" if swap_on_epoch else None
        self._in_fit = False
        self._swapped = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._check()
        self._in_fit, self._swapped = True, False

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._in_fit = False

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._swap()

    def on_epoch_shown(self) -> None:
        """All callbacks have seen the end of the epoch: training goes on with the weights."""
        if self._swapped:
            self._swap()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._in_fit:  # there, the workers have put the average in before they validate
            self._check()
            self._swap()

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._in_fit and self._swapped:
            self._swap()

    def _check(self) -> None:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ValueError("SwapEMAWeights needs an optimizer that averages weights: compile with use_ema=True. "
                             f"Received {type(optimizer).__name__} without it.")

    def _swap(self) -> None:
        """Exchange the trained weights and their average."""
        state: dict[str, Any] | None = self.model.optimizer.state
        if state is None:
            return
        weights = self.model.runtime.vector.values[:len(state["average"])]
        kept = weights.copy()
        np.copyto(weights, state["average"])
        state["average"] = kept
        self._swapped = not self._swapped
