"""A job is all that a worker needs to know, frozen and picklable: plans and vectors, no layers and no models."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.engine.collectives.compression import find_compression
from bigdl_keras.engine.progress import EpochSoFar, Progress
from bigdl_keras.engine.stragglers import DropPolicy
from bigdl_keras.graph.plan import Plan


@dataclass(frozen=True)
class TrainingJob:
    """A fit.

    Attributes:
        plan: takes the columns of the source in order, then `batch_rows`; answers [losses..., increments...].
        values: the whole value vector: trained part first.
        names, shapes: of the trained variables, in the order of the vector.
        optimizer: with its hyper-parameters; its state travels apart.
        optimizer_state: slot -> vector as long as the trained part, or None to start afresh.
        iteration: updates finished before this fit.
        initial_epoch, epochs: train epochs initial_epoch .. epochs-1.
        so_far: what is already done of the first of these epochs.
        batch_size, shuffle, seed: which rows form a batch.
        steps_per_epoch: at most so many batches an epoch, or None for all.
        constraint_plan: takes nothing; its updates project constrained weights back after a step. None: no constraints.
        evaluate_plan: as `plan`, without training, for the validation source; None without validation.
        validation_batch_size: rows of a validation batch.
        validation_epochs: validate after these epochs, or None for every epoch.
        validate_when: validate where this trigger fires, instead.
        validates_average: validate with the optimizer's moving average of the weights.
        loss_count: how many of the numbers are losses (means over rows); the others are increments (sums).
        answers_batches: ask the driver after every batch.
        ask_when: ask it after the batches where this trigger fires.
        ask_seconds: ask it after a batch where the last time is longer ago.
        end_when: trigger that ends training.
        refuses_nan: end the fit with an error at a loss that is not a number.
        compression: how gradients and weights travel between processes: None as they are, 'bf16' or 'fp16'.
        drop: when slow workers leave out their part of a batch; None: never.
        timeout_seconds: how long a worker waits for another before it is called lost.
    """

    plan: Plan
    values: np.ndarray
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    optimizer: Any
    optimizer_state: Mapping[str, np.ndarray] | None = None
    iteration: int = 0
    initial_epoch: int = 0
    epochs: int = 1
    so_far: EpochSoFar = field(default_factory=EpochSoFar)
    batch_size: int = 32
    shuffle: bool = True
    seed: int = 0
    steps_per_epoch: int | None = None
    constraint_plan: Plan | None = None
    evaluate_plan: Plan | None = None
    validation_batch_size: int = 32
    validation_epochs: Collection[int] | None = None
    validate_when: Callable[[Progress, Progress], bool] | None = None
    validates_average: bool = False
    loss_count: int = 1
    answers_batches: bool = False
    ask_when: Callable[[Progress, Progress], bool] | None = None
    ask_seconds: float | None = None
    end_when: Callable[[Progress, Progress], bool] | None = None
    refuses_nan: bool = True
    compression: str | None = None
    drop: DropPolicy | None = None
    timeout_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.drop is not None and self.plan.collective:
            raise ValueError("Slow workers cannot be dropped from this model: its workers meet while they compute, for "
                             "a sum over all rows (a loss that counts what masks leave, synchronized batch "
                             "normalization), and the others would wait. Call set_drop_module_property(0.0, 0.0).")
        if find_compression(self.compression) is not None and self.values.dtype != np.float32:
            raise ValueError(f"`compression` is for float32 weights. These are {self.values.dtype}: leave it out, or "
                             "set_floatx('float32') before the model is made.")

    @property
    def trainable_size(self) -> int:
        """Length of the trained part of the value vector."""
        return self.plan.trainable_size

    def validates(self, before: Progress, now: Progress) -> bool:
        """Whether to validate at the present moment."""
        if self.evaluate_plan is None:
            return False
        if self.validate_when is not None:
            return self.validate_when(before, now)
        return before.epoch < now.epoch and (self.validation_epochs is None or before.epoch in self.validation_epochs)


@dataclass(frozen=True)
class EvaluationJob:
    """A pass over a data set that measures. The plan is as that of a fit, without training."""

    plan: Plan
    values: np.ndarray
    batch_size: int = 32
    loss_count: int = 1
    timeout_seconds: float = 300.0


@dataclass(frozen=True)
class PredictionJob:
    """A pass over a data set that answers with the plan's outputs, row by row.

    Attributes:
        plan: takes the columns of the source in order; answers with the model's outputs.
        values: the value vector.
        batch_size: rows that are computed at a time.
        structure: nest that packs the outputs of a row (of several outputs), or None for the only output itself.
    """

    plan: Plan
    values: np.ndarray
    batch_size: int = 32
    structure: Any = None


@dataclass(frozen=True)
class Result:
    """What a fit brings back."""

    values: np.ndarray
    optimizer_state: dict[str, np.ndarray]
    progress: Progress
