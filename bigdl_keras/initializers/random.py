"""Initializers that draw numbers: with a seed of their own always the same ones, without from that of `set_seed`."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.trace import seed_arrays
from bigdl_keras.initializers.base import Initializer
from bigdl_keras.registry import register

_TRUNCATED_STDDEV = 0.87962566103423978
"""Standard deviation of a standard normal variable cut off at -2 and 2."""

_shared = np.random.default_rng()


def set_seed(seed: int | None) -> None:
    """Make all initializers without a seed of their own draw from here on what they drew after the same call before.

    Args:
        seed: any non-negative integer; None draws one from the operating system.
    """
    _shared.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def set_random_seed(seed: int) -> None:
    """Make a program repeatable: seeds initializers, shuffling and dropout, and Python's and numpy's own generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 (the user's own code may draw from it)
    set_seed(seed)
    seed_arrays(seed)


def draw_seed() -> int:
    """A seed for something that was given none; repeatable after `set_random_seed`."""
    return int(_shared.integers(2**31))


class _Random(Initializer):
    """What the initializers of this module share: a seed, and `draw`."""

    seed: int | None

    def generator(self) -> np.random.Generator:
        return _shared if self.seed is None else np.random.default_rng(self.seed)


@register("initializer", "normal")
class RandomNormal(_Random):
    """Normal distribution.

    Args:
        mean: its mean.
        stddev: its standard deviation.
        seed: with an integer, each call answers with the same values.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return self.generator().normal(self.mean, self.stddev, tuple(shape)).astype(dtype or np.float32)


@register("initializer", "uniform")
class RandomUniform(_Random):
    """Uniform distribution.

    Args:
        minval: lower bound.
        maxval: upper bound.
        seed: with an integer, each call answers with the same values.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        return self.generator().uniform(self.minval, self.maxval, tuple(shape)).astype(dtype or np.float32)


@register("initializer")
class TruncatedNormal(_Random):
    """Normal distribution without the values farther than two standard deviations from the mean.

    Args:
        mean: mean of the normal distribution.
        stddev: its standard deviation, before the cut.
        seed: with an integer, each call answers with the same values.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        values = truncated_normal(self.generator(), shape)
        return (self.mean + self.stddev * values).astype(dtype or np.float32)


@register("initializer")
class VarianceScaling(_Random):
    """Distribution of mean 0 and variance `scale / n`, n being a number of connections.

    Source: Glorot & Bengio, 2010; He et al., 2015; LeCun et al., 1998.

    Args:
        scale: factor of the variance.
        mode: n is "fan_in" (inputs of a unit), "fan_out" (outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" (also called "normal"), "untruncated_normal" or "uniform".
        seed: with an integer, each call answers with the same values.
        input_axes: axes of the shape that count as inputs; by default the last but one and a convolution's window.
        output_axes: axes that count as outputs; by default the last and a convolution's window.
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal",
                 seed: int | None = None, input_axes: Sequence[int] | None = None,
                 output_axes: Sequence[int] | None = None) -> None:
        if scale <= 0:
            raise ValueError(f"`scale` must be greater than 0. Received {scale}.")
        distribution = distribution.lower()
        for name, value, allowed in (
            ("mode", mode, ("fan_in", "fan_out", "fan_avg")),
            ("distribution", distribution, ("uniform", "truncated_normal", "untruncated_normal", "normal")),
        ):
            if value not in allowed:
                raise ValueError(f"`{name}` must be one of {allowed}. Received {value!r}.")
        self.scale = scale
        self.mode = mode
        self.distribution = "truncated_normal" if distribution == "normal" else distribution
        self.seed = seed
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        inputs, outputs = fans(shape, self.input_axes, self.output_axes)
        connections = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        variance = self.scale / max(1.0, connections)
        generator = self.generator()
        if self.distribution == "uniform":
            bound = math.sqrt(3.0 * variance)
            values = generator.uniform(-bound, bound, tuple(shape))
        elif self.distribution == "untruncated_normal":
            values = generator.normal(0.0, math.sqrt(variance), tuple(shape))
        else:
            values = truncated_normal(generator, shape) * (math.sqrt(variance) / _TRUNCATED_STDDEV)
        return values.astype(dtype or np.float32)


class _Named(VarianceScaling):
    """A variance scaling with a name of its own: only the seed and the axes are left to choose."""

    rule: tuple[float, str, str]

    def __init__(self, seed: int | None = None, input_axes: Sequence[int] | None = None,
                 output_axes: Sequence[int] | None = None) -> None:
        super().__init__(*self.rule, seed=seed, input_axes=input_axes, output_axes=output_axes)


@register("initializer")
class GlorotUniform(_Named):
    """Uniform in +-sqrt(6 / (inputs + outputs)). Source: Glorot & Bengio, 2010."""

    rule = (1.0, "fan_avg", "uniform")


@register("initializer")
class GlorotNormal(_Named):
    """Truncated normal of variance 2 / (inputs + outputs). Source: Glorot & Bengio, 2010."""

    rule = (1.0, "fan_avg", "truncated_normal")


@register("initializer")
class HeUniform(_Named):
    """Uniform in +-sqrt(6 / inputs). Source: He et al., 2015."""

    rule = (2.0, "fan_in", "uniform")


@register("initializer")
class HeNormal(_Named):
    """Truncated normal of variance 2 / inputs. Source: He et al., 2015."""

    rule = (2.0, "fan_in", "truncated_normal")


@register("initializer")
class LecunUniform(_Named):
    """Uniform in +-sqrt(3 / inputs). Source: LeCun et al., 1998."""

    rule = (1.0, "fan_in", "uniform")


@register("initializer")
class LecunNormal(_Named):
    """Truncated normal of variance 1 / inputs. Source: LeCun et al., 1998."""

    rule = (1.0, "fan_in", "truncated_normal")


@register("initializer", "OrthogonalInitializer")
class Orthogonal(_Random):
    """A random matrix with orthonormal rows or columns, whichever are fewer; further axes are joined with the first.

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2013.

    Args:
        gain: factor of the matrix.
        seed: with an integer, each call answers with the same values.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = gain
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal initializes arrays of at least 2 axes. Received shape {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.generator().normal(size=(max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))  # without it the matrices are not uniformly distributed
        matrix = q if rows >= columns else q.T
        return (self.gain * matrix).reshape(tuple(shape)).astype(dtype or np.float32)


def fans(shape: Sequence[int], input_axes: Sequence[int] | None = None,
         output_axes: Sequence[int] | None = None) -> tuple[float, float]:
    """Number of inputs and of outputs of a unit whose weights have this shape."""
    rank = len(shape)
    if rank < 2:
        only = float(shape[0]) if rank else 1.0
        return only, only
    inputs = {axis % rank for axis in (input_axes if input_axes is not None else (-2,))}
    outputs = {axis % rank for axis in (output_axes if output_axes is not None else (-1,))}
    window = math.prod(size for axis, size in enumerate(shape) if axis not in inputs | outputs)
    return (float(window * math.prod(shape[axis] for axis in inputs)),
            float(window * math.prod(shape[axis] for axis in outputs)))


def truncated_normal(generator: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
    """Standard normal values in [-2, 2]: those outside are drawn again."""
    values = generator.normal(size=tuple(shape))
    outside = np.abs(values) > 2.0
    while outside.any():
        values[outside] = generator.normal(size=int(outside.sum()))
        outside = np.abs(values) > 2.0
    return values
