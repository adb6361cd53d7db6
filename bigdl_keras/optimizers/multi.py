"""Several optimizers share a model: each variable belongs to one of them, by its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from bigdl_keras.optimizers.base import Optimizer, State
from bigdl_keras.optimizers.lookup import deserialize, serialize
from bigdl_keras.optimizers.schedules.base import LearningRateSchedule
from bigdl_keras.optimizers.slices import Slice, Total, alone
from bigdl_keras.registry import register


class OptimizerMap(dict[str, Optimizer]):
    """Optimizers by the paths of the variables that they train.

    Args:
        default_optimizer: for variables that no key matches.
        optimizer_map: regular expressions (or exact paths) to optimizers, e.g. `{"encoder/.*": Adam(1e-4)}`.
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        super().__init__(optimizer_map or {})
        self.default_optimizer = default_optimizer
        for optimizer in (default_optimizer, *self.values()):
            if not isinstance(optimizer, Optimizer) or isinstance(optimizer, MultiOptimizer):
                raise TypeError(f"An OptimizerMap holds optimizers, and no MultiOptimizer. Received {optimizer!r}.")
            if optimizer.use_ema:
                raise ValueError("`use_ema` is not supported for the parts of a MultiOptimizer. "
                                 f"Received '{optimizer.name}' with use_ema=True.")

    def optimizer_of(self, path: str) -> Optimizer:
        """The optimizer of a variable: an exact key comes first, then the one pattern that matches all of the path."""
        if path in self:
            return self[path]
        matching = [key for key in self if re.fullmatch(key, path)]
        if len(matching) > 1:
            raise ValueError(f"Several optimizers claim the variable '{path}': {matching}.")
        return self[matching[0]] if matching else self.default_optimizer


@register("optimizer")
class MultiOptimizer(Optimizer):
    """Trains each variable with the optimizer that a map names for it; clipping, decay and schedules are theirs.

    Args:
        optimizer_map: an `OptimizerMap`.
        loss_scale_factor: `apply` divides gradients by it.
        name: name of the optimizer.
    """

    layerwise = True

    def __init__(self, optimizer_map: OptimizerMap, loss_scale_factor: float | None = None,
                 name: str | None = None) -> None:
        if not isinstance(optimizer_map, OptimizerMap):
            raise TypeError(f"MultiOptimizer needs an OptimizerMap. Received {optimizer_map!r}.")
        super().__init__(optimizer_map.default_optimizer.schedule or optimizer_map.default_optimizer.learning_rate,
                         loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self.optimizers = list({id(optimizer): optimizer for optimizer in
                                (*optimizer_map.values(), optimizer_map.default_optimizer)}.values())

    @property
    def learning_rate(self) -> float:
        """The default optimizer's learning rate; set those of `optimizers` one by one."""
        return self.optimizer_map.default_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        raise TypeError("A MultiOptimizer has no learning rate of its own: set that of one of its `optimizers`.")

    def learning_rate_at(self, iteration: int) -> float:
        return self.optimizer_map.default_optimizer.learning_rate_at(iteration)

    @property
    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return tuple((f"{index}.{slot}",) for index, inner in enumerate(self.optimizers) for slot in inner.slots)

    def initial_value(self, slot: str, weights: np.ndarray) -> float | np.ndarray:
        index, _, own = slot.partition(".")
        return self.optimizers[int(index)].initial_value(own, weights)

    def update(self, weights: np.ndarray, gradient: np.ndarray, state: State, iteration: int,
               part: Slice | None = None, total: Total = alone) -> None:
        part = part or Slice.whole(("weights",), (weights.shape,))
        owners = [self.optimizer_map.optimizer_of(name) for name in part.names]
        for index, inner in enumerate(self.optimizers):  # all of them on every worker, for they may sum over workers
            mine = part.keep([variable for variable, owner in enumerate(owners) if owner is inner])
            slots = {slot: state[f"{index}.{slot}"] for slot in inner.slots}
            own = {slot: mine.gather(vector) for slot, vector in slots.items()}
            values = mine.gather(weights)
            inner.step(values, mine.gather(gradient), own, iteration, mine.packed(), total)
            mine.scatter(values, weights)
            for slot, vector in slots.items():
                mine.scatter(own[slot], vector)

    def get_config(self) -> dict[str, Any]:
        parts = {"default_optimizer": serialize(self.optimizer_map.default_optimizer),
                 "optimizer_map": {key: serialize(inner) for key, inner in self.optimizer_map.items()}}
        stored = {"module": "keras.optimizers", "class_name": "OptimizerMap", "config": parts, "registered_name": None}
        return {"optimizer_map": stored, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> MultiOptimizer:
        parts = config["optimizer_map"]["config"]
        inner = {key: deserialize(part, custom_objects) for key, part in parts["optimizer_map"].items()}
        optimizer_map = OptimizerMap(deserialize(parts["default_optimizer"], custom_objects), inner)
        return cls(optimizer_map, config.get("loss_scale_factor"), config.get("name"))
