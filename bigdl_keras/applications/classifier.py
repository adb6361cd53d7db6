"""What image classifiers have in common: their arguments, the input, the head, and where weights come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bigdl_keras import layers
from bigdl_keras.models import Model

PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"


@dataclass(frozen=True)
class Classifier:
    """What a user asks of an image classifier, in Keras's words.

    Args:
        include_top: end with the layers that tell classes apart.
        weights: None for fresh ones, or the path of a file of any Keras.
        input_tensor: an `Input`, or a tensor computed from inputs, to use as the image.
        input_shape: (rows, columns, channels); None for the size that the network was made for.
        pooling: without top: None for feature maps, 'avg' or 'max' for a vector per image.
        classes: number of classes.
        classifier_activation: activation of the last layer; None for logits.
        default_size, smallest_size: of the images, in rows and columns.
        published: the name of Keras's file of ImageNet weights, with '{top}' where files without top say so.
    """

    include_top: bool
    weights: str | os.PathLike[str] | None
    input_tensor: Any
    input_shape: Sequence[int | None] | None
    pooling: str | None
    classes: int
    classifier_activation: Any
    default_size: int
    smallest_size: int
    published: str

    def __post_init__(self) -> None:
        if self.weights == "imagenet":
            raise ValueError(
                f"Weights are not downloaded. Download {PUBLISHED}/{self.published} and pass its path: weights='...'."
            )
        if self.weights is not None and "://" not in os.fspath(self.weights) and not os.path.isfile(self.weights):
            raise ValueError(f"`weights` must be None or the path of a file. There is no file {self.weights!r}.")
        if self.pooling not in (None, "avg", "max"):
            raise ValueError(f"`pooling` must be None, 'avg' or 'max'. Received {self.pooling!r}.")

    def image(self, needs_size: bool | None = None) -> Any:
        """The tensor with the images.

        Args:
            needs_size: whether rows and columns must be known; default: with top, as in Keras.
        """
        if self.input_tensor is not None:
            return self.input_tensor
        known = self.include_top if needs_size is None else needs_size
        shape = self.input_shape
        if shape is None:
            size = self.default_size if known else None
            shape = (size, size, 3)
        if len(shape) != 3:
            raise ValueError(f"`input_shape` must be (rows, columns, channels). Received {tuple(shape)}.")
        if known and None in shape:
            raise ValueError(f"With include_top=True, `input_shape` must have no None. Received {tuple(shape)}.")
        if any(size is not None and size < self.smallest_size for size in shape[:2]):
            raise ValueError(
                f"Images must have at least {self.smallest_size} rows and columns. Received input_shape={tuple(shape)}."
            )
        return layers.Input(tuple(shape))

    def head(self, x: Any, pool_names: tuple[str | None, str | None] = (None, None)) -> Any:
        """Global average pooling and a Dense layer, or without top the pooling asked for.

        Args:
            x: feature maps.
            pool_names: names of the average and the maximum pooling.
        """
        if self.include_top:
            x = layers.GlobalAveragePooling2D(name=pool_names[0])(x)
            return self.predictions(x)
        return self.pooled(x, pool_names)

    def predictions(self, x: Any) -> Any:
        """The last layer, one output per class."""
        return layers.Dense(self.classes, activation=self.classifier_activation, name="predictions")(x)

    def pooled(self, x: Any, names: tuple[str | None, str | None] = (None, None)) -> Any:
        """Feature maps as `pooling` says."""
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name=names[0])(x)
        if self.pooling == "max":
            return layers.GlobalMaxPooling2D(name=names[1])(x)
        return x

    def model(self, image: Any, outputs: Any, name: str) -> Model:
        """The model from the inputs behind `image` to `outputs`, with its weights."""
        inputs = _sources(image)
        model = Model(inputs[0] if len(inputs) == 1 else inputs, outputs, name=name)
        if self.weights is not None:
            model.load_weights(self.weights)
        return model


def _sources(tensor: Any) -> list[Any]:
    """The inputs that a tensor is computed from."""
    parents = tensor.node.input_tensors if tensor.node is not None else []
    if not parents:
        return [tensor]
    return list({id(source): source for parent in parents for source in _sources(parent)}.values())
