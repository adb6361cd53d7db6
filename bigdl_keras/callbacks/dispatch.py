"""One call to the list is one call to each callback, in order; what one writes into the logs the next ones read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bigdl_keras.callbacks.base import Callback, Iteration, Logs, UsesWeights, hears_batches, steers_batches
from bigdl_keras.callbacks.history import History
from bigdl_keras.callbacks.progress_bar import ProgressBar


class CallbackList:
    """The callbacks of one run.

    Args:
        callbacks: a callback, several, or another list.
        add_history: append a `History` if there is none.
        add_progbar: append a `ProgressBar` if there is none.
        model: the model that they are told of.
        **params: what they are told of the run: verbose, epochs, steps, batch_size, samples.
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None,
                 **params: Any) -> None:
        self.callbacks = _flat(callbacks)
        if add_progbar and not self._has(ProgressBar):
            self.callbacks.append(ProgressBar())
        if add_history and not self._has(History):
            self.callbacks.append(History())
        self.params = params
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    @property
    def history(self) -> History | None:
        """The list's `History`, if it has one."""
        return next((callback for callback in self.callbacks if isinstance(callback, History)), None)

    @property
    def uses_weights(self) -> UsesWeights:
        """The most that one of the callbacks asks for."""
        asked = {callback.uses_weights for callback in self.callbacks}
        return "batch" if "batch" in asked else "epoch" if "epoch" in asked else None

    @property
    def hears_batches(self) -> bool:
        """Whether any callback does something after a batch."""
        return any(hears_batches(callback) for callback in self.callbacks)

    @property
    def steers_batches(self) -> bool:
        """Whether training must wait for a callback after each batch."""
        return any(steers_batches(callback) for callback in self.callbacks)

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks.append(callback)

    def __iter__(self) -> Iterator[Callback]:
        return iter(self.callbacks)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all of the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all of the model; its `history` becomes that of this list."""
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_begin(_given(logs))

    def on_train_end(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_end(_given(logs))

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        logs = _given(logs)
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = _given(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, _given(logs))

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, _given(logs))

    def on_iteration_end(self, iteration: Iteration) -> None:
        for callback in self.callbacks:
            callback.on_iteration_end(iteration)

    def on_phases_measured(self, epoch: int, seconds: dict[str, float]) -> None:
        for callback in self.callbacks:
            callback.on_phases_measured(epoch, seconds)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_test_begin(_given(logs))

    def on_test_end(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_test_end(_given(logs))

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_test_batch_begin(batch, _given(logs))

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, _given(logs))

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_begin(_given(logs))

    def on_predict_end(self, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_end(_given(logs))

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_batch_begin(batch, _given(logs))

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        for callback in self.callbacks:
            callback.on_predict_batch_end(batch, _given(logs))

    def _has(self, kind: type[Callback]) -> bool:
        return any(isinstance(callback, kind) for callback in self.callbacks)


def _given(logs: Logs | None) -> Logs:
    return {} if logs is None else logs


def _flat(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback):
        return [callbacks]
    if not isinstance(callbacks, Iterable):
        raise TypeError(f"`callbacks` must be a Callback or a list of them. Received {callbacks!r}.")
    flat = [inner for callback in callbacks for inner in
            (_flat(callback) if isinstance(callback, list | tuple | CallbackList) else [callback])]
    for callback in flat:
        if not isinstance(callback, Callback):
            raise TypeError("`callbacks` must hold Callback objects. "
                            f"Received {callback!r} of type {type(callback).__name__}"
                            f"{'; call the class to make an object of it' if isinstance(callback, type) else ''}.")
    return flat
