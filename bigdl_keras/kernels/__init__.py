"""All mathematics of the library: importing this room fills the table `KERNELS`."""

from bigdl_keras.kernels import activations, elementwise, indexing, linear, reduction, reshaping
from bigdl_keras.kernels.table import KERNELS, Kernel

__all__ = ["KERNELS", "Kernel", "activations", "elementwise", "indexing", "linear", "reduction", "reshaping"]
