"""Callbacks live on the driver: they hear numbers, and see the weights only where they say that they use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Logs = dict[str, Any]

UsesWeights = Literal["batch", "epoch"] | None

_EPOCH_HOOKS = ("on_epoch_begin", "on_epoch_end")
_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end", "on_iteration_end")


@dataclass(frozen=True)
class Iteration:
    """What is known of one finished update.

    Attributes:
        iteration: updates finished, over all fits.
        epoch: epochs finished.
        loss: of this batch alone.
        rows: rows of the batch.
        seconds: what the iteration took.
        learning_rate: that the update used.
    """

    iteration: int
    epoch: int
    loss: float
    rows: int
    seconds: float
    learning_rate: float


class Callback:
    """Base of all callbacks, with Keras's hooks. Epochs and batches are counted from 0; `logs` are floats by name.

    Attributes:
        model: the model in training. Set its `stop_training` to end the training, also within an epoch.
        params: "verbose", "epochs", "steps", "batch_size", "samples", as far as they are known.
        uses_weights: when the hooks look at the model's weights: "batch" (they are brought to the driver after every
            batch, which is slow on a cluster), "epoch" (after every epoch) or None (at the end). Callbacks that
            override an epoch hook are taken to use them in each epoch, unless they say otherwise.
        only_watches: its batch hooks change nothing, so training need not wait for them.
        remembers: names of the attributes that a checkpoint keeps: numbers, text, arrays, lists or dicts of them.
    """

    uses_weights: UsesWeights = None
    only_watches = False
    remembers: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = any(getattr(cls, hook) is not getattr(Callback, hook) for hook in _EPOCH_HOOKS)
        if "uses_weights" not in cls.__dict__ and cls.uses_weights is None and own:
            cls.uses_weights = "epoch"

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model in training."""
        return getattr(self, "_model", None)  # a subclass may have left out super().__init__()

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive the parameters of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receive the model."""
        self._model = model

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback: plain data by name (not a method of Keras)."""
        return {name: getattr(self, name) for name in self.remembers}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` answered; called after `on_train_begin` of a fit that is resumed."""
        for name, value in state.items():
            setattr(self, name, value)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """A fit begins."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """A fit has ended; the model has its final weights."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch begins."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """An epoch has ended, its validation included."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A training batch begins."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A training batch has ended; `logs` are means over the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_iteration_end(self, iteration: Iteration) -> None:
        """A training batch has ended: what is known of it alone (not a hook of Keras)."""

    def on_phases_measured(self, epoch: int, seconds: dict[str, float]) -> None:
        """An epoch is about to end: curves "Phase/forward" and so on, of where its time went (not a hook of Keras).

        Where slow workers are dropped, "Dropped/rows", "Dropped/parts" and "Dropped/iterations" are among them.
        """

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """An evaluation begins, also the validation of a fit."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """An evaluation has ended."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of an evaluation begins."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of an evaluation has ended."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """A prediction begins."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """A prediction has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of a prediction begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """A batch of a prediction has ended; `logs["outputs"]` holds its predictions."""


def hears_batches(callback: Callback) -> bool:
    """Whether a callback does anything after a batch."""
    return callback.uses_weights == "batch" or any(
        getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook) for hook in _BATCH_HOOKS)


def steers_batches(callback: Callback) -> bool:
    """Whether training must wait for a callback after each batch: it may stop the training, or looks at the weights."""
    return callback.uses_weights == "batch" or (hears_batches(callback) and not callback.only_watches)
