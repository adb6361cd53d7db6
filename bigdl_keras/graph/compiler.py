"""From a trace to a Plan: keep the live calls, number the slots, derive the backward list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bigdl_keras.graph.plan import BackwardStep, Plan, PlanInput, Step, Window
from bigdl_keras.graph.tensor import KerasTensor, Weight
from bigdl_keras.graph.trace import KernelCall, Trace
from bigdl_keras.kernels import KERNELS


def compile_plan(
    trace: Trace,
    inputs: Sequence[KerasTensor],
    outputs: Sequence[Any],
    spans: Mapping[Any, tuple[int, int]],
    trainable_size: int = 0,
) -> Plan:
    """Compile what `trace` recorded.

    Args:
        trace: the recorded kernel calls and state updates.
        inputs: tensors that callers hand in, in order.
        outputs: tensors (or constants) to answer with; with `trainable_size` the first must be a scalar, the loss.
        spans: (start, stop) of every weight in the value vector.
        trainable_size: length of the trained part of the value vector; 0 derives no backward steps.

    Returns:
        A Plan that pickles without any of the user's code.

    Raises:
        ValueError: a recorded call reads a tensor that is neither an input nor made by a recorded call.
    """
    updates = [(weight, tensor) for weight, tensor in trace.updates if weight in spans]
    calls = _live_calls(trace.calls, [*outputs, *(tensor for _, tensor in updates)])
    slots = _Slots(spans)
    plan_inputs = tuple(
        PlanInput(slots.of(tensor), tensor.shape, tensor.dtype, tensor.name or f"input {number}")
        for number, tensor in enumerate(inputs)
    )
    slots.seal_inputs()
    steps = []
    for call in calls:
        read = tuple(slots.of(item, call) for item in call.inputs)
        made = tuple(slots.define(item) for item in call.outputs)
        steps.append(Step(call.kernel, read, made, call.attributes, call.layer))
    output_slots = tuple(slots.of(item) for item in outputs)
    update_slots = tuple((slots.of(tensor), _window(weight, spans)) for weight, tensor in updates)
    backward_steps = _derive_backward(steps, output_slots[0], slots, trainable_size) if trainable_size else ()
    return Plan(
        plan_inputs,
        output_slots,
        slots.windows,
        slots.constants,
        tuple(steps),
        backward_steps,
        update_slots,
        slots.count,
        slots.dtypes,
        trainable_size,
    )


class _Slots:
    """Numbers for values: tensors and weights by identity, constants one each."""

    def __init__(self, spans: Mapping[Any, tuple[int, int]]) -> None:
        self.spans = spans
        self.windows: dict[int, Window] = {}
        self.constants: dict[int, Any] = {}
        self.dtypes: dict[int, str] = {}
        self.count = 0
        self._numbers: dict[int, int] = {}
        self._sealed = False
        self._held: list[Any] = []  # keeps the ids in _numbers unique

    def seal_inputs(self) -> None:
        """From here on, a tensor must have been made by a step."""
        self._sealed = True

    def of(self, item: Any, call: KernelCall | None = None) -> int:
        if isinstance(item, (KerasTensor, Weight)):
            if id(item) in self._numbers:
                return self._numbers[id(item)]
            if isinstance(item, Weight):
                slot = self._new(item)
                self.windows[slot] = _window(item, self.spans)
                return slot
            if self._sealed:
                place = f" in layer '{call.layer}', operation '{call.kernel}'" if call else ""
                raise ValueError(
                    f"{item!r} is used{place} but belongs to no input and no recorded operation. A layer must only "
                    "use tensors it was given in `call`."
                )
            return self.define(item)
        slot = self.count
        self.count += 1
        self.constants[slot] = item
        return slot

    def define(self, tensor: KerasTensor) -> int:
        slot = self._new(tensor)
        self.dtypes[slot] = tensor.dtype
        return slot

    def _new(self, item: Any) -> int:
        slot = self._numbers[id(item)] = self.count
        self._held.append(item)
        self.count += 1
        return slot


def _window(weight: Weight, spans: Mapping[Any, tuple[int, int]]) -> Window:
    if weight not in spans:
        raise ValueError(
            f"The weight '{weight.name}' is used in `call` but is not tracked by the model. Create it with "
            "self.add_weight(...) in a layer that is an attribute of the model or of a layer of it."
        )
    start, stop = spans[weight]
    return Window(start, stop, tuple(weight.shape))


def _live_calls(calls: Sequence[KernelCall], roots: Sequence[Any]) -> list[KernelCall]:
    needed = {id(tensor) for tensor in roots}
    live = []
    for call in reversed(calls):
        if any(id(tensor) in needed for tensor in call.outputs):
            live.append(call)
            needed.update(id(item) for item in call.inputs)
    return live[::-1]


def _derive_backward(steps: Sequence[Step], loss: int, slots: _Slots, trainable_size: int) -> tuple[BackwardStep, ...]:
    """Reverse-mode differentiation: the steps through which the loss depends on trained weights, last first."""
    varying = {slot for slot, window in slots.windows.items() if window.stop <= trainable_size}
    for step in steps:
        if KERNELS[step.kernel].gradient is not None and any(slot in varying for slot in step.inputs):
            varying.update(slot for slot in step.outputs if np.dtype(slots.dtypes[slot]).kind == "f")
    reached = {loss}
    contributed: set[int] = set()
    backward = []
    for index in range(len(steps) - 1, -1, -1):
        step = steps[index]
        if KERNELS[step.kernel].gradient is None or not any(
            slot in reached and slot in varying for slot in step.outputs
        ):
            continue
        wanted = tuple(slot in varying for slot in step.inputs)
        if not any(wanted):
            continue
        first = []
        for slot, want in zip(step.inputs, wanted, strict=True):
            first.append(want and slot not in contributed)
            if want:
                contributed.add(slot)
        reached.update(slot for slot, want in zip(step.inputs, wanted, strict=True) if want)
        backward.append(BackwardStep(index, wanted, tuple(first)))
    return tuple(backward)
