"""Checks for layers, the user's own included."""

from bigdl_keras.testing.layer_checks import check_layer, traced_run

__all__ = ["check_layer", "traced_run"]
