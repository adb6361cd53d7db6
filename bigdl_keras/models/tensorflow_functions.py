"""Functions of TensorFlow that no single operation of Keras equals, as compositions of those; only graphs in files call
them. A graph that is loaded holds the operations, so that Keras 3 opens it again.

Functions take TensorFlow's arguments. Where a size is known only when the model runs, `shape` answers NaN: sums and
products of sizes stay unknown by themselves, and what takes a shape understands it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.shapes import normalize_axis

FUNCTIONS: dict[str, Callable[..., Any]] = {}
"""'math.add_n' -> the function."""


def _named(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(names, function))
        return function

    return add


def _refuse(function: str, argument: str, value: Any) -> None:
    raise ValueError(f"The TensorFlow operation {function!r} with {argument}={value!r} has no counterpart here. "
                     "Rebuild that part of the model with bigdl_keras.ops, and use load_weights().")


# ---- sizes -----------------------------------------------------------------------------------------------------------


@_named("shape", "compat.v1.shape")
def _shape(input: Any, out_type: Any = None) -> np.ndarray:
    return np.array([math.nan if size is None else size for size in input.shape])


def _sizes(function: str, shape: Any) -> list[int | None]:
    """A shape as people's graphs compute it: numbers, sizes that `shape` answered, or a vector of them."""
    if hasattr(shape, "node") or any(hasattr(size, "node") for size in list(shape)):
        _refuse(function, "shape", shape)
    return [None if math.isnan(size) else int(size) for size in (float(size) for size in list(shape))]


@_named("reshape")
def _reshape(tensor: Any, shape: Any) -> Any:
    sizes = _sizes("reshape", shape)
    if sizes.count(None) + sizes.count(-1) > 1:
        _refuse("reshape", "shape", shape)
    return ops.reshape(tensor, [-1 if size is None else size for size in sizes])


@_named("broadcast_to")
def _broadcast_to(input: Any, shape: Any) -> Any:
    sizes = _sizes("broadcast_to", shape)
    before = [1] * (len(sizes) - len(input.shape)) + list(input.shape)
    if any(size is None and had is not None for size, had in zip(sizes, before, strict=True)):
        _refuse("broadcast_to", "shape", shape)
    return ops.multiply(input, np.ones([size or 1 for size in sizes], input.dtype))


@_named("keras.backend.batch_flatten")
def _batch_flatten(x: Any) -> Any:
    sizes = x.shape[1:]
    if None in sizes:
        _refuse("keras.backend.batch_flatten", "x", x)
    return ops.reshape(x, (-1, math.prod(sizes)))


# ---- arithmetic ------------------------------------------------------------------------------------------------------


@_named("math.add_n")
def _add_n(inputs: Sequence[Any]) -> Any:
    total = inputs[0]
    for term in inputs[1:]:
        total = ops.add(total, term)
    return total


@_named("math.squared_difference")
def _squared_difference(x: Any, y: Any) -> Any:
    return ops.square(ops.subtract(x, y))


FUNCTIONS["math.atan2"] = lambda y, x: ops.arctan2(y, x)


@_named("math.multiply_no_nan")
def _multiply_no_nan(x: Any, y: Any) -> Any:
    return ops.where(ops.equal(y, 0), ops.zeros_like(x), ops.multiply(x, y))


@_named("math.reciprocal_no_nan")
def _reciprocal_no_nan(x: Any) -> Any:
    return ops.divide_no_nan(ops.ones_like(x), x)


@_named("math.xlogy")
def _xlogy(x: Any, y: Any) -> Any:
    zero = ops.equal(x, 0)
    return ops.where(zero, ops.zeros_like(y), ops.multiply(x, ops.log(ops.where(zero, ops.ones_like(y), y))))


FUNCTIONS["math.xlog1py"] = lambda x, y: _xlogy(x, ops.add(y, 1.0))


@_named("math.reduce_euclidean_norm")
def _euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return ops.sqrt(ops.sum(ops.square(input_tensor), axis=axis, keepdims=keepdims))


@_named("nn.l2_loss")
def _l2_loss(t: Any) -> Any:
    return ops.multiply(ops.sum(ops.square(t)), 0.5)


@_named("clip_by_norm")
def _clip_by_norm(t: Any, clip_norm: float, axes: Any = None) -> Any:
    norm = ops.sqrt(ops.sum(ops.square(t), axis=axes, keepdims=True))
    return ops.divide(ops.multiply(t, clip_norm), ops.maximum(norm, clip_norm))


@_named("math.cumsum")
def _cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Any:
    x = ops.flip(x, axis=axis) if reverse else x
    total = ops.cumsum(x, axis=axis)
    total = ops.subtract(total, x) if exclusive else total
    return ops.flip(total, axis=axis) if reverse else total


@_named("nn.bias_add")
def _bias_add(value: Any, bias: Any, data_format: str | None = None) -> Any:
    if data_format is not None and data_format.startswith("NC") and len(value.shape) > 2:
        bias = ops.reshape(bias, (-1, *[1] * (len(value.shape) - 2)))
    return ops.add(value, np.asarray(bias, np.float32) if isinstance(bias, list) else bias)


@_named("compat.v1.nn.crelu", "nn.crelu")
def _crelu(features: Any, axis: int = -1) -> Any:
    return ops.concatenate([ops.relu(features), ops.relu(ops.negative(features))], axis=axis)


@_named("compat.v1.nn.softmax_cross_entropy_with_logits_v2", "nn.softmax_cross_entropy_with_logits")
def _softmax_crossentropy(labels: Any, logits: Any, axis: int = -1) -> Any:
    return ops.negative(ops.sum(ops.multiply(labels, ops.log_softmax(logits, axis=axis)), axis=axis))


@_named("compat.v1.nn.sigmoid_cross_entropy_with_logits", "nn.sigmoid_cross_entropy_with_logits")
def _sigmoid_crossentropy(labels: Any, logits: Any) -> Any:
    return ops.subtract(ops.softplus(logits), ops.multiply(labels, logits))


# ---- matrices --------------------------------------------------------------------------------------------------------


def _turned(x: Any) -> Any:
    return ops.swapaxes(x, -1, -2)


@_named("linalg.matmul")
def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False) -> Any:
    return ops.matmul(_turned(a) if transpose_a else a, _turned(b) if transpose_b else b)


FUNCTIONS["linalg.matrix_transpose"] = lambda a: _turned(a)
FUNCTIONS["linalg.trace"] = lambda x: ops.trace(x, axis1=-2, axis2=-1)


@_named("linalg.diag_part")
def _diag_part(input: Any, k: int = 0) -> Any:
    if k != 0:
        _refuse("linalg.diag_part", "k", k)
    return ops.diagonal(input, axis1=-2, axis2=-1)


@_named("linalg.band_part")
def _band_part(input: Any, num_lower: int, num_upper: int) -> Any:
    input = input if num_upper < 0 else ops.tril(input, num_upper)
    return input if num_lower < 0 else ops.triu(input, -num_lower)


# ---- order and places ------------------------------------------------------------------------------------------------


@_named("math.top_k")
def _top_k(input: Any, k: int = 1, sorted: bool = True) -> Any:
    return ops.top_k(input, k)


@_named("sort")
def _sort(values: Any, axis: int = -1, direction: str = "ASCENDING") -> Any:
    ordered = ops.sort(values, axis=axis)
    return ops.flip(ordered, axis=axis) if direction == "DESCENDING" else ordered


@_named("argsort")
def _argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False) -> Any:
    return ops.argsort(ops.negative(values) if direction == "DESCENDING" else values, axis=axis)


@_named("reverse")
def _reverse(tensor: Any, axis: Sequence[int]) -> Any:
    for place in axis:
        tensor = ops.flip(tensor, axis=place)
    return tensor


@_named("one_hot")
def _one_hot(indices: Any, depth: int, on_value: Any = 1.0, off_value: Any = 0.0, axis: int | None = None,
             dtype: Any = None) -> Any:
    hot = ops.one_hot(indices, depth, axis=-1 if axis is None else axis)
    return ops.add(ops.multiply(hot, float(on_value - off_value)), float(off_value))


@_named("gather", "compat.v1.gather")
def _gather(params: Any, indices: Any, axis: int | None = None, batch_dims: int = 0) -> Any:
    axis = normalize_axis(batch_dims if axis is None else axis, len(params.shape))
    if batch_dims != 1 or axis != 1 or not hasattr(indices, "shape") or len(indices.shape) > 2:
        _refuse("gather", "batch_dims", batch_dims)
    places = ops.expand_dims(indices, 1) if len(indices.shape) == 1 else indices
    for _ in params.shape[2:]:
        places = ops.expand_dims(places, -1)
    found = ops.take_along_axis(params, places, axis=1)
    return ops.squeeze(found, axis=1) if len(indices.shape) == 1 else found


@_named("nn.embedding_lookup", "compat.v1.nn.embedding_lookup")
def _embedding_lookup(params: Any, ids: Any, partition_strategy: Any = None, max_norm: Any = None) -> Any:
    if max_norm is not None:
        _refuse("nn.embedding_lookup", "max_norm", max_norm)
    return ops.take(np.asarray(params, np.float32) if isinstance(params, list) else params, ids, axis=0)


# ---- images ----------------------------------------------------------------------------------------------------------


@_named("nn.space_to_depth", "compat.v1.space_to_depth")
def _space_to_depth(input: Any, block_size: int, data_format: str = "NHWC") -> Any:
    return ops.space_to_depth(input, block_size, data_format=_format(data_format))


@_named("nn.depth_to_space", "compat.v1.depth_to_space")
def _depth_to_space(input: Any, block_size: int, data_format: str = "NHWC") -> Any:
    return ops.depth_to_space(input, block_size, data_format=_format(data_format))


def _format(name: str | None) -> str:
    return "channels_first" if str(name).startswith("NC") else "channels_last"


FUNCTIONS["image.flip_left_right"] = lambda image: ops.flip(image, axis=-2)
FUNCTIONS["image.flip_up_down"] = lambda image: ops.flip(image, axis=-3)
FUNCTIONS["image.transpose"] = lambda image: ops.swapaxes(image, -3, -2)
FUNCTIONS["image.rgb_to_grayscale"] = lambda images: ops.image.rgb_to_grayscale(images)
FUNCTIONS["image.grayscale_to_rgb"] = lambda images: ops.concatenate([images] * 3, axis=-1)
FUNCTIONS["image.adjust_brightness"] = lambda image, delta: ops.add(image, float(delta))


@_named("image.rot90")
def _rot90(image: Any, k: int = 1) -> Any:
    for _ in range(k % 4):
        image = ops.flip(ops.swapaxes(image, -3, -2), axis=-3)
    return image


@_named("image.adjust_contrast")
def _adjust_contrast(images: Any, contrast_factor: float) -> Any:
    mean = ops.mean(images, axis=(-3, -2), keepdims=True)
    return ops.add(ops.multiply(ops.subtract(images, mean), contrast_factor), mean)


@_named("image.per_image_standardization")
def _per_image_standardization(image: Any) -> Any:
    axes = (-3, -2, -1)
    sizes = image.shape[-3:]
    if None in sizes:
        _refuse("image.per_image_standardization", "image", image)
    deviation = ops.maximum(ops.std(image, axis=axes, keepdims=True), 1.0 / math.sqrt(math.prod(sizes)))
    return ops.divide(ops.subtract(image, ops.mean(image, axis=axes, keepdims=True)), deviation)


@_named("image.crop_to_bounding_box")
def _crop(image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Any:
    return ops.image.crop_images(image, top_cropping=offset_height, left_cropping=offset_width,
                                 target_height=target_height, target_width=target_width)


@_named("image.pad_to_bounding_box")
def _pad(image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Any:
    return ops.image.pad_images(image, top_padding=offset_height, left_padding=offset_width,
                                target_height=target_height, target_width=target_width)


@_named("image.central_crop")
def _central_crop(image: Any, central_fraction: float) -> Any:
    height, width = image.shape[-3:-1]
    top, left = (int((size - size * central_fraction) / 2) for size in (height, width))
    return _crop(image, top, left, height - 2 * top, width - 2 * left)


@_named("image.resize_with_crop_or_pad")
def _resize_with_crop_or_pad(image: Any, target_height: int, target_width: int) -> Any:
    height, width = image.shape[-3:-1]
    kept = min(height, target_height), min(width, target_width)
    image = _crop(image, (height - kept[0]) // 2, (width - kept[1]) // 2, *kept)
    return _pad(image, (target_height - kept[0]) // 2, (target_width - kept[1]) // 2, target_height, target_width)


@_named("image.extract_patches")
def _extract_patches(images: Any, sizes: Sequence[int], strides: Sequence[int], rates: Sequence[int],
                     padding: str) -> Any:
    return ops.image.extract_patches(images, tuple(sizes[1:3]), strides=tuple(strides[1:3]),
                                     dilation_rate=tuple(rates[1:3]), padding=padding.lower())


def _window(steps: Any) -> Any:
    """Steps along the spatial axes, of one number, one for each of them, or one for each axis."""
    return tuple(steps[1:-1]) if isinstance(steps, list | tuple) and len(steps) > 3 else steps


def _convolution(function: str, convolve: Callable[..., Any]) -> Callable[..., Any]:
    def call(input: Any, filters: Any = None, strides: Any = 1, padding: Any = "VALID", data_format: str | None = None,
             dilations: Any = None, filter: Any = None, use_cudnn_on_gpu: bool = True, rate: Any = None) -> Any:
        if str(padding).upper() not in ("SAME", "VALID") or _format(data_format) != "channels_last":
            _refuse(function, "padding, data_format", (padding, data_format))
        kernel = np.asarray(filter if filters is None else filters, np.float32)
        rate = dilations if rate is None else rate
        return convolve(input, kernel, strides=_window(strides), padding=str(padding).lower(),
                        dilation_rate=_window(1 if rate is None else rate))

    return call


FUNCTIONS["nn.conv2d"] = FUNCTIONS["compat.v1.nn.conv2d"] = _convolution("nn.conv2d", ops.conv)
FUNCTIONS["nn.depthwise_conv2d"] = FUNCTIONS["compat.v1.nn.depthwise_conv2d"] = _convolution(
    "nn.depthwise_conv2d", ops.depthwise_conv
)


@_named("nn.local_response_normalization", "nn.lrn")
def _local_response_normalization(input: Any, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0,
                                  beta: float = 0.5) -> Any:
    channels = input.shape[-1]
    near = np.abs(np.subtract.outer(np.arange(channels), np.arange(channels))) <= depth_radius
    squares = ops.matmul(ops.square(input), near.astype(np.float32))
    return ops.divide(input, ops.power(ops.add(ops.multiply(squares, alpha), bias), beta))
