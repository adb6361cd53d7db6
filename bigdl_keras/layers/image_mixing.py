"""Images and labels of one batch mixed with one another: a way to prepare arrays, not a layer of a model."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import is_symbolic
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.image_augmentation import ImageAugmentation, bounds_of
from bigdl_keras.registry import register


class _Mixing(ImageAugmentation):
    """Base: called on arrays, images alone or {"images": ..., "labels": ...}, it answers with the same, mixed.

    In a model it is refused: a batch lies on several workers, which would have to send one another their images.
    """

    def __init__(self, seed: int | None, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        self._generator = None if seed is None else np.random.default_rng(seed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any(map(is_symbolic, nest.flatten([*args, *kwargs.values()]))):
            raise ValueError(f"{type(self).__name__} mixes the rows of a batch, of which each worker holds a part: it "
                             "cannot be part of a model. Call it on arrays before training: "
                             "layer({'images': x, 'labels': y}).")
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        data = dict(inputs) if isinstance(inputs, dict) else {"images": inputs}
        if "images" not in data or set(data) - {"images", "labels"}:
            raise ValueError(f"{type(self).__name__} takes images, or a dict of 'images' and 'labels'. "
                             f"Received keys {sorted(data)}.")
        data["images"] = np.asarray(data["images"], self.dtype)
        if data["images"].ndim not in (3, 4):
            raise ValueError(f"{type(self).__name__} takes images (batch, height, width, channels). Received shape "
                             f"{data['images'].shape}.")
        if training and data["images"].ndim == 4:
            drawn = self.get_random_transformation(data["images"])
            data["images"] = self.transform_images(data["images"], drawn)
            if "labels" in data:
                data["labels"] = self.transform_labels(data["labels"], drawn)
        return data if isinstance(inputs, dict) else data["images"]

    def random(self) -> np.random.Generator:
        """Numbers of `seed`, or of what `set_random_seed` has set."""
        if self._generator is not None:
            return self._generator
        return np.random.default_rng(int(apply("random_uniform_like", np.zeros(1), maxval=2.0**31)[0]))

    def transform_labels(self, labels: Any, transformation: dict[str, Any]) -> np.ndarray:
        """Each label with the share of its image that is left, and that of the image mixed in."""
        labels = np.asarray(labels, self.dtype)
        if labels.ndim != 2:
            raise ValueError(f"{type(self).__name__} mixes labels of shape (batch, classes). Received shape "
                             f"{labels.shape}. Make them one-hot, e.g. with utils.to_categorical.")
        share = np.reshape(transformation["mix_weight"], (-1, 1)).astype(self.dtype)
        return share * labels + (1 - share) * labels[transformation["permutation_order"]]


@register("layer")
class MixUp(_Mixing):
    """Each image, and its label, as the mean of two of the batch, with weights from Beta(alpha, alpha).

    Called on arrays before training; see Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018.

    Args:
        alpha: the larger, the more alike the two weights.
        data_format: see `ImageAugmentation`.
        seed: None for what `set_random_seed` sets.

    Raises:
        ValueError: called in a model, or on labels that are not (batch, classes).

    Example:
        >>> mixed = MixUp(0.2)({"images": np.ones((4, 8, 8, 3)), "labels": np.eye(4)})
        >>> mixed["labels"].sum(axis=1)
        array([1., 1., 1., 1.], dtype=float32)
    """

    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        if alpha <= 0:
            raise ValueError(f"`alpha` of MixUp must be positive. Received {alpha!r}.")
        self.keep({"alpha": alpha})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        random = self.random()
        return {"mix_weight": random.beta(self.alpha, self.alpha, len(images)),
                "permutation_order": random.permutation(len(images))}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        share = np.reshape(transformation["mix_weight"], (-1, 1, 1, 1)).astype(images.dtype)
        return share * images + (1 - share) * images[transformation["permutation_order"]]


@register("layer")
class CutMix(_Mixing):
    """Each image with a rectangle of another one of the batch, and its label mixed by area.

    Called on arrays before training; see Yun et al., CutMix, 2019.

    Args:
        factor: bounds of the parameter of the Beta distribution that areas come from, within 0 and 1; or the upper one.
        seed: None for what `set_random_seed` sets.
        data_format: see `ImageAugmentation`.

    Raises:
        ValueError: called in a model, or on labels that are not (batch, classes).
    """

    def __init__(self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None,
                 **kwargs: Any) -> None:
        super().__init__(seed, data_format, **kwargs)
        self.keep({"factor": bounds_of("CutMix", "factor", factor, 0, 1)})

    def get_random_transformation(self, images: Any) -> dict[str, Any]:
        random = self.random()
        alpha = random.uniform(*self.factor) + 1e-6
        side = np.sqrt(1 - random.beta(alpha, alpha, len(images)))
        inside, area = np.ones(images.shape, bool), np.ones(len(images))
        for axis, size in zip((self.rows_axis, self.rows_axis + 1), self.sizes(images), strict=True):
            length = side * size
            first = random.uniform(0, 1, len(images)) * (size - length)
            last = first + length
            places = np.arange(size)
            along = (places >= first[:, None]) & (places < last[:, None])
            inside &= along.reshape(len(images), *(size if other == axis else 1 for other in (1, 2, 3)))
            area = area * length / size
        return {"permutation_order": random.permutation(len(images)), "batch_masks": inside, "mix_weight": 1 - area}

    def transform_images(self, images: Any, transformation: dict[str, Any]) -> Any:
        return np.where(transformation["batch_masks"], images[transformation["permutation_order"]], images)
