"""Keras's namespace `random`: noise for a layer's `call`, drawn anew in every step, whoever holds the rows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply, current_trace
from bigdl_keras.parameters import floatx

__all__ = ["SeedGenerator", "dropout", "normal", "uniform"]


class SeedGenerator:
    """Seeds for arrays, one after another; in a model all that is random follows the seed of `fit`.

    Args:
        seed: of the first; None for other ones each time.
        name: remembered.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        self.seed, self.name = seed, name
        self._generator = np.random.default_rng(seed)

    def next(self, ordered: bool = True) -> int:
        """The next seed."""
        return int(self._generator.integers(2**31))

    def get_config(self) -> dict[str, Any]:
        """From what another one is made."""
        return {"seed": self.seed}


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: Any = None) -> Any:
    """Normal numbers.

    Args:
        shape: of the result. In a model its first axis are the rows of the layer being called, as `ops.shape(x)[0]`
            answers.
        mean, stddev: of the numbers.
        dtype: default `floatx()`.
        seed: a whole number or a SeedGenerator, for arrays; a model draws by the seed of its fit.

    Raises:
        ValueError: in a model, the first axis is not that of the rows.
    """
    like = _like(shape, dtype)
    if isinstance(like, np.ndarray) and seed is not None:
        return np.asarray(_generator(seed).normal(mean, stddev, like.shape), like.dtype)
    return apply("random_normal_like", like, mean=float(mean), stddev=float(stddev))


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: str | None = None, seed: Any = None) -> Any:
    """Numbers from `minval` to below `maxval`.

    Args:
        shape, dtype, seed: as of `normal`.
        minval, maxval: the bounds.

    Raises:
        ValueError: in a model, the first axis is not that of the rows.
    """
    like = _like(shape, dtype)
    if isinstance(like, np.ndarray) and seed is not None:
        return np.asarray(_generator(seed).uniform(minval, maxval, like.shape), like.dtype)
    return apply("random_uniform_like", like, minval=float(minval), maxval=float(maxval))


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Some elements 0, the others divided by 1 - rate, in both phases; the layer Dropout knows phases.

    Args:
        inputs: an array or a tensor.
        rate: part that becomes 0.
        noise_shape: 1 on axes along which all or none is kept.
        seed: for compatibility.
    """
    return apply("dropout", inputs, rate=float(rate), noise_shape=None if noise_shape is None else tuple(noise_shape))


def _generator(seed: Any) -> np.random.Generator:
    return np.random.default_rng(seed.next() if isinstance(seed, SeedGenerator) else seed)


def _like(shape: Any, dtype: str | None) -> Any:
    """Something of this shape: zeros, or in a model a tensor with the rows of the layer being called."""
    shape, trace = tuple(shape), current_trace()
    dtype = dtype or floatx()
    rows = trace.rows[-1] if trace is not None and trace.rows else None
    if trace is None and None not in shape:
        return np.zeros(shape, dtype)
    if rows is None or not shape or shape[0] is not None or None in shape[1:]:
        raise ValueError("Random numbers in a model belong to rows: in a layer's call, the first axis must be that of "
                         "an input, ops.shape(x)[0], and the others known. Received shape "
                         f"{shape}{'' if trace is not None else ' outside of a layer'}.")
    column = rows[(slice(None), *(0 for _ in rows.shape[1:]))]
    column = ops.stop_gradient(ops.cast(ops.reshape(column, (-1, 1)), dtype))
    return ops.reshape(ops.repeat(column, prod(shape[1:]), axis=1), (-1, *shape[1:]))
