"""A loss written as a formula of variables, and a formula as a layer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import layers
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.plan import Context
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.losses import LossFunctionWrapper
from bigdl_keras.parameters import ParameterVector
from bigdl_keras.parameters import Variable as Weight


class CustomLoss(LossFunctionWrapper):
    """The mean over the batch of what a function of (y_true, y_pred) answers.

    Args:
        loss_func: written with functions of `autograd` or `ops` and operators.
        y_pred_shape, y_true_shape: accepted for BigDL's signature; shapes are those of the data.

    Example:
        >>> import numpy as np
        >>> from bigdl_keras import autograd
        >>> loss = autograd.CustomLoss(lambda y_true, y_pred: autograd.mean(autograd.abs(y_true - y_pred), axis=1))
        >>> loss.forward(np.zeros((2, 2)), np.ones((2, 2)))
        1.0
    """

    def __init__(self, loss_func: Callable[..., Any], y_pred_shape: Sequence[int] | None = None,
                 y_true_shape: Sequence[int] | None = None) -> None:
        super().__init__(loss_func)

    def forward(self, y_true: Any, y_pred: Any) -> float:
        """The loss of these arrays."""
        return float(self(np.asarray(y_true, np.float32), np.asarray(y_pred, np.float32)))

    def backward(self, y_true: Any, y_pred: Any) -> np.ndarray:
        """Its gradient with respect to `y_pred`."""
        wanted = Weight(np.asarray(y_pred, np.float32), "y_pred")
        labels = np.asarray(y_true, np.float32)
        vector = ParameterVector([wanted], [])
        gradients = np.zeros_like(vector.values)
        with tracing(training=True) as trace:
            entry = KerasTensor(labels.shape, name="y_true")
            loss = self(entry, wanted)
        plan = compile_plan(trace, [entry], [loss], vector.spans, vector.trainable_size)
        execution = plan.bind(vector.values, gradients)
        execution.forward([labels], Context(training=True))
        execution.backward()
        return gradients.reshape(wanted.shape)


def Lambda(function: Callable[..., Any], input_shape: Any = None, **kwargs: Any) -> layers.Lambda:
    """A function of variables as a layer.

    Args:
        function: of one variable, or for a list of inputs of so many variables (or of the list).
        input_shape: shape of one row, for a first layer of Sequential.
        kwargs: further arguments of `layers.Lambda`.
    """
    if input_shape is not None:
        kwargs["input_shape"] = tuple(input_shape)
    return layers.Lambda(_of_list(function), **kwargs)


def _of_list(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a list, of one that takes several variables."""
    parameters = inspect.signature(function).parameters.values()
    several = [item for item in parameters if item.default is item.empty and item.name not in ("mask", "training")]
    if len(several) < 2:
        return function

    @functools.wraps(function)
    def of_list(inputs: Any, **kwargs: Any) -> Any:
        return function(*inputs, **kwargs)

    return of_list
