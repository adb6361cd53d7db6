"""What an optimizer remembers, in every file format, becomes named slots with one array per trainable variable."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .keras_h5.assign import Match
from .keras_h5.legacy import FileLayer
from .spec import StoreNode, Version

logger = logging.getLogger(__name__)


@dataclass
class OptimizerState:
    """State of an optimizer.

    Args:
        class_name: Keras 3 class name.
        iterations: finished updates.
        learning_rate: the current one, or None where a schedule or the config tells.
        slots: slot name (momentum, velocity, velocity_hat, accumulator, ...) -> one array for each trainable
            variable of the model, in the order of `flat()`.
    """

    class_name: str
    iterations: int = 0
    learning_rate: float | None = None
    slots: dict[str, list[np.ndarray]] = field(default_factory=dict)


_FACTORS = ("r", "c")


def slot_groups(class_name: str, config: Mapping[str, Any]) -> list[tuple[str, ...]] | None:
    """Slots of a Keras 3 optimizer: group after group, within a group variable by variable. None: unknown class."""
    groups: dict[str, list[tuple[str, ...]]] = {
        "SGD": [("momentum",)] if config.get("momentum") else [],
        "Adam": [("momentum", "velocity")],
        "AdamW": [("momentum", "velocity")],
        "Nadam": [("momentum", "velocity")],
        "Lamb": [("momentum", "velocity")],
        "Lion": [("momentum",)],
        "ScheduleFreeAdamW": [("momentum", "velocity")],
        "Adagrad": [("accumulator",)],
        "Adadelta": [("accumulated_grad", "accumulated_delta_var")],
        "Adamax": [("momentum", "norm")],
        "Ftrl": [("accumulator", "linear")],
        "RMSprop": [("velocity",)],
        "Adafactor": [_FACTORS],
    }
    if class_name not in groups:
        return None
    found = groups[class_name]
    if class_name in ("Adam", "AdamW") and config.get("amsgrad"):
        found = [*found, ("velocity_hat",)]
    if class_name == "RMSprop":
        found = [
            *found,
            *([("momentum",)] if config.get("momentum") else []),
            *([("average_gradient",)] if config.get("centered") else []),
        ]
    before = [("average",)] if config.get("use_ema") else []
    before += [("gradient_accumulator",)] if config.get("gradient_accumulation_steps") else []
    return [*before, *found]


# Keras 3 and the new optimizers of 2.15 in a .keras or .weights.h5 file -----------------------------------------------


def from_arrays(
    class_name: str,
    config: dict[str, Any],
    arrays: Sequence[np.ndarray],
    shapes: Sequence[tuple[int, ...]],
    with_learning_rate: bool,
) -> OptimizerState | None:
    """State from the numbered arrays of a Keras 3 file, or None (with a warning) if they do not fit.

    Args:
        class_name, config: the optimizer.
        arrays: iteration, learning rate, then the slots.
        shapes: of the trainable variables.
        with_learning_rate: False for Keras 2.15, which does not store it here.
    """
    momentum = config.get("momentum") if with_learning_rate else 1.0  # SGD of Keras 2.15 always keeps one
    groups = slot_groups(class_name, {**config, "momentum": momentum} if class_name == "SGD" else config)
    with_learning_rate = with_learning_rate and not isinstance(config.get("learning_rate"), dict)
    head = 2 if with_learning_rate else 1
    dummies = class_name == "Adafactor" and any(array.shape == () for array in arrays[head:])
    needed = [kept for group in groups or () for shape in shapes for _, kept in _kept(group, shape, dummies)]
    if class_name == "Nadam" and len(arrays) == head + len(needed) + 1:
        arrays = arrays[:-1]  # the product of its momenta, which follows from the iteration
    if groups is None or [array.shape for array in arrays[head:]] != needed or len(arrays) < head:
        logger.warning(
            "The state of optimizer %s in the file (%d arrays) does not fit the model; it starts afresh.",
            class_name,
            len(arrays),
        )
        return None
    state = OptimizerState(class_name, int(arrays[0]), float(arrays[1]) if with_learning_rate else None)
    position = head
    for group in groups:
        for shape in shapes:
            kept = [slot for slot, _ in _kept(group, shape, dummies)]
            found = dict(zip(kept, arrays[position:], strict=False))
            position += len(kept)
            for slot, array in (_spread(found, shape) if group == _FACTORS else found).items():
                state.slots.setdefault(slot, []).append(array)
    return state


def _kept(
    group: tuple[str, ...], shape: tuple[int, ...], dummies: bool = True
) -> list[tuple[str, tuple[int, ...]]]:
    """What Keras keeps of a group of slots for a variable of `shape`: names and shapes.

    Adafactor keeps means of rows and columns, and the velocity that follows from them; of a vector the velocity alone,
    with a number in the place of each mean where there are `dummies`, as Keras 3 has them.
    """
    if group != _FACTORS:
        return [(slot, shape) for slot in group]
    if len(shape) >= 2:
        return [("r", shape[:-1]), ("c", (*shape[:-2], shape[-1])), ("velocity", shape)]
    return [*([("r", ()), ("c", ())] if dummies else ()), ("velocity", shape)]


def _spread(found: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Adafactor's means as this library keeps them: beside each element that they belong to."""
    if len(shape) < 2:
        return {"r": found["velocity"], "c": np.zeros(shape, np.float32)}
    rows, columns = found["r"][..., None], found["c"][..., None, :]
    return {"r": np.array(np.broadcast_to(rows, shape)), "c": np.array(np.broadcast_to(columns, shape))}


def _folded(rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """The way back of `_spread`, in the order of `_kept`."""
    if rows.ndim < 2:
        return [np.zeros((), np.float32), np.zeros((), np.float32), rows]
    of_rows, of_columns = rows[..., 0], columns[..., 0, :]
    mean = of_rows.mean(axis=-1, keepdims=True)
    shares = np.divide(of_rows, mean, out=np.zeros_like(of_rows), where=mean > 0)
    return [of_rows, of_columns, shares[..., None] * of_columns[..., None, :]]


def to_arrays(state: OptimizerState, config: Mapping[str, Any], count: int) -> list[np.ndarray]:
    """The numbered arrays of a Keras 3 file: iteration, learning rate (unless a schedule tells it), slots.

    Args:
        state: what to write.
        config: the optimizer's config, as far as known.
        count: number of trainable variables.
    """
    arrays = [np.asarray(state.iterations, np.int32)]
    if not _follows_schedule(state, config):
        arrays.append(np.asarray(state.learning_rate, np.float32))
    for group in _groups_of(state):
        missing = [slot for slot in group if len(state.slots.get(slot, ())) != count]
        if missing:
            raise ValueError(
                f"Optimizer {state.class_name} must give slot {missing[0]!r} one array for each of {count} trainable "
                f"variables. It has slots {sorted(state.slots)}."
            )
        for index in range(count):
            slots = [state.slots[slot][index] for slot in group]
            arrays += _folded(*slots) if group == _FACTORS else slots
    if state.class_name == "Nadam":
        turns = np.arange(1, min(state.iterations, 10_000) + 1)  # the product vanishes long before
        arrays.append(np.asarray(np.prod(config.get("beta_1", 0.9) * (1.0 - 0.5 * 0.96**turns)), np.float32))
    return arrays


def array_names(state: OptimizerState, config: Mapping[str, Any], variable_paths: Sequence[str]) -> list[str]:
    """Keras 3's names of the arrays of `to_arrays`."""
    slots = [
        f"{path.replace('/', '_')}_{slot}"
        for group in _groups_of(state)
        for index, path in enumerate(variable_paths)
        for slot, _ in _kept(group, state.slots[group[0]][index].shape)
    ]
    rate = [] if _follows_schedule(state, config) else ["learning_rate"]
    product = ["u_product"] if state.class_name == "Nadam" else []
    return [f"{optimizer_name(state, config)}/{item}" for item in ("iteration", *rate, *slots, *product)]


def optimizer_name(state: OptimizerState, config: Mapping[str, Any]) -> str:
    """The name that Keras 3 gives an optimizer."""
    return str(config.get("name") or state.class_name.lower())


def _follows_schedule(state: OptimizerState, config: Mapping[str, Any]) -> bool:
    """Whether the learning rate is a schedule, of which Keras stores no variable."""
    return state.learning_rate is None or isinstance(config.get("learning_rate"), dict)


def _groups_of(state: OptimizerState) -> list[tuple[str, ...]]:
    """Keras 3's groups of the slots that a state has; slots of an optimizer of our own one after the other."""
    has = state.slots
    config = {
        "momentum": 0.9 if "momentum" in has else 0.0,
        "amsgrad": "velocity_hat" in has,
        "centered": "average_gradient" in has,
        "use_ema": "average" in has,
        "gradient_accumulation_steps": 2 if "gradient_accumulator" in has else None,
    }
    groups = slot_groups(state.class_name, config)
    return groups if groups is not None else [(slot,) for slot in has]


# Legacy h5 of every Keras --------------------------------------------------------------------------------------------

# Slots in the order in which Keras 1 and 2.2 listed them, without names.
_UNNAMED = {
    "SGD": ("momentum",),
    "Adam": ("momentum", "velocity", "velocity_hat"),
    "Nadam": ("momentum", "velocity"),
    "Adamax": ("momentum", "norm"),
    "RMSprop": ("velocity",),
    "Adagrad": ("accumulator",),
    "Adadelta": ("accumulated_grad", "accumulated_delta_var"),
}
# Names that the optimizers of Keras 2.3 to 2.15 gave to slots (per class where they clash), and ours.
_NAMED = {
    "m": "momentum",
    "v": "velocity",
    "vhat": "velocity_hat",
    "v_hat": "velocity_hat",
    "rms": "velocity",
    "mg": "average_gradient",
    "u": "norm",
    "accum_grad": "accumulated_grad",
    "accum_var": "accumulated_delta_var",
}


def from_legacy(
    class_name: str, layer: FileLayer, matches: Sequence[Match], root: StoreNode, version: Version
) -> OptimizerState | None:
    """State from the `optimizer_weights` of a legacy file, or None (with a warning) if it does not fit the model.

    Args:
        class_name: Keras 3 class name of the optimizer.
        layer: the arrays with their names.
        matches: how the model's layers lie in the file.
        root: the model.
        version: of the file.
    """
    plan = _trainable_in_file(matches, version)
    state = OptimizerState(class_name)
    names, arrays = list(layer.weight_names), [array.read() for array in layer.arrays]
    only_arrays = all(variable.shape for variable in root.flat() if variable.trainable)
    while names and arrays[0].ndim == 0 and (only_arrays or len(names) % max(len(plan), 1) != 0):
        head = names[0].rpartition("/")[2].partition(":")[0]
        if head == "learning_rate":
            state.learning_rate = float(arrays[0])
        elif head != "momentum_cache":  # Nadam's product of momenta follows from the iteration
            state.iterations = int(arrays[0])
        names, arrays = names[1:], arrays[1:]
    if class_name == "Nadam" and arrays and arrays[-1].ndim == 0 and len(arrays) % max(len(plan), 1) == 1:
        names, arrays = names[:-1], arrays[:-1]  # Keras 3's product of momenta
    grouped = _grouped(class_name, names, arrays, len(plan), version)
    if grouped is None:
        logger.warning(
            "The state of optimizer %s in the file (%d arrays) does not fit the model; it starts afresh.",
            class_name,
            len(layer.arrays),
        )
        return None
    for slot, values in grouped.items():
        placed = _placed(values, plan, matches, root)
        if placed is not None:
            state.slots[slot] = placed
    return state


def _trainable_in_file(matches: Sequence[Match], version: Version) -> list[tuple[int, int, int, str]]:
    """(match, piece, number in the piece, name) of each trainable array, in the order of the optimizer."""
    plan = []
    seen: set[int] = set()  # a layer of several models stands in the file under each of them
    for number, match in enumerate(matches):
        variables, position = match.layer.flat(), 0
        for index, (places, piece) in enumerate(zip(match.layout.places, match.layout.pieces, strict=True)):
            if variables[places[0]].trainable and id(variables[places[0]]) not in seen:
                seen.update(id(variables[place]) for place in places)
                plan += [
                    (number, index, part, match.source.weight_names[position + part]) for part in range(piece.count)
                ]
            position += piece.count
    # Keras 1 sorts the weights that an optimizer trains by their names.
    return sorted(plan, key=lambda item: item[3]) if version.major == 1 else plan


def _grouped(
    class_name: str, names: list[str], arrays: list[np.ndarray], count: int, version: Version
) -> dict[str, list[np.ndarray]] | None:
    """Slot -> arrays in the order of the plan."""
    if count == 0 or len(arrays) % count:
        return None
    slots = [_slot_of(name, class_name, version) for name in names]
    if all(slots):
        grouped: dict[str, list[np.ndarray]] = {}
        for slot, array in zip(slots, arrays, strict=True):
            grouped.setdefault(str(slot), []).append(array)
        return grouped if all(len(values) == count for values in grouped.values()) else None
    unnamed = _UNNAMED.get(class_name, ())
    if len(arrays) // count > len(unnamed):
        return None
    return {
        slot: arrays[index * count : (index + 1) * count] for index, slot in enumerate(unnamed[: len(arrays) // count])
    }


def _slot_of(name: str, class_name: str, version: Version) -> str | None:
    """The slot that an array's name tells, or None where names carry no meaning (Keras 1, 2.2)."""
    path = name.partition(":")[0].split("/")
    if version.major == 1 or path[-1].startswith(("Variable", "param_")) or "training" in path[:1]:
        return None
    if version.major == 2:
        known = {
            "average",
            "momentum",
            "velocity",
            "average_gradient",
            "accumulator",
            "accumulated_grad",
            "accumulated_delta_var",
            "linear",
            *_NAMED,
        }
        found = path[-1] if path[-1] in known else path[1] if len(path) > 1 and path[1] in known else None
        if class_name == "Adamax" and found == "v":  # what the rules kept as legacy call it
            found = "u"
        return _NAMED.get(found, found) if found else None
    groups = [
        slot
        for group in slot_groups(
            class_name, {"momentum": 1, "amsgrad": 1, "centered": 1, "use_ema": 1, "gradient_accumulation_steps": 2}
        )
        or ()
        for slot in group
    ]
    fitting = [slot for slot in groups if path[-1].endswith(f"_{slot}")]
    return max(fitting, key=len) if fitting else None


def _placed(
    values: list[np.ndarray],
    plan: list[tuple[int, int, int, str]],
    matches: Sequence[Match],
    root: StoreNode,
) -> list[np.ndarray] | None:
    """Arrays in file layout become arrays of our variables; None where shapes differ (the dummies of Keras 2.2)."""
    pieces: dict[tuple[int, int], dict[int, np.ndarray]] = {}
    for (number, index, part, _), value in zip(plan, values, strict=True):
        pieces.setdefault((number, index), {})[part] = value
    found: dict[int, np.ndarray] = {}
    for (number, index), parts in pieces.items():
        match = matches[number]
        variables = match.layer.flat()
        try:
            made = match.layout.pieces[index].from_file([parts[part] for part in range(len(parts))])
        except (ValueError, IndexError):
            return None
        for place, array in zip(match.layout.places[index], made, strict=True):
            if array.shape != variables[place].shape:
                return None
            found[id(variables[place])] = np.asarray(array, order="C")
    trainable = [variable for variable in root.flat() if variable.trainable]
    if any(id(variable) not in found for variable in trainable):
        return None
    return [found[id(variable)] for variable in trainable]
