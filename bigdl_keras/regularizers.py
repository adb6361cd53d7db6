"""A regularizer is a scalar penalty on a weight or an output, written in ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras import ops, registry
from bigdl_keras.graph.trace import operation
from bigdl_keras.registry import register


class Regularizer:
    """Base of all regularizers: `__call__` in ops, constructor arguments kept under their own names."""

    def __call__(self, x: Any) -> Any:
        """The penalty, a scalar."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, x).")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A regularizer from its config."""
        return cls(**config)


@register("regularizer")
class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2).

    Args:
        l1: factor of the absolute values.
        l2: factor of the squares.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("l1", l1)
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Any) -> Any:
        terms = []
        if self.l1:
            terms.append(self.l1 * ops.sum(ops.abs(x)))
        if self.l2:
            terms.append(self.l2 * ops.sum(ops.square(x)))
        return sum(terms[1:], terms[0]) if terms else 0.0


@register("regularizer", "l1")
class L1(Regularizer):
    """l1 * sum(|x|).

    Args:
        l1: the factor.
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1)

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.abs(x))


@register("regularizer", "l2")
class L2(Regularizer):
    """l2 * sum(x^2).

    Args:
        l2: the factor.
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Any) -> Any:
        return self.l2 * ops.sum(ops.square(x))


@register("regularizer")
class OrthogonalRegularizer(Regularizer):
    """factor * mean of |cosine| over the pairs of rows (or columns) of a matrix.

    Args:
        factor: strength.
        mode: "rows" or "columns": which vectors shall be orthogonal to each other.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f"`mode` of OrthogonalRegularizer must be 'rows' or 'columns'. Received {mode!r}.")
        self.factor = _factor("factor", factor)
        self.mode = mode

    def __call__(self, x: Any) -> Any:
        return _orthogonality(x, self.factor, self.mode)


@operation
def _orthogonality(x: Any, factor: float, mode: str) -> Any:
    shape = ops.shape(x)
    if len(shape) != 2:
        raise ValueError(f"OrthogonalRegularizer needs a matrix. Received a weight of shape {shape}.")
    axis = 1 if mode == "rows" else 0
    count = int(shape[1 - axis] or 0)
    length = ops.sqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), 1e-12))
    normal = x / length
    products = ops.matmul(normal, ops.transpose(normal)) if axis == 1 else ops.matmul(ops.transpose(normal), normal)
    pairs = count * (count - 1) / 2
    # each pair stands twice beside the diagonal
    others = ops.abs(products) * (1.0 - np.eye(count))
    return factor * 0.5 * ops.sum(others) / max(pairs, 1)


# Keras's other spellings of the same classes.
l1 = L1
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer


def l1_l2(l1: float = 0.01, l2: float = 0.01) -> L1L2:
    """L1L2 with the defaults of Keras's function of this name."""
    return L1L2(l1=l1, l2=l2)




def _factor(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f"`{name}` of a regularizer must be a number that is not negative. Received {value!r}.")
    return float(value)


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any] | None:
    """A regularizer from its name, its config, its class, or itself.

    Args:
        identifier: "l2", {"class_name", "config"}, a Regularizer, a function of one tensor, or None.
        custom_objects: the user's own regularizers by name.

    Returns:
        A callable of one tensor, or None for None.

    Raises:
        ValueError: no regularizer has this name.
        TypeError: `identifier` is of another kind.
    """
    identifier = l1_l2() if identifier == "l1_l2" else identifier  # Keras 1 and 2: a function with other defaults
    found: Callable[..., Any] | None = registry.identify(
        "regularizer", identifier, custom_objects, "l2", "one tensor")
    return found


def serialize(regularizer: Any) -> Any:
    """The form in which files store a regularizer: its config, or the name of a function."""
    return registry.to_config("regularizer", regularizer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """A regularizer from {"class_name": ..., "config": ...}."""
    regularizer: Callable[..., Any] = registry.from_config("regularizer", config, custom_objects)
    return regularizer
