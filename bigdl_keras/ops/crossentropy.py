"""Losses of probabilities and logits, one value a sample."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, as_tensor, cast
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "ctc_loss",
    "sparse_categorical_crossentropy",
]


@operation
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-t log(p) - (1 - t) log(1 - p), element by element; probabilities are kept 1e-7 away from 0 and 1."""
    target, output = align(target, as_float(output))
    _check_shapes("binary_crossentropy", target, output.shape, "")
    return apply("sigmoid_cross_entropy" if from_logits else "binary_cross_entropy", output, target)


@operation
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(t log(p)) along `axis`; probabilities are first divided by their sum, as Keras does."""
    target, output = align(target, as_float(output))
    hint = " Class numbers need sparse_categorical_crossentropy, or one_hot(labels)."
    _check_shapes("categorical_crossentropy", target, output.shape, hint)
    target, output = _classes_last(target, axis), _classes_last(output, axis)
    return apply("softmax_cross_entropy" if from_logits else "categorical_cross_entropy", output, target)


@operation
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """categorical_crossentropy for integer classes; `target` has the shape of `output` without `axis`.

    Raises:
        ValueError: a label is negative or not less than the number of classes.
    """
    target, output = as_tensor(target), as_float(output)
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = apply("squeeze", target, axis=-1)
    place = normalize_axis(axis, len(output.shape))
    hint = " One-hot labels need categorical_crossentropy."
    expected = (*output.shape[:place], *output.shape[place + 1 :])
    _check_shapes("sparse_categorical_crossentropy", target, expected, hint)
    kernel = "sparse_softmax_cross_entropy" if from_logits else "sparse_cross_entropy"
    return apply(kernel, _classes_last(output, axis), cast(target, "int32"))


def _check_shapes(name: str, target: Any, expected: tuple[int | None, ...], hint: str) -> None:
    """Refuse labels of another shape, where broadcasting would quietly compare each label with all others."""
    fits = len(target.shape) == len(expected) and all(
        None in sizes or sizes[0] == sizes[1] for sizes in zip(target.shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} expects labels of shape {expected}. Received labels of shape {target.shape}.{hint}")


def _classes_last(x: Any, axis: int) -> Any:
    """`x` with the axis of the classes moved to the end."""
    rank = len(x.shape)
    place = normalize_axis(axis, rank)
    if place == rank - 1:
        return x
    return apply("transpose", x, axes=(*(other for other in range(rank) if other != place), place))


@operation
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """-log of the probability of all alignments of a label with logits (Graves et al., 2006).

    Args:
        target: (batch, L) integer classes.
        output: (batch, time, classes) logits.
        target_length, output_length: (batch,) lengths that count of each.
        mask_index: the class that means nothing was emitted.

    Returns:
        (batch,) losses; infinite where a label is too long for its output.
    """
    return apply(
        "ctc_loss", as_float(output), *map(as_tensor, (target, target_length, output_length)), blank=mask_index
    )
