"""A constraint is a projection of a weight, written in ops and applied after each update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bigdl_keras import ops, registry
from bigdl_keras.registry import register

_TINY = 1e-7


class Constraint:
    """Base of all constraints: `__call__` in ops, constructor arguments kept under their own names."""

    def __call__(self, w: Any) -> Any:
        """The weight nearest to `w` that is allowed; the same shape."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w).")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """A constraint from its config."""
        return cls(**config)


Axis = int | Sequence[int]


class MaxNorm(Constraint):
    """w * min(norm, max_value) / norm: no vector along `axis` is longer than `max_value`.

    Args:
        max_value: the greatest norm.
        axis: axis or axes of the vectors; 0 for a Dense kernel, (0, 1, 2) for a Conv2D kernel.
    """

    def __init__(self, max_value: float = 2.0, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0.0, self.max_value) / (_TINY + norms))


class NonNeg(Constraint):
    """max(w, 0)."""

    def __call__(self, w: Any) -> Any:
        return ops.maximum(w, 0.0)


class UnitNorm(Constraint):
    """w / norm: every vector along `axis` has length 1.

    Args:
        axis: axis or axes of the vectors.
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        return w / (_TINY + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """w * (rate * clip(norm, min_value, max_value) + (1 - rate) * norm) / norm.

    Args:
        min_value, max_value: bounds of the norms.
        rate: 1 enforces them, less draws the norm towards them.
        axis: axis or axes of the vectors.
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        norms = _norms(w, self.axis)
        wanted = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1.0 - self.rate) * norms
        return w * (wanted / (_TINY + norms))


def _norms(w: Any, axis: Axis) -> Any:
    axes = axis if isinstance(axis, int) else tuple(axis)
    return ops.sqrt(ops.sum(ops.square(w), axis=axes, keepdims=True))


for _class, _names in ((MaxNorm, ("max_norm", "maxnorm")), (NonNeg, ("non_neg", "nonneg")),
                       (UnitNorm, ("unit_norm", "unitnorm")), (MinMaxNorm, ("min_max_norm",))):
    register("constraint", *_names)(_class)


# Keras's other spellings of the same classes.
max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any] | None:
    """A constraint from its name, its config, its class, or itself.

    Args:
        identifier: "non_neg", {"class_name", "config"}, a Constraint, a function of one weight, or None.
        custom_objects: the user's own constraints by name.

    Returns:
        A callable of one weight, or None for None.

    Raises:
        ValueError: no constraint has this name.
        TypeError: `identifier` is of another kind.
    """
    found: Callable[..., Any] | None = registry.identify(
        "constraint", identifier, custom_objects, "non_neg", "one weight")
    return found


def serialize(constraint: Any) -> Any:
    """The form in which files store a constraint: its config, or the name of a function."""
    return registry.to_config("constraint", constraint)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """A constraint from {"class_name": ..., "config": ...}."""
    constraint: Callable[..., Any] = registry.from_config("constraint", config, custom_objects)
    return constraint
