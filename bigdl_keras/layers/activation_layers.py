"""Activations that have arguments or weights, as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.registry import register


class _Elementwise(Layer):
    """Base: the output has the shape and mask of the input."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True


@register("layer")
class ReLU(_Elementwise):
    """max(x, 0), or with arguments a slope below `threshold` and a ceiling.

    Args:
        max_value: largest answer; None for no ceiling.
        negative_slope: slope below the threshold.
        threshold: values below it are answered with (x - threshold) * negative_slope.
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if (max_value is not None and max_value < 0) or negative_slope < 0 or threshold < 0:
            raise ValueError("`max_value`, `negative_slope` and `threshold` of ReLU must not be negative. Received "
                             f"{max_value}, {negative_slope}, {threshold}.")

    def call(self, inputs: Any) -> Any:
        return ops.relu(inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)


@register("layer")
class LeakyReLU(_Elementwise):
    """x where positive, negative_slope * x elsewhere (Maas et al., 2013).

    Args:
        negative_slope: slope below 0; `alpha` is its name in older Keras.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.leaky_relu(inputs, negative_slope=self.negative_slope)


@register("layer")
class ELU(_Elementwise):
    """x where positive, alpha * (exp(x) - 1) elsewhere (Clevert et al., 2015).

    Args:
        alpha: value far below 0.
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any) -> Any:
        return ops.elu(inputs, alpha=self.alpha)


@register("layer")
class PReLU(_Elementwise):
    """x where positive, alpha * x elsewhere, with a trained alpha for each place of a row (He et al., 2015).

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of alpha.
        shared_axes: axes along which alpha is the same, counted from 1: (1, 2) for one a channel of images.
    """

    def __init__(self, alpha_initializer: Any = "zeros", alpha_regularizer: Any = None, alpha_constraint: Any = None,
                 shared_axes: int | Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if shared_axes is not None:
            self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else list(shared_axes)

    def build(self, input_shape: Any) -> None:
        shape = list(input_shape[1:])
        for axis in self.shared_axes or []:
            shape[axis - 1] = 1
        self.alpha = self.add_own_weight("alpha", shape)
        self.input_spec = InputSpec(ndim=len(input_shape))

    def call(self, inputs: Any) -> Any:
        return ops.maximum(inputs, 0.0) + self.alpha * ops.minimum(inputs, 0.0)


@register("layer")
class Softmax(_Elementwise):
    """exp(x) / sum(exp(x)) along `axis`; masked places get 0.

    Args:
        axis: axis or axes of each distribution.

    Call arguments:
        inputs: scores.
        mask: of the inputs' shape, true where a place counts.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def call(self, inputs: Any, mask: Any = None) -> Any:
        axis = self.axis if isinstance(self.axis, int) else tuple(self.axis)
        if mask is None:
            return ops.softmax(inputs, axis=axis)
        mask = ops.cast(mask, "bool")
        outputs = ops.softmax(ops.where(mask, inputs, -1e9), axis=axis)
        return ops.where(mask, outputs, 0.0)  # also where nothing counts, and softmax answers with equal shares
