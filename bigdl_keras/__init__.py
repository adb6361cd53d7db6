"""bigdl_keras: Keras-style deep learning as ordinary Spark programs, on numpy alone.

Everything public is listed in `_HOME`, by name and by the module it lives in; a module is imported when one of its
names is first used, so that `import bigdl_keras` is quick on every executor.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "autograd",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "initializers",
    "keras1",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "saving",
    "triggers",
    "utils",
)

_ELSEWHERE = {"backend": "config", "triggers": "engine.triggers"}

_HOME = {
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "graph.tensor",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sample": "data",
    "Sequential": "models",
    "Variable": "parameters",
    "clear_session": "layers.naming",
    "custom_object_scope": "registry",
    "floatx": "parameters",
    "get_custom_objects": "registry",
    "register_keras_serializable": "registry",
    "set_floatx": "parameters",
    "set_random_seed": "initializers",
}

__all__ = sorted(["__version__", *_MODULES, *_HOME])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"bigdl_keras.{_ELSEWHERE.get(name, name)}")
    if name in _HOME:
        return getattr(importlib.import_module(f"bigdl_keras.{_HOME[name]}"), name)
    raise AttributeError(f"bigdl_keras has no attribute {name!r}. It has {', '.join(__all__)}.")


def __dir__() -> list[str]:
    return __all__
