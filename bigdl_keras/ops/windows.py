"""Convolutions and pooling: windows that slide over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, as_tensor
from bigdl_keras.shapes import pair

__all__ = ["average_pool", "conv", "conv_transpose", "depthwise_conv", "max_pool", "separable_conv"]


def _format(data_format: str | None) -> str:
    """'channels_last' if nothing is said.

    Raises:
        ValueError: an unknown format.
    """
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"`data_format` must be 'channels_last' or 'channels_first'. Received {data_format!r}.")
    return data_format or "channels_last"


@operation
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution over 1, 2 or 3 spatial axes; kernel (..., channels / groups, filters)."""
    inputs, kernel = align(inputs, kernel)
    rank = len(inputs.shape) - 2
    return apply(
        "conv",
        inputs,
        kernel,
        strides=pair(strides, rank, "strides"),
        padding=padding,
        data_format=_format(data_format),
        dilation=pair(dilation_rate, rank, "dilation_rate"),
        groups=groups,
    )


@operation
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of each channel on its own; kernel (..., channels, multiplier)."""
    inputs, kernel = align(inputs, kernel)
    rank = len(inputs.shape) - 2
    return apply(
        "depthwise_conv",
        inputs,
        kernel,
        strides=pair(strides, rank, "strides"),
        padding=padding,
        data_format=_format(data_format),
        dilation=pair(dilation_rate, rank, "dilation_rate"),
    )


@operation
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`depthwise_conv`, then a convolution by a kernel of size 1 that mixes the channels."""
    apart = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(apart, pointwise_kernel, 1, "valid", data_format)


@operation
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """The gradient of a convolution as an operation; kernel (..., filters, channels)."""
    inputs, kernel = align(inputs, kernel)
    rank = len(inputs.shape) - 2
    return apply(
        "conv_transpose",
        inputs,
        kernel,
        strides=pair(strides, rank, "strides"),
        padding=padding,
        output_padding=None if output_padding is None else pair(output_padding, rank, "output_padding"),
        data_format=_format(data_format),
        dilation=pair(dilation_rate, rank, "dilation_rate"),
    )


@operation
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Largest element of each window."""
    return _pool("max_pool", as_tensor(inputs), pool_size, strides, padding, data_format)


@operation
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Mean of each window; padding does not count."""
    return _pool("average_pool", as_float(inputs), pool_size, strides, padding, data_format)


def _pool(name: str, inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None) -> Any:
    rank = len(inputs.shape) - 2
    size = pair(pool_size, rank, "pool_size")
    steps = size if strides is None else pair(strides, rank, "strides")
    return apply(name, inputs, window=size, strides=steps, padding=padding, data_format=_format(data_format))
