"""Residual networks (He et al., 2015): each block adds to its input what it has to say about it."""

from __future__ import annotations

from typing import Any

from bigdl_keras.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Input,
    MaxPooling2D,
    ZeroPadding2D,
)
from bigdl_keras.models import Model
from bigdl_keras.regularizers import L2

from .classifier import Classifier

# (filters, stride of the first block) of the four stacks, and how many blocks each has.
_STACKS = ((64, 1), (128, 2), (256, 2), (512, 2))
_BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)}


def ResNet50(
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, input_shape: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet50",
) -> Model:
    """ResNet (version 1) with 50 layers; arguments as for `Classifier` and Keras's function of this name."""
    return _resnet("resnet50", include_top, weights, input_tensor, input_shape, pooling, classes,
                   classifier_activation, name)


def ResNet101(
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, input_shape: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet101",
) -> Model:
    """ResNet (version 1) with 101 layers; arguments as for `Classifier` and Keras's function of this name."""
    return _resnet("resnet101", include_top, weights, input_tensor, input_shape, pooling, classes,
                   classifier_activation, name)


def ResNet152(
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, input_shape: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet152",
) -> Model:
    """ResNet (version 1) with 152 layers; arguments as for `Classifier` and Keras's function of this name."""
    return _resnet("resnet152", include_top, weights, input_tensor, input_shape, pooling, classes,
                   classifier_activation, name)


def _resnet(variant: str, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any, pooling: str | None,
            classes: int, classifier_activation: Any, name: str) -> Model:
    published = f"resnet/{variant}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    asked = Classifier(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
                       224, 32, published)
    image = asked.image()
    x = ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(image)
    x = _normalized(Conv2D(64, 7, strides=2, name="conv1_conv")(x), "conv1")
    x = Activation("relu", name="conv1_relu")(x)
    x = ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    for number, ((filters, stride), blocks) in enumerate(zip(_STACKS, _BLOCKS[variant], strict=True), start=2):
        for block in range(1, blocks + 1):
            first = block == 1
            x = _bottleneck(x, filters, stride if first else 1, first, f"conv{number}_block{block}")
    return asked.model(image, asked.head(x, ("avg_pool", "max_pool")), name)


def _bottleneck(x: Any, filters: int, stride: int, project: bool, name: str) -> Any:
    """1x1, 3x3 and 1x1 convolutions beside a shortcut, which is projected where the shape changes."""
    shortcut = x
    if project:
        shortcut = _normalized(Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x), f"{name}_0")
    x = _normalized(Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x), f"{name}_1")
    x = Activation("relu", name=f"{name}_1_relu")(x)
    x = _normalized(Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x), f"{name}_2")
    x = Activation("relu", name=f"{name}_2_relu")(x)
    x = _normalized(Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3")
    x = Add(name=f"{name}_add")([shortcut, x])
    return Activation("relu", name=f"{name}_out")(x)


def _normalized(x: Any, name: str) -> Any:
    return BatchNormalization(axis=3, epsilon=1.001e-5, name=f"{name}_bn")(x)


def ResNet20(input_shape: Any = (32, 32, 3), classes: int = 10, classifier_activation: Any = "softmax",
             weight_decay: float = 1e-4, name: str = "resnet20") -> Model:
    """The residual network with 20 layers for CIFAR-10 (He et al., section 4.2), as in Keras's example.

    Args:
        input_shape: (rows, columns, channels); rows and columns divisible by 4.
        classes: number of classes.
        classifier_activation: activation of the last layer; None for logits.
        weight_decay: L2 penalty of the convolutions.
        name: name of the model.
    """
    def convolution(filters: int, size: int, stride: int) -> Conv2D:
        return Conv2D(filters, size, strides=stride, padding="same", kernel_initializer="he_normal",
                      kernel_regularizer=L2(weight_decay))

    image = Input(tuple(input_shape))
    x = Activation("relu")(BatchNormalization()(convolution(16, 3, 1)(image)))
    for stack, filters in enumerate((16, 32, 64)):
        for block in range(3):
            shrinks = stack > 0 and block == 0
            y = convolution(filters, 3, 2 if shrinks else 1)(x)
            y = Activation("relu")(BatchNormalization()(y))
            y = BatchNormalization()(convolution(filters, 3, 1)(y))
            shortcut = convolution(filters, 1, 2)(x) if shrinks else x
            x = Activation("relu")(Add()([shortcut, y]))
    x = Flatten()(AveragePooling2D((input_shape[0] // 4, input_shape[1] // 4))(x))
    x = Dense(classes, activation=classifier_activation, kernel_initializer="he_normal")(x)
    return Model(image, x, name=name)
