"""Masks travel with the tensors of a trace: handed to a layer's call, and attached to what it answers with."""

from __future__ import annotations

import warnings
from typing import Any

from bigdl_keras.graph import nest
from bigdl_keras.graph.tensor import KerasTensor


def hand_over_masks(arguments: dict[str, Any], names: dict[str, Any], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """Put the masks of a call's arguments into `kwargs` where `call` takes them.

    Args:
        arguments: of the call, by name.
        names: parameters of `call`: `mask` is that of the first argument, `query_mask` that of `query`.
        kwargs: keyword arguments of the call; masks given there are left alone.

    Returns:
        The first argument, and the nest of its masks (None where no tensor in it has one).
    """
    first, previous = None, None
    for position, (name, value) in enumerate(arguments.items()):
        masks = nest.map_leaves(lambda leaf: getattr(leaf, "keras_mask", None), value)
        present = any(mask is not None for mask in nest.flatten(masks))
        if position == 0:
            first, previous = value, masks if present else None
        target = "mask" if position == 0 and "mask" in names else f"{name}_mask"
        if target in names and arguments.get(target) is None and present:
            kwargs[target] = masks
    return first, previous


def attach_masks(layer: Any, inputs: Any, previous_mask: Any, outputs: Any) -> None:
    """Give the outputs the masks that `layer.compute_mask` answers with; tell where a mask ends."""
    tensors = nest.flatten(outputs)
    if not layer.supports_masking:
        lost = any(getattr(tensor, "keras_mask", None) is None for tensor in tensors)
        if previous_mask is not None and lost:
            warnings.warn(f"Layer '{layer.name}' ({type(layer).__name__}) was given a masked input but does not "
                          "support masking: the mask ends here.", stacklevel=5)
        return
    masks = layer.compute_mask(inputs, previous_mask)
    if masks is None:
        return
    masks = nest.flatten(masks)
    if len(masks) != len(tensors):
        masks = masks[:1] * len(tensors)
    for tensor, mask in zip(tensors, masks, strict=True):
        if isinstance(tensor, KerasTensor) and tensor.keras_mask is None:
            tensor.keras_mask = mask
