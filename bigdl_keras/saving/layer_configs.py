"""A layer's config, of any Keras, becomes that of Keras 3; what versions mean differently is spelled out in it."""

from __future__ import annotations

import logging
from typing import Any

from . import keras1_configs
from .keras_json import KERAS_LAYERS
from .objects import LAYER_KEYS, Reading, canonical_values, plain, refuse_code
from .spec import Version

logger = logging.getLogger(__name__)

# Keys that say nothing when they hold this value; with another they stay, and whoever builds the layer answers for it.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "ragged": (False,),
    "sparse": (False,),
    "optional": (False,),
    "quantization_config": (None,),
    "time_major": (False,),
    "renorm": (False,),
    "renorm_clipping": (None,),
    "use_gate": (False,),
    "sliding_window": (None,),
    "rms_scaling": (False,),
    "fused": (None, False, True),
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "gptq_unpacked_column_size": (None,),
    "autocast": (True,),
    "output_shape_type": ("raw",),
    "activity_regularizer": (None,),
}
# Keys without meaning for the layer built from them.
_IDLE = frozenset(
    {
        "implementation",
        "input_dim",
        "input_length",
        "batch_input_shape",
        "batch_shape",
        "input_dtype",
        "input_shape",
        "query_shape",
        "key_shape",
        "value_shape",
        "renorm_momentum",
        "shared_object_id",
        "build_input_shape",
    }
)
_CONVOLUTIONS_WITHOUT_GROUPS = frozenset(
    {
        "Conv1DTranspose",
        "Conv2DTranspose",
        "Conv3DTranspose",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "SeparableConv1D",
        "SeparableConv2D",
    }
)
# Layers of older Keras that ours has and Keras 3 has not.
_OLD_LAYERS = frozenset(
    {
        "Highway",
        "LocallyConnected1D",
        "LocallyConnected2D",
        "MaxoutDense",
        "ParametricSoftplus",
        "SReLU",
        "ThresholdedReLU",
    }
)
_ACTIVATION_LAYERS = frozenset({"ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU"})
# Other names under which layers were written, by TensorFlow 1.13 to 2.1 and by Keras 3.
_ALIASES = {
    "GroupedQueryAttention": "GroupQueryAttention",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "GRUV1": "GRU",
    "GRUV2": "GRU",
    "LSTMV1": "LSTM",
    "LSTMV2": "LSTM",
    "UnifiedGRU": "GRU",
    "UnifiedLSTM": "LSTM",
}
_LAMBDA_NOISE = ("function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module")
_LOCAL = frozenset({"LocallyConnected1D", "LocallyConnected2D"})
_RECURRENT_WITH_GATES = frozenset({"LSTM", "GRU", "LSTMCell", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"})


def canonical_layer(
    class_name: str, config: dict[str, Any], reading: Reading, registered_name: Any = None
) -> tuple[str, dict[str, Any]]:
    """Translate one layer.

    Args:
        class_name: as in the file.
        config: as in the file.
        reading: what is known of the file; gaps are added to it.
        registered_name: 'package>Class' of a class that is not Keras's own, as in the file.

    Returns:
        The Keras 3 class name and config.
    """
    name = str(config.get("name", class_name))
    registered_name = class_name if ">" in class_name else registered_name
    class_name = class_name.rpartition(">")[2]
    class_name = _ALIASES.get(class_name, class_name)
    result = {key: _value(class_name, key, value, reading) for key, value in config.items()}
    if reading.version.major == 1:
        class_name, result = keras1_configs.translate(class_name, result, reading)
        if penalizes_activity(class_name, result):
            result["activity_reduction"] = "sum"
        if class_name == "Bidirectional":
            result["zero_masked_outputs"] = False
        if class_name == "TimeDistributed":
            result["steps_together"] = True
    result = canonical_values(result, reading)
    if reading.version.major == 2:
        class_name, result = _from_keras_2(class_name, result, reading)
    if ">" in str(registered_name or "") or class_name not in KERAS_LAYERS | _OLD_LAYERS:
        result = {key: value for key, value in result.items() if key not in ("batch_input_shape", "batch_shape")}
    else:
        result = _without_noise(class_name, result)
    reading.check_class(class_name, name, registered_name)
    return class_name, result


def nested_layer(entry: Any, reading: Reading) -> dict[str, Any]:
    """The canonical {"class_name", "config"} of a layer inside another one; a nested model stands under "model"."""
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        raise ValueError(f"Expected a layer as {{'class_name', 'config'}}. Found {str(entry)[:80]!r}.")
    config = entry.get("config")
    if is_model(entry):
        spec = reading.read_model(entry, reading)
        return {"class_name": spec.class_name, "config": {"name": spec.name}, "model": spec}
    if not isinstance(config, dict):
        raise ValueError(f"Layer of class {entry['class_name']!r} has no config. Found {str(config)[:80]!r}.")
    class_name, result = canonical_layer(entry["class_name"], config, reading, entry.get("registered_name"))
    nested: dict[str, Any] = {"class_name": class_name, "config": result}
    if ">" in str(entry.get("registered_name") or ""):
        nested["registered_name"] = entry["registered_name"]
    return nested


def is_model(entry: dict[str, Any]) -> bool:
    """Whether a serialized entry is a Sequential or Functional model (of any class name)."""
    config = entry.get("config")
    if isinstance(config, list):
        return entry.get("class_name") == "Sequential"
    return (
        isinstance(config, dict)
        and isinstance(config.get("layers"), list)
        and (entry.get("class_name") == "Sequential" or "input_layers" in config)
    )


def _value(class_name: str, key: str, value: Any, reading: Reading) -> Any:
    serialized = isinstance(value, dict) and "class_name" in value
    if serialized and (key in LAYER_KEYS or (key.endswith("activation") and value["class_name"] in _ACTIVATION_LAYERS)):
        return nested_layer(value, reading)
    if key == "cells" and class_name == "StackedRNNCells" and isinstance(value, list):
        return [nested_layer(cell, reading) for cell in value]
    if class_name == "Lambda" and key in ("function", "mask", "output_shape"):
        return _code(key, value, reading)
    if class_name == "Merge" and key == "layers":
        return value
    return plain(value, reading, nested_layer)


def _code(key: str, value: Any, reading: Reading) -> Any:
    """A function of a Lambda layer: its name, or nothing where the file holds bytecode."""
    bytecode = isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)
    if bytecode or (isinstance(value, dict) and value.get("class_name") == "__lambda__"):
        refuse_code(f"a Lambda layer's {key}", reading)
        return None
    return plain(value, reading, nested_layer)


def _from_keras_2(class_name: str, config: dict[str, Any], reading: Reading) -> tuple[str, dict[str, Any]]:
    if class_name in ("CuDNNLSTM", "CuDNNGRU"):
        class_name = class_name[5:]
        config = {**config, "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}
        if class_name == "GRU":
            config["reset_after"] = True
    if class_name in ("GRU", "GRUCell"):
        config.setdefault("reset_after", False)
    if class_name in _RECURRENT_WITH_GATES:
        config.setdefault("recurrent_activation", "hard_sigmoid_legacy")
    if is_multi_backend(reading.version) and penalizes_activity(class_name, config):
        config["activity_reduction"] = "sum"
    if is_multi_backend(reading.version) and class_name == "Bidirectional":
        config["zero_masked_outputs"] = False
    if class_name == "TimeDistributed":
        config["steps_together"] = True
    if class_name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if class_name == "Discretization":
        config.pop("epsilon", None)  # of the sketch that adapt() made; the boundaries are its result
        if config.get("num_bins") is None:
            config.pop("num_bins", None)
    if class_name == "BatchNormalization":
        config["moving_variance_update"] = "unbiased" if is_multi_backend(reading.version) else "unbiased_for_images"
    if class_name == "UpSampling2D" and config.get("interpolation") == "bilinear" and is_multi_backend(reading.version):
        config["interpolation"] = "bilinear_legacy"
    if class_name in ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"):
        config.pop("noise_shape", None)
    return class_name, config


def penalizes_activity(class_name: str, config: dict[str, Any]) -> bool:
    """Whether a layer adds a penalty on its output; before Keras 2.3 it was not divided by the batch size."""
    return class_name == "ActivityRegularization" or bool(config.get("activity_regularizer"))


def is_multi_backend(version: Version) -> bool:
    """Whether a Keras 2 file is from the package keras before it moved into TensorFlow (2.0 to 2.3 without '-tf')."""
    parts = version.full.split(".")
    return len(parts) > 1 and parts[1].isdigit() and int(parts[1]) <= 3 and "-tf" not in version.full


def _without_noise(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    idle = _IDLE
    if class_name == "InputLayer":
        idle = _IDLE - {"batch_shape"}
        for old in ("batch_input_shape", "batch_shape"):
            if config.get(old) is not None:
                config["batch_shape"] = config[old]
        config.setdefault("dtype", config.get("input_dtype") or "float32")
    elif class_name in ("Embedding", "Hashing"):
        idle = _IDLE - {"input_dim"}
    elif class_name in _LOCAL:
        idle = _IDLE - {"implementation"}
    if config.get("lora_rank") is not None:
        logger.warning("Layer '%s' has LoRA adapters: they are added to its weights, as Keras stores them in .keras "
                       "files, and training goes on with the whole weights.", config.get("name", class_name))
        config = {**config, "lora_rank": None, "lora_alpha": None}
    result = {key: value for key, value in config.items() if key not in idle and not _is_neutral(key, value)}
    if class_name in _CONVOLUTIONS_WITHOUT_GROUPS and result.get("groups") == 1:
        del result["groups"]
    if class_name == "Lambda":
        result = {key: value for key, value in result.items() if key not in _LAMBDA_NOISE}
    if class_name.startswith("SeparableConv"):
        for key in ("kernel_initializer", "kernel_regularizer", "kernel_constraint"):
            result.pop(key, None)
    if class_name == "BatchNormalization" and isinstance(result.get("axis"), list) and len(result["axis"]) == 1:
        result["axis"] = result["axis"][0]
    return result


def _is_neutral(key: str, value: Any) -> bool:
    return key in _NEUTRAL and any(value is item or (value == item and isinstance(item, str)) for item in _NEUTRAL[key])
