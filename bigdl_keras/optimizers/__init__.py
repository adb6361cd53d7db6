"""Optimizers under their Keras 3 names, learning-rate schedules, and the door from names and configs to both."""

from bigdl_keras.optimizers import schedules
from bigdl_keras.optimizers.adam import Adam, Adamax, AdamW, Nadam
from bigdl_keras.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from bigdl_keras.optimizers.base import Optimizer
from bigdl_keras.optimizers.layerwise import LARS, Adafactor, Lamb
from bigdl_keras.optimizers.lookup import LossScaleOptimizer, deserialize, get, serialize
from bigdl_keras.optimizers.momentum import SGD, Lion
from bigdl_keras.optimizers.multi import MultiOptimizer, OptimizerMap
from bigdl_keras.optimizers.muon import Muon
from bigdl_keras.optimizers.quasi_newton import LBFGS
from bigdl_keras.optimizers.schedule_free import ScheduleFreeAdamW

__all__ = [
    "LBFGS",
    "LARS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
