"""Learning-rate schedules: a step number in, a learning rate out."""

from bigdl_keras.optimizers.schedules.base import LearningRateSchedule, deserialize, get, serialize
from bigdl_keras.optimizers.schedules.bigdl import (
    Default,
    EpochDecay,
    EpochSchedule,
    EpochStep,
    Exponential,
    MultiStep,
    NaturalExp,
    Poly,
    PolyEpochDecay,
    RateSchedule,
    SequentialSchedule,
    Step,
    Warmup,
    WarmupLinearDecay,
)
from bigdl_keras.optimizers.schedules.decay import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "Default",
    "EpochDecay",
    "EpochSchedule",
    "EpochStep",
    "Exponential",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "MultiStep",
    "NaturalExp",
    "PiecewiseConstantDecay",
    "Poly",
    "PolyEpochDecay",
    "PolynomialDecay",
    "RateSchedule",
    "SequentialSchedule",
    "Step",
    "Warmup",
    "WarmupLinearDecay",
    "deserialize",
    "get",
    "serialize",
]
