"""Convolutions and pooling: windows that slide over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, as_tensor
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import pair

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "conv",
    "conv_transpose",
    "correlate",
    "depthwise_conv",
    "max_pool",
    "separable_conv",
]


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


@operation
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Means of so many windows that the spatial axes get a given size.

    Window i of n goes from floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        inputs: (batch, ..., channels), with 1 to 3 spatial axes of known sizes.
        output_size: an integer, or one for each spatial axis.
        data_format: "channels_last" if None.
    """
    return _adaptive("mean", as_float(inputs), output_size, data_format)


@operation
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """Largest elements of so many windows that the spatial axes get a given size; see `adaptive_average_pool`."""
    return _adaptive("max", as_tensor(inputs), output_size, data_format)


def _adaptive(reduction: str, x: Any, output_size: Any, data_format: str | None) -> Any:
    sizes = pair(output_size, len(x.shape) - 2, "output_size")
    first = 1 if _format(data_format) == "channels_last" else 2
    for axis, wanted in enumerate(sizes, start=first):
        size = x.shape[axis]
        if size is None:
            raise ValueError(f"Adaptive pooling needs known sizes. Received shape {tuple(x.shape)}.")
        before = (slice(None),) * axis
        windows = [slice(place * size // wanted, -(-(place + 1) * size // wanted)) for place in range(wanted)]
        parts = [apply(reduction, get_item(x, (*before, window)), axis=axis) for window in windows]
        x = apply("stack", *parts, axis=axis)
    return x


@operation
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Sums of products of two vectors, one moved along the other: c[k] = sum of x1[n + k] * x2[n].

    Args:
        x1, x2: vectors of known size.
        mode: "valid" where they overlap wholly, "full" where they overlap at all, "same" as many as the longer has.
    """
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"`mode` must be 'valid', 'same' or 'full'. Received {mode!r}.")
    x1, x2 = align(as_float(x1), as_float(x2))
    if len(x1.shape) != 1 or len(x2.shape) != 1 or None in (*x1.shape, *x2.shape):
        raise ValueError(f"correlate needs two vectors of known size. Received shapes {x1.shape} and {x2.shape}.")
    swapped = x1.shape[0] < x2.shape[0]
    longer, shorter = (x2, x1) if swapped else (x1, x2)
    reach = shorter.shape[0] - 1
    margins = {"valid": (0, 0), "full": (reach, reach), "same": (reach - reach // 2, reach // 2)}[mode]
    line = apply("pad", longer, widths=(margins,), mode="constant", value=0)
    signal, kernel = (
        apply("reshape", item, shape=shape) for item, shape in ((line, (1, -1, 1)), (shorter, (-1, 1, 1)))
    )
    result = apply("reshape", conv(signal, kernel), shape=(-1,))
    return apply("flip", result, axis=0) if swapped else result
