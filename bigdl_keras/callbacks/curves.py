"""Callbacks that write training curves for TensorBoard, in Keras's layout and in BigDL's."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from bigdl_keras.callbacks.base import Callback, Iteration, Logs
from bigdl_keras.summary import EventFile, TrainSummary, ValidationSummary


class TensorBoard(Callback):
    """Writes curves in Keras's layout: `log_dir/train` and `log_dir/validation`, "epoch_loss" and so on.

    Args:
        log_dir: root of the logs.
        histogram_freq: write histograms of the weights every so many epochs; 0 for never.
        write_graph: accepted for Keras's sake; no graph is written.
        write_images: not supported.
        write_steps_per_second: write the speed of epochs (and of batches, if these are written).
        update_freq: "epoch"; "batch" or a number n to write also "batch_loss" and so on, every n batches.
        profile_batch: not supported.
        embeddings_freq: not supported.
    """

    only_watches = True

    def __init__(self, log_dir: str | os.PathLike[str] = "logs", histogram_freq: int = 0, write_graph: bool = True,
                 write_images: bool = False, write_steps_per_second: bool = False, update_freq: str | int = "epoch",
                 profile_batch: Any = 0, embeddings_freq: int = 0) -> None:
        super().__init__()
        for name, value in (("write_images", write_images), ("profile_batch", profile_batch),
                            ("embeddings_freq", embeddings_freq)):
            if value:
                raise ValueError(f"`{name}` of TensorBoard is not supported. Received {value!r}; leave it out.")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.uses_weights = "epoch" if histogram_freq else None
        self._train = EventFile(os.path.join(self.log_dir, "train"))
        self._validation = EventFile(os.path.join(self.log_dir, "validation"))
        self._step = 0
        self._epoch_step = 0
        self._epoch_begun = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch_begun, self._epoch_step = time.perf_counter(), self._step

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._step += 1
        if isinstance(self.update_freq, int) and self._step % self.update_freq == 0:
            for name, value in (logs or {}).items():
                self._train.scalar(f"batch_{name}", value, self._step)

    def on_iteration_end(self, iteration: Iteration) -> None:
        if self.write_steps_per_second and isinstance(self.update_freq, int) and iteration.seconds > 0:
            self._train.scalar("batch_steps_per_second", 1.0 / iteration.seconds, self._step)

    def on_phases_measured(self, epoch: int, seconds: dict[str, float]) -> None:
        for name, value in seconds.items():
            self._train.scalar(name, value, epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for name, value in (logs or {}).items():
            if name.startswith("val_"):
                self._validation.scalar(f"epoch_{name[4:]}", value, epoch)
            else:
                self._train.scalar(f"epoch_{name}", value, epoch)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and "learning_rate" not in (logs or {}):
            self._train.scalar("epoch_learning_rate", float(optimizer.learning_rate), epoch)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_begun
            self._train.scalar("epoch_steps_per_second", (self._step - self._epoch_step) / max(seconds, 1e-9), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for name, value in weight_values(self.model):
                self._train.histogram(f"{name}/histogram", value, epoch)
        self._train.flush()
        self._validation.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._train.close()
        self._validation.close()


class SummaryWriter(Callback):
    """Writes BigDL's summaries: Loss, Throughput and LearningRate of iterations, validation metrics of epochs.

    Args:
        train: the summary of the training.
        validation: the summary of the validation, or None.
    """

    only_watches = True

    def __init__(self, train: TrainSummary, validation: ValidationSummary | None = None) -> None:
        super().__init__()
        self.train = train
        self.validation = validation
        self.uses_weights = "batch" if train.may_write("Parameters") else None
        self._before: Any = None
        self._iteration = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._before = None

    def on_iteration_end(self, iteration: Iteration) -> None:
        before = self._before or Iteration(iteration.iteration - 1, iteration.epoch, np.nan, 0, 0.0, 0.0)
        self._before, self._iteration = iteration, iteration.iteration
        values = {"Loss": iteration.loss, "Throughput": iteration.rows / max(iteration.seconds, 1e-9),
                  "LearningRate": iteration.learning_rate}
        for tag, value in values.items():
            if self.train.is_due(tag, before, iteration):
                self.train.add_scalar(tag, value, iteration.iteration)
        if self.train.is_due("Parameters", before, iteration):
            for name, weight in weight_values(self.model):
                self.train.add_histogram(name, weight, iteration.iteration)

    def on_phases_measured(self, epoch: int, seconds: dict[str, float]) -> None:
        for tag, value in seconds.items():
            self.train.add_scalar(tag, value, self._iteration)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._write_validation(logs)  # where a trigger has it done within the epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._write_validation(logs)
        self.flush()

    def _write_validation(self, logs: Logs | None) -> None:
        if self.validation is not None:
            for name, value in (logs or {}).items():
                if name.startswith("val_"):
                    self.validation.add_scalar(name[4:], value, self._iteration)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.flush()

    def flush(self) -> None:
        """Bring everything to the disk."""
        self.train.flush()
        if self.validation is not None:
            self.validation.flush()


def weight_values(model: Any) -> list[tuple[str, np.ndarray]]:
    """All weights of a model by name."""
    return [(weight.path, np.asarray(weight.value)) for weight in model.weights]
