"""A parameter is a weight that stands in a formula like any other variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import initializers
from bigdl_keras.graph.node import Node
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import current_trace
from bigdl_keras.layers import Input, Layer
from bigdl_keras.registry import register


@register("layer")
class ParameterLayer(Layer):
    """A layer without inputs whose output is its only weight.

    Args:
        shape: of the weight, without a batch axis.
        initializer: name, config or object.
    """

    def __init__(self, shape: Sequence[int], initializer: Any = "uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"shape": tuple(shape), "initializer": initializer})
        self.kernel = self.add_weight(self.shape, initializer, name="kernel")
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current_trace() is None:
            return self._record((), {})
        return super().__call__(*args, **kwargs)

    def call(self) -> Any:
        return self.kernel


class Parameter(KerasTensor):
    """A trained weight as a variable.

    Args:
        shape: of the weight, without a batch axis.
        init_method: name or object of `initializers`; uniform in [-0.05, 0.05] if None.
        init_weight: initial value instead.
        trainable: False keeps the optimizer away.
        name: of the layer that owns the weight.

    Example:
        >>> import bigdl_keras as bk
        >>> from bigdl_keras.autograd import Parameter, mm
        >>> x = bk.Input((2,))
        >>> model = bk.Model(x, mm(x, Parameter((2, 1))) + Parameter((1,)))
        >>> model.count_params()
        3
    """

    def __init__(self, shape: Sequence[int], init_method: Any = None, init_weight: Any = None, trainable: bool = True,
                 name: str | None = None) -> None:
        value = None if init_weight is None else np.asarray(init_weight)
        if value is not None and value.shape != tuple(shape):
            raise ValueError(f"`init_weight` must have the shape {tuple(shape)}. Received shape {value.shape}.")
        initializer = init_method or "uniform" if value is None else initializers.Constant(value)
        self.layer = ParameterLayer(shape, initializer, trainable=trainable, name=name)
        super().__init__(tuple(shape), self.layer.dtype, self.layer.name)
        self.layer._inbound_nodes.append(Node(self.layer, (), {}, self))

    def get_weight(self) -> np.ndarray:
        """A copy of the value."""
        return self.layer.kernel.numpy()

    def set_weight(self, value: Any) -> None:
        """Overwrite the value.

        Raises:
            ValueError: the shape differs.
        """
        self.layer.kernel.assign(value)


class Constant(Parameter):
    """An array as a variable that never changes; it is stored with the model's weights.

    Args:
        data: the array, or a number.
        name: of the layer that owns it.
    """

    def __init__(self, data: Any, name: str | None = None) -> None:
        value = np.asarray(data)
        super().__init__(value.shape, init_weight=value, trainable=False, name=name)


def Variable(input_shape: Sequence[int | None], name: str | None = None) -> KerasTensor:
    """A variable that data of this shape (without the batch axis) will fill: an `Input`."""
    return Input(shape=tuple(input_shape), name=name)
