"""Initial values of weights under their Keras 3 names, and the door from names and configs to them."""

from bigdl_keras.initializers.base import Initializer
from bigdl_keras.initializers.constant import Constant, Identity, Ones, Zeros
from bigdl_keras.initializers.lookup import deserialize, get, serialize
from bigdl_keras.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    draw_seed,
    set_random_seed,
    set_seed,
)

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "deserialize",
    "get",
    "serialize",
    "draw_seed",
    "set_random_seed",
    "set_seed",
]
