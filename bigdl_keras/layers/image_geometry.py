"""Images moved, turned, stretched, mirrored and cut at random: what is drawn says from where pixels are read."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.layers.core import positive
from bigdl_keras.layers.image_augmentation import ImageAugmentation, bounds_of, choice
from bigdl_keras.layers.image_sizes import Resizing
from bigdl_keras.registry import register

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")
_INTERPOLATIONS = ("nearest", "bilinear")
_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@register("layer")
class RandomFlip(ImageAugmentation):
    """Mirror every second image, as chance has it.

    Args:
        mode: "horizontal" (left and right change places), "vertical" or "horizontal_and_vertical".
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, mode: str = "horizontal_and_vertical", seed: int | None = None, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.keep({"mode": choice("RandomFlip", "mode", mode, _MODES)})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        return {"flips": ops.less_equal(self.draw(images), 0.5)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        axes = [self.rows_axis + 1] * (self.mode != "vertical") + [self.rows_axis] * (self.mode != "horizontal")
        return ops.where(transformation["flips"], ops.flip(images, tuple(axes)), images)


class _Affine(ImageAugmentation):
    """Base: pixels are read where a matrix with 8 numbers says."""

    def __init__(self, fill_mode: str, interpolation: str, seed: int | None, fill_value: float,
                 data_format: str | None, **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        kind = type(self).__name__
        self.keep({"fill_mode": choice(kind, "fill_mode", fill_mode, _FILL_MODES),
                   "interpolation": choice(kind, "interpolation", interpolation, _INTERPOLATIONS),
                   "fill_value": fill_value})

    def _read(self, images: Any, columns: list[Any]) -> Any:
        """Read with the first six numbers of the matrix, each (batch, 1) or a constant."""
        column = next(item for item in columns if hasattr(item, "shape"))
        zeros = column * 0
        transform = ops.concatenate([zeros + item for item in [*columns, 0.0, 0.0]], axis=1)
        return ops.image.affine_transform(images, transform, self.interpolation, self.fill_mode, self.fill_value,
                                          self.data_format)


@register("layer")
class RandomRotation(_Affine):
    """Turn each image about its middle.

    Args:
        factor: the largest angle, as a part of a whole turn, to both sides; or the bounds of the angle.
        fill_mode: what lies outside the image: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        fill_value: the number outside with "constant".
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear",
                 seed: int | None = None, fill_value: float = 0.0, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.keep({"factor": bounds_of("RandomRotation", "factor", factor, -1, 1)})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"angle"} in degrees, (batch, 1)."""
        return {"angle": self.draw(images, (360 * self.factor[0], 360 * self.factor[1]), rank=2)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        height, width = self.sizes(images)
        angle = transformation["angle"] * (math.pi / 180)
        cosine, sine = ops.cos(angle), ops.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2
        return self._read(images, [cosine, -sine, x - x * cosine + y * sine, sine, cosine, y - x * sine - y * cosine])


@register("layer")
class RandomZoom(_Affine):
    """Bring each image nearer, or take it further away.

    Args:
        height_factor: the largest part of the height that is added to or taken from what is seen; or its bounds:
            negative ones zoom in.
        width_factor: the same for the width; None to keep the proportions.
        fill_mode, interpolation, fill_value: as in RandomRotation.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, height_factor: Any, width_factor: Any = None, fill_mode: str = "reflect",
                 interpolation: str = "bilinear", seed: int | None = None, fill_value: float = 0.0,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.keep({"height_factor": bounds_of("RandomZoom", "height_factor", height_factor, -1, 1),
                   "width_factor": None if width_factor is None else
                   bounds_of("RandomZoom", "width_factor", width_factor, -1, 1)})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"height_zoom", "width_zoom"}, (batch, 1): 1 leaves an image as it is."""
        height = 1 + self.draw(images, self.height_factor, rank=2)
        width = height if self.width_factor is None else 1 + self.draw(images, self.width_factor, rank=2)
        return {"height_zoom": height, "width_zoom": width}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        height, width = self.sizes(images)
        tall, wide = transformation["height_zoom"], transformation["width_zoom"]
        x, y = (width - 1) / 2, (height - 1) / 2
        return self._read(images, [wide, 0.0, (1 - wide) * x, 0.0, tall, (1 - tall) * y])


@register("layer")
class RandomTranslation(_Affine):
    """Move each image.

    Args:
        height_factor: the largest way down and up, as a part of the height; or its bounds, positive ones down.
        width_factor: the largest way to the sides, as a part of the width; or its bounds, positive ones to the right.
        fill_mode, interpolation, fill_value: as in RandomRotation.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, height_factor: Any, width_factor: Any, fill_mode: str = "reflect",
                 interpolation: str = "bilinear", seed: int | None = None, fill_value: float = 0.0,
                 data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.keep({"height_factor": bounds_of("RandomTranslation", "height_factor", height_factor, -1, 1),
                   "width_factor": bounds_of("RandomTranslation", "width_factor", width_factor, -1, 1)})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"translations"}: pixels to the right and down, (batch, 2)."""
        height, width = self.sizes(images)
        down = self.draw(images, self.height_factor, rank=2) * height
        return {"translations": ops.concatenate([self.draw(images, self.width_factor, rank=2) * width, down], axis=1)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        ways = transformation["translations"]
        return self._read(images, [1.0, 0.0, -ways[:, :1], 0.0, 1.0, -ways[:, 1:]])


@register("layer")
class RandomShear(_Affine):
    """Slant each image.

    Args:
        x_factor: how far rows slide against one another, at most; or the bounds, from 0 to 1. To either side.
        y_factor: the same for columns.
        interpolation, fill_mode, fill_value: as in RandomRotation.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, x_factor: Any = 0.0, y_factor: Any = 0.0, interpolation: str = "bilinear",
                 fill_mode: str = "reflect", fill_value: float = 0.0, data_format: str | None = None,
                 seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.keep({"x_factor": x_factor, "y_factor": y_factor})
        self._bounds = [bounds_of("RandomShear", name, factor, -1, 1)
                        for name, factor in (("x_factor", x_factor), ("y_factor", y_factor))]

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"shear_factor"} along x and y, (batch, 2)."""
        side = ops.sign(self.draw(images, (-1.0, 1.0), rank=2))
        drawn = [self.draw(images, bounds, rank=2) * side for bounds in self._bounds]
        return {"shear_factor": ops.concatenate(drawn, axis=1)}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        shear = transformation["shear_factor"]
        return self._read(images, [1.0, shear[:, :1], 0.0, shear[:, 1:], 1.0, 0.0])


@register("layer")
class RandomPerspective(ImageAugmentation):
    """See some images from another side: their corners move.

    Args:
        factor: probability; or the bounds from which the probability of each image is drawn.
        scale: how far corners move at most, from 0 to 1: half of it, as a part of their distance from the first pixel.
        interpolation: "bilinear" or "nearest".
        fill_value: the number that lies outside the image.
        seed, data_format: see `ImageAugmentation`.
    """

    def __init__(self, factor: Any = 1.0, scale: float = 1.0, interpolation: str = "bilinear", fill_value: float = 0.0,
                 seed: int | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        bounds_of("RandomPerspective", "scale", scale, 0, 1)
        self.keep({"factor": bounds_of("RandomPerspective", "factor", factor, 0, 1), "scale": scale,
                   "interpolation": choice("RandomPerspective", "interpolation", interpolation, _INTERPOLATIONS),
                   "fill_value": fill_value})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"apply_perspective", "start_points", "end_points"}, the points of four corners as (batch, 4, 2)."""
        height, width = self.sizes(images)
        bounds = (-self.scale / 2, self.scale / 2)
        moved = ops.concatenate([self.draw(images, bounds, rank=2) for _ in range(8)], axis=1)
        x, y = width - 1, height - 1
        corners = np.asarray([[0, 0], [x, 0], [0, y], [x, y]], self.dtype)
        share = ops.reshape(moved, (-1, 4, 2))
        return {"apply_perspective": self.chance(images, self.factor), "start_points": share * 0 + corners,
                "end_points": corners + share * corners}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        points = transformation["start_points"], transformation["end_points"]
        seen = ops.image.perspective_transform(images, *points, self.interpolation, self.fill_value, self.data_format)
        return ops.where(transformation["apply_perspective"], seen, images)


@register("layer")
class RandomCrop(ImageAugmentation):
    """A part of each image, at a place of its own; outside training, and of smaller images, the middle, resized.

    Args:
        height, width: size of the part.
        seed, data_format: see `ImageAugmentation`.

    Output shape:
        (batch, height, width, channels).
    """

    def __init__(self, height: int, width: int, seed: int | None = None, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.keep({"height": positive("RandomCrop", "height", height), "width": positive("RandomCrop", "width", width)})
        self._whole = Resizing(height, width, crop_to_aspect_ratio=True, data_format=data_format)

    def _transformed(self, images: Any, training: bool) -> Any:
        height, width = self.sizes(images)
        if training and height > self.height and width > self.width:
            return super()._transformed(images, training)
        return self._whole(images)

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        """{"top", "left"}: the first row and column, (batch, 1, 1, 1)."""
        height, width = self.sizes(images)
        return {name: ops.cast(ops.floor(self.draw(images, (0, size - part + 1))), "int32")
                for name, size, part in (("top", height, self.height), ("left", width, self.width))}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        for axis, start, size in ((self.rows_axis, transformation["top"], self.height),
                                  (self.rows_axis + 1, transformation["left"], self.width)):
            shape = [size if place == axis else 1 for place in range(4)]
            images = ops.take_along_axis(images, start + np.arange(size, dtype="int32").reshape(shape), axis=axis)
        return images
