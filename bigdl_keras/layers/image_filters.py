"""Images blurred, sharpened and covered at random: pixels change by what stands around them, or by where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.image_augmentation import bounds_of
from bigdl_keras.layers.image_colours import Colours
from bigdl_keras.registry import register


@register("layer")
class RandomSharpness(Colours):
    """Blur or sharpen each image.

    Args:
        factor: from 0 (blurred) over 0.5 (as it is) to 1 (sharpened), at most; or the bounds.
        value_range: least and largest value of a pixel.
        data_format, seed: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), data_format: str | None = None,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {"factor": self.draw(images, self.factor)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        weights = np.full((3, 3, 1, 1), 1 / 13)
        weights[1, 1] = 5 / 13
        kernel = np.repeat(weights, images.shape[self.channel_axis()], axis=2).astype(self.dtype)
        smooth = ops.depthwise_conv(images, kernel, padding="same", data_format=self.data_format)
        return self.clipped(images + (1 - 2 * transformation["factor"]) * (smooth - images))


@register("layer")
class RandomGaussianBlur(Colours):
    """Blur some images.

    Args:
        factor: probability; or the bounds from which the probability of each image is drawn.
        kernel_size: how many neighbours count, an odd number; or one across and one down.
        sigma: deviation of the bell, at most; or the bounds, from 0 to 1.
        value_range: least and largest value of a pixel.
        data_format, seed: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any = 1.0, kernel_size: Any = 3, sigma: Any = 1.0,
                 value_range: Sequence[float] = (0, 255), data_format: str | None = None, seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)
        sizes = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        if len(sizes) != 2 or any(size % 2 == 0 for size in sizes):
            raise ValueError(f"`kernel_size` of RandomGaussianBlur must be an odd number, or two. "
                             f"Received {kernel_size!r}.")
        self.keep({"kernel_size": sizes, "sigma": bounds_of("RandomGaussianBlur", "sigma", sigma, 0, 1)})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"should_apply_blur", "blur_factor"}: the deviations across and down, (batch, 2)."""
        deviations = [self.draw(images, self.sigma, rank=2) + 1e-6 for _ in range(2)]
        return {"should_apply_blur": self.chance(images, self.factor),
                "blur_factor": ops.concatenate(deviations, axis=1)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        blurred, deviations = images, transformation["blur_factor"]
        for place, size in enumerate(self.kernel_size):
            blurred = _smoothed(blurred, self.rows_axis + 1 - place, size, deviations[:, place:place + 1])
        return self.clipped(ops.where(transformation["should_apply_blur"], blurred, images))


def _smoothed(images: Any, axis: int, size: int, deviation: Any) -> Any:
    """The mean of `size` neighbours along an axis, weighted by a bell of each image's own deviation (batch, 1)."""
    places = np.arange(size, dtype="float32") - (size - 1) / 2
    bell = ops.exp(-0.5 * ops.square(places / deviation))
    bell = bell / ops.sum(bell, axis=1, keepdims=True)
    padded = ops.pad(images, [[size // 2] * 2 if place == axis else [0, 0] for place in range(4)])
    before = (slice(None),) * axis
    return sum(padded[(*before, slice(place, place + images.shape[axis]))] *
               ops.reshape(bell[:, place:place + 1], (-1, 1, 1, 1)) for place in range(size))


@register("layer")
class RandomErasing(Colours):
    """Cover a rectangle of some images.

    Args:
        factor: probability; or the bounds from which the probability of each image is drawn.
        scale: bounds of the part of the image that is covered.
        fill_value: a number, or one a channel, with which it is covered; None for noise.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any = 1.0, scale: Any = (0.02, 0.33), fill_value: Any = None,
                 value_range: Sequence[float] = (0, 255), seed: int | None = None, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)
        self.keep({"scale": bounds_of("RandomErasing", "scale", scale, 0, 1), "fill_value": fill_value})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        covered: Any = True
        for axis, size in zip((self.rows_axis, self.rows_axis + 1), self.sizes(images), strict=True):
            length = ops.sqrt(self.draw(images, self.scale)) * size
            start = self.draw(images) * (size - length)
            places = np.arange(size, dtype=self.dtype).reshape([size if place == axis else 1 for place in range(4)])
            inside = ops.logical_and(ops.less_equal(start, places), ops.less(places, start + length))
            covered = inside if covered is True else ops.logical_and(covered, inside)
        return {"apply_erasing": self.chance(images, self.factor), "batch_masks": covered,
                "fill_value": self._fill(images)}

    def _fill(self, images: Any) -> Any:
        if self.fill_value is None:
            return self.clipped(apply("random_normal_like", images, seed=self.seed) * self.value_range[1])
        shape = (-1, 1, 1) if self.data_format == "channels_first" else (-1,)
        return np.clip(np.reshape(self.fill_value, shape), *self.value_range).astype(self.dtype)

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        covered = ops.logical_and(transformation["apply_erasing"], transformation["batch_masks"])
        return ops.where(covered, transformation["fill_value"], images)
