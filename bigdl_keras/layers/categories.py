"""Layers that read strings and identifiers: one encoder makes numbers of them, ops make vectors of the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import STRING, KerasTensor, is_symbolic
from bigdl_keras.graph.trace import apply
from bigdl_keras.kernels.encoding import CrossEncoder, Encoder, HashEncoder
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import positive
from bigdl_keras.parameters import floatx
from bigdl_keras.registry import register

_OLD_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


def chosen_mode(layer: str, mode: str, allowed: Sequence[str]) -> str:
    """The mode by Keras 3's name.

    Raises:
        ValueError: it is none of `allowed`.
    """
    mode = _OLD_MODES.get(mode, mode)
    if mode not in allowed:
        raise ValueError(f"`output_mode` of {layer} must be one of {tuple(allowed)}. Received {mode!r}.")
    return mode


def refuse_sparse(layer: str, **flags: bool) -> None:
    """Tensors here are dense and rectangular."""
    for name, asked in flags.items():
        if asked:
            raise ValueError(f"{layer} does not support {name}=True: all tensors are dense here.")


def salt_of(layer: str, salt: Any) -> tuple[int, int] | None:
    """The two numbers of SipHash's key."""
    if salt is None:
        return None
    pair = (salt, salt) if isinstance(salt, int) else tuple(salt)
    if len(pair) != 2 or not all(isinstance(part, (int, np.integer)) for part in pair):
        raise ValueError(f"`salt` of {layer} must be an integer or a pair of integers. Received {salt!r}.")
    return int(pair[0]), int(pair[1])


def as_vectors(numbers: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
    """Numbers of categories as "one_hot", "multi_hot", "count" or (times `weights`) "tf_idf" vectors."""
    if not len(numbers.shape):
        numbers = ops.expand_dims(numbers, 0)
    if mode == "one_hot":
        if len(numbers.shape) > 1 and numbers.shape[-1] == 1:
            numbers = ops.squeeze(numbers, -1)
        return ops.one_hot(numbers, depth, dtype=dtype)
    if len(numbers.shape) == 1 and isinstance(numbers, KerasTensor):
        raise ValueError(f"With output_mode={mode!r} the last axis holds the categories of one row, but the input of "
                         "the model has only the axis of rows. Give it the shape (1,).")
    return finished_counts(apply("count_categories", numbers, bins=depth, dtype=dtype), mode, weights)


def finished_counts(counts: Any, mode: str, weights: Any = None) -> Any:
    """Counts of categories as "count", "multi_hot" or "tf_idf" vectors."""
    if mode == "multi_hot":
        return ops.minimum(counts, 1)
    return counts * np.asarray(weights, counts.dtype) if mode == "tf_idf" else counts


class Encoding(Layer):
    """Base: `encoder` makes numbers of the inputs, which may be arrays of strings, lists, or tensors of a model."""

    encoder: Encoder
    is_recorded = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and not any(isinstance(leaf, KerasTensor) for leaf in nest.flatten(args[0])):
            args = (self._arrays(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def _arrays(self, inputs: Any) -> Any:
        return _array(inputs)

    def _encode(self, *inputs: Any) -> Any:
        self.is_recorded |= any(map(is_symbolic, inputs))
        return apply("encode", *inputs, encoder=self.encoder)

    def _input_dtype(self) -> str:
        return STRING if self.reads_strings else "int64"

    @property
    def reads_strings(self) -> bool:
        """Whether the inputs are strings, where nothing else is said of them."""
        return False


def _array(value: Any) -> np.ndarray:
    """Strings in lists, of pandas and of Arrow are arrays of objects, of whatever lengths they are."""
    array = np.asarray(value)
    return array.astype(object) if array.dtype.kind in "USTO" else array


@register("layer")
class Hashing(Encoding):
    """Strings or whole numbers as the number of a bin: their fingerprint modulo `num_bins`.

    The fingerprint is FarmHash64, or with a salt SipHash64, of the string (of a number, as it is written down), so
    that the bins are those of Keras.

    Args:
        num_bins: how many bins there are.
        mask_value: what has bin 0 for itself; all else is in the bins after it.
        salt: an integer or a pair: other salts spread otherwise (SipHash instead of FarmHash).
        output_mode: "int", or vectors of length `num_bins`: "one_hot", "multi_hot" or "count".

    Input shape:
        (batch, ...) of strings or integers.

    Output shape:
        The same, of int64; (batch, ..., num_bins) for vectors.

    Example:
        >>> import bigdl_keras as bk
        >>> bk.layers.Hashing(num_bins=3)(["A", "B", "C", "D", "E"]).tolist()
        [1, 0, 1, 1, 2]
    """

    def __init__(self, num_bins: int, mask_value: Any = None, salt: Any = None, output_mode: str = "int",
                 sparse: bool = False, **kwargs: Any) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else floatx()
        super().__init__(**kwargs)
        refuse_sparse("Hashing", sparse=sparse)
        self.keep({"num_bins": positive("Hashing", "num_bins", num_bins), "mask_value": mask_value,
                   "salt": salt_of("Hashing", salt), "sparse": sparse,
                   "output_mode": chosen_mode("Hashing", output_mode, ("int", "one_hot", "multi_hot", "count"))})
        self.encoder = HashEncoder(self.num_bins, mask_value, self.salt)

    def call(self, inputs: Any) -> Any:
        numbers = self._encode(inputs)
        if self.output_mode == "int":
            return ops.cast(numbers, self.dtype)
        return as_vectors(numbers, self.output_mode, self.num_bins, self.dtype)


@register("layer")
class HashedCrossing(Encoding):
    """Combinations of several features as the number of a bin.

    Args:
        num_bins: how many bins there are.
        output_mode: "int", or "one_hot" for vectors of length `num_bins`.

    Input shape:
        A list of two or more arrays of strings or integers, each (batch,) or (batch, 1).

    Output shape:
        That of one of them, of int64; (batch, num_bins) for vectors.

    Example:
        >>> import bigdl_keras as bk
        >>> cities, days = ["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102]
        >>> bk.layers.HashedCrossing(num_bins=5)((cities, days)).tolist()
        [1, 4, 1, 1, 3]
    """

    def __init__(self, num_bins: int, output_mode: str = "int", sparse: bool = False, **kwargs: Any) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else floatx()
        super().__init__(**kwargs)
        refuse_sparse("HashedCrossing", sparse=sparse)
        self.keep({"num_bins": positive("HashedCrossing", "num_bins", num_bins), "sparse": sparse,
                   "output_mode": chosen_mode("HashedCrossing", output_mode, ("int", "one_hot"))})
        self.encoder = CrossEncoder(self.num_bins)

    def _arrays(self, inputs: Any) -> Any:
        return [_array(item) for item in inputs]

    def call(self, inputs: Any) -> Any:
        shapes = [tuple(item.shape) for item in inputs]
        if len(inputs) < 2 or len(set(shapes)) > 1 or len(shapes[0]) > 2 or shapes[0][1:] not in ((), (1,)):
            raise ValueError("HashedCrossing takes a list of two or more tensors of one shape, (batch,) or (batch, 1). "
                             f"Received shapes {shapes}.")
        numbers = self._encode(*inputs)
        if self.output_mode == "int":
            return ops.cast(numbers, self.dtype)
        return as_vectors(numbers, self.output_mode, self.num_bins, self.dtype)
