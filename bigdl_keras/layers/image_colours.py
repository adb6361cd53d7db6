"""Colours of images changed at random: each layer draws a strength for each image and mixes, shifts or cuts values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.image_augmentation import ImageAugmentation, bounds_of, range_of, rescaled
from bigdl_keras.registry import register

_BYTES = (0.0, 255.0)


class Colours(ImageAugmentation):
    """Base: values of pixels lie in `value_range`."""

    def __init__(self, value_range: Sequence[float], seed: int | None, data_format: str | None,
                 **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.keep({"value_range": range_of(type(self).__name__, value_range)})

    def keep_factor(self, factor: Any, lowest: float = 0.0, highest: float = 1.0) -> None:
        """The setting `factor` as bounds of what is drawn."""
        self.keep({"factor": bounds_of(type(self).__name__, "factor", factor, lowest, highest)})

    def clipped(self, images: Any) -> Any:
        """Values beyond the range at its ends."""
        return ops.clip(images, *self.value_range)

    def channel_axis(self) -> int:
        """The axis of red, green and blue."""
        return 3 if self.data_format == "channels_last" else 1

    def _with_hsv(self, images: Any, place: int, change: Any) -> Any:
        """Images with one of hue, saturation and value changed."""
        axis = self.channel_axis()
        parts = ops.split(ops.image.rgb_to_hsv(images, self.data_format), 3, axis=axis)
        parts[place] = change(parts[place])
        return ops.image.hsv_to_rgb(ops.concatenate(parts, axis=axis), self.data_format)


@register("layer")
class RandomBrightness(Colours):
    """Make each image lighter or darker.

    Args:
        factor: the most that is added or taken, as a part of the range; or the bounds, from -1 to 1.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), seed: int | None = None,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor, -1)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        low, high = self.value_range
        return {"rgb_delta": self.draw(images, self.factor) * (high - low)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        return self.clipped(images + transformation["rgb_delta"])


@register("layer")
class RandomContrast(Colours):
    """Move the values of each channel towards their mean, or away from it.

    Args:
        factor: x for a contrast from 1 to 1 + x; (low, high) for 1 - low to 1 + high.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), seed: int | None = None,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        low, high = self.factor
        return {"contrast_factor": self.draw(images, (1 - low, 1 + high))}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        mean = ops.mean(images, axis=(self.rows_axis, self.rows_axis + 1), keepdims=True)
        return self.clipped((images - mean) * transformation["contrast_factor"] + mean)


@register("layer")
class RandomColorDegeneration(Colours):
    """Take colour from each image.

    Args:
        factor: how much at most, from 0 (none) to 1 (all of it), taken or added; or the bounds, from -1 to 1.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), data_format: str | None = None,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor, -1)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {"factor": self.draw(images, self.factor)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        grey = ops.image.rgb_to_grayscale(images, self.data_format)
        return self.clipped(images + transformation["factor"] * (grey - images))


@register("layer")
class RandomGrayscale(ImageAugmentation):
    """Take all colour from some images.

    Args:
        factor: probability, from 0 to 1.
        data_format, seed: see `ImageAugmentation`.
    """

    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        bounds_of("RandomGrayscale", "factor", factor, 0, 1)
        self.keep({"factor": factor})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {"should_apply": ops.less(self.draw(images), self.factor)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        grey = ops.image.rgb_to_grayscale(images, self.data_format)
        return ops.where(transformation["should_apply"], grey, images)


@register("layer")
class RandomHue(Colours):
    """Turn the colours of each image on the colour wheel, to either side.

    Args:
        factor: how far at most, where 1 is half a turn; or the bounds, from 0 to 1.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), data_format: str | None = None,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"factor"} in turns."""
        return {"factor": ops.sign(self.draw(images, (1.0, -1.0))) * self.draw(images, self.factor) * 0.5}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        def turned(hue: Any) -> Any:
            hue = hue + transformation["factor"]
            hue = ops.where(ops.greater(hue, 1.0), hue - 1.0, hue)
            return ops.where(ops.less(hue, 0.0), hue + 1.0, hue)

        unit = self._with_hsv(rescaled(images, self.value_range, (0, 1)), 0, turned)
        return rescaled(ops.clip(unit, 0, 1), (0, 1), self.value_range)


@register("layer")
class RandomSaturation(Colours):
    """Make the colours of each image paler or stronger.

    Args:
        factor: from 0 (grey) over 0.5 (as it is) to 1 (as strong as can be); or the bounds.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), data_format: str | None = None,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"factor"} by which saturation is multiplied."""
        drawn = self.draw(images, self.factor)
        return {"factor": drawn / (1 - drawn + 1e-7)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        return self._with_hsv(images, 1, lambda saturation: self.clipped(saturation * transformation["factor"]))


@register("layer")
class RandomPosterization(Colours):
    """Keep the highest bits of each value.

    Args:
        factor: how many bits at most, from 1 to 8; or the bounds, of which the upper one is left out.
        value_range: least and largest value of a pixel.
        data_format, seed: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, value_range: Sequence[float] = (0, 255), data_format: str | None = None,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor, 1, 8)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {"shift_factor": 8 - ops.floor(self.draw(images, self.factor))}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        step = ops.power(2.0, ops.cast(transformation["shift_factor"], self.dtype))
        whole = ops.floor(rescaled(images, self.value_range, _BYTES))
        return rescaled(ops.floor(whole / step) * step, _BYTES, self.value_range)


@register("layer")
class RandomInvert(Colours):
    """Turn some images into their negatives.

    Args:
        factor: probability; or the bounds from which the probability of each image is drawn.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any = 1.0, value_range: Sequence[float] = (0, 255), seed: int | None = None,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep_factor(factor)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {"apply_inversion": self.chance(images, self.factor)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        return ops.where(transformation["apply_inversion"], self.value_range[1] - images, images)


@register("layer")
class RandomColorJitter(Colours):
    """Brightness, contrast, saturation and hue of each image, changed one after another.

    Args:
        value_range: least and largest value of a pixel.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: of RandomBrightness, RandomContrast,
            RandomSaturation and RandomHue; None to leave one out.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), brightness_factor: Any = None,
                 contrast_factor: Any = None, saturation_factor: Any = None, hue_factor: Any = None,
                 seed: int | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        factors = {"brightness_factor": brightness_factor, "contrast_factor": contrast_factor,
                   "saturation_factor": saturation_factor, "hue_factor": hue_factor}
        self.keep(factors)
        kinds = (RandomBrightness, RandomContrast, RandomSaturation, RandomHue)
        self._steps = [kind(factor, value_range=value_range, data_format=data_format, seed=seed, dtype=self.dtype)
                       for kind, factor in zip(kinds, factors.values(), strict=True) if factor is not None]

    def _transformed(self, images: Any, training: bool) -> Any:
        for step in self._steps:
            images = step(images, training=training)
        return images


@register("layer")
class Solarization(Colours):
    """Add to the values of each image, and turn those above a threshold into their negatives.

    Args:
        addition_factor: what is added at most, as a part of the range; or the bounds, from 0 to 1.
        threshold_factor: the threshold likewise.
        value_range: least and largest value of a pixel.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, addition_factor: Any = 0.0, threshold_factor: Any = 0.0, value_range: Sequence[float] = (0, 255),
                 seed: int | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, seed, data_format, **kwargs)
        self.keep({name: bounds_of("Solarization", name, factor, 0, 1, symmetric=False) for name, factor in
                   (("addition_factor", addition_factor), ("threshold_factor", threshold_factor))})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {name: self.draw(images, (low, high * 255)) for name, (low, high) in
                (("additions", self.addition_factor), ("thresholds", self.threshold_factor))}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        values = ops.clip(rescaled(images, self.value_range, _BYTES) + transformation["additions"], *_BYTES)
        values = ops.where(ops.less(values, transformation["thresholds"]), values, 255 - values)
        return rescaled(values, _BYTES, self.value_range)


class _Histograms(Colours):
    """Base of what follows from the images alone: nothing is drawn."""

    def __init__(self, value_range: Sequence[float], data_format: str | None, **kwargs: Any) -> None:
        super().__init__(value_range, None, data_format, **kwargs)

    def kept_config(self) -> dict[str, Any]:
        config = super().kept_config()
        del config["seed"]
        return config

    def spread(self, kernel: str, images: Any, **attributes: Any) -> Any:
        """What a kernel makes of values from 0 to 255 and channels last."""
        values = rescaled(images, self.value_range, _BYTES)
        if self.data_format == "channels_last":
            found = apply(kernel, values, **attributes)
        else:
            found = ops.transpose(apply(kernel, ops.transpose(values, (0, 2, 3, 1)), **attributes), (0, 3, 1, 2))
        return rescaled(found, _BYTES, self.value_range)


@register("layer")
class Equalization(_Histograms):
    """Spread the values of each channel of each image so that all are about equally frequent, in training.

    Keras counts the values of all images of a batch together; here each image has its own histogram, so that the
    images beside it do not matter.

    Args:
        value_range: least and largest value of a pixel.
        bins: of the histogram.
        data_format: see `ImageAugmentation`.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), bins: int = 256, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(value_range, data_format, **kwargs)
        self.keep({"bins": positive("Equalization", "bins", bins)})

    def _transformed(self, images: Any, training: bool) -> Any:
        return self.spread("equalize", images, bins=self.bins) if training else images


@register("layer")
class ContrastLimitedAdaptiveHistogramEqualization(_Histograms):
    """Spread the values of each channel of each image by the histograms of the tiles around them, in both phases.

    Args:
        value_range: least and largest value of a pixel.
        clip_limit: the most that one of 256 levels counts, as a multiple of an even histogram's; 0 for no limit.
        tile_grid_size: how many tiles an image has, down and across.
        data_format: see `ImageAugmentation`.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), clip_limit: float = 4.0,
                 tile_grid_size: Sequence[int] = (8, 8), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(value_range, data_format, **kwargs)
        name = type(self).__name__
        if len(tile_grid_size) != 2:
            raise ValueError(f"`tile_grid_size` of {name} must be two integers. Received {tile_grid_size!r}.")
        self.keep({"clip_limit": float(clip_limit),
                   "tile_grid_size": tuple(positive(name, "tile_grid_size", size) for size in tile_grid_size)})

    def _transformed(self, images: Any, training: bool) -> Any:
        return self.spread("equalize_tiles", images, tiles=self.tile_grid_size, limit=self.clip_limit)


@register("layer")
class AutoContrast(_Histograms):
    """Stretch the values of each channel of each image over the whole range, in both phases.

    Args:
        value_range: least and largest value of a pixel.
        data_format: see `ImageAugmentation`.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(value_range, data_format, **kwargs)

    def _transformed(self, images: Any, training: bool) -> Any:
        axes = (self.rows_axis, self.rows_axis + 1)
        low, high = ops.min(images, axis=axes, keepdims=True), ops.max(images, axis=axes, keepdims=True)
        even = ops.equal(low, high)  # a channel of one value stays as it is
        unit = (images - low) / ops.where(even, 1.0, high - low)
        return ops.where(even, images, self.clipped(rescaled(unit, (0.0, 1.0), self.value_range)))
