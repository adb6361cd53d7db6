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
    "callbacks",
    "constraints",
    "initializers",
    "keras1",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "triggers",
    "utils",
)

_ELSEWHERE = {"triggers": "engine.triggers"}

_HOME = {
    "Input": "layers",
    "KerasTensor": "graph.tensor",
    "Layer": "layers",
    "Model": "models",
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
