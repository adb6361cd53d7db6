"""Buffers are laid out before a run: a value's memory is used again as soon as nothing will read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bigdl_keras.kernels import KERNELS

if TYPE_CHECKING:
    from bigdl_keras.graph.plan import Plan, Step

_ALIGNMENT = 64  # a cache line, and the widest vector register
_FOREVER = 1 << 60


class Memory:
    """Blocks of bytes shared by the layouts of one execution; `generation` changes when a block had to grow."""

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        self.generation = 0

    def reserve(self, sizes: list[int]) -> None:
        """Make block i at least sizes[i] bytes large."""
        for number, size in enumerate(sizes):
            if number == len(self.blocks):
                self.blocks.append(_aligned(size))
            elif self.blocks[number].nbytes < size:
                self.blocks[number] = _aligned(size)
                self.generation += 1


def _aligned(size: int) -> np.ndarray:
    raw = np.empty(size + _ALIGNMENT, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGNMENT
    return raw[offset : offset + size]


@dataclass
class Layout:
    """The buffers of one batch size.

    Attributes:
        outputs: per forward step, the buffer of its single output, or None.
        gradients: per backward step and input, the buffer of the gradient computed there, or None.
        accumulators: per backward step and input, where that gradient is added to earlier ones, or None.
    """

    outputs: list[Any]
    gradients: list[list[Any]]
    accumulators: list[list[Any]]
    generation: int = 0


@dataclass
class _Value:
    """One array to be: where it will be stored in the layout, and from when to when it is read."""

    store: list[Any]
    key: int
    shape: tuple[int, ...]
    dtype: str
    birth: int
    death: int
    reuse: _Value | None = None
    block: int = -1

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


@dataclass
class _Survey:
    """Values in the order of their birth, with the layout they will fill."""

    plan: Plan
    layout: Layout
    shapes: dict[int, tuple[int, ...]]
    dtypes: dict[int, str]
    values: list[_Value] = field(default_factory=list)


def plan_layout(plan: Plan, slots: list[Any], memory: Memory) -> Layout:
    """Lay out the buffers for the shapes of the arrays now in the plan's input slots."""
    count = len(plan.steps)
    layout = Layout(
        [None] * count,
        [[None] * len(plan.steps[item.step].inputs) for item in plan.backward_steps],
        [[None] * len(plan.steps[item.step].inputs) for item in plan.backward_steps],
    )
    survey = _Survey(
        plan,
        layout,
        {slot: np.shape(value) for slot, value in enumerate(slots) if value is not None},
        {item.slot: item.dtype for item in plan.inputs},
    )
    _survey_forward(survey)
    _survey_backward(survey)
    memory.reserve(_assign_blocks(survey.values))
    for value in survey.values:
        block = memory.blocks[value.block]
        value.store[value.key] = block[: value.nbytes].view(value.dtype).reshape(value.shape)
    layout.generation = memory.generation
    return layout


def _survey_forward(survey: _Survey) -> None:
    plan = survey.plan
    last_read = _last_reads(plan)
    roots: dict[int, int] = {}
    made: dict[int, _Value] = {}
    for index, step in enumerate(plan.steps):
        kernel = KERNELS[step.kernel]
        shape = kernel.shape(*(survey.shapes[slot] for slot in step.inputs), **step.attributes)
        for slot, size in zip(step.outputs, shape if kernel.several else [shape], strict=True):
            survey.shapes[slot] = tuple(size)
            survey.dtypes[slot] = plan.dtypes[slot]
        if kernel.view:
            root = roots.get(step.inputs[0], step.inputs[0])
            for slot in step.outputs:
                roots[slot] = root
                if root in made:
                    made[root].death = max(made[root].death, last_read.get(slot, index))
        elif not kernel.several:
            output = step.outputs[0]
            value = _Value(
                survey.layout.outputs,
                index,
                survey.shapes[output],
                plan.dtypes[output],
                index,
                max(last_read.get(output, index), index),
            )
            if kernel.elementwise:
                value.reuse = _dying_input(step, index, made, roots, value)
            made[output] = value
            survey.values.append(value)


def _dying_input(
    step: Step, index: int, made: dict[int, _Value], roots: dict[int, int], value: _Value
) -> _Value | None:
    """An input of the same shape that nobody reads after this step: its memory may take the output."""
    for slot in step.inputs:
        candidate = made.get(slot)
        if (
            candidate is not None
            and candidate.death == index
            and candidate.shape == value.shape
            and candidate.dtype == value.dtype
            and slot not in roots.values()
        ):
            return candidate
    return None


def _last_reads(plan: Plan) -> dict[int, int]:
    """Per slot, the time of its last read; backward step p runs at time len(steps) + p."""
    last: dict[int, int] = {}
    for index, step in enumerate(plan.steps):
        for slot in step.inputs:
            last[slot] = index
    for position, backward_step in enumerate(plan.backward_steps):
        step = plan.steps[backward_step.step]
        needs = KERNELS[step.kernel].needs
        read = (step.inputs if "inputs" in needs else ()) + (step.outputs if "output" in needs else ())
        if "saved" in needs:  # what was saved may be views of the inputs or outputs
            read = step.inputs + step.outputs
        for slot in read:
            last[slot] = len(plan.steps) + position
    for slot in (*plan.outputs, *(slot for slot, _ in plan.updates)):
        last[slot] = _FOREVER
    return last


def _survey_backward(survey: _Survey) -> None:
    plan = survey.plan
    count = len(plan.steps)
    consumed = {
        slot: count + position
        for position, item in enumerate(plan.backward_steps)
        for slot in plan.steps[item.step].outputs
    }
    tables = plan.tables
    holder: dict[int, list[_Value]] = {}  # slot -> values whose memory its gradient occupies at this point
    for position, item in enumerate(plan.backward_steps):
        step = plan.steps[item.step]
        time = count + position
        kernel = KERNELS[step.kernel]
        flowing = [value for slot in step.outputs for value in holder.get(slot, [])]
        for number, slot in enumerate(step.inputs):
            in_window = slot in plan.windows
            if not item.wanted[number] or (in_window and item.first[number]) or slot in tables:
                continue
            shape, dtype = survey.shapes[slot], survey.dtypes.get(slot, plan.dtypes.get(slot, "float32"))
            death = consumed.get(slot, time)
            value = _Value(
                survey.layout.gradients[position], number, shape, dtype, time, death if item.first[number] else time
            )
            survey.values.append(value)
            if in_window:
                continue
            if item.first[number]:
                holder[slot] = [value]
                if kernel.view:  # the gradient may be a view of dy: dy's memory must live as long
                    holder[slot] = [value, *flowing]
                    for earlier in flowing:
                        earlier.death = max(earlier.death, death)
            else:
                total = _Value(survey.layout.accumulators[position], number, shape, dtype, time, death)
                survey.values.append(total)
                holder[slot] = [total]


def _assign_blocks(values: list[_Value]) -> list[int]:
    """Give each value a block, smallest free one that fits; returns the block sizes."""
    sizes: list[int] = []
    free: list[int] = []
    alive: list[_Value] = []
    for value in values:  # in order of birth
        kept = []
        for other in alive:
            if other.death < value.birth:
                free.append(other.block)
            else:
                kept.append(other)
        alive = kept
        if value.reuse is not None and value.reuse in alive:
            value.block = value.reuse.block
            alive.remove(value.reuse)
        else:
            value.block = _choose_block(value.nbytes, sizes, free)
        alive.append(value)
    return sizes


def _choose_block(nbytes: int, sizes: list[int], free: list[int]) -> int:
    fitting = [block for block in free if sizes[block] >= nbytes]
    if fitting:
        block = min(fitting, key=sizes.__getitem__)
    elif free:
        block = max(free, key=sizes.__getitem__)
        sizes[block] = nbytes
    else:
        sizes.append(nbytes)
        return len(sizes) - 1
    free.remove(block)
    return block
