"""Images are disturbed in training, each by numbers drawn for its row: any number of workers draws what one draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import is_symbolic
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.calling import phase_unknown
from bigdl_keras.layers.settings import image_format

Range = tuple[float, float]


class ImageAugmentation(Layer):
    """Base: in training `transform_images` with what `get_random_transformation` drew, else the images as they are.

    Called directly on arrays, where nobody says in which phase, such a layer is in training, as in Keras.

    Args:
        seed: for compatibility; `fit` is made reproducible by its own seed.
        data_format: "channels_last" or "channels_first".
        bounding_box_format: None: images alone are transformed here.

    Input shape:
        (batch, height, width, channels), or one image without the batch.

    Output shape:
        The same.
    """

    def __init__(self, seed: int | None = None, data_format: str | None = None, bounding_box_format: Any = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if bounding_box_format is not None:
            raise ValueError(f"{type(self).__name__} transforms images alone, no bounding boxes. Received "
                             f"bounding_box_format={bounding_box_format!r}.")
        self.keep({"seed": seed, "data_format": image_format(data_format)})
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        symbolic = any(map(is_symbolic, nest.flatten(list(args))))  # a model tells the phase when it runs
        if not symbolic and kwargs.get("training") is None and len(args) < 2 and phase_unknown():
            kwargs["training"] = True
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if isinstance(inputs, dict):
            raise ValueError(f"Layer '{self.name}' takes images, not a dict of images and labels: {sorted(inputs)}.")
        if len(inputs.shape) not in (3, 4):
            raise ValueError(f"Layer '{self.name}' takes images (batch, height, width, channels), or one image. "
                             f"Received shape {tuple(inputs.shape)}.")
        images = ops.cast(inputs, self.dtype)
        if len(images.shape) == 4:
            return self._transformed(images, training)
        return ops.squeeze(self._transformed(ops.expand_dims(images, 0), training), 0)

    def _transformed(self, images: Any, training: bool) -> Any:
        return self.transform_images(images, self.get_random_transformation(images)) if training else images

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """What is drawn: tensors with one row for each of the images (batch, height, width, channels)."""
        raise NotImplementedError(f"{type(self).__name__} must define get_random_transformation(self, images).")

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        """The images, transformed as it says."""
        raise NotImplementedError(f"{type(self).__name__} must define transform_images(self, images, transformation).")

    # ---- for the layers of this kind

    @property
    def rows_axis(self) -> int:
        """The axis along which rows of pixels follow one another; columns are on the next one."""
        return 1 if self.data_format == "channels_last" else 2

    def sizes(self, images: Any) -> tuple[int, int]:
        """Height and width."""
        height, width = images.shape[self.rows_axis:self.rows_axis + 2]
        if height is None or width is None:
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) needs images of a known size. "
                             f"Received shape {tuple(images.shape)}.")
        return int(height), int(width)

    def draw(self, images: Any, bounds: Range = (0.0, 1.0), rank: int = 4) -> Any:
        """A number from `bounds` for each image, as (batch, 1, ...) of `rank` axes."""
        column = images[:, 0, 0, :1]
        drawn = apply("random_uniform_like", column, minval=float(bounds[0]), maxval=float(bounds[1]), seed=self.seed)
        return ops.reshape(drawn, (-1, *(1,) * (rank - 1))) if rank != 2 else drawn

    def chance(self, images: Any, bounds: Range) -> Any:
        """Whether an image is transformed, (batch, 1, 1, 1): with a probability that is drawn from `bounds`."""
        return ops.less(self.draw(images), self.draw(images, bounds))


def bounds_of(layer: str, name: str, factor: Any, lowest: float, highest: float, symmetric: bool = True) -> Range:
    """A factor as the bounds of what is drawn: a pair, or a number that stands for -number (or 0) to number.

    Raises:
        ValueError: it is neither, or outside `lowest` and `highest`.
    """
    pair = factor if isinstance(factor, (list, tuple)) else None
    if pair is None and isinstance(factor, (int, float)):
        pair = (max(-abs(factor), lowest) if symmetric else 0, abs(factor))
    if pair is None or len(pair) != 2 or min(pair) < lowest or max(pair) > highest:
        raise ValueError(f"`{name}` of {layer} must be a number, or a pair of them, from {lowest:g} to {highest:g}. "
                         f"Received {factor!r}.")
    return float(min(pair)), float(max(pair))


def range_of(layer: str, value_range: Sequence[float]) -> Range:
    """The least and the largest value of a pixel."""
    if not isinstance(value_range, (list, tuple)) or len(value_range) != 2:
        raise ValueError(f"`value_range` of {layer} must be two numbers. Received {value_range!r}.")
    return min(value_range), max(value_range)


def choice(layer: str, name: str, value: str, allowed: Sequence[str]) -> str:
    """One of the `allowed` words."""
    if value not in allowed:
        raise ValueError(f"`{name}` of {layer} must be one of {tuple(allowed)}. Received {value!r}.")
    return value


def rescaled(images: Any, source: Range, target: Range) -> Any:
    """Values of one range in another."""
    if tuple(source) == tuple(target):
        return images
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return (images - source[0]) * scale + target[0]
