"""Files of Keras, in and out, as plain data: architectures are `ModelSpec`s, weights hang on `StoreNode` trees."""

from typing import Any

from bigdl_keras.registry import custom_object_scope, get_custom_objects, register_keras_serializable

from .files import KerasFile, is_json, read_file, read_text
from .json_config import read_json
from .keras1_models import padded_otherwise_by_theano
from .keras_h5.layouts import Layout
from .keras_h5.original import original_layout
from .keras_json import to_keras_json
from .limits import DAMAGE, Limits, reading
from .listing import ArrayEntry
from .onnx_export import write_onnx
from .optimizer_state import OptimizerState
from .paths import delivered, exists, fetched, without_query
from .report import WeightReport
from .spec import Call, LayerSpec, ModelSpec, StoreNode, StoreVariable, TensorRef, Version, map_tensors, tensors_of
from .writing import write_h5, write_keras, write_weights

__all__ = [
    "DAMAGE",
    "ArrayEntry",
    "Call",
    "KerasFile",
    "LayerSpec",
    "Layout",
    "Limits",
    "ModelSpec",
    "OptimizerState",
    "StoreNode",
    "StoreVariable",
    "TensorRef",
    "Version",
    "WeightReport",
    "custom_object_scope",
    "delivered",
    "exists",
    "fetched",
    "get_custom_objects",
    "is_json",
    "map_tensors",
    "original_layout",
    "padded_otherwise_by_theano",
    "read_file",
    "read_json",
    "read_text",
    "reading",
    "register_keras_serializable",
    "tensors_of",
    "to_keras_json",
    "without_query",
    "write_h5",
    "write_keras",
    "write_onnx",
    "write_weights",
]


def __getattr__(name: str) -> Any:
    if name in ("load_model", "save_model", "load_weights", "save_weights"):
        there = "models.load_model" if name == "load_model" else f"Model.{name.removesuffix('_model')}"
        raise AttributeError(f"bigdl_keras.saving knows files alone: `{name}` of Keras is bigdl_keras.{there}.")
    raise AttributeError(f"bigdl_keras.saving has no attribute {name!r}.")
