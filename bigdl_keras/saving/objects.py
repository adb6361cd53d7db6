"""Serialized values of every Keras become plain: policies and functions are names, objects {"class_name", "config"}."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..registry import suggestion
from .limits import DEFAULT_LIMITS, Limits
from .spec import ModelSpec, Version

LEGACY_HARD_SIGMOID = "hard_sigmoid_legacy"
LAYER_KEYS = ("layer", "backward_layer", "forward_layer", "cell")


@dataclass
class Reading:
    """What is known while one architecture is read, and the gaps found so far.

    Args:
        version: the Keras that wrote it.
        known_layers: class names that can be built, or None to accept all.
        safe_mode: refuse serialized Python code.
        image_data_format: for the layers of Keras 1 that do not store it.
        read_model: reads a serialized model, for models inside wrappers inside models.
    """

    version: Version
    read_model: Callable[[Any, Reading], ModelSpec]
    known_layers: frozenset[str] | None = None
    safe_mode: bool = True
    image_data_format: str | None = None
    limits: Limits = DEFAULT_LIMITS
    gaps: list[str] = field(default_factory=list)
    layer_count: int = 0

    def gap(self, text: str) -> None:
        """Remember something that cannot be imported; all gaps are told together."""
        if text not in self.gaps:
            self.gaps.append(text)

    def check_class(self, class_name: str, layer_name: str, registered_name: Any = None) -> None:
        """Count a layer and remember it as a gap if nobody can build its class."""
        self.layer_count += 1
        if self.layer_count > self.limits.max_layers:
            raise ValueError(f"The architecture has more than {self.limits.max_layers} layers.")
        known = self.known_layers
        if known is not None and class_name not in known and registered_name not in known:
            self.gap(f"layer '{layer_name}' of class {class_name!r}.{suggestion(class_name, known)}")

    def raise_gaps(self) -> None:
        """Raise one error that lists every gap."""
        if self.gaps:
            listed = "\n".join(f"  - {gap}" for gap in self.gaps)
            raise ValueError(
                f"This {self.version} model has parts that cannot be imported:\n{listed}\n"
                "Pass your own classes or functions as custom_objects={'Name': ...}."
            )


LayerReader = Callable[[Any, Reading], dict[str, Any]]


def plain(value: Any, reading: Reading, read_layer: LayerReader) -> Any:
    """The plain form of a serialized value; layers inside it go through `read_layer`."""
    if isinstance(value, list):
        return [plain(item, reading, read_layer) for item in value]
    if not isinstance(value, dict):
        return value
    class_name = value.get("class_name")
    if class_name is None:
        if value.get("type") == "ndarray" and "value" in value:  # how Keras 1 and 2.0 wrote numpy scalars and arrays
            return value["value"]
        return {key: plain(item, reading, read_layer) for key, item in value.items()}
    if not isinstance(class_name, str):
        raise ValueError(f"A class_name must be text. Received {str(class_name)[:80]!r}.")
    config = value.get("config")
    if class_name in _SPECIAL:
        return _SPECIAL[class_name](value, reading)
    if "Policy" in class_name and isinstance(config, dict) and "name" in config:
        return config["name"]
    if str(value.get("module", "")).startswith("keras.layers"):
        return read_layer(value, reading)
    result = {"class_name": class_name, "config": plain(config if config is not None else {}, reading, read_layer)}
    if ">" in str(value.get("registered_name") or ""):
        result["registered_name"] = value["registered_name"]
    return result


def _refused_lambda(value: dict[str, Any], reading: Reading) -> Any:
    return refuse_code("a lambda", reading)


def refuse_code(where: str, reading: Reading) -> None:
    """Python bytecode in a file is never executed; with safe_mode=False its place stays empty for custom_objects."""
    if reading.safe_mode:
        reading.gap(
            f"{where} stored as Python bytecode, which is never executed. Give the layer by its name in custom_objects "
            "together with safe_mode=False, or build the model in code and use load_weights"
        )


def _slice(value: dict[str, Any], reading: Reading) -> Any:
    config = value.get("config") or {}
    return slice(*(plain(config.get(key), reading, _no_layer) for key in ("start", "stop", "step")))


def _tuple(value: dict[str, Any], reading: Reading) -> Any:
    return tuple(plain(item, reading, _no_layer) for item in value.get("items", ()))


def _array(value: dict[str, Any], reading: Reading) -> Any:
    config = value.get("config") or {}
    array = np.asarray(config.get("value"))
    if array.dtype.kind not in "fiub":
        raise ValueError(f"An array in the architecture must hold numbers. Found {str(config)[:80]!r}.")
    return array.astype(_DTYPES.get(str(config.get("dtype")), array.dtype))


_DTYPES = {
    name: np.dtype(name)
    for name in (
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
    )
}


def _no_layer(value: Any, reading: Reading) -> dict[str, Any]:
    raise ValueError("A layer stands where only numbers may stand.")


_SPECIAL: dict[str, Callable[[dict[str, Any], Reading], Any]] = {
    "function": lambda value, reading: value.get("config"),
    "__lambda__": _refused_lambda,
    "__slice__": _slice,
    "__tuple__": _tuple,
    "__numpy__": _array,
    "__tensor__": _array,
    "__ellipsis__": lambda value, reading: Ellipsis,
    "__bytes__": lambda value, reading: str(value.get("value")).encode(),
}


# Initializers ------------------------------------------------------------------------------------------------------

# Names of Keras 1 (strings) and their Keras 3 meaning.
_INITIALIZER_NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "zero": ("Zeros", {}),
    "zeros": ("Zeros", {}),
    "one": ("Ones", {}),
    "ones": ("Ones", {}),
    "uniform": ("RandomUniform", {"minval": -0.05, "maxval": 0.05}),
    "normal": ("RandomNormal", {"mean": 0.0, "stddev": 0.05}),
    "orthogonal": ("Orthogonal", {"gain": 1.1}),
    "identity": ("Identity", {"gain": 1.0}),
    "lecun_uniform": ("LecunUniform", {}),
    "glorot_normal": ("GlorotNormal", {}),
    "glorot_uniform": ("GlorotUniform", {}),
    "he_normal": ("HeNormal", {}),
    "he_uniform": ("HeUniform", {}),
}


def initializer(value: Any, reading: Reading) -> Any:
    """Canonical initializer: {"class_name", "config"} or a custom name."""
    if isinstance(value, str) and reading.version.major == 1 and value in _INITIALIZER_NAMES:
        class_name, config = _INITIALIZER_NAMES[value]
        return {"class_name": class_name, "config": dict(config)}
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        config = dict(value["config"])
        if config.get("distribution") == "normal":
            config["distribution"] = "truncated_normal"
        for key in ("input_axes", "output_axes", "dtype"):
            if config.get(key, 0) is None or key == "dtype":
                config.pop(key, None)
        return {**value, "config": config}
    return value


# Regularizers and constraints --------------------------------------------------------------------------------------


def regularizer(value: Any, reading: Reading) -> Any:
    """Canonical regularizer. Keras 1 wrote {"name": "L1L2Regularizer", "l1", "l2"}."""
    if isinstance(value, dict) and "class_name" not in value and "name" in value:
        if value["name"] in ("L1L2Regularizer", "WeightRegularizer", "ActivityRegularizer"):
            return {
                "class_name": "L1L2",
                "config": {"l1": float(value.get("l1", 0.0)), "l2": float(value.get("l2", 0.0))},
            }
        reading.gap(f"regularizer {value['name']!r}")
    return value


_CONSTRAINTS_1 = {
    "MaxNorm": {"m": "max_value", "axis": "axis"},
    "NonNeg": {},
    "UnitNorm": {"axis": "axis"},
    "MinMaxNorm": {"low": "min_value", "high": "max_value", "rate": "rate", "axis": "axis"},
}


def constraint(value: Any, reading: Reading) -> Any:
    """Canonical constraint. Keras 1 wrote {"name": "MaxNorm", "m", "axis"}."""
    if isinstance(value, dict) and "class_name" not in value and "name" in value:
        if value["name"] in _CONSTRAINTS_1:
            keys = _CONSTRAINTS_1[value["name"]]
            return {
                "class_name": value["name"],
                "config": {new: value[old] for old, new in keys.items() if old in value},
            }
        reading.gap(f"constraint {value['name']!r}")
    return value


def activation(value: Any, reading: Reading) -> Any:
    """Canonical activation: a name, or {"class_name", "config"} where a layer or object serves as activation.

    Keras 1 and 2 computed hard_sigmoid as clip(0.2 x + 0.5, 0, 1), Keras 3 as clip(x / 6 + 0.5, 0, 1).
    """
    if value == "hard_sigmoid" and reading.version.major < 3:
        return LEGACY_HARD_SIGMOID
    return value


def canonical_values(config: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """Apply the rules above to the keys that hold initializers, regularizers, constraints and activations."""
    result = dict(config)
    for key, value in config.items():
        if value is None:
            continue
        if key.endswith("initializer"):
            result[key] = initializer(value, reading)
        elif key.endswith("regularizer"):
            result[key] = regularizer(value, reading)
        elif key.endswith("constraint"):
            result[key] = constraint(value, reading)
        elif key == "activation" or key.endswith("_activation"):
            result[key] = activation(value, reading)
    return result
