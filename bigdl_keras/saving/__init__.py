"""Files of Keras, in and out, as plain data: architectures are `ModelSpec`s, weights hang on `StoreNode` trees."""

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
    "delivered",
    "exists",
    "fetched",
    "is_json",
    "map_tensors",
    "original_layout",
    "padded_otherwise_by_theano",
    "read_file",
    "read_json",
    "read_text",
    "reading",
    "tensors_of",
    "to_keras_json",
    "without_query",
    "write_h5",
    "write_keras",
    "write_onnx",
    "write_weights",
]
