"""Layers one after another as one layer: all of them, or for each image a few that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.image_augmentation import ImageAugmentation
from bigdl_keras.layers.image_colours import (
    AutoContrast,
    Colours,
    Equalization,
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    Solarization,
)
from bigdl_keras.layers.image_filters import RandomSharpness
from bigdl_keras.layers.image_geometry import RandomRotation, RandomShear, RandomTranslation
from bigdl_keras.layers.lookup import layer_from_config, layer_to_config
from bigdl_keras.registry import register


@register("layer")
class Pipeline(Layer):
    """Layers one after another: a plain layer, where Sequential is a model.

    Args:
        layers: the layers, or their configs.
    """

    def __init__(self, layers: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layers = [layer_from_config(layer) for layer in layers]
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The layers have attached theirs."""
        return None

    def get_config(self) -> dict[str, Any]:
        """What Keras's Pipeline takes: a name and the layers."""
        return {"name": self.name, "layers": [layer_to_config(layer) for layer in self.layers]}


@register("layer")
class RandAugment(Colours):
    """Some of eleven ways to disturb an image, one after another (Cubuk et al., 2020).

    Keras draws the ways once for a batch; here each image has its own, so that the images beside it do not matter.
    All ways are computed for all images: mind the time.

    Args:
        value_range: least and largest value of a pixel.
        num_ops: how many ways.
        factor: how much at most, from 0 to 1, or the bounds.
        interpolation: "nearest" or "bilinear", of those that move pixels.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), num_ops: int = 2, factor: Any = 0.5,
                 interpolation: str = "bilinear", seed: int | None = None, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep({"num_ops": positive("RandAugment", "num_ops", num_ops), "interpolation": interpolation})
        self.keep_factor((0, factor) if isinstance(factor, (int, float)) else factor)
        shared = {"data_format": self.data_format, "dtype": self.dtype}
        moving = {"interpolation": interpolation, **shared}
        coloured = {"value_range": self.value_range, **shared}
        bounds = self.factor
        self.ways: dict[str, ImageAugmentation] = {
            "random_shear": RandomShear(bounds, bounds, **moving),
            "random_translation": RandomTranslation(bounds, bounds, **moving),
            "random_rotation": RandomRotation(bounds, **moving),
            "random_brightness": RandomBrightness(bounds, **coloured),
            "random_color_degeneration": RandomColorDegeneration(bounds, **coloured),
            "random_contrast": RandomContrast(bounds, **coloured),
            "random_sharpness": RandomSharpness(bounds, **coloured),
            "random_posterization": RandomPosterization(max(1, int(8 * bounds[1])), **coloured),
            "solarization": Solarization(bounds, bounds, **coloured),
            "auto_contrast": AutoContrast(**coloured),
            "equalization": Equalization(**coloured),
        }

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """Numbers of ways (batch, num_ops), and what each way draws for each image."""
        like = ops.repeat(images[:, 0, 0, :1], self.num_ops, axis=1)
        count = float(len(self.ways))
        numbers = ops.floor(apply("random_uniform_like", ops.stop_gradient(like), maxval=count, seed=self.seed))
        drawn = {name: None if name in _NOT_RANDOM else way.get_random_transformation(images)
                 for name, way in self.ways.items()}
        return {"layer_idxes": ops.minimum(numbers, count - 1), "transforms": drawn}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        for place in range(self.num_ops):
            chosen = ops.reshape(transformation["layer_idxes"][:, place], (-1, 1, 1, 1))
            result = images
            for number, (name, drawn) in enumerate(transformation["transforms"].items()):
                way = self.ways[name]
                changed = way(images, training=True) if drawn is None else way.transform_images(images, drawn)
                result = ops.where(ops.equal(chosen, float(number)), changed, result)
            images = result
        return images


_NOT_RANDOM = ("auto_contrast", "equalization")
