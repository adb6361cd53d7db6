"""MobileNets: a convolution is cut into one that looks around (depthwise) and one that mixes channels (pointwise)."""

from __future__ import annotations

from typing import Any

from bigdl_keras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from bigdl_keras.models import Model

from .classifier import Classifier

# (filters, stride) of the blocks of MobileNet; (filters, stride, expansion) of MobileNetV2.
_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    *[(512, 1)] * 5, (1024, 2), (1024, 1),
)
_INVERTED = (
    (16, 1, 1), (24, 2, 6), (24, 1, 6), (32, 2, 6), *[(32, 1, 6)] * 2, (64, 2, 6), *[(64, 1, 6)] * 3,
    *[(96, 1, 6)] * 3, (160, 2, 6), *[(160, 1, 6)] * 2, (320, 1, 6),
)


def MobileNet(
    input_shape: Any = None, alpha: float = 1.0, depth_multiplier: int = 1, dropout: float = 1e-3,
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = None,
) -> Model:
    """MobileNet (Howard et al., 2017).

    Args:
        input_shape: (rows, columns, channels).
        alpha: width of the network: every number of filters is multiplied by it.
        depth_multiplier: outputs of a depthwise convolution for each channel.
        dropout: rate before the last layer.
        include_top, weights, input_tensor, pooling, classes, classifier_activation: see `Classifier`.
        name: name of the model.
    """
    width = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}.get(alpha, "1_0")
    published = f"mobilenet/mobilenet_{width}_{_trained_size(input_shape)}_tf{'' if include_top else '_no_top'}.h5"
    asked = Classifier(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
                       _trained_size(input_shape), 32, published)
    image = asked.image()
    x = Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(image)
    x = _rectified(x, "conv1_bn", "conv1_relu")
    for number, (filters, stride) in enumerate(_BLOCKS, start=1):
        if stride == 2:
            x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
        x = DepthwiseConv2D(3, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
                            depth_multiplier=depth_multiplier, name=f"conv_dw_{number}")(x)
        x = _rectified(x, f"conv_dw_{number}_bn", f"conv_dw_{number}_relu")
        x = Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(x)
        x = _rectified(x, f"conv_pw_{number}_bn", f"conv_pw_{number}_relu")
    if include_top:
        x = GlobalAveragePooling2D(keepdims=True)(x)
        x = Dropout(dropout, name="dropout")(x)
        x = Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = Reshape((classes,), name="reshape_2")(x)
        x = Activation(classifier_activation, name="predictions")(x)
    else:
        x = asked.pooled(x)
    return asked.model(image, x, name or f"mobilenet_{alpha:0.2f}_{image.shape[1]}")


def MobileNetV2(
    input_shape: Any = None, alpha: float = 1.0, include_top: bool = True, weights: Any = None,
    input_tensor: Any = None, pooling: str | None = None, classes: int = 1000,
    classifier_activation: Any = "softmax", name: str | None = None,
) -> Model:
    """MobileNetV2 (Sandler et al., 2018): blocks widen, filter and narrow again, and add to their narrow input.

    Args:
        input_shape: (rows, columns, channels).
        alpha: width of the network: numbers of filters are multiplied by it and made divisible by 8.
        include_top, weights, input_tensor, pooling, classes, classifier_activation: see `Classifier`.
        name: name of the model.
    """
    size = _trained_size(input_shape, (96,))
    published = (f"mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
                 f"{'' if include_top else '_no_top'}.h5")
    asked = Classifier(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
                       size, 32, published)
    image = asked.image()
    x = Conv2D(_divisible(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(image)
    x = _rectified(x, "bn_Conv1", "Conv1_relu", **_SLOW)
    for number, (filters, stride, expansion) in enumerate(_INVERTED):
        x = _inverted(x, _divisible(int(filters * alpha)), stride, expansion, number)
    x = Conv2D(_divisible(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    x = _rectified(x, "Conv_1_bn", "out_relu", **_SLOW)
    return asked.model(image, asked.head(x), name or f"mobilenetv2_{alpha:0.2f}_{image.shape[1]}")


_SLOW: dict[str, Any] = {"epsilon": 1e-3, "momentum": 0.999}


def _inverted(inputs: Any, filters: int, stride: int, expansion: int, number: int) -> Any:
    prefix = f"block_{number}_" if number else "expanded_conv_"
    channels = inputs.shape[-1]
    x = inputs
    if number:
        x = Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = _rectified(x, f"{prefix}expand_BN", f"{prefix}expand_relu", **_SLOW)
    if stride == 2:
        x = ZeroPadding2D(tuple(_padding(size) for size in x.shape[1:3]), name=f"{prefix}pad")(x)
    x = DepthwiseConv2D(3, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
                        name=f"{prefix}depthwise")(x)
    x = _rectified(x, f"{prefix}depthwise_BN", f"{prefix}depthwise_relu", **_SLOW)
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = BatchNormalization(name=f"{prefix}project_BN", **_SLOW)(x)
    return Add(name=f"{prefix}add")([inputs, x]) if stride == 1 and channels == filters else x


def _rectified(x: Any, normalization: str, activation: str, **settings: Any) -> Any:
    return ReLU(6.0, name=activation)(BatchNormalization(name=normalization, **settings)(x))


def _padding(size: int | None) -> tuple[int, int]:
    """What a 3-wide window of stride 2 needs before and after, so that it ends at the last pixel."""
    return (1, 1) if size is None or size % 2 else (0, 1)


def _divisible(filters: float) -> int:
    """The nearest multiple of 8, not more than a tenth below."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * filters else nearest + 8


def _trained_size(shape: Any, more: tuple[int, ...] = ()) -> int:
    """The size of images that published weights were trained on: that of `shape` where there are such weights."""
    if shape is not None and shape[0] == shape[1] and shape[0] in (128, 160, 192, 224, *more):
        return int(shape[0])
    return 224
