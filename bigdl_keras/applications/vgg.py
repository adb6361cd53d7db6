"""VGG (Simonyan and Zisserman, 2014): blocks of 3x3 convolutions, each block twice as wide and half as large."""

from __future__ import annotations

from typing import Any

from bigdl_keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from bigdl_keras.models import Model

from .classifier import Classifier

_FILTERS = (64, 128, 256, 512, 512)


def VGG16(
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, input_shape: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = "vgg16",
) -> Model:
    """VGG with 16 layers of weights; arguments as for `Classifier` and Keras's function of this name."""
    return _vgg((2, 2, 3, 3, 3), include_top, weights, input_tensor, input_shape, pooling, classes,
                classifier_activation, name)


def VGG19(
    include_top: bool = True, weights: Any = None, input_tensor: Any = None, input_shape: Any = None,
    pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str = "vgg19",
) -> Model:
    """VGG with 19 layers of weights; arguments as for `Classifier` and Keras's function of this name."""
    return _vgg((2, 2, 4, 4, 4), include_top, weights, input_tensor, input_shape, pooling, classes,
                classifier_activation, name)


def _vgg(depths: tuple[int, ...], include_top: bool, weights: Any, input_tensor: Any, input_shape: Any,
         pooling: str | None, classes: int, classifier_activation: Any, name: str) -> Model:
    variant = f"vgg{sum(depths) + 3}"
    published = f"{variant}/{variant}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    asked = Classifier(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
                       224, 32, published)
    x = image = asked.image()
    for block, (depth, filters) in enumerate(zip(depths, _FILTERS, strict=True), start=1):
        for place in range(1, depth + 1):
            x = Conv2D(filters, (3, 3), activation="relu", padding="same", name=f"block{block}_conv{place}")(x)
        x = MaxPooling2D((2, 2), strides=(2, 2), name=f"block{block}_pool")(x)
    if not include_top:
        return asked.model(image, asked.pooled(x), name)
    x = Flatten(name="flatten")(x)
    x = Dense(4096, activation="relu", name="fc1")(x)
    x = Dense(4096, activation="relu", name="fc2")(x)
    return asked.model(image, asked.predictions(x), name)
