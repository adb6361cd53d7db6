"""The JSON of Keras 3 in the words of Keras 2.15, where it has them: so that both open the same legacy file."""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]

# Layers that came with Keras 3.
_NEW_LAYERS = frozenset(
    [
        "AdaptiveAveragePooling1D",
        "AdaptiveAveragePooling2D",
        "AdaptiveAveragePooling3D",
        "AdaptiveMaxPooling1D",
        "AdaptiveMaxPooling2D",
        "AdaptiveMaxPooling3D",
        "GroupQueryAttention",
        "MelSpectrogram",
        "RMSNormalization",
    ]
)
# Arguments that came with Keras 3 (or, of optimizers, with Keras 2.11), with the value that says nothing.
_NEW_ARGUMENTS: dict[str, Any] = {
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "weight_decay": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "global_clipnorm": None,
    "quantization_config": None,
    "use_cudnn": "auto",
    "flash_attention": None,
    "rms_scaling": False,
    "input_axes": None,
    "output_axes": None,
}
_MODELS = ("Sequential", "Functional")


class _NotInKeras2(Exception):
    """Something of the model has no form in a file of Keras 2."""


def in_keras_2(entry: Entry) -> Entry | None:
    """A serialized model in the words of Keras 2.15, which Keras 3 reads as well.

    Args:
        entry: what `to_keras_json` answered.

    Returns:
        The same with legacy names and nodes, or None where Keras 2.15 has no words for it: operators in the graph,
        models in it, calls with several arguments, what came with Keras 3, classes of other packages.
    """
    try:
        return _model(entry)
    except _NotInKeras2:
        return None


def _model(entry: Entry) -> Entry:
    config = {key: value for key, value in entry["config"].items() if key not in ("dtype", "build_input_shape")}
    layers = [_layer(layer) for layer in config["layers"]]
    return {"class_name": entry["class_name"], "config": {**config, "layers": layers}}


def _layer(entry: Entry) -> Entry:
    nested = entry["class_name"] in _MODELS
    result = _model(entry) if nested else _object(entry)
    if "inbound_nodes" in entry:
        if nested:  # Keras 2 counts the calls of a model in a graph from 1, Keras 3 from 0
            raise _NotInKeras2
        result |= {"name": entry["name"], "inbound_nodes": [_node(node) for node in entry["inbound_nodes"]]}
    return result


def _object(entry: Entry) -> Entry:
    class_name = entry["class_name"]
    if entry.get("module") != "keras.layers" or class_name in _NEW_LAYERS:
        raise _NotInKeras2
    config = _config(entry)
    if class_name == "InputLayer":
        config["batch_input_shape"] = config.pop("batch_shape")
        config |= {"sparse": False, "ragged": False}
    elif class_name == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    return {"class_name": class_name, "config": config}


def _config(entry: Entry) -> Entry:
    config = without_idle_arguments(entry["config"])
    if not _NEW_ARGUMENTS.keys().isdisjoint(config):
        raise _NotInKeras2
    return {key: _value(value) for key, value in config.items()}


def without_idle_arguments(config: Entry) -> Entry:
    """A config without arguments that came with Keras 3 and say nothing here."""
    idle = [key for key, value in _NEW_ARGUMENTS.items() if config.get(key, value) in (value, None)]
    return {key: value for key, value in config.items() if key not in idle}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "DTypePolicy":
        return value["config"]["name"]
    if value.get("class_name") in _MODELS:
        return _model(value)
    if value.get("module") == "keras.layers":  # inside another layer, both need the module
        return {**_object(value), "module": "keras.layers", "registered_name": None}
    if isinstance(value.get("config"), dict):
        return {**value, "config": _config(value)}
    return {key: _value(item) for key, item in value.items()}


def _node(node: Entry) -> list[Any]:
    """The tensors of a call, each with the call's other arguments."""
    if len(node["args"]) != 1:
        raise _NotInKeras2
    kwargs = {key: value for key, value in node["kwargs"].items() if value is not None}
    tensors = node["args"][0] if isinstance(node["args"][0], list) else [node["args"][0]]
    simple = all(isinstance(value, bool | int | float | str) for value in kwargs.values())
    if not simple or not all(map(_is_tensor, tensors)):
        raise _NotInKeras2
    return [[*tensor["config"]["keras_history"], kwargs] for tensor in tensors]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"
