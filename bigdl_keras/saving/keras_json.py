"""A `ModelSpec` becomes the JSON that Keras 3 writes itself, so that real Keras opens it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from .keras_operations import KERAS_OPERATIONS
from .objects import LAYER_KEYS
from .spec import Call, LayerSpec, ModelSpec, TensorRef, map_tensors

logger = logging.getLogger(__name__)

# Layers of ours that Keras 3 does not have: stored under our own name, so that the reader is told whose they are.
OUR_PACKAGE = "bigdl_keras"
KERAS_LAYERS = frozenset(
    [
        "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
        "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add",
        "AdditiveAttention", "AlphaDropout", "Attention", "AutoContrast", "Average", "AveragePooling1D",
        "AveragePooling2D", "AveragePooling3D", "BatchNormalization", "Bidirectional", "CategoryEncoding",
        "CenterCrop", "Concatenate", "ContrastLimitedAdaptiveHistogramEqualization",
        "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D",
        "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Cropping1D", "Cropping2D", "Cropping3D",
        "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Discretization", "Dot", "Dropout", "ELU", "EinsumDense",
        "Embedding", "Equalization", "Flatten", "GRU", "GRUCell", "GaussianDropout", "GaussianNoise",
        "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D",
        "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "GroupQueryAttention", "HashedCrossing",
        "Hashing", "Identity", "InputLayer", "IntegerLookup", "LSTM", "LSTMCell", "Lambda", "LayerNormalization",
        "LeakyReLU", "Masking", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "MelSpectrogram",
        "Minimum", "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "RMSNormalization", "RNN",
        "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop",
        "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
        "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness",
        "RandomShear", "RandomTranslation", "RandomZoom", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing",
        "ReversibleEmbedding", "STFTSpectrogram", "SeparableConv1D", "SeparableConv2D", "SimpleRNN", "SimpleRNNCell",
        "Softmax", "Solarization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
        "SpectralNormalization", "StackedRNNCells", "StringLookup", "Subtract", "TextVectorization",
        "TimeDistributed", "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D",
        "ZeroPadding2D", "ZeroPadding3D",
    ]
)
_ROLES = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "activation": "keras.layers",
    "optimizer": "keras.optimizers",
    "learning_rate": "keras.optimizers.schedules",
    "loss": "keras.losses",
    "metrics": "keras.metrics",
}
# What an older Keras did otherwise in training (or, in Bidirectional, at masked steps), and Keras 3 has no word for.
_NOT_IN_KERAS_3 = ("moving_variance_update", "activity_reduction", "zero_masked_outputs", "steps_together")
_NOT_TAKEN = {"Discretization": ("trainable",)}  # arguments of all layers that Keras 3 gives this one not


def to_keras_json(spec: ModelSpec) -> dict[str, Any]:
    """Serialize a model as Keras 3 does.

    Args:
        spec: the model.

    Returns:
        A dict for `json.dumps`: {"module", "class_name", "config", "registered_name", "build_config", ...}.

    Raises:
        ValueError: something in the model has no form in a file (a function without a name, an object).
    """
    entry = _model(spec)
    if spec.compile:
        entry["compile_config"] = _compile_config(spec.compile)
    return entry


def _model(spec: ModelSpec) -> dict[str, Any]:
    if spec.class_name == "Sequential":
        shape = next(
            (layer.config.get("batch_shape") for layer in spec.layers[:1] if layer.class_name == "InputLayer"), None
        )
        config: dict[str, Any] = {
            "name": spec.name,
            "trainable": spec.trainable,
            "dtype": _policy("float32"),
            "layers": [_layer(layer, False) for layer in spec.layers],
        }
        if shape is not None:
            config["build_input_shape"] = plain_values(shape, spec.name)
        entry = {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}
        if shape is not None:
            entry["build_config"] = {"input_shape": plain_values(shape, spec.name)}
        return entry
    config = {
        "name": spec.name,
        "trainable": spec.trainable,
        "layers": [_layer(layer, True) for layer in spec.layers],
        "input_layers": _history(spec.inputs),
        "output_layers": _history(spec.outputs),
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": config,
        "registered_name": "Functional",
    }


def _history(nest: Any) -> Any:
    return _listed(map_tensors(lambda ref: [ref.layer, ref.node_index, ref.tensor_index], nest))


def _listed(nest: Any) -> Any:
    if isinstance(nest, tuple | list):
        return [_listed(item) for item in nest]
    return {key: _listed(item) for key, item in nest.items()} if isinstance(nest, Mapping) else nest


def _layer(layer: LayerSpec, in_graph: bool) -> dict[str, Any]:
    calls = layer.inbound
    if layer.model is not None:
        entry = _model(layer.model)
        entry["config"]["name"] = layer.name
        entry["config"]["trainable"] = layer.config.get("trainable", layer.model.trainable)
    elif layer.class_name.startswith("ops."):
        entry, calls = _operation(layer)
    else:
        entry = _object(layer.class_name, layer.config, layer.module, layer.registered_name)
        if layer.build_shape is not None:
            key = "shapes_dict" if isinstance(layer.build_shape, Mapping) else "input_shape"
            entry["build_config"] = {key: plain_values(layer.build_shape, layer.name)}
    if layer.shared is not None:
        entry["shared_object_id"] = layer.shared
    if in_graph:
        entry["name"] = layer.name
        entry["inbound_nodes"] = [_node(call, layer.name) for call in calls]
    return entry


def _object(
    class_name: str, config: Mapping[str, Any], module: str | None = None, registered: str | None = None
) -> dict[str, Any]:
    """A layer or cell with its module: Keras's, ours, or the user's own."""
    own = dict(config)
    for key in (*_NOT_IN_KERAS_3, *_NOT_TAKEN.get(class_name, ())):
        own.pop(key, None)
    serialized = {key: _config_value(key, value, class_name) for key, value in own.items()}
    if class_name == "InputLayer":
        serialized["dtype"] = own.get("dtype") or "float32"
    elif "dtype" in own:
        serialized["dtype"] = _policy(own["dtype"])
    if registered and not (module or "").startswith(("keras", OUR_PACKAGE)):
        module = module or "__main__"
    elif class_name in KERAS_LAYERS:
        module, registered = "keras.layers", None
    else:
        module, registered = f"{OUR_PACKAGE}.layers", f"{OUR_PACKAGE}>{class_name}"
    return {"module": module, "class_name": class_name, "config": serialized, "registered_name": registered}


def _policy(name: Any) -> Any:
    if name is None or isinstance(name, Mapping):
        return name
    return {"module": "keras", "class_name": "DTypePolicy", "config": {"name": str(name)}, "registered_name": None}


def _config_value(key: str, value: Any, owner: str) -> Any:
    if isinstance(value, Mapping) and "class_name" in value:
        if isinstance(value.get("model"), ModelSpec):
            return _model(value["model"])
        if key in LAYER_KEYS or (value["class_name"] in KERAS_LAYERS and key.endswith(("activation", "cells"))):
            return _object(
                value["class_name"], value.get("config", {}), value.get("module"), value.get("registered_name")
            )
        return _nested_object(key, value, owner)
    if key == "cells" and isinstance(value, list | tuple):
        return [
            _object(cell["class_name"], cell.get("config", {}), cell.get("module"), cell.get("registered_name"))
            for cell in value
        ]
    if owner == "Lambda" and key == "function" and isinstance(value, str):
        if value == "<lambda>":
            logger.warning(
                "A Lambda layer holds an anonymous function, which has no form in a file. Load the model with "
                "custom_objects={'<lambda>': the_function}, or give the layer a named function."
            )
        return {"module": "builtins", "class_name": "function", "config": value, "registered_name": "function"}
    return plain_values(value, f"{owner}.{key}")


def _nested_object(key: str, value: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """An initializer, regularizer, constraint, schedule, loss or metric inside a config."""
    role = next((module for suffix, module in _ROLES.items() if key.endswith(suffix)), None)
    registered = value.get("registered_name")
    config = {name: _config_value(name, item, value["class_name"]) for name, item in value.get("config", {}).items()}
    return {
        "module": value.get("module") if registered else role,
        "class_name": value["class_name"],
        "config": config,
        "registered_name": registered,
    }


def plain_values(value: Any, place: str) -> Any:
    """What JSON can hold; tuples become lists, numpy numbers become numbers. `place` names the argument in errors."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    if isinstance(value, list | tuple):
        return [plain_values(item, place) for item in value]
    if isinstance(value, Mapping):
        if isinstance(value.get("class_name"), str) and "config" in value:
            return _nested_object(place.rpartition(".")[2], value, place)
        return {str(key): plain_values(item, place) for key, item in value.items()}
    if isinstance(value, np.dtype):
        return value.name
    raise ValueError(
        f"Argument '{place}' holds {type(value).__name__} {str(value)[:80]!r}, which has no form in a file. Use "
        "numbers, text, lists, or a function or class registered under a name."
    )


def _node(call: Call, name: str) -> dict[str, Any]:
    return {
        "args": [_argument(item, name) for item in call.args],
        "kwargs": {key: _argument(value, name) for key, value in call.kwargs.items()},
    }


def _argument(value: Any, name: str) -> Any:
    if isinstance(value, TensorRef):
        return {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": list(value.shape or ()),
                "dtype": value.dtype or "float32",
                "keras_history": [value.layer, value.node_index, value.tensor_index],
            },
        }
    if isinstance(value, slice):
        return {"class_name": "__slice__", "config": {"start": value.start, "stop": value.stop, "step": value.step}}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": None}
    if isinstance(value, tuple):
        return {"class_name": "__tuple__", "items": [_argument(item, name) for item in value]}
    if isinstance(value, list):
        return [_argument(item, name) for item in value]
    if isinstance(value, Mapping):
        return {key: _argument(item, name) for key, item in value.items()}
    return plain_values(value, name)


# Functions whose arguments stand in another order than call and constructor of Keras's class have them.
_POSITIONS = {"pad": ["x", "pad_width", "mode", "constant_values"], "average": ["x", "axis", "weights"]}


def _operation(layer: LayerSpec) -> tuple[dict[str, Any], tuple[Call, ...]]:
    """An operator entry: arguments of the call stay with the call, the others are the config of its class."""
    function = layer.class_name.partition(".")[2]
    known = KERAS_OPERATIONS.get(function)
    if known is None:
        fixed = {key: plain_values(value, layer.name) for key, value in layer.config.items()}
        return {
            "module": f"{OUR_PACKAGE}.ops",
            "class_name": function,
            "config": {"name": layer.name, **fixed},
            "registered_name": f"{OUR_PACKAGE}>{function}",
        }, layer.inbound
    module, class_name, called, constructed = known.split(" ")
    call_names, config_names = called.split(","), [name for name in constructed.split(",") if name]
    config: dict[str, Any] = dict(layer.config)
    calls = []
    for call in layer.inbound:
        order = _POSITIONS.get(function, [*call_names, *config_names])
        named = dict(zip(order, call.args, strict=False)) | dict(call.kwargs)
        config.update({key: value for key, value in named.items() if key not in call_names})
        calls.append(
            Call(
                tuple(_listed_key(key, named[key]) for key in call_names[: len(call.args)] if key in named),
                {key: named[key] for key in call_names[len(call.args) :] if key in named},
            )
        )
    stored = {
        key: plain_values(value, layer.name) for key, value in config.items() if key in config_names or known is None
    }
    return {
        "module": f"keras.src.ops.{module}",
        "class_name": class_name,
        "config": {"name": layer.name, **stored},
        "registered_name": class_name,
    }, tuple(calls)


def _listed_key(argument: str, value: Any) -> Any:
    """Keras writes the key of x[1:, 0] as a list, and understands no other form."""
    return list(value) if argument == "key" and isinstance(value, tuple) else value


def _compile_config(arguments: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = dict.fromkeys(("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"))
    for key, value in arguments.items():
        if key == "optimizer" and isinstance(value, Mapping):
            config = {name: _config_value(name, item, "optimizer") for name, item in value.get("config", {}).items()}
            result[key] = {
                "module": "keras.optimizers",
                "class_name": value["class_name"],
                "config": config,
                "registered_name": value.get("registered_name"),
            }
        elif key != "sample_weight_mode":
            result[key] = _compiled(key, value)
    return {**result, "run_eagerly": False, "steps_per_execution": 1, "jit_compile": False}


def _compiled(key: str, value: Any) -> Any:
    """Losses and metrics in the structure that `compile` was given."""
    if isinstance(value, Mapping) and "class_name" in value:
        return _nested_object("metrics" if "metrics" in key else key, value, key)
    if isinstance(value, Mapping):
        return {name: _compiled(key, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_compiled(key, item) for item in value]
    return plain_values(value, key)
