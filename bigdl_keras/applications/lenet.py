"""LeNet-5 as BigDL draws it: two convolutions, each with maximum pooling, and two Dense layers."""

from __future__ import annotations

from typing import Any

from bigdl_keras.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
from bigdl_keras.models import Sequential


def LeNet5(classes: int = 10, input_shape: Any = (28, 28, 1), classifier_activation: Any = "softmax",
           name: str = "lenet5") -> Sequential:
    """LeNet-5 (LeCun et al., 1998) for handwritten digits.

    Args:
        classes: number of classes.
        input_shape: (rows, columns, channels).
        classifier_activation: activation of the last layer; None for logits.
        name: name of the model.
    """
    return Sequential([
        Input(tuple(input_shape)),
        Conv2D(6, 5, activation="tanh", name="conv1_5x5"),
        MaxPooling2D(name="pool1"),
        Conv2D(12, 5, activation="tanh", name="conv2_5x5"),
        MaxPooling2D(name="pool2"),
        Flatten(name="flatten"),
        Dense(100, activation="tanh", name="fc1"),
        Dense(classes, activation=classifier_activation, name="fc2"),
    ], name=name)
