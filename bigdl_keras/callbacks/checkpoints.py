"""Model files written while a model trains."""

from __future__ import annotations

import os
from typing import Any

from bigdl_keras.callbacks import console
from bigdl_keras.callbacks.base import Callback, Logs
from bigdl_keras.callbacks.monitor import Monitor
from bigdl_keras.saving import without_query


class ModelCheckpoint(Callback):
    """Saves the model, or its weights, after epochs or batches.

    Args:
        filepath: where; may hold `{epoch}` (from 1), `{batch}` (from 1) and names of the logs, e.g.
            "best-{epoch:02d}-{val_loss:.3f}.keras". Ends in ".keras" or ".h5", or with `save_weights_only` in
            ".weights.h5".
        monitor: key of the logs that `save_best_only` compares.
        verbose: 1 says what is saved.
        save_best_only: save only what is better than all before.
        save_weights_only: save the weights alone.
        mode: "min", "max" or "auto" (by the name).
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: value that the first best one must beat.

    Attributes:
        best: best value so far.
    """

    remembers = ("best", "_epoch", "_unsaved_batches")

    def __init__(self, filepath: str | os.PathLike[str], monitor: str = "val_loss", verbose: int = 0,
                 save_best_only: bool = False, save_weights_only: bool = False, mode: str = "auto",
                 save_freq: str | int = "epoch", initial_value_threshold: float | None = None) -> None:
        super().__init__()
        self.filepath = os.fspath(filepath)
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not without_query(self.filepath).endswith(endings):
            raise ValueError(f"The filepath of ModelCheckpoint must end in {' or '.join(endings)} "
                             f"(save_weights_only={save_weights_only}). Received {self.filepath!r}.")
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(f"`save_freq` must be 'epoch' or a number of batches. Received {save_freq!r}.")
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self.uses_weights = "epoch" if save_freq == "epoch" else "batch"
        self._monitor = Monitor(monitor, mode, 0.0, "ModelCheckpoint") if save_best_only else None
        self._epoch = 0
        self._unsaved_batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            return
        self._unsaved_batches += 1
        if self._unsaved_batches >= int(self.save_freq):
            self._unsaved_batches = 0
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        if not self._is_wanted(epoch, logs):
            return
        path = self._path(epoch, batch, logs)
        if self.verbose:
            console.write_line(f"\nEpoch {epoch + 1}: saving model to {path}")
        if "://" not in path:  # elsewhere the file system makes folders itself
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _is_wanted(self, epoch: int, logs: Logs) -> bool:
        if self._monitor is None:
            return True
        current = self._monitor.read(logs)
        if current is None:
            return False
        best = self._monitor.worst if self.best is None else self.best
        better = self._monitor.is_better(current, best)
        if self.verbose:
            change = f"improved from {best:.5f} to {current:.5f}" if better else f"did not improve from {best:.5f}"
            console.write_line(f"\nEpoch {epoch + 1}: {self.monitor} {change}")
        if better:
            self.best = current
        return better

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        names: dict[str, Any] = {**logs, "epoch": epoch + 1}
        if batch is not None:
            names["batch"] = batch + 1
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(f"The filepath {self.filepath!r} of ModelCheckpoint uses {error}, which is not known. "
                           f"Known are: {', '.join(names)}.") from error
