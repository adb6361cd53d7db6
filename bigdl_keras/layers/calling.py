"""How the arguments of a layer's constructor and call are read."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import STRING
from bigdl_keras.graph.trace import Trace, current_trace
from bigdl_keras.parameters import floatx

_eager = threading.local()


def dtype_name(dtype: Any) -> str | None:
    """'float32' from a name, a numpy dtype, or Keras's policy config."""
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    if dtype is None:
        return None
    name = STRING if dtype is str else dtype if isinstance(dtype, str) else str(np.dtype(dtype))
    return "float32" if name in ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16") else name


def declared_shape(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """The batch shape that a first layer declares by `input_shape`, `input_dim` or `batch_input_shape`."""
    for key in ("batch_input_shape", "batch_shape"):
        if kwargs.get(key) is not None:
            kwargs.pop("input_length", None)
            return tuple(kwargs.pop(key))
    if kwargs.get("input_shape") is not None:
        return (None, *kwargs.pop("input_shape"))
    if kwargs.get("input_dim") is not None:
        length = kwargs.pop("input_length", None)
        return (None, kwargs.pop("input_dim")) if length is None else (None, length, kwargs.pop("input_dim"))
    return None


def shape_of(leaf: Any) -> Any:
    return tuple(leaf.shape) if hasattr(leaf, "shape") else None


def as_value(leaf: Any) -> Any:
    """Weights as tensors of the graph are; float64 arrays of a caller as floatx."""
    if isinstance(leaf, np.ndarray) and leaf.dtype == np.float64 and floatx() != "float64":
        return leaf.astype(floatx())
    return leaf


def is_plain(value: Any) -> bool:
    return all(leaf is None or isinstance(leaf, (bool, int, float, str)) for leaf in nest.flatten(value))


@functools.cache
def call_names(layer_class: type) -> dict[str, Any]:
    """Names of `call`'s parameters; '**' tells whether it takes any keyword."""
    parameters = inspect.signature(layer_class.call).parameters.values()  # type: ignore[attr-defined]
    names: dict[str, Any] = {item.name: item for item in parameters
                             if item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL)}
    names["**"] = any(item.kind is item.VAR_KEYWORD for item in parameters)
    return names


def bind(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, in the order of the signature; `training` may be given to a call that does not take it."""
    signature = inspect.signature(function)
    accepted = kwargs if any(item.kind is item.VAR_KEYWORD for item in signature.parameters.values()) else {
        key: value for key, value in kwargs.items() if key in signature.parameters or key != "training"}
    bound = signature.bind(*args, **accepted)
    return dict(bound.arguments)


@contextmanager
def phase_of_call(trace: Trace | None, training: bool | None) -> Iterator[bool]:
    """The phase of a call, handed on to the layers called inside it."""
    if trace is not None:
        phase = trace.training if training is None else bool(training)
        with trace.phase(phase):
            yield phase
        return
    outer = getattr(_eager, "training", None)
    _eager.training = outer if training is None else bool(training)
    try:
        yield bool(_eager.training)
    finally:
        _eager.training = outer


def phase_unknown() -> bool:
    """Whether nobody has said in which phase this is: no trace is made, and no call around this one had `training`."""
    return current_trace() is None and getattr(_eager, "training", None) is None
