"""Random numbers are counter-based: a row's depend on seed, iteration, step and its place, never on the workers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bigdl_keras.kernels.activations import SELU_ALPHA, SELU_SCALE
from bigdl_keras.kernels.reshaping import target_shape
from bigdl_keras.kernels.table import KERNELS, Kernel, each, same_shape

_WORDS = 8  # 32-bit words that one tick of Philox's counter gives
_GAP = 64  # places that are drawn in vain rather than starting the generator anew


class Draws:
    """The random numbers of one step of one iteration (Salmon et al., Parallel random numbers: as easy as 1, 2, 3).

    A row at place p owns the counters from p * stride on, whichever worker holds it.

    Args:
        seed: of the fit.
        iteration: counted over the whole fit.
        step: the number of the step in the Plan, so that two layers never draw the same numbers.
        places: the place of each local row in the global batch; None where the numbers do not belong to rows.
    """

    def __init__(self, seed: int, iteration: int, step: int, places: np.ndarray | None = None) -> None:
        self._key = (seed & (2**64 - 1)) << 64 | (iteration & (2**40 - 1)) << 24 | step & (2**24 - 1)
        self._places = None if places is None else np.asarray(places, dtype=np.int64)
        self._drawn = 0

    def words(self, shape: tuple[int, ...], rowwise: bool = True) -> np.ndarray:
        """Random 32-bit words. `shape[0]` counts the rows (or rows times time steps), unless not `rowwise`."""
        places = self._places
        size = math.prod(shape)
        stream, self._drawn = self._drawn, self._drawn + 1  # a second draw of the same step is another stream
        if places is None or not rowwise or not len(places) or shape[0] % len(places):
            return self._run(0, 1, -(-size // _WORDS), stream)[0, :size].reshape(shape)
        width = size // len(places)
        stride = -(-width // _WORDS)
        if not width:
            return np.zeros(shape, np.uint32)
        order = None if len(places) == 1 or (np.diff(places) > 0).all() else np.argsort(places, kind="stable")
        ascending = places if order is None else places[order]
        breaks = np.flatnonzero(np.diff(ascending) > _GAP) + 1
        pieces = [self._pick(run, stride, stream) for run in np.split(ascending, breaks)]
        drawn = (pieces[0] if len(pieces) == 1 else np.concatenate(pieces))[:, :width]
        if order is not None:
            drawn = drawn[np.argsort(order, kind="stable")]
        return drawn.reshape(shape)

    def _pick(self, places: np.ndarray, stride: int, stream: int) -> np.ndarray:
        first, count = int(places[0]), int(places[-1] - places[0]) + 1
        drawn = self._run(first, count, stride, stream)
        return drawn if count == len(places) else drawn[places - first]

    def _run(self, first: int, count: int, stride: int, stream: int) -> np.ndarray:
        """The words of `count` neighbouring places, one row a place."""
        philox = np.random.Philox(key=self._key, counter=(stream << 128) + first * stride)
        return philox.random_raw(count * stride * 4).view(np.uint32).reshape(count, stride * _WORDS)

    def uniform(self, shape: tuple[int, ...], dtype: Any = np.float32, rowwise: bool = True) -> np.ndarray:
        """Numbers in [0, 1)."""
        words = self.words(shape, rowwise)
        if np.dtype(dtype) == np.float64:
            return words * 2.0**-32
        words = words >> np.uint32(8)
        return np.multiply(words, np.float32(2.0**-24), dtype=np.float32).astype(dtype, copy=False)

    def normal(self, shape: tuple[int, ...], dtype: Any = np.float32, rowwise: bool = True) -> np.ndarray:
        """Numbers of mean 0 and deviation 1 (Box and Muller, 1958)."""
        radius = self.uniform(shape, dtype, rowwise)
        np.subtract(1, radius, out=radius)  # in (0, 1], so that the logarithm is finite
        np.log(radius, out=radius)
        radius *= -2
        np.sqrt(radius, out=radius)
        angle = self.uniform(shape, dtype, rowwise)
        angle *= 2 * math.pi
        return np.multiply(radius, np.cos(angle, out=angle), out=radius)

    def integers(self, low: int, high: int, shape: tuple[int, ...], rowwise: bool = True) -> np.ndarray:
        """Whole numbers from `low` to `high` - 1, as int32."""
        scaled = (self.words(shape, rowwise).astype(np.uint64) * np.uint64(high - low)) >> np.uint64(32)
        return (scaled.astype(np.int64) + low).astype(np.int32)


def _kept(x: Any, draws: Draws, rate: float, noise_shape: Any, low: float, high: float) -> Any:
    """`high` where a number stays and `low`, with probability `rate`, where it is dropped."""
    shape = x.shape if noise_shape is None else target_shape(x.shape, noise_shape)
    rowwise = noise_shape is None or noise_shape[0] != 1
    words = draws.words(shape, rowwise)
    mask = np.greater_equal(words, np.uint32(min(round(rate * 2**32), 2**32 - 1)))
    chosen = np.multiply(mask, high - low, dtype=x.dtype)
    if low:
        chosen += low
    return chosen


def scale_by_saved(dy: Any, factor: Any, *, out: Any = None, **attributes: Any) -> Any:
    """Gradient of x * saved."""
    return np.multiply(dy, factor, out=out)


def dropout(
    x: Any, *, rate: float, noise_shape: Any = None, seed: int | None = None, draws: Draws, out: Any = None
) -> Any:
    """Drop numbers with probability `rate`; those that stay grow by 1 / (1 - rate)."""
    factor = _kept(x, draws, rate, noise_shape, 0.0, 1 / (1 - rate) if rate < 1 else 0.0)
    return np.multiply(x, factor, out=out), factor


def gaussian_dropout(x: Any, *, rate: float, seed: int | None = None, draws: Draws, out: Any = None) -> Any:
    """x times noise of mean 1 and deviation sqrt(rate / (1 - rate))."""
    factor = draws.normal(x.shape, x.dtype)
    factor *= math.sqrt(rate / (1 - rate))
    factor += 1
    return np.multiply(x, factor, out=out), factor


def alpha_dropout(
    x: Any, *, rate: float, noise_shape: Any = None, seed: int | None = None, draws: Draws, out: Any = None
) -> Any:
    """Dropout that keeps mean and deviation of selu's outputs (Klambauer et al., 2017)."""
    dropped = -SELU_ALPHA * SELU_SCALE
    scale = ((1 - rate) * (1 + rate * dropped**2)) ** -0.5
    factor = _kept(x, draws, rate, noise_shape, 0.0, 1.0)
    y = np.multiply(x, factor, out=out)
    y += dropped * (1 - factor)
    y *= scale
    y += -scale * dropped * rate
    return y, np.multiply(factor, scale, out=factor)


def gaussian_noise(x: Any, *, stddev: float, seed: int | None = None, draws: Draws, out: Any = None) -> Any:
    """x plus noise of mean 0."""
    noise = draws.normal(x.shape, x.dtype)
    noise *= stddev
    return np.add(x, noise, out=out)


def pass_through(dy: Any, *, out: Any = None, **attributes: Any) -> Any:
    """Gradient of x + noise."""
    return dy


def _drawn_dtype(x: Any, *, dtype: str | None = None, **attributes: Any) -> str:
    return dtype or np.dtype(x).name


def random_uniform_like(
    x: Any,
    *,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
    draws: Draws,
    out: Any = None,
) -> Any:
    """Numbers in [minval, maxval), of the shape of x."""
    drawn = draws.uniform(x.shape, dtype or x.dtype)
    drawn *= maxval - minval
    drawn += minval
    return drawn


def random_normal_like(
    x: Any,
    *,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str | None = None,
    seed: int | None = None,
    draws: Draws,
    out: Any = None,
) -> Any:
    """Normal numbers of the shape of x."""
    drawn = draws.normal(x.shape, dtype or x.dtype)
    drawn *= stddev
    drawn += mean
    return drawn


_RANDOM: dict[str, Any] = {"random": True, "saves": True}
KERNELS["dropout"] = Kernel(dropout, each(scale_by_saved), same_shape, ("saved",), **_RANDOM)
KERNELS["gaussian_dropout"] = Kernel(gaussian_dropout, each(scale_by_saved), same_shape, ("saved",), **_RANDOM)
KERNELS["alpha_dropout"] = Kernel(alpha_dropout, each(scale_by_saved), same_shape, ("saved",), **_RANDOM)
KERNELS["gaussian_noise"] = Kernel(gaussian_noise, each(pass_through), same_shape, (), random=True)
KERNELS["random_uniform_like"] = Kernel(random_uniform_like, None, same_shape, dtype=_drawn_dtype, random=True)
KERNELS["random_normal_like"] = Kernel(random_normal_like, None, same_shape, dtype=_drawn_dtype, random=True)
