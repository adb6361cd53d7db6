"""InceptionV3 (Szegedy et al., 2015): each block looks at its input through windows of several sizes at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
)
from bigdl_keras.models import Model

from .classifier import Classifier

# A branch is a list of convolutions (filters, rows, columns).
Branch = Sequence[tuple[int, int, int]]


def _block_35(pooled: int) -> list[Branch]:
    return [[(64, 1, 1)], [(48, 1, 1), (64, 5, 5)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)], [(pooled, 1, 1)]]


def _block_17(width: int) -> list[Branch]:
    return [
        [(192, 1, 1)],
        [(width, 1, 1), (width, 1, 7), (192, 7, 1)],
        [(width, 1, 1), (width, 7, 1), (width, 1, 7), (width, 7, 1), (192, 1, 7)],
        [(192, 1, 1)],
    ]


# Blocks in order: a list of branches that keep the size (the last one behind average pooling), or a tuple of branches
# that halve it (their last convolution has stride 2; maximum pooling stands beside them).
_BLOCKS: tuple[Any, ...] = (
    _block_35(32), _block_35(64), _block_35(64),
    ([(384, 3, 3)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)]),
    _block_17(128), _block_17(160), _block_17(160), _block_17(192),
    ([(192, 1, 1), (320, 3, 3)], [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3)]),
)


def InceptionV3(
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, input_shape: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax",
    name: str = "inception_v3",
) -> Model:
    """Inception, version 3; arguments as for `Classifier` and Keras's function of this name."""
    published = f"inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    asked = Classifier(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
                       299, 75, published)
    image = asked.image()
    x = _convolved(image, 32, 3, 3, stride=2, padding="valid")
    x = _convolved(x, 32, 3, 3, padding="valid")
    x = _convolved(x, 64, 3, 3)
    x = MaxPooling2D(3, strides=2)(x)
    x = _convolved(x, 80, 1, 1, padding="valid")
    x = _convolved(x, 192, 3, 3, padding="valid")
    x = MaxPooling2D(3, strides=2)(x)
    for number, branches in enumerate(_BLOCKS):
        block = _halved if isinstance(branches, tuple) else _mixed
        x = block(x, branches, f"mixed{number}")
    for number in range(2):
        x = _forked(x, number)
    head = asked.head(x, ("avg_pool", None)) if include_top else asked.pooled(x)
    return asked.model(image, head, name)


def _mixed(x: Any, branches: Sequence[Branch], name: str) -> Any:
    """Branches beside each other; the last one looks at averages."""
    *plain, last = branches
    made = [_chain(x, branch) for branch in plain]
    made.append(_chain(AveragePooling2D(3, strides=1, padding="same")(x), last))
    return Concatenate(axis=3, name=name)(made)


def _halved(x: Any, branches: Sequence[Branch], name: str) -> Any:
    """Branches that end in a convolution of stride 2, beside maximum pooling."""
    made = [_convolved(_chain(x, before), *last, stride=2, padding="valid") for *before, last in branches]
    return Concatenate(axis=3, name=name)([*made, MaxPooling2D(3, strides=2)(x)])


def _forked(x: Any, number: int) -> Any:
    """The last blocks: two of their branches end in a 1x3 beside a 3x1 convolution."""
    one = _convolved(x, 320, 1, 1)
    middle = _convolved(x, 384, 1, 1)
    middle = [_convolved(middle, 384, 1, 3), _convolved(middle, 384, 3, 1)]
    middle = Concatenate(axis=3, name=f"mixed9_{number}")(middle)
    deep = _chain(x, [(448, 1, 1), (384, 3, 3)])
    deep = Concatenate(axis=3)([_convolved(deep, 384, 1, 3), _convolved(deep, 384, 3, 1)])
    pooled = _convolved(AveragePooling2D(3, strides=1, padding="same")(x), 192, 1, 1)
    return Concatenate(axis=3, name=f"mixed{9 + number}")([one, middle, deep, pooled])


def _chain(x: Any, convolutions: Branch) -> Any:
    for filters, rows, columns in convolutions:
        x = _convolved(x, filters, rows, columns)
    return x


def _convolved(x: Any, filters: int, rows: int, columns: int, stride: int = 1, padding: str = "same") -> Any:
    """Convolution, normalization without scale (the next convolution scales anyway), relu."""
    x = Conv2D(filters, (rows, columns), strides=stride, padding=padding, use_bias=False)(x)
    return Activation("relu")(BatchNormalization(axis=3, scale=False)(x))
