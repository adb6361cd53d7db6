"""BigDL's summaries: a folder of event files per application and role, and for each tag a trigger that says when."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.registry import suggestion
from bigdl_keras.summary.events import EventFile, read_scalars

Trigger = Callable[[Any, Any], bool]
"""`trigger(before, now)`: whether something is due between two moments of a training."""


def _always(before: Any, now: Any) -> bool:
    return True


class Summary:
    """Scalars and histograms of one role of an application.

    Args:
        log_dir: root of all logs, as given to TensorBoard.
        app_name: name of this training.
        flush_seconds: longest time that a value stays in memory while others follow it.
    """

    role: str

    def __init__(self, log_dir: str | os.PathLike[str], app_name: str, flush_seconds: float = 2.0) -> None:
        self.log_dir = os.fspath(log_dir)
        self.app_name = app_name
        self._file = EventFile(os.path.join(self.log_dir, app_name, self.role), flush_seconds)

    @property
    def folder(self) -> str:
        """Where the event files lie."""
        return self._file.directory

    def add_scalar(self, tag: str, value: float, step: int) -> None:
        """Add a point to the curve `tag`."""
        self._file.scalar(tag, value, step)

    def add_histogram(self, tag: str, values: np.ndarray, step: int) -> None:
        """Add a distribution of values under `tag`."""
        self._file.histogram(tag, values, step)

    def read_scalar(self, tag: str) -> np.ndarray:
        """The curve `tag` as rows of (step, value, wall time), also of earlier trainings in the same folder.

        Args:
            tag: e.g. "Loss".

        Returns:
            Float64 array of shape (points, 3); no rows if nothing was written under this tag.
        """
        self._file.flush()
        return np.array(read_scalars(self.folder).get(tag, []), np.float64).reshape(-1, 3)

    def flush(self) -> None:
        """Bring everything to the disk."""
        self._file.flush()

    def close(self) -> None:
        """Close the event file; a later value begins another one."""
        self._file.close()


class TrainSummary(Summary):
    """Curves of the training, under `log_dir/app_name/train`: Loss, Throughput and LearningRate of every iteration.

    With `set_summary_trigger("Parameters", trigger)` also histograms of the weights.

    Args:
        log_dir: root of all logs, as given to TensorBoard.
        app_name: name of this training.
        flush_seconds: longest time that a value stays in memory while others follow it.
    """

    role = "train"
    TAGS = ("Loss", "Throughput", "LearningRate", "Parameters")

    def __init__(self, log_dir: str | os.PathLike[str], app_name: str, flush_seconds: float = 2.0) -> None:
        super().__init__(log_dir, app_name, flush_seconds)
        self._triggers: dict[str, Trigger] = {tag: _always for tag in self.TAGS if tag != "Parameters"}

    def set_summary_trigger(self, name: str, trigger: Trigger) -> TrainSummary:
        """Choose when a tag is written.

        Args:
            name: "Loss", "Throughput", "LearningRate" or "Parameters".
            trigger: a trigger, such as `SeveralIteration(10)`.

        Returns:
            This summary.
        """
        if name not in self.TAGS:
            raise ValueError(f"There is no summary tag {name!r}; known are {', '.join(self.TAGS)}."
                             f"{suggestion(name, self.TAGS)}")
        self._triggers[name] = trigger
        return self

    def is_due(self, name: str, before: Any, now: Any) -> bool:
        """Whether a tag is to be written for the iteration that ended at `now`."""
        trigger = self._triggers.get(name)
        return trigger is not None and bool(trigger(before, now))

    def may_write(self, name: str) -> bool:
        """Whether a tag has a trigger at all."""
        return name in self._triggers


class ValidationSummary(Summary):
    """Curves of the validation metrics, under `log_dir/app_name/validation`.

    Args:
        log_dir: root of all logs, as given to TensorBoard.
        app_name: name of this training.
        flush_seconds: longest time that a value stays in memory while others follow it.
    """

    role = "validation"
