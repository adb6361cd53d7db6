"""Layers that disturb their input in training, and let it pass otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.base import InputSpec, Layer
from bigdl_keras.layers.settings import image_format
from bigdl_keras.registry import register


class _Noise(Layer):
    """Base: `disturb` in training."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.disturb(inputs) if training and self.disturbs else inputs

    @property
    def disturbs(self) -> bool:
        return self.rate > 0

    def disturb(self, inputs: Any) -> Any:
        """The input with noise."""
        raise NotImplementedError(f"{type(self).__name__} must define disturb(self, inputs).")


def _rate(layer: str, rate: float, open_end: bool = False) -> float:
    if not isinstance(rate, (int, float)) or not 0 <= rate <= 1 or (open_end and rate == 1):
        raise ValueError(f"`rate` of {layer} must be a number from 0 to 1. Received {rate!r}.")
    return float(rate)


@register("layer")
class Dropout(_Noise):
    """Set elements to 0 with probability `rate`, and multiply the others by 1 / (1 - rate).

    Args:
        rate: fraction that is dropped.
        noise_shape: 1 on the axes along which a decision is shared, such as (None, 1, None); None to share nothing.
        seed: for compatibility; `fit` is made reproducible by its own seed.
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.rate = _rate("Dropout", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def disturb(self, inputs: Any) -> Any:
        return apply("dropout", inputs, rate=self.rate, noise_shape=self.noise_shape, seed=self.seed)


class _SpatialDropout(_Noise):
    rank = 1

    def __init__(self, rate: float, seed: int | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep({"rate": _rate(type(self).__name__, rate), "seed": seed})
        if self.rank > 1:
            self.keep({"data_format": image_format(data_format)})
        else:
            self.data_format = "channels_last"
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def disturb(self, inputs: Any) -> Any:
        ones = (1,) * self.rank
        shape = (None, *ones, None) if self.data_format == "channels_last" else (None, None, *ones)
        return apply("dropout", inputs, rate=self.rate, noise_shape=shape, seed=self.seed)


@register("layer")
class SpatialDropout1D(_SpatialDropout):
    """Drop whole channels of (batch, steps, channels) (Tompson et al., 2014).

    Args:
        rate: fraction that is dropped.
        seed: for compatibility.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed, **kwargs)


@register("layer")
class SpatialDropout2D(_SpatialDropout):
    """Drop whole channels of images (Tompson et al., 2014).

    Args:
        rate: fraction that is dropped.
        data_format: "channels_last" or "channels_first".
        seed: for compatibility.
    """

    rank = 2

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed, data_format, **kwargs)


@register("layer")
class SpatialDropout3D(_SpatialDropout):
    """Drop whole channels of volumes (Tompson et al., 2014).

    Args:
        rate: fraction that is dropped.
        data_format: "channels_last" or "channels_first".
        seed: for compatibility.
    """

    rank = 3

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed, data_format, **kwargs)


@register("layer")
class GaussianDropout(_Noise):
    """Multiply by noise of mean 1 and standard deviation sqrt(rate / (1 - rate)) (Srivastava et al., 2014).

    Args:
        rate: as in Dropout.
        seed: for compatibility.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.rate = _rate("GaussianDropout", rate, open_end=True)

    def disturb(self, inputs: Any) -> Any:
        return apply("gaussian_dropout", inputs, rate=self.rate, seed=self.seed)


@register("layer")
class AlphaDropout(_Noise):
    """Dropout that keeps the mean and variance of selu's outputs (Klambauer et al., 2017).

    Args:
        rate: fraction that is dropped.
        noise_shape: as in Dropout.
        seed: for compatibility.
    """

    def __init__(self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.rate = _rate("AlphaDropout", rate, open_end=True)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def disturb(self, inputs: Any) -> Any:
        return apply("alpha_dropout", inputs, rate=self.rate, noise_shape=self.noise_shape, seed=self.seed)


@register("layer")
class GaussianNoise(_Noise):
    """Add noise of mean 0.

    Args:
        stddev: standard deviation of the noise.
        seed: for compatibility.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if not isinstance(stddev, (int, float)) or stddev < 0:
            raise ValueError(f"`stddev` of GaussianNoise must be a number that is not negative. Received {stddev!r}.")

    @property
    def disturbs(self) -> bool:
        return self.stddev > 0

    def disturb(self, inputs: Any) -> Any:
        return apply("gaussian_noise", inputs, stddev=self.stddev, seed=self.seed)
