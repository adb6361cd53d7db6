"""Preprocessing that is part of a model: fixed arithmetic on raw columns, with numbers that `adapt` learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.tensor import is_symbolic
from bigdl_keras.layers.adapting import measured, refuse_change
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.categories import as_vectors, chosen_mode, refuse_sparse
from bigdl_keras.layers.core import positive
from bigdl_keras.parameters import floatx
from bigdl_keras.registry import register
from bigdl_keras.shapes import normalize_axis


@register("layer")
class Rescaling(Layer):
    """x * scale + offset.

    Args:
        scale, offset: numbers, or lists along the last axis.
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        scale, offset = (value if isinstance(value, (int, float)) else np.asarray(value, self.dtype)
                         for value in (self.scale, self.offset))
        return ops.cast(inputs, self.dtype) * scale + offset


@register("layer")
class Normalization(Layer):
    """(x - mean) / deviation along `axis`, with moments from `adapt` or given.

    Args:
        axis: axis or axes that keep their own moments; None for one mean of all numbers.
        mean, variance: the moments, where they are known.
        invert: multiply and add instead.
    """

    def __init__(self, axis: int | Sequence[int] | None = -1, mean: Any = None, variance: Any = None,
                 invert: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization takes both `mean` and `variance`, or neither.")
        self.keep({"axis": axis, "invert": invert, "mean": _plain(mean), "variance": _plain(variance)})

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        axes = [] if self.axis is None else [self.axis] if isinstance(self.axis, int) else list(self.axis)
        self._kept = sorted(normalize_axis(axis, rank) for axis in axes)
        shape = tuple(input_shape[axis] for axis in self._kept)
        if self.mean is None and "adapted_mean" not in self.__dict__:
            self.adapted_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapted_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the moments of `data`.

        Args:
            data: an array, an iterable of batches, an RDD of rows, or a DataFrame of which the columns are selected.
                Spark's data is measured on the executors, in one pass.
            steps: number of batches, where `data` is an iterable of them.
        """
        axes = (self.axis,) if isinstance(self.axis, int) else () if self.axis is None else tuple(self.axis)
        moments = measured("Normalization", data, partial(Moments.of, axes=axes), Moments.merged, steps)
        if not self.built:
            self.build(moments.shape)
        self.adapted_mean.assign(moments.mean)
        self.adapted_variance.assign(moments.squares / moments.count)
        self.count.assign(np.float64(moments.rows))

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, self.dtype)
        rank = len(x.shape)
        shape = [x.shape[axis] if axis in self._kept else 1 for axis in range(rank)]
        mean, variance = ((self.adapted_mean, self.adapted_variance) if self.mean is None else
                          (np.asarray(value, self.dtype) for value in (self.mean, self.variance)))
        if len(mean.shape) == len(self._kept):
            mean, variance = ops.reshape(mean, shape), ops.reshape(variance, shape)
        deviation = ops.maximum(ops.sqrt(variance), 1e-7)
        return mean + x * deviation if self.invert else (x - mean) / deviation


@dataclass(frozen=True)
class Moments:
    """Mean and summed squared deviations of numbers, which add exactly (Chan, Golub and LeVeque, 1979)."""

    shape: tuple[int, ...]
    rows: int
    count: int
    mean: Any
    squares: Any

    @classmethod
    def of(cls, rows: Any, axes: tuple[int, ...]) -> Moments:
        """Those of an array, kept apart along `axes`."""
        values = np.asarray(rows, "float64")
        kept = {normalize_axis(axis, values.ndim) for axis in axes}
        others = tuple(axis for axis in range(values.ndim) if axis not in kept)
        mean = values.mean(axis=others, keepdims=True)
        count = prod(values.shape[axis] for axis in others)
        return cls(values.shape, len(values), count, mean.squeeze(others), ((values - mean) ** 2).sum(axis=others))

    def merged(self, other: Moments) -> Moments:
        """Those of the numbers of both."""
        if self.shape[1:] != other.shape[1:] and np.shape(self.mean) != np.shape(other.mean):
            raise ValueError("All rows must have one shape to be normalized together. Received shapes "
                             f"{self.shape[1:]} and {other.shape[1:]}.")
        count = self.count + other.count
        step = other.mean - self.mean
        mean = self.mean + step * (other.count / count)
        squares = self.squares + other.squares + step**2 * (self.count * other.count / count)
        return Moments(self.shape, self.rows + other.rows, count, mean, squares)


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else np.asarray(value).tolist()


@register("layer")
class CategoryEncoding(Layer):
    """Integers as vectors of length `num_tokens`.

    Args:
        num_tokens: number of categories.
        output_mode: "one_hot" (a vector each; a last axis of size 1 is replaced), "multi_hot" (1 for each category in
            the last axis) or "count" (how often each is there).

    Call arguments:
        inputs: integers (batch, ...).
        count_weights: with "count", a weight for each of them.
    """

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        refuse_sparse("CategoryEncoding", sparse=sparse)
        self.keep({"num_tokens": positive("CategoryEncoding", "num_tokens", num_tokens),
                   "output_mode": chosen_mode("CategoryEncoding", output_mode, ("one_hot", "multi_hot", "count"))})

    def _input_dtype(self) -> str:
        return "int32"

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        numbers = ops.cast(inputs, "int32")
        if count_weights is None:
            return as_vectors(numbers, self.output_mode, self.num_tokens, self.dtype)
        if self.output_mode != "count":
            raise ValueError("`count_weights` are for output_mode='count'. CategoryEncoding has "
                             f"{self.output_mode!r}.")
        hot = ops.one_hot(numbers, self.num_tokens, dtype=self.dtype)
        return ops.sum(hot * ops.expand_dims(ops.cast(count_weights, self.dtype), -1), axis=-2)


@register("layer")
class Discretization(Layer):
    """The number of the bin in which each number lies.

    Args:
        bin_boundaries: ascending; bin i is from boundary i - 1 (included) to boundary i.
        num_bins: how many bins `adapt` makes, of equally many numbers each; instead of `bin_boundaries`.
        epsilon: how exact `adapt` is: the boundaries are quantiles of 1 / epsilon representatives.
        output_mode: "int", or vectors: "one_hot", "multi_hot" or "count".

    Output shape:
        That of the input, of int32; (..., bins) for vectors.
    """

    is_recorded = False

    def __init__(self, bin_boundaries: Sequence[float] | None = None, num_bins: int | None = None,
                 epsilon: float = 0.01, output_mode: str = "int", sparse: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        refuse_sparse("Discretization", sparse=sparse)
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError("Discretization takes either `bin_boundaries`, or `num_bins` and a call of adapt(). "
                             f"Received bin_boundaries={bin_boundaries} and num_bins={num_bins}.")
        self.keep({"num_bins": num_bins if num_bins is None else positive("Discretization", "num_bins", num_bins),
                   "epsilon": epsilon, "sparse": sparse,
                   "output_mode": chosen_mode("Discretization", output_mode, ("int", "one_hot", "multi_hot", "count"))})
        self.bin_boundaries = None if bin_boundaries is None else [float(item) for item in bin_boundaries]

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take quantiles of the data as boundaries.

        Args:
            data: an array, an iterable of batches, an RDD of numbers or rows, or a DataFrame of which the columns are
                selected. Spark's data is summarized on the executors, in one pass.
            steps: number of batches, where `data` is an iterable of them.
        """
        if self.num_bins is None:
            raise ValueError(f"Layer '{self.name}' has `bin_boundaries`: only Discretization(num_bins=...) adapts.")
        refuse_change(self)
        merge = partial(merge_summaries, epsilon=self.epsilon)
        summary = measured("Discretization", data, partial(summarize, epsilon=self.epsilon), merge, steps)
        summary = merge(summary, np.zeros((2, 0), "float32"))
        self.bin_boundaries = compress(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(f"Layer '{self.name}' (Discretization) has no boundaries yet: call adapt(data) before it "
                             "is used.")
        self.is_recorded |= is_symbolic(inputs)
        x = ops.expand_dims(ops.cast(inputs, floatx()), -1)  # `dtype` is that of the numbers of bins
        above = ops.greater_equal(x, np.asarray(self.bin_boundaries, floatx()))
        numbers = ops.sum(ops.cast(above, "int32"), axis=-1)
        if self.output_mode == "int":
            return numbers
        return as_vectors(numbers, self.output_mode, len(self.bin_boundaries) + 1, self.dtype)

    def kept_config(self) -> dict[str, Any]:
        """With the boundaries, given or learnt."""
        return super().kept_config() | {"bin_boundaries": self.bin_boundaries}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Rebuild the layer from what `get_config` answered, with the boundaries it had learnt."""
        if config.get("num_bins") is None:
            return super().from_config(config)
        config = dict(config)
        learnt = config.pop("bin_boundaries", None)
        layer = super().from_config(config)
        layer.bin_boundaries = learnt
        return layer


def summarize(values: Any, epsilon: float) -> np.ndarray:
    """Representatives of the numbers and how many each stands for, (2, at most 1 / epsilon); as Keras takes them."""
    ordered = np.sort(np.asarray(values, "float32").reshape(-1))
    step = max(len(ordered) * epsilon, 1)
    chosen = ordered[int(step - 1)::int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def merge_summaries(one: np.ndarray, other: np.ndarray, epsilon: float) -> np.ndarray:
    """The summary of the numbers of both."""
    merged = np.concatenate([one, other], axis=1)
    return compress(merged[:, np.argsort(merged[0])], epsilon)


def compress(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of 1 / epsilon representatives, interpolated at equal shares of the weight."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    values, weights = (np.interp(shares, weights / weights[-1], row) for row in (summary[0], weights))
    return np.stack([values, np.diff(weights, prepend=0)]).astype("float32")
