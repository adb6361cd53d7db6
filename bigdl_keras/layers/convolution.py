"""Layers that slide kernels over 1, 2 or 3 spatial axes."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register
from bigdl_keras.shapes import pair


class BaseConvolution(Layer):
    """What all convolutions share: windows, data format, channels and the activation of the result."""

    rank = 2
    paddings: tuple[str, ...] = ("valid", "same")
    data_format: str
    padding: str
    filters: int

    def set_windows(self, arguments: dict[str, Any]) -> None:
        """Keep the constructor arguments, with windows spread over the spatial axes.

        Raises:
            ValueError: an argument is out of range.
        """
        self.keep(arguments)
        self.data_format = image_format(self.data_format)
        for name in ("kernel_size", "strides", "dilation_rate"):
            sizes = pair(getattr(self, name), self.rank, name)
            if min(sizes) < 1:
                raise ValueError(f"`{name}` of {type(self).__name__} must be positive. Received {sizes}.")
            setattr(self, name, sizes)
        self.padding = str(self.padding).lower()
        if self.padding not in self.paddings:
            raise ValueError(f"`padding` of {type(self).__name__} must be one of {self.paddings}. "
                             f"Received {self.padding!r}.")
        if "filters" in self._settings:
            self.filters = positive(type(self).__name__, "filters", self.filters)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def channels_of(self, input_shape: Any) -> int:
        """Channels of the input; from now on inputs must have as many.

        Raises:
            ValueError: they are unknown.
        """
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) needs a known number of channels (axis "
                             f"{axis}). Received shape {tuple(input_shape)}.")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return int(channels)

    @property
    def window_attributes(self) -> dict[str, Any]:
        """What the kernels of convolutions are told."""
        return {"strides": self.strides, "padding": self.padding, "data_format": self.data_format,
                "dilation": self.dilation_rate}

    def with_bias(self, *inputs: Any) -> tuple[Any, ...]:
        """The inputs of a kernel, followed by the bias if there is one."""
        return inputs if self.bias is None else (*inputs, self.bias)


class _Convolution(BaseConvolution):
    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Any = 1, groups: int = 1, activation: Any = None,
                 use_bias: bool = True, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, *, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_windows(locals())
        if self.filters % groups:
            raise ValueError(f"`filters` of {type(self).__name__} must be divisible by `groups`. Received "
                             f"filters={filters}, groups={groups}.")

    def build(self, input_shape: Any) -> None:
        channels = self.channels_of(input_shape)
        if channels % self.groups:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}): the {channels} channels of the input are "
                             f"not divisible by groups={self.groups}.")
        self.kernel = self.add_own_weight("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self.add_own_weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.activation(apply("conv", *self.with_bias(inputs, self.kernel), groups=self.groups,
                                     **self.window_attributes))


@register("layer", "Convolution1D")
class Conv1D(_Convolution):
    """Convolution over steps: (batch, steps, channels) gives (batch, new steps, filters).

    Args:
        filters: channels of the output.
        kernel_size: length of the window.
        strides: distance of windows.
        padding: "valid", "same", or "causal" (a step sees none after it).
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the steps in a window.
        groups: channels and filters are cut in as many groups, which do not see each other.
        activation, use_bias: of the result.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint: as in Dense.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("layer", "Convolution2D")
class Conv2D(_Convolution):
    """Convolution over images: (batch, rows, columns, channels) gives (batch, new rows, new columns, filters).

    Args:
        filters: channels of the output.
        kernel_size, strides, dilation_rate: an integer, or (rows, columns).
        padding: "valid" or "same".
        data_format, groups, activation, use_bias, ...: as in Conv1D.
    """


@register("layer", "Convolution3D")
class Conv3D(_Convolution):
    """Convolution over volumes: (batch, *sizes, channels). Arguments as in Conv2D, with three axes."""

    rank = 3


class _Transposed(BaseConvolution):
    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 output_padding: Any = None, data_format: str | None = None, dilation_rate: Any = 1,
                 activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, *, kernel_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_windows(locals())
        if output_padding is not None:
            self.output_padding = pair(output_padding, self.rank, "output_padding")

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_own_weight("kernel", (*self.kernel_size, self.filters, self.channels_of(input_shape)))
        self.bias = self.add_own_weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.activation(apply("conv_transpose", *self.with_bias(inputs, self.kernel),
                                     output_padding=self.output_padding, **self.window_attributes))


@register("layer", "Convolution1DTranspose")
class Conv1DTranspose(_Transposed):
    """The transpose of Conv1D: (batch, steps, channels) gives (batch, about steps * strides, filters).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, ...: as in Conv1D.
        output_padding: elements added at the end of the output; None derives them from padding.
    """

    rank = 1


@register("layer", "Convolution2DTranspose")
class Conv2DTranspose(_Transposed):
    """The transpose of Conv2D, which enlarges images. Arguments as in Conv1DTranspose."""


@register("layer", "Convolution3DTranspose")
class Conv3DTranspose(_Transposed):
    """The transpose of Conv3D, which enlarges volumes. Arguments as in Conv1DTranspose, `data_format` first."""

    rank = 3

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: str | None = None, output_padding: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, strides, padding, output_padding, data_format, *args, **kwargs)


class _Depthwise(BaseConvolution):
    def __init__(self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1,
                 data_format: str | None = None, dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True,
                 depthwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, bias_regularizer: Any = None, *, depthwise_constraint: Any = None,
                 bias_constraint: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_windows(locals())
        self.depth_multiplier = positive(type(self).__name__, "depth_multiplier", depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self.channels_of(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier), self.depthwise_initializer,
            regularizer=self.depthwise_regularizer, constraint=self.depthwise_constraint, name="kernel")
        filters = channels * self.depth_multiplier
        self.bias = self.add_own_weight("bias", (filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        return self.activation(apply("depthwise_conv", *self.with_bias(inputs, self.kernel), **self.window_attributes))


@register("layer")
class DepthwiseConv1D(_Depthwise):
    """Each channel of (batch, steps, channels) with `depth_multiplier` kernels of its own.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in Conv1D.
        depth_multiplier: outputs of each channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
        bias_initializer, bias_regularizer, bias_constraint, activity_regularizer: as in Dense.
    """

    rank = 1


@register("layer")
class DepthwiseConv2D(_Depthwise):
    """Each channel of an image with `depth_multiplier` kernels of its own. Arguments as in DepthwiseConv1D."""


class _Separable(BaseConvolution):
    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid",
                 data_format: str | None = None, dilation_rate: Any = 1, depth_multiplier: int = 1,
                 activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 depthwise_regularizer: Any = None, pointwise_regularizer: Any = None, bias_regularizer: Any = None,
                 *, depthwise_constraint: Any = None, pointwise_constraint: Any = None, bias_constraint: Any = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.set_windows(locals())
        self.depth_multiplier = positive(type(self).__name__, "depth_multiplier", depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self.channels_of(input_shape)
        self.depthwise_kernel = self.add_own_weight(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        ones = (1,) * self.rank
        self.pointwise_kernel = self.add_own_weight(
            "pointwise_kernel", (*ones, channels * self.depth_multiplier, self.filters), "pointwise")
        self.bias = self.add_own_weight("bias", (self.filters,)) if self.use_bias else None

    def call(self, inputs: Any) -> Any:
        spread = apply("depthwise_conv", inputs, self.depthwise_kernel, **self.window_attributes)
        ones = (1,) * self.rank
        return self.activation(apply("conv", *self.with_bias(spread, self.pointwise_kernel), strides=ones,
                                     padding="valid", data_format=self.data_format, dilation=ones))


@register("layer", "SeparableConvolution1D")
class SeparableConv1D(_Separable):
    """A convolution of each channel by itself, then one over the channels of each step.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in Conv1D.
        depth_multiplier: outputs of each channel between the two.
        depthwise_*, pointwise_*: initializers, regularizers and constraints of the two kernels.
        bias_initializer, bias_regularizer, bias_constraint, activity_regularizer: as in Dense.
    """

    rank = 1
    paddings = ("valid", "same", "causal")


@register("layer", "SeparableConvolution2D")
class SeparableConv2D(_Separable):
    """A convolution of each channel of an image by itself, then one over them. Arguments as in SeparableConv1D."""
