"""Layers of Keras 1 and 2 that Keras 3 dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.registry import register


@register("layer")
class MaxoutDense(Layer):
    """max over k of x @ kernel[k] + bias[k]: (batch, features) gives (batch, units) (Goodfellow et al., 2013).

    Args:
        units: length of the output.
        nb_feature: number of products.
        use_bias: whether there are biases.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            activity_regularizer: as in Dense.
    """

    def __init__(self, units: int, nb_feature: int = 4, use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.units = positive("MaxoutDense", "units", units)
        self.nb_feature = positive("MaxoutDense", "nb_feature", nb_feature)
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_own_weight("kernel", (self.nb_feature, input_shape[-1], self.units))
        self.bias = self.add_own_weight("bias", (self.nb_feature, self.units)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        products = ops.einsum("bi,kio->bko", inputs, self.kernel)
        return ops.max(products if self.bias is None else products + self.bias, axis=1)


@register("layer")
class Highway(Layer):
    """t * activation(x @ kernel + bias) + (1 - t) * x, t = sigmoid(x @ carry_kernel + carry_bias) (Srivastava, 2015).

    Args:
        activation: of the first product.
        use_bias: whether there are biases.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint,
            activity_regularizer: as in Dense.
    """

    def __init__(self, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.input_spec = InputSpec(ndim=2)

    def build(self, input_shape: Any) -> None:
        size = input_shape[-1]
        self.kernel = self.add_own_weight("kernel", (size, size))
        self.carry_kernel = self.add_weight((size, size), self.kernel_initializer, name="carry_kernel")
        self.bias = self.carry_bias = None
        if self.use_bias:
            self.bias = self.add_own_weight("bias", (size,))
            self.carry_bias = self.add_weight((size,), {"class_name": "Constant", "config": {"value": -2.0}},
                                              name="carry_bias")

    def call(self, inputs: Any) -> Any:
        carried, product = ops.matmul(inputs, self.carry_kernel), ops.matmul(inputs, self.kernel)
        if self.bias is not None:
            carried, product = carried + self.carry_bias, product + self.bias
        share = ops.sigmoid(carried)
        return share * self.activation(product) + (1.0 - share) * inputs


@register("layer")
class SReLU(Layer):
    """Linear in the middle, with trained slopes beyond two trained thresholds (Jin et al., 2015).

    Args:
        t_left_initializer, a_left_initializer: threshold and slope on the left.
        t_right_initializer, a_right_initializer: on the right; the right threshold is t_left + |t_right|.
        shared_axes: axes along which they are the same, counted from 1.
    """

    def __init__(self, t_left_initializer: Any = "zeros", a_left_initializer: Any = "glorot_uniform",
                 t_right_initializer: Any = "glorot_uniform", a_right_initializer: Any = "ones",
                 shared_axes: Sequence[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = [1 if axis in (self.shared_axes or ()) else size for axis, size in enumerate(input_shape)][1:]
        self.t_left, self.a_left, self.t_right, self.a_right = (
            self.add_own_weight(name, shape) for name in ("t_left", "a_left", "t_right", "a_right"))

    def call(self, inputs: Any) -> Any:
        right = self.t_left + ops.abs(self.t_right)
        centered = inputs - self.t_left
        middle = ops.minimum(ops.relu(centered), ops.abs(self.t_right)) - self.a_left * ops.relu(-centered)
        return self.t_left + middle + self.a_right * ops.relu(inputs - right)


@register("layer")
class ParametricSoftplus(Layer):
    """alpha * log(1 + exp(beta * x)), with trained alpha and beta for each place of a row.

    Args:
        alpha_init, beta_init: their initial values.
        shared_axes: axes along which they are the same, counted from 1.
    """

    def __init__(self, alpha_init: float = 0.2, beta_init: float = 5.0, shared_axes: Sequence[int] | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = [1 if axis in (self.shared_axes or ()) else size for axis, size in enumerate(input_shape)][1:]
        self.alphas, self.betas = (
            self.add_weight(shape, {"class_name": "Constant", "config": {"value": value}}, name=name)
            for name, value in (("alphas", self.alpha_init), ("betas", self.beta_init)))

    def call(self, inputs: Any) -> Any:
        return ops.softplus(inputs * self.betas) * self.alphas


@register("layer")
class ThresholdedReLU(Layer):
    """x where above `theta`, 0 elsewhere (Konda et al., 2014).

    Args:
        theta: the threshold.
    """

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return ops.threshold(inputs, self.theta, 0.0)


@register("layer")
class RReLU(Layer):
    """x where positive; elsewhere times a slope that is random in training, and the middle of its range otherwise.

    Args:
        lower, upper: range of the slope (Xu et al., 2015).
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        slope: Any = (self.lower + self.upper) / 2
        if training:
            slope = apply("random_uniform_like", inputs, minval=self.lower, maxval=self.upper)
        return ops.maximum(inputs, 0.0) + slope * ops.minimum(inputs, 0.0)
