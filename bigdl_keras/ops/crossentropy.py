"""Losses of probabilities and logits, one value a sample."""

from __future__ import annotations

from typing import Any

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.elementwise import align, as_float, as_tensor, cast, equal, less, negative, where
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.shapes import normalize_axis

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "ctc_decode",
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


@operation
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Any, Any]:
    """The labels that logits of a CTC model speak of most likely (Graves et al., 2006).

    Args:
        inputs: (batch, time, classes) logits.
        sequence_lengths: (batch,) how many time steps count of each.
        strategy: "greedy" takes the most likely class of each step; "beam_search" adds up all ways to say the same,
            of the `beam_width` best beginnings.
        beam_width: see above.
        top_paths: how many labels the beam search gives, the best first.
        merge_repeated: whether "greedy" takes equal neighbours for one.
        mask_index: the class that means nothing was emitted; the last one for None.

    Returns:
        Labels (top_paths, batch, time), with -1 after their end, and scores (batch, top_paths): of the beam search log
        probabilities, of "greedy" the negative sum of the logits taken.
    """
    inputs, lengths = as_float(inputs), as_tensor(sequence_lengths)
    blank = inputs.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "beam_search":
        labels, scores = apply("ctc_beam_search", inputs, lengths, width=beam_width, paths=top_paths, blank=blank)
        return labels, scores
    if strategy != "greedy":
        raise ValueError(f"`strategy` must be 'greedy' or 'beam_search'. Received {strategy!r}.")
    best, scores = apply("argmax", inputs, axis=-1), apply("max", inputs, axis=-1)
    places = apply("arange_like", best, axis=1)
    counts = less(places, apply("expand_dims", lengths, axis=-1))
    best = where(counts, best, blank)
    silent = equal(best, blank)
    if merge_repeated:
        same = equal(get_item(best, (slice(None), slice(1, None))), get_item(best, (slice(None), slice(None, -1))))
        same = apply("pad", same, widths=((0, 0), (1, 0)), mode="constant", value=False)
        silent = apply("logical_or", silent, same)
    order = apply("argsort", where(silent, 1, 0), axis=-1)  # stable: what is spoken comes first, in its order
    labels = apply("take_along_axis", where(silent, -1, best), order, axis=-1)
    total = negative(apply("sum", where(counts, scores, 0.0), axis=1, keepdims=True))
    return apply("expand_dims", labels, axis=0), total
