"""A schedule is a pure function of the number of finished updates; it holds nothing that changes."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

from bigdl_keras import registry


class LearningRateSchedule(ABC):
    """Base of all schedules. A subclass keeps its constructor arguments in attributes of the same names."""

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The learning rate of the update that follows `step` finished ones."""

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """A schedule from its config."""
        return cls(**config)


def get(identifier: Any) -> LearningRateSchedule:
    """A schedule from a schedule or its serialized form."""
    if isinstance(identifier, LearningRateSchedule):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise TypeError(f"Expected a LearningRateSchedule or its config. Received {identifier!r}.")


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """The form in which files store a schedule."""
    own = type(schedule).__module__.startswith("bigdl_keras.")
    return {
        "module": "keras.optimizers.schedules" if own else type(schedule).__module__,
        "class_name": type(schedule).__name__,
        "config": schedule.get_config(),
        "registered_name": None if own else type(schedule).__name__,
    }


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LearningRateSchedule:
    """A schedule from `{"class_name": ..., "config": ...}`."""
    if "class_name" not in config:
        raise ValueError("The config of a learning-rate schedule needs 'class_name' and 'config'. "
                         f"Received {config!r}.")
    found = registry.find("schedule", config["class_name"].rpartition(">")[2], custom_objects)
    schedule: LearningRateSchedule = found.from_config(config.get("config") or {})
    return schedule
