"""Models: built from layers, trained, evaluated, saved and loaded."""

from bigdl_keras.models.functional import Graph
from bigdl_keras.models.loading import load_model, model_from_json
from bigdl_keras.models.model import Model
from bigdl_keras.models.sequential import Sequential
from bigdl_keras.models.spec import clone_model, model_from_spec, spec_of

__all__ = ["Graph", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "model_from_spec", "spec_of"]
