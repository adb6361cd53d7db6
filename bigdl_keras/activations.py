"""Activation functions are operations under Keras 3's names; a file stores one by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras import ops, registry
from bigdl_keras.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_sigmoid_legacy,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)

Activation = Callable[..., Any]


def linear(x: Any) -> Any:
    """x itself."""
    return x


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0,
         alpha: float | None = None) -> Any:
    """max(x, 0), or with other arguments a slope below `threshold` and a ceiling.

    Args:
        x: tensor of any shape.
        negative_slope: slope below the threshold.
        max_value: largest answer; None for no ceiling.
        threshold: values below it are answered with (x - threshold) * negative_slope.
        alpha: Keras 2's name of `negative_slope`.
    """
    slope = negative_slope if alpha is None else alpha
    return ops.relu(x, negative_slope=slope, max_value=max_value, threshold=threshold)


def gelu(x: Any, approximate: bool = False) -> Any:
    """x times the normal distribution function of x (Hendrycks and Gimpel, 2016).

    Args:
        x: tensor of any shape.
        approximate: use the tanh formula. (`ops.gelu` does so by default, as in Keras.)
    """
    return ops.gelu(x, approximate=approximate)


def exponential(x: Any) -> Any:
    """exp(x)."""
    return ops.exp(x)


def sparsemax(x: Any, axis: int = -1) -> Any:
    """max(x - t, 0) along `axis`, as Keras computes it.

    With z sorted downwards and k the number of places where 1 + place * z[place] > cumsum(z)[place], Keras takes for t
    the *sum* of the first k values of cumsum(z), minus 1, divided by k (`ops.sparsemax` takes the k-th one, which makes
    the answer sum to 1: Martins and Astudillo, 2016).
    """
    values = -ops.sort(-x, axis=axis)
    running = ops.cumsum(values, axis=axis)
    place = ops.cumsum(ops.ones_like(values), axis=axis)
    support = ops.greater(1.0 + place * values, running)
    count = ops.sum(ops.where(support, 1.0, 0.0), axis=axis, keepdims=True)
    threshold = (ops.sum(ops.where(support, running, 0.0), axis=axis, keepdims=True) - 1.0) / count
    return ops.maximum(x - threshold, 0.0)


def softmin(x: Any, axis: int = -1) -> Any:
    """softmax(-x): the smallest number gets the largest share (BigDL's)."""
    return ops.softmax(-x, axis=axis)


swish = silu
hard_swish = hard_silu

_PLAIN: tuple[Activation, ...] = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_sigmoid_legacy, hard_tanh, leaky_relu, linear,
    log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, soft_shrink, softmax, softmin, softplus, softsign,
    sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold)

for _function in _PLAIN:
    registry.register("activation")(_function)
registry.register("activation", "swish")(silu)
registry.register("activation", "hard_swish")(hard_silu)


def get(identifier: Any, custom_objects: dict[str, Any] | None = None) -> Activation:
    """An activation from its name, its config, or itself.

    Args:
        identifier: "relu", a function of one tensor, a layer, the config of a layer, or None for `linear`.
        custom_objects: the user's own functions by name.

    Returns:
        A callable of one tensor.

    Raises:
        ValueError: no activation has this name.
        TypeError: `identifier` is of another kind.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, dict):
        return deserialize(identifier, custom_objects)
    if isinstance(identifier, str):
        return _by_name(identifier, custom_objects)
    if not callable(identifier):
        raise TypeError("An activation must be a name such as 'relu', a function of one tensor, or a layer. "
                        f"Received {identifier!r} of type {type(identifier).__name__}.")
    return identifier  # type: ignore[no-any-return]


def serialize(activation: Any) -> Any:
    """The name of a function, or {"class_name", "config"} of a layer that serves as activation."""
    if hasattr(activation, "get_config"):
        return {"class_name": type(activation).__name__, "config": activation.get_config()}
    return activation.__name__


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Activation:
    """An activation from what `serialize` answered; classes are looked up among the layers."""
    if not isinstance(config, dict):
        return get(config, custom_objects)
    if "class_name" not in config:
        raise ValueError(f"The config of an activation needs 'class_name' and 'config'. Received {config!r}.")
    name, arguments = config["class_name"], config.get("config")
    if name == "function" or not isinstance(arguments, dict):
        return _by_name(arguments if isinstance(arguments, str) else name, custom_objects)
    if name in registry.names("activation"):
        return _by_name(name, custom_objects)
    layer: Activation = registry.find("layer", name.rpartition(">")[2], custom_objects).from_config(arguments)
    return layer


def _by_name(name: str, custom_objects: dict[str, Any] | None) -> Activation:
    name = name.rpartition(">")[2]
    if name not in registry.names("activation") and name in registry.names("layer"):
        layer: Activation = registry.find("layer", name)()
        return layer
    activation: Activation = registry.find("activation", name, custom_objects)
    return activation
