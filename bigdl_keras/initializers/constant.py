"""Initializers that draw no numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bigdl_keras.initializers.base import Initializer
from bigdl_keras.registry import register


@register("initializer", "zero")
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.zeros(tuple(shape), dtype or np.float32)


@register("initializer", "one")
class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.ones(tuple(shape), dtype or np.float32)


@register("initializer")
class Constant(Initializer):
    """One value everywhere, or the values of an array that broadcasts to the shape.

    Args:
        value: the value or values.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return np.full(tuple(shape), self.value, dtype or np.float32)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value.tolist() if isinstance(self.value, np.ndarray | np.generic) else self.value}


@register("initializer", "IdentityInitializer")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    Args:
        gain: value on the diagonal.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity initializes matrices only. Received shape {tuple(shape)}.")
        return self.gain * np.eye(*shape, dtype=dtype or np.float32)


# Weights of symmetric windows of n points, by their places from 0 to 1.
_WINDOWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hann": lambda place: 0.5 - 0.5 * np.cos(2 * np.pi * place),
    "hamming": lambda place: 0.54 - 0.46 * np.cos(2 * np.pi * place),
    "blackman": lambda place: 0.42 - 0.5 * np.cos(2 * np.pi * place) + 0.08 * np.cos(4 * np.pi * place),
    "bartlett": lambda place: 1 - np.abs(2 * place - 1),
    "boxcar": np.ones_like,
}


@register("initializer", "STFTInitializer")
class STFT(Initializer):
    """Kernels (time, 1, frequencies) of a convolution that is the real or imaginary part of a Fourier transform.

    cos or sin of -2 pi t f / (2 (frequencies - 1)), weighted by a window along t.

    Args:
        side: "real" for cosines, "imag" for sines.
        window: "hann", "hamming", "blackman", "bartlett", "boxcar", a vector of weights, or None for ones.
        scaling: "density" divides by the root of the sum of squared weights, "spectrum" by the sum of their sizes; None
            does not divide.
        periodic: the window of one more point without its last.
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"`side` of STFT must be 'real' or 'imag'. Received {side!r}.")
        if isinstance(window, str) and window not in _WINDOWS:
            raise ValueError(f"`window` of STFT must be a vector or one of {', '.join(_WINDOWS)}. Received {window!r}.")
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"`scaling` of STFT must be 'density', 'spectrum' or None. Received {scaling!r}.")
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) != 3 or shape[2] < 2:
            raise ValueError(f"STFT initializes kernels (time, 1, frequencies). Received shape {tuple(shape)}.")
        time, _, frequencies = shape
        angles = np.outer(np.arange(time), np.arange(frequencies)) * (-np.pi / (frequencies - 1))
        kernel = np.cos(angles) if self.side == "real" else np.sin(angles)
        weights = self._weights(time)
        if weights is not None:
            kernel *= weights[:, None]
            if self.scaling is not None:
                kernel /= np.sqrt(np.sum(weights**2)) if self.scaling == "density" else np.sum(np.abs(weights))
        return np.broadcast_to(kernel[:, None], tuple(shape)).astype(dtype or np.float32)

    def _weights(self, time: int) -> np.ndarray | None:
        if isinstance(self.window, str):
            last = time if self.periodic else max(time - 1, 1)
            return np.asarray(_WINDOWS[self.window](np.arange(time) / last), np.float64)
        if self.window is not None and np.shape(self.window) != (time,):
            raise ValueError(f"`window` of STFT must have {time} weights. Received shape {np.shape(self.window)}.")
        return None if self.window is None else np.asarray(self.window, np.float64)

    def get_config(self) -> dict[str, Any]:
        window = self.window.tolist() if isinstance(self.window, np.ndarray) else self.window
        return {"side": self.side, "window": window, "scaling": self.scaling, "periodic": self.periodic}
