"""Where a fit writes checkpoints, what it goes on from, and how that gets back into model, optimizer and callbacks."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.callbacks import BackupAndRestore, CallbackList
from bigdl_keras.engine.checkpoints import CheckpointFolder, TrainingState
from bigdl_keras.engine.job import TrainingJob
from bigdl_keras.engine.retry import Keep, RetryPolicy
from bigdl_keras.engine.triggers import EveryEpoch, SeveralIteration, check_trigger
from bigdl_keras.models.objective import Running

if TYPE_CHECKING:
    from bigdl_keras.models.model import Model

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckpointWish:
    """What `Model.set_checkpoint` was told."""

    folder: CheckpointFolder
    trigger: Any
    over_write: bool


def checkpoint_wish(path: Any, trigger: Any, over_write: bool, keep: int, filesystem: Any) -> CheckpointWish:
    """See `Model.set_checkpoint`."""
    if isinstance(trigger, bool):  # BigDL's set_checkpoint(path, over_write)
        trigger, over_write = None, trigger
    trigger = EveryEpoch() if trigger is None else check_trigger("trigger", trigger)
    return CheckpointWish(CheckpointFolder(path, filesystem, keep), trigger, over_write)


@dataclass
class Recovery:
    """The checkpoints of one fit.

    Attributes:
        keeps: where they are written, and when.
        state: what the fit goes on from, or None for a fresh start.
        settings: which rows form a batch: what must not change in the middle of an epoch.
        passing: folders that are emptied when the fit ends well.
    """

    keeps: list[Keep] = field(default_factory=list)
    state: TrainingState | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    passing: list[CheckpointFolder] = field(default_factory=list)

    @property
    def in_epoch(self) -> bool:
        """Whether the fit goes on in the middle of an epoch."""
        return self.state is not None and self.state.so_far.batches > 0

    def bring_back(self, model: Model) -> None:
        """Put weights and optimizer of the state into the model.

        Raises:
            ValueError: they are of another model or optimizer, or the batches are cut otherwise.
        """
        if self.state is None:
            return
        state, vector, optimizer = self.state, model.runtime.vector, model.optimizer
        _check_shapes(state, [[path, list(shape)] for path, *_, shape in vector.segments], vector.values.size)
        if set(state.optimizer_state) != set(optimizer.slots):
            raise ValueError(
                f"The checkpoint holds the optimizer state {sorted(state.optimizer_state)}, but "
                f"{type(optimizer).__name__} keeps {sorted(optimizer.slots)}. Compile the model with the "
                "optimizer of the interrupted fit, or use another folder for a new fit."
            )
        self._check_settings(state.notes["settings"])
        np.copyto(vector.values, state.values)
        optimizer.state = state.optimizer_state
        optimizer.iterations = state.iteration
        if state.learning_rate is not None:
            optimizer.learning_rate = state.learning_rate
        _logger.info("Going on from the checkpoint of %s.", state.place)

    def continued(self, job: TrainingJob) -> TrainingJob:
        """The fit from the state on."""
        if self.state is None:
            return job
        state = self.state
        return replace(
            job,
            initial_epoch=state.epoch,
            so_far=state.so_far,
            seed=state.seed,
            epochs=state.epoch if state.stopped else job.epochs,
        )

    def continue_epoch(self, epoch: int, running: Running, optimizer: Any) -> None:
        """Put back what is done of an epoch, after its beginning was told to the callbacks once more."""
        if self.state is None or not self.in_epoch or epoch != self.state.epoch:
            return
        running.rows, running.total = float(self.state.so_far.rows), self.state.so_far.totals.copy()
        if self.state.learning_rate is not None:  # what callbacks do to it at the beginning is in it already
            optimizer.learning_rate = self.state.learning_rate

    def check_rows(self, rows: int) -> None:
        """Note the number of training rows.

        Raises:
            ValueError: there were others when the epoch began that is gone on with.
        """
        before = self.state.notes["settings"].get("rows", rows) if self.state is not None else rows
        if self.in_epoch and rows != before:
            raise ValueError(
                f"The checkpoint was written in the middle of an epoch over {before} rows, but now there "
                f"are {rows}. Train on the same rows, or use another folder for a new fit."
            )
        self.settings["rows"] = rows

    def restore_callbacks(self, callbacks: CallbackList) -> None:
        """Give callbacks back what they remembered; they are matched by class, in order."""
        if self.state is None:
            return
        left = list(self.state.notes["callbacks"])
        for callback in callbacks:
            found = next((entry for entry in left if entry[0] == type(callback).__name__), None)
            if found is not None:
                left.remove(found)
                callback.set_state(found[1])

    def notes(self, model: Model, callbacks: CallbackList) -> dict[str, Any]:
        """What a checkpoint keeps besides the state of training."""
        return {
            "settings": self.settings,
            "shapes": [[path, list(shape)] for path, *_, shape in model.runtime.vector.segments],
            "callbacks": [
                [type(callback).__name__, state] for callback in callbacks if (state := callback.get_state())
            ],
        }

    def finish(self) -> None:
        """The fit has ended well."""
        for folder in self.passing:
            folder.clear()

    def _check_settings(self, before: dict[str, Any]) -> None:
        changed = [name for name, value in self.settings.items() if name in before and before[name] != value]
        if not changed:
            return
        said = ", ".join(f"{name} was {before[name]!r} and is {self.settings[name]!r}" for name in changed)
        if self.in_epoch:
            raise ValueError(
                "The checkpoint was written in the middle of an epoch, and its batches were cut "
                f"otherwise: {said}. Use the same, or another folder for a new fit."
            )
        _logger.warning("The fit goes on with other batches than it began with: %s.", said)


def recovery_of(model: Model, callbacks: CallbackList, arguments: dict[str, Any], settings: dict[str, Any]) -> Recovery:
    """The checkpoints of a fit with these arguments.

    Raises:
        ValueError: `resume=True` without a folder.
        FileExistsError: the folder holds checkpoints, which may neither be gone on from nor be replaced.
    """
    recovery, found = Recovery(settings=settings), []
    wish, resume = model.checkpoint, bool(arguments["resume"])
    if resume and wish is None:
        raise ValueError(
            "resume=True goes on from the checkpoints of a folder. Name it first: model.set_checkpoint(path)."
        )
    if wish is not None:
        state = wish.folder.newest() if resume else None
        if not resume and not wish.over_write and (names := wish.folder.names()):
            raise FileExistsError(
                f"{wish.folder.shown} holds the checkpoint {names[0]} of an earlier fit. Go on from "
                "it with fit(resume=True), allow over_write=True, or use another folder."
            )
        recovery.keeps.append(Keep(wish.folder, wish.trigger, fresh=state is None))
        found.append(state)
    for callback in callbacks:
        if isinstance(callback, BackupAndRestore):
            folder = CheckpointFolder(callback.backup_dir)
            state = folder.newest()
            trigger = EveryEpoch() if callback.save_freq == "epoch" else SeveralIteration(int(callback.save_freq))
            recovery.keeps.append(Keep(folder, trigger, fresh=state is None))
            found.append(state)
            if callback.delete_checkpoint:
                recovery.passing.append(folder)
    recovery.state = max(
        (state for state in found if state is not None), key=lambda state: (state.epoch, state.iteration), default=None
    )
    return recovery


def retry_policy(engine: Any, times: int | None) -> RetryPolicy:
    """As Spark is configured, unless `fit` was told a number of times.

    Raises:
        ValueError: that number is none.
    """
    policy = RetryPolicy() if engine.name == "local" else RetryPolicy.of(engine.conf.get)
    if times is None:
        return policy
    if isinstance(times, bool) or not isinstance(times, int) or times < 0:
        raise ValueError(f"`retry_times` must be a number of times, or 0. Received {times!r}.")
    return replace(policy, times=times)


def _check_shapes(state: TrainingState, shapes: list[Any], size: int) -> None:
    before = state.notes["shapes"]
    for old, new in zip(before, shapes, strict=False):
        if old[1] != new[1]:
            raise ValueError(
                f"The checkpoint is of another model: its weight '{old[0]}' has shape {tuple(old[1])}, "
                f"that of this model ('{new[0]}') has {tuple(new[1])}. Use another folder for a new fit."
            )
    if len(before) != len(shapes) or len(state.values) != size:
        raise ValueError(
            f"The checkpoint is of another model, with {len(before)} trained weights ({len(state.values)} "
            f"numbers in all); this one has {len(shapes)} ({size} numbers). Use another folder for a new "
            "fit."
        )
