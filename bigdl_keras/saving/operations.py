"""Operators on tensors that were stored as layers become calls of functions: class_name 'ops.<function>'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .keras_json import OUR_PACKAGE
from .keras_operations import KERAS_OPERATIONS
from .objects import Reading
from .spec import Call

# TensorFlow name -> (ours, names of the arguments after the first in order, names that change)
_TENSORFLOW: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    **{
        f"math.{name}": (name, ("y",), {})
        for name in (
            "add",
            "subtract",
            "multiply",
            "maximum",
            "minimum",
            "equal",
            "not_equal",
            "greater",
            "greater_equal",
            "less",
            "less_equal",
            "logical_and",
            "logical_or",
            "floormod",
        )
    },
    **{
        f"math.{name}": (name, (), {})
        for name in (
            "sigmoid",
            "tanh",
            "exp",
            "log",
            "sqrt",
            "rsqrt",
            "square",
            "negative",
            "sin",
            "cos",
            "log1p",
            "softplus",
            "floor",
            "ceil",
            "round",
            "sign",
            "erf",
            "reciprocal",
            "logical_not",
            "expm1",
        )
    },
    **{
        f"nn.{name}": (name, (), {"logits": "x"})
        for name in (
            "relu",
            "relu6",
            "elu",
            "selu",
            "gelu",
            "silu",
            "softplus",
            "softsign",
            "softmax",
            "log_softmax",
            "leaky_relu",
            "tanh",
            "sigmoid",
        )
    },
    **{f"math.reduce_{name}": (name, (), {}) for name in ("mean", "sum", "max", "min", "prod")},
    **{f"__operators__.{name}": (name, ("y",), {}) for name in ("add", "subtract", "multiply", "truediv")},
    "math.truediv": ("true_divide", ("y",), {}),
    "math.divide": ("true_divide", ("y",), {}),
    "__operators__.truediv": ("true_divide", ("y",), {}),
    "math.pow": ("power", ("y",), {}),
    "math.abs": ("absolute", (), {}),
    "math.scalar_mul": ("multiply", ("x",), {}),
    "nn.swish": ("silu", (), {}),
    "math.l2_normalize": ("normalize", (), {}),
    "nn.l2_normalize": ("normalize", (), {}),
    "linalg.matmul": ("matmul", ("b",), {}),
    "concat": ("concatenate", (), {}),
    "stack": ("stack", (), {}),
    "reshape": ("reshape", ("shape",), {}),
    "transpose": ("transpose", (), {"perm": "axes"}),
    "compat.v1.transpose": ("transpose", (), {"perm": "axes"}),
    "expand_dims": ("expand_dims", (), {}),
    "squeeze": ("squeeze", (), {}),
    "compat.v1.squeeze": ("squeeze", (), {}),
    "cast": ("cast", ("dtype",), {}),
    "clip_by_value": ("clip", ("clip_value_min", "clip_value_max"), {}),
    "tile": ("tile", ("multiples",), {}),
    "identity": ("identity", (), {}),
    "where": ("where", ("x", "y"), {}),
    "zeros_like": ("zeros_like", (), {}),
    "ones_like": ("ones_like", (), {}),
}
_TENSORFLOW_NOISE = (
    "name",
    "adjoint_a",
    "adjoint_b",
    "a_is_sparse",
    "b_is_sparse",
    "output_type",
    "conjugate",
    "grad_a",
    "grad_b",
)


def is_operation(class_name: str, module: str | None, config: Mapping[str, Any], nodes: Any) -> bool:
    """Whether an entry is an operator, which the class name alone cannot tell ('Add' is a layer too).

    The legacy files of Keras 3 name no module; there an operator shows by its config, which has no dtype.
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
        and "dtype" not in config
        and "trainable" not in config
        and _snake(class_name) in KERAS_OPERATIONS
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
        if function not in _TENSORFLOW:
            reading.gap(f"layer '{name}': the TensorFlow operation {function!r}")
            return f"ops.{function}", {}, calls
        ours, positions, renamed = _TENSORFLOW[function]
        translated = tuple(_call(call, positions, renamed) for call in calls)
        reading.check_class(f"ops.{ours}", name)
        return f"ops.{ours}", {}, translated
    ours = "ops." + _snake(class_name)
    reading.check_class(ours, name)
    fixed = {key: value for key, value in config.items() if key not in ("name", "dtype", "trainable")}
    return ours, fixed, calls


def _call(call: Call, positions: tuple[str, ...], renamed: dict[str, str]) -> Call:
    kwargs = {
        key: value
        for key, value in call.kwargs.items()
        if key not in _TENSORFLOW_NOISE and not (value is None and key != "axis") and value is not False
    }
    args = (*call.args, *(kwargs.pop(key) for key in positions if key in kwargs))
    return Call(args, {renamed.get(key, key): value for key, value in kwargs.items()})


def _key(spec: Any) -> Any:
    if isinstance(spec, dict) and set(spec) <= {"start", "stop", "step"}:
        return slice(spec.get("start"), spec.get("stop"), spec.get("step"))
    if isinstance(spec, list | tuple):
        return tuple(_key(item) for item in spec)
    return spec


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
