"""BigDL's autograd: formulas of variables become layers, losses and models, and their gradients follow from the graph.

A variable is a KerasTensor: `+ - * /`, unary minus, `**`, comparisons and slicing work on it, with numbers and arrays
on either side.
"""

from bigdl_keras.autograd.custom_loss import CustomLoss, Lambda
from bigdl_keras.autograd.functions import (
    abs,
    batch_dot,
    clip,
    contiguous,
    dot,
    epsilon,
    erf,
    exp,
    expand_dims,
    l2_normalize,
    log,
    maximum,
    mean,
    mm,
    neg,
    pow,
    softplus,
    softsign,
    sqrt,
    square,
    stack,
    sum,
)
from bigdl_keras.autograd.parameter import Constant, Parameter, ParameterLayer, Variable

__all__ = [
    "Constant",
    "CustomLoss",
    "Lambda",
    "Parameter",
    "ParameterLayer",
    "Variable",
    "abs",
    "batch_dot",
    "clip",
    "contiguous",
    "dot",
    "epsilon",
    "erf",
    "exp",
    "expand_dims",
    "l2_normalize",
    "log",
    "maximum",
    "mean",
    "mm",
    "neg",
    "pow",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "stack",
    "sum",
]
