"""All mathematics of the library: importing this room fills the table `KERNELS`."""

from bigdl_keras.kernels import (
    activations,
    collective,
    convolution,
    counting,
    depthwise,
    elementwise,
    gru,
    indexing,
    leading,
    linear,
    losses,
    lstm,
    normalization,
    pooling,
    random,
    reduction,
    reshaping,
)
from bigdl_keras.kernels.table import KERNELS, Kernel

__all__ = ["KERNELS", "Kernel", "activations", "collective", "convolution", "counting", "depthwise", "elementwise", "gru", "indexing", "leading",
           "linear", "losses", "lstm", "normalization", "pooling", "random", "reduction", "reshaping"]
