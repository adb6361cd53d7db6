"""Each number of an image and its neighbours: blurred, differenced, or compared with those of another image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import add, align, as_float, divide, exp, multiply, square, subtract
from bigdl_keras.ops.image.layout import on_batch
from bigdl_keras.ops.indexing import get_item

__all__ = ["gaussian_blur", "sobel_edges", "ssim"]


def _bell(size: int, sigma: Any) -> Any:
    """exp(-x^2 / 2 sigma^2) around the middle of `size` places, of sum 1."""
    places = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
    weights = exp(multiply(square(divide(places, sigma)), -0.5))
    return divide(weights, apply("sum", weights, axis=None))


def _smooth(images: Any, down: Any, across: Any, padding: str) -> Any:
    """Images (batch, height, width, channels) weighted by vectors, first down, then across."""
    channels = images.shape[-1]
    for weights, shape in ((down, (-1, 1, 1, 1)), (across, (1, -1, 1, 1))):
        kernel = apply("repeat", apply("reshape", weights, shape=shape), repeats=channels, axis=2)
        images = _by_channel(images, kernel, padding)
    return images


def _by_channel(images: Any, kernel: Any, padding: str) -> Any:
    images, kernel = align(images, kernel)
    return apply("depthwise_conv", images, kernel, strides=(1, 1), padding=padding, dilation=(1, 1))


@operation
def gaussian_blur(
    images: Any, kernel_size: Sequence[int] = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Each number as the mean of its neighbours, weighted by exp(-distance^2 / 2 sigma^2); outside there are zeros.

    Args:
        images: (batch, height, width, channels), or one image.
        kernel_size: how many neighbours count across and down.
        sigma: the deviations across and down; numbers, or a tensor of two.
        data_format: "channels_last" if None.
    """
    across, down = kernel_size
    sigma = as_float(sigma)
    vectors = _bell(down, get_item(sigma, 1)), _bell(across, get_item(sigma, 0))
    return on_batch(lambda batch: _smooth(batch, *vectors, "same"), as_float(images), data_format=data_format)


_RISE = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], np.float32)


@operation
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How steeply images rise downwards and to the right (Sobel and Feldman, 1968); outside there are zeros.

    Args:
        images: (batch, height, width, channels), or one image.
        data_format: "channels_last" if None.

    Returns:
        A tensor with one more axis, the last: [downwards, to the right].
    """

    def rises(batch: Any) -> Any:
        channels = batch.shape[-1]
        kernel = np.tile(np.stack([_RISE, _RISE.T], axis=-1)[:, :, None], (1, 1, channels, 1))
        edges = _by_channel(batch, kernel, "same")
        return apply("reshape", edges, shape=(None, None, None, channels, 2))

    return on_batch(rises, as_float(images), data_format=data_format)


@operation
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """How alike two images are in structure, 1 for equal ones (Wang et al., Image quality assessment, 2004).

    The mean over all windows and channels of (2 m1 m2 + c1) (2 s12 + c2) / ((m1^2 + m2^2 + c1) (s1 + s2 + c2)), with
    means m, variances s and covariance s12 weighted by a bell, c1 = (k1 max_val)^2 and c2 = (k2 max_val)^2.

    Args:
        image1, image2: (batch, height, width, channels), or one image each.
        max_val: the largest value that a number can have.
        filter_size, filter_sigma: width and deviation of the bell.
        k1, k2: how much small means and variances count.
        data_format: "channels_last" if None.

    Returns:
        A number for each pair of images.
    """
    image1, image2 = align(as_float(image1), as_float(image2))
    bell = _bell(filter_size, filter_sigma)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2

    def likeness(x: Any, y: Any) -> Any:
        mean1, mean2, power1, power2, cross = (
            _smooth(item, bell, bell, "valid") for item in (x, y, square(x), square(y), multiply(x, y))
        )
        means, squares = multiply(mean1, mean2), add(square(mean1), square(mean2))
        above = multiply(add(multiply(means, 2), c1), add(multiply(subtract(cross, means), 2), c2))
        below = multiply(add(squares, c1), add(subtract(add(power1, power2), squares), c2))
        return apply("mean", divide(above, below), axis=(1, 2, 3), keepdims=True)

    alike = on_batch(likeness, image1, image2, data_format=data_format)
    return apply("squeeze", alike, axis=(-1, -2, -3))
