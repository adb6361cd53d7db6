"""Layers that bring activations to mean 0 and deviation 1, over a batch, a row, or groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.registry import register
from bigdl_keras.shapes import normalize_axis

_MOVING_VARIANCES = ("biased", "unbiased", "unbiased_for_images", "biased_plus_epsilon")


@register("layer")
class BatchNormalization(Layer):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, per channel (Ioffe and Szegedy, 2015).

    In training, mean and variance are those of the batch (of each worker's share of it, or of the whole with
    `synchronized`), and moving averages follow them: moving = momentum * moving + (1 - momentum) * batch. Otherwise,
    and where `trainable` is False, the moving averages are used. Masked steps do not count.

    Args:
        axis: axis of the channels.
        momentum: of the moving averages.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: initial values.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of beta and gamma.
        synchronized: take the moments over the batches of all workers.
        moving_variance_update: which variance the moving average follows: "biased" (Keras 3); others in models of older
            Keras: "unbiased" (times count / (count - 1 - epsilon)), "unbiased_for_images" (times count / (count - 1),
            for inputs of 4 and 5 axes), "biased_plus_epsilon".
        mode: of Keras 1: 1 normalizes each row over its last axis; 2 uses the moments of the batch in inference too.
    """

    axis: int

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True,
                 scale: bool = True, beta_initializer: Any = "zeros", gamma_initializer: Any = "ones",
                 moving_mean_initializer: Any = "zeros", moving_variance_initializer: Any = "ones",
                 beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, *, synchronized: bool = False, moving_variance_update: str = "biased",
                 mode: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if isinstance(axis, (list, tuple)):
            self.axis = int(axis[0])
        if moving_variance_update not in _MOVING_VARIANCES:
            raise ValueError(f"`moving_variance_update` must be one of {_MOVING_VARIANCES}. "
                             f"Received {moving_variance_update!r}.")
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = (_size(self, input_shape, self.axis),)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        self.gamma = self.add_own_weight("gamma", shape) if self.scale else None
        self.beta = self.add_own_weight("beta", shape) if self.center else None
        self.moving_mean = self.add_own_weight("moving_mean", shape, trainable=False)
        self.moving_variance = self.add_own_weight("moving_variance", shape, trainable=False)

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        parts = [weight for weight in (self.gamma, self.beta) if weight is not None]
        attributes = {"axis": self.axis, "epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        if self.mode == 1:
            return self._normalize_rows(inputs)
        if self.mode != 2 and (not training or not self.trainable):
            return apply("batch_norm_inference", inputs, *parts, self.moving_mean, self.moving_variance, **attributes)
        weights = [] if mask is None else [ops.cast(mask, ops.dtype_of(inputs))]
        outputs, mean, variance, count = apply("batch_norm", inputs, *parts, *weights, masked=mask is not None,
                                               synchronized=self.synchronized, **attributes)
        if training:
            self._follow(self.moving_mean, mean)
            self._follow(self.moving_variance, self._followed_variance(variance, count, len(inputs.shape)))
        return outputs

    def _normalize_rows(self, x: Any) -> Any:
        centered = x - ops.mean(x, axis=-1, keepdims=True)
        deviation = ops.sqrt(ops.var(x, axis=-1, keepdims=True) + self.epsilon)
        outputs = centered / (deviation + self.epsilon)
        outputs = outputs if self.gamma is None else outputs * self.gamma
        return outputs if self.beta is None else outputs + self.beta

    def _follow(self, moving: Any, value: Any) -> None:
        before = self.latest(moving)
        self.assign_in_training(moving, before * self.momentum + value * (1.0 - self.momentum))

    def _followed_variance(self, variance: Any, count: Any, rank: int) -> Any:
        rule = self.moving_variance_update
        if rule == "unbiased":
            return variance * (count / (count - (1.0 + self.epsilon)))
        if rule == "unbiased_for_images" and rank in (4, 5):
            return variance * (count / ops.maximum(count - 1.0, 1.0))
        return variance + self.epsilon if rule == "biased_plus_epsilon" else variance

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        usual = {"moving_variance_update": "biased", "mode": 0}  # Keras 3 has no word for other values
        return {name: value for name, value in config.items() if name not in usual or value != usual[name]}


class _RowNormalization(Layer):
    """Base of normalizations of each row by itself, over `axis` (an int or several)."""

    def axes_of(self, rank: int) -> list[int]:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return sorted(normalize_axis(axis, rank) for axis in axes)

    def over_last_axes(self, function: Any, inputs: Any) -> Any:
        """`function(x, trailing)`, where the axes to normalize over are the last `trailing` ones of x."""
        rank = len(inputs.shape)
        axes = self.axes_of(rank)
        order = [axis for axis in range(rank) if axis not in axes] + axes
        if order == list(range(rank)):
            return function(inputs, len(axes))
        back = [order.index(axis) for axis in range(rank)]
        return ops.transpose(function(ops.transpose(inputs, order), len(axes)), back)


@register("layer")
class LayerNormalization(_RowNormalization):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, over `axis` of each row (Ba et al., 2016).

    Args:
        axis: axis or axes to normalize over; gamma and beta have their shape.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of
            beta and gamma.
        rms_scaling: divide by the deviation only, without subtracting the mean or adding beta.
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None, *,
                 rms_scaling: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = tuple(_size(self, input_shape, axis) for axis in self.axes_of(len(input_shape)))
        self.gamma = self.add_own_weight("gamma", shape) if self.scale or self.rms_scaling else None
        self.beta = self.add_own_weight("beta", shape) if self.center and not self.rms_scaling else None

    def call(self, inputs: Any) -> Any:
        return self.over_last_axes(self._normalize_rms if self.rms_scaling else self._normalize, inputs)

    def _normalize(self, x: Any, trailing: int) -> Any:
        parts = [weight for weight in (self.gamma, self.beta) if weight is not None]
        return apply("layer_norm", x, *parts, epsilon=self.epsilon, center=self.beta is not None,
                     scale=self.gamma is not None, trailing=trailing)

    def _normalize_rms(self, x: Any, trailing: int) -> Any:
        axes = tuple(range(-trailing, 0))
        return x * ops.rsqrt(ops.var(x, axis=axes, keepdims=True) + self.epsilon) * self.gamma


@register("layer")
class RMSNormalization(_RowNormalization):
    """scale * x / sqrt(mean(x^2) + epsilon), over `axis` of each row (Zhang and Sennrich, 2019).

    Args:
        axis: axis or axes to normalize over.
        epsilon: added to the mean square.
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = tuple(_size(self, input_shape, axis) for axis in self.axes_of(len(input_shape)))
        self.scale = self.add_weight(shape, "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return self.over_last_axes(self._normalize, inputs)

    def _normalize(self, x: Any, trailing: int) -> Any:
        return apply("rms_norm", x, self.scale, epsilon=self.epsilon, scale=True, trailing=trailing)


@register("layer")
class GroupNormalization(Layer):
    """Normalization of each row over groups of channels and all other axes (Wu and He, 2018).

    Args:
        groups: number of groups; 1 normalizes over all channels, -1 each channel by itself.
        axis: axis of the channels.
        epsilon, center, scale, beta_*, gamma_*: as in LayerNormalization.
    """

    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None,
                 gamma_regularizer: Any = None, beta_constraint: Any = None, gamma_constraint: Any = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        channels = _size(self, input_shape, self.axis)
        self._count = channels if self.groups == -1 else self.groups
        if channels % self._count:
            raise ValueError(f"Layer '{self.name}' (GroupNormalization): the {channels} channels of the input are not "
                             f"divisible by groups={self.groups}.")
        self.gamma = self.add_own_weight("gamma", (channels,)) if self.scale else None
        self.beta = self.add_own_weight("beta", (channels,)) if self.center else None

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        axis = normalize_axis(self.axis, rank)
        x = ops.moveaxis(inputs, axis, -1)
        kept = [None] * (rank - 1)
        grouped = ops.reshape(x, (*kept, self._count, x.shape[-1] // self._count))
        axes = (*range(1, rank - 1), rank)
        mean = ops.mean(grouped, axis=axes, keepdims=True)
        deviation = ops.rsqrt(ops.var(grouped, axis=axes, keepdims=True) + self.epsilon)
        outputs = ops.reshape((grouped - mean) * deviation, (*kept, x.shape[-1]))
        outputs = outputs if self.gamma is None else outputs * self.gamma
        outputs = outputs if self.beta is None else outputs + self.beta
        return ops.moveaxis(outputs, -1, axis)


@register("layer")
class UnitNormalization(_RowNormalization):
    """x / sqrt(sum(x^2)): vectors along `axis` get length 1.

    Args:
        axis: axis or axes of the vectors.
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any) -> Any:
        axes = tuple(self.axes_of(len(inputs.shape)))
        return inputs * ops.rsqrt(ops.maximum(ops.sum(ops.square(inputs), axis=axes, keepdims=True), 1e-12))


def _size(layer: Layer, input_shape: Any, axis: int) -> int:
    """Size of an axis that weights depend on."""
    size = input_shape[normalize_axis(axis, len(input_shape))]
    if size is None:
        raise ValueError(f"Layer '{layer.name}' ({type(layer).__name__}) needs a known size of axis {axis}. "
                         f"Received shape {tuple(input_shape)}.")
    return int(size)
