"""Operators on tensors that were stored as layers become calls of functions: class_name 'ops.<function>'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .keras_json import OUR_PACKAGE
from .keras_operations import KERAS_OPERATIONS
from .objects import Reading
from .spec import Call
from .tensorflow_operations import tensorflow_call, without_noise

_FUNCTIONS = {row.split(" ")[1]: name for name, row in KERAS_OPERATIONS.items()}
"""Class of Keras -> function."""
TENSORFLOW = "ops.tf."
"""Begins the class name of a function of TensorFlow that whoever builds the model must know."""


def is_operation(class_name: str, module: str | None, config: Mapping[str, Any], nodes: Any) -> bool:
    """Whether an entry is an operator, which the class name alone cannot tell ('Add' is a layer too).

    The legacy files of Keras 3 name no module; there an operator shows by its config, which has no `trainable`.
    """
    place = module or ""
    if class_name in ("TFOpLambda", "SlicingOpLambda") or place.startswith(("keras.src.ops", "keras.ops")):
        return True
    if place == f"{OUR_PACKAGE}.ops":
        return True
    called = isinstance(nodes, list) and bool(nodes) and isinstance(nodes[0], dict)
    return (
        not place
        and called
        and "trainable" not in config
        and (class_name in _FUNCTIONS or class_name == "Einsum")
    )


def translate(
    class_name: str,
    config: dict[str, Any],
    calls: tuple[Call, ...],
    reading: Reading,
) -> tuple[str, dict[str, Any], tuple[Call, ...]]:
    """The function, its fixed arguments and its calls, of one operator entry."""
    name = str(config.get("name", class_name))
    if class_name == "SlicingOpLambda":
        return (
            "ops.get_item",
            {},
            tuple(Call((call.args[0], _key(call.kwargs.get("slice_spec"))), {}) for call in calls),
        )
    if class_name == "TFOpLambda":
        function = str(config.get("function"))
        translated = [found for call in calls if (found := tensorflow_call(function, call)) is not None]
        if len(translated) < len(calls) and f"{TENSORFLOW}{function}" in (reading.known_layers or ()):
            return f"{TENSORFLOW}{function}", {}, tuple(Call(call.args, without_noise(call.kwargs)) for call in calls)
        if not calls or len(translated) < len(calls):
            reading.gap(f"layer '{name}': the TensorFlow operation {function!r}")
            return f"ops.{function}", {}, calls
        ours = f"ops.{translated[0][0]}"
        reading.check_class(ours, name)
        return ours, {}, tuple(call for _, call in translated)
    function = _FUNCTIONS.get(class_name, _snake(class_name))
    reading.check_class(f"ops.{function}", name)
    if function == "get_item":
        calls = tuple(Call((call.args[0], *map(_key, call.args[1:])), call.kwargs) for call in calls)
    if function == "einsum":
        calls = tuple(Call((config.get("subscripts"), *call.args), call.kwargs) for call in calls)
        return "ops.einsum", {}, calls
    return f"ops.{function}", _fixed_arguments(function, config), calls


def _fixed_arguments(function: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """What an operation's constructor was given, where it says something."""
    constructed = KERAS_OPERATIONS.get(function, "").rpartition(" ")[2].split(",")
    idle = {"name", "trainable"} if "dtype" in constructed else {"name", "trainable", "dtype"}
    idle |= {key for key, value in config.items() if value is None and key != "axis"}
    idle |= {"sparse"} if config.get("sparse") is False else set()
    return {key: value for key, value in config.items() if key not in idle}


def _key(spec: Any) -> Any:
    if isinstance(spec, dict) and set(spec) <= {"start", "stop", "step"}:
        return slice(spec.get("start"), spec.get("stop"), spec.get("step"))
    if isinstance(spec, list | tuple):
        return tuple(_key(item) for item in spec)
    return spec


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
