"""The arguments of `compile` in a file, of any Keras, in Keras 3 terms."""

from __future__ import annotations

from typing import Any

from .. import registry
from .layer_configs import nested_layer
from .objects import Reading, plain

_KEPT = ("loss", "metrics", "weighted_metrics", "loss_weights", "sample_weight_mode")
_OLD_LOSSES = {"cosine_proximity": "cosine_similarity", "logcosh": "log_cosh"}


def canonical_compile(raw: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """`training_config` of an h5 or `compile_config` of a .keras file, as {'optimizer', 'loss', 'metrics', ...}."""
    result = {key: plain(raw[key], reading, nested_layer) for key in _KEPT if raw.get(key) is not None}
    optimizer = raw.get("optimizer", raw.get("optimizer_config"))
    if optimizer is not None:
        result["optimizer"] = canonical_optimizer(optimizer, reading)
    if reading.version.major < 3:
        for key in ("metrics", "weighted_metrics"):
            if result.get(key) is not None:
                result[key] = _metrics(result[key])
                if not result[key]:
                    del result[key]
    return result


def canonical_optimizer(raw: Any, reading: Reading) -> Any:
    """{"class_name", "config"} with Keras 3 names; `decay` of Keras 1 and 2 becomes an InverseTimeDecay schedule."""
    value = plain(raw, reading, nested_layer)
    if isinstance(value, str):
        return value
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        raise ValueError(f"Expected an optimizer as {{'class_name', 'config'}}. Found {str(raw)[:80]!r}.")
    class_name = value["class_name"].rpartition(">")[2]
    config = dict(value.get("config") or {})
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    rewritten = reading.version.major != 2 or "is_legacy_optimizer" in config
    for key in ("jit_compile", "is_legacy_optimizer"):
        config.pop(key, None)
    if class_name == "Nadam" and "decay" in config:  # tf.keras's name of it
        config["schedule_decay"] = config.pop("decay")
    if not rewritten:  # before 2.11, or keras.optimizers.legacy
        config["is_legacy_optimizer"] = True
    decay = config.pop("decay", 0.0)
    if decay:
        config["learning_rate"] = {
            "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": config.get("learning_rate"), "decay_steps": 1, "decay_rate": decay},
        }
    if reading.version.major < 3 and config.get("epsilon", 0) is None:
        config["epsilon"] = 1e-8 if reading.version.major == 1 else 1e-7
    return {"class_name": class_name, "config": config}


def _metrics(value: Any) -> Any:
    """Metrics that tf.keras 2 wrote as wrapper objects go back to the names the user gave."""
    if isinstance(value, dict) and value.get("class_name") in ("MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"):
        config = value.get("config", {})
        name, function = config.get("name"), config.get("fn")
        # With several outputs the name is 'output_accuracy', and only the function tells what is meant.
        return function if isinstance(function, str) and name not in registry.names("metric") else name or function
    if isinstance(value, list):
        items = [_metrics(item) for item in value]
        return [item for item in items if item is not None]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _metrics(item) for key, item in value.items()}
    return value
