"""A Plan is a compiled model: steps over numbered slots, forward and backward, free of the user's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from bigdl_keras.errors import add_place
from bigdl_keras.graph.layout import Layout, Memory, plan_layout
from bigdl_keras.graph.tables import TableGradient, find_tables, row_gradient
from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.random import Draws


@dataclass(frozen=True)
class Step:
    """One kernel call: slots in, slots out."""

    kernel: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: dict[str, Any]
    layer: str


@dataclass(frozen=True)
class BackwardStep:
    """The gradient of forward step `step`: which of its inputs want one.

    Attributes:
        wanted: per input, whether a gradient is computed.
        first: per input, whether this is the first contribution to that slot's gradient (later ones are added).
    """

    step: int
    wanted: tuple[bool, ...]
    first: tuple[bool, ...]


@dataclass(frozen=True)
class Window:
    """Where in the value vector a slot's weight lies."""

    start: int
    stop: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class PlanInput:
    """What a caller must hand in: shape with None, dtype and a name for messages."""

    slot: int
    shape: tuple[int | None, ...]
    dtype: str
    name: str


@dataclass(frozen=True)
class Plan:
    """A compiled function of input arrays and the value vector.

    Attributes:
        inputs: what `Execution.forward` takes, in order.
        outputs: slots it answers with, in order; `backward` differentiates the first one.
        windows: slot -> window of the value vector.
        constants: slot -> array or Python number.
        steps, backward_steps: the program.
        updates: (slot, window) pairs: new values of non-trained weights after a training step.
        slot_count: number of slots.
        dtypes: slot -> dtype of the values that steps make.
        trainable_size: length of the trained part of the value vector, and of the gradient vector.
    """

    inputs: tuple[PlanInput, ...]
    outputs: tuple[int, ...]
    windows: dict[int, Window]
    constants: dict[int, Any]
    steps: tuple[Step, ...]
    backward_steps: tuple[BackwardStep, ...]
    updates: tuple[tuple[int, Window], ...]
    slot_count: int
    dtypes: dict[int, str]
    trainable_size: int = 0

    @property
    def collective(self) -> bool:
        """Whether a run meets other workers on its way, so that all of them must take part."""
        return any(KERNELS[step.kernel].collective and step.attributes.get("synchronized", True) for step in self.steps)

    @property
    def states(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) of the windows that a training step changes itself, merged and sorted."""
        return tuple(sorted((window.start, window.stop) for _, window in self.updates))

    @property
    def tables(self) -> dict[int, Window]:
        """Slot -> window of the trained weights that are only looked up: their gradients are sums of rows."""
        return find_tables(self)

    def bind(self, values: np.ndarray, gradients: np.ndarray | None = None) -> Execution:
        """Attach the plan to a value vector (read, and written by `updates`) and a gradient vector (written)."""
        return Execution(self, values, gradients)


def _alone(vector: np.ndarray) -> np.ndarray:
    return vector


@dataclass
class Context:
    """What one run needs to know besides its arrays.

    Attributes:
        training: phase, for messages; the plan itself was traced for one phase.
        seed, iteration: with the row's place they fix every random number.
        places: (rows,) positions of the rows in the global batch; None for 0, 1, 2, ...
        total: sums a float64 array over all workers.
    """

    training: bool = False
    seed: int = 0
    iteration: int = 0
    places: np.ndarray | None = None
    total: Callable[[np.ndarray], np.ndarray] = field(default=_alone)


class Execution:
    """A Plan bound to vectors. Not thread-safe: one execution a thread.

    Buffers are laid out once per distinct batch size and used again; arrays answered by `forward` are valid until the
    next call.
    """

    def __init__(self, plan: Plan, values: np.ndarray, gradients: np.ndarray | None) -> None:
        self.plan = plan
        self._slots: list[Any] = [None] * plan.slot_count
        for slot, constant in plan.constants.items():
            self._slots[slot] = constant
        self._windows = {
            slot: values[window.start : window.stop].reshape(window.shape) for slot, window in plan.windows.items()
        }
        self._updates = [
            (slot, values[window.start : window.stop].reshape(window.shape)) for slot, window in plan.updates
        ]
        for slot, window in self._windows.items():
            self._slots[slot] = window
        self._gradients = gradients
        self._gradient_windows: dict[int, np.ndarray] = {}
        if gradients is not None:
            self._gradient_windows = {
                slot: gradients[window.start : window.stop].reshape(window.shape)
                for slot, window in plan.windows.items()
                if window.stop <= plan.trainable_size
            }
        self._untouched = self._windows_without_gradient()
        tables = plan.tables if gradients is not None else ()
        self.tables = {slot: TableGradient(self._gradient_windows[slot]) for slot in tables}
        self._memory = Memory()
        self._layouts: dict[Any, Layout] = {}
        self._layout: Layout | None = None
        self._saved: list[Any] = [None] * len(plan.steps)
        self._context = Context()

    def _windows_without_gradient(self) -> list[np.ndarray]:
        reached = {
            slot
            for step in self.plan.backward_steps
            for slot, wanted in zip(self.plan.steps[step.step].inputs, step.wanted, strict=True)
            if wanted
        }
        untouched = [window for slot, window in self._gradient_windows.items() if slot not in reached]
        return untouched + self._gaps()

    def _gaps(self) -> list[np.ndarray]:
        """Parts of the gradient vector that belong to weights the plan does not use."""
        if self._gradients is None:
            return []
        gaps, reached = [], 0
        windows = sorted((window.start, window.stop) for window in self.plan.windows.values())
        for start, stop in [*windows, (self.plan.trainable_size, self.plan.trainable_size)]:
            if reached < min(start, self.plan.trainable_size):
                gaps.append(self._gradients[reached : min(start, self.plan.trainable_size)])
            reached = max(reached, stop)
        return gaps

    def forward(self, arrays: Sequence[np.ndarray], context: Context | None = None) -> list[np.ndarray]:
        """Run the forward steps.

        Args:
            arrays: one per plan input, of its dtype and shape.
            context: phase, random numbers and collective of this run.

        Returns:
            One array per plan output.

        Raises:
            ValueError: the number of arrays is wrong; any error of a kernel, with the layer's name added.
        """
        if len(arrays) != len(self.plan.inputs):
            raise ValueError(
                f"Expected {len(self.plan.inputs)} input arrays "
                f"({', '.join(item.name for item in self.plan.inputs)}). Received {len(arrays)}."
            )
        self._context = context or Context()
        slots = self._slots
        for item, array in zip(self.plan.inputs, arrays, strict=True):
            slots[item.slot] = np.asarray(array, dtype=item.dtype)
        layout = self._layout = self._layout_for()
        for index, step in enumerate(self.plan.steps):
            try:
                self._run(index, step, layout)
            except Exception as error:
                add_place(error, _place(step, [slots[slot] for slot in step.inputs]))
                raise
        return [slots[slot] for slot in self.plan.outputs]

    def _run(self, index: int, step: Step, layout: Layout) -> None:
        kernel = KERNELS[step.kernel]
        slots = self._slots
        inputs = [slots[slot] for slot in step.inputs]
        extra = self._extra(index, kernel.random, kernel.collective)
        buffer = layout.outputs[index]
        result = kernel.forward(*inputs, out=buffer, **step.attributes, **extra)
        if kernel.saves:
            result, self._saved[index] = result
        if kernel.several:
            for slot, array in zip(step.outputs, result, strict=True):
                slots[slot] = array
            return
        if result is not buffer and not kernel.view:
            result = _own(result, buffer, inputs)
        slots[step.outputs[0]] = result

    def _extra(self, index: int, random: bool, collective: bool) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if random:
            context = self._context
            extra["draws"] = Draws(seed=context.seed, iteration=context.iteration, step=index, places=context.places)
        if collective:
            extra["total"] = self._context.total
        return extra

    def backward(self, as_left: bool = False) -> None:
        """Write the gradient of the first output, a scalar, by the trained values into the gradient vector.

        Args:
            as_left: the vector still is as `backward` or `clear` of this execution left it, so that of tables only the
                rows touched then have to be cleared.

        Raises:
            RuntimeError: called before `forward`.
        """
        if self._layout is None:
            raise RuntimeError("backward() needs the values of a forward() before it.")
        for window in self._untouched:
            window.fill(0)
        self._clear_tables(as_left)
        loss = self.plan.outputs[0]
        flowing: list[Any] = [None] * self.plan.slot_count
        flowing[loss] = np.ones_like(self._slots[loss])
        for position, backward_step in enumerate(self.plan.backward_steps):
            step = self.plan.steps[backward_step.step]
            try:
                self._run_backward(position, backward_step, step, flowing)
            except Exception as error:
                add_place(error, f"in the gradient of {_place(step, [])}")
                raise

    def clear(self, as_left: bool = False) -> None:
        """Write a gradient of zero; `as_left` as in `backward`."""
        for slot, window in self._gradient_windows.items():
            if slot not in self.tables:
                window.fill(0)
        for gap in self._gaps():
            gap.fill(0)
        self._clear_tables(as_left)

    def _clear_tables(self, as_left: bool) -> None:
        for table in self.tables.values():
            if not as_left:
                table.touched = None
            table.clear()

    def _run_backward(self, position: int, backward_step: BackwardStep, step: Step, flowing: list[Any]) -> None:
        assert self._layout is not None
        kernel = KERNELS[step.kernel]
        if step.inputs[0] in self.tables:
            rows = row_gradient(step)
            assert rows is not None
            needs = self._needs(backward_step.step, step, kernel.needs)
            self.tables[step.inputs[0]].add(*rows(flowing[step.outputs[0]], *needs))
            flowing[step.outputs[0]] = None
            return
        assert kernel.gradient is not None
        dy: Any = tuple(flowing[slot] for slot in step.outputs) if kernel.several else flowing[step.outputs[0]]
        planned = self._layout.gradients[position]
        buffers = [
            self._gradient_windows[slot] if first and wanted and slot in self._gradient_windows else buffer
            for slot, wanted, first, buffer in zip(
                step.inputs, backward_step.wanted, backward_step.first, planned, strict=True
            )
        ]
        extra = {"total": self._context.total} if kernel.collective else {}
        needs = self._needs(backward_step.step, step, kernel.needs)
        results = kernel.gradient(
            dy, *needs, wanted=backward_step.wanted, out=tuple(buffers), **step.attributes, **extra
        )
        self._saved[backward_step.step] = None
        for output in step.outputs:
            flowing[output] = None
        accumulators = self._layout.accumulators[position]
        for number, slot in enumerate(step.inputs):
            if not backward_step.wanted[number]:
                continue
            result = results[number]
            if result is None:  # the output does not vary with this input
                result = np.zeros_like(self._slots[slot])
            if not backward_step.first[number]:
                earlier = self._gradient_windows.get(slot, flowing[slot])
                target = earlier if slot in self._gradient_windows else accumulators[number]
                flowing[slot] = np.add(earlier, result, out=target)
            elif slot in self._gradient_windows:
                if result is not buffers[number]:
                    np.copyto(buffers[number], result)
            else:
                owned = result is buffers[number] or kernel.view
                flowing[slot] = result if owned else _own(result, buffers[number], (dy,))

    def _needs(self, index: int, step: Step, names: tuple[str, ...]) -> list[Any]:
        slots = self._slots
        needs: list[Any] = []
        for name in names:
            if name == "inputs":
                needs.extend(slots[slot] for slot in step.inputs)
            elif name == "output":
                outputs = tuple(slots[slot] for slot in step.outputs)
                needs.append(outputs if KERNELS[step.kernel].several else outputs[0])
            elif name == "saved":
                needs.append(self._saved[index])
            else:
                needs.append(tuple(np.shape(slots[slot]) for slot in step.inputs))
        return needs

    def where_nan_begins(self, arrays: Sequence[np.ndarray], context: Context) -> str:
        """Run forward once more, alone, looking at every value: the first place that is not a number, in words."""
        for item, array in zip(self.plan.inputs, arrays, strict=True):
            if np.asarray(array).dtype.kind == "f" and np.isnan(array).any():
                row = int(np.argwhere(np.isnan(np.atleast_1d(array)))[0][0])
                place = row if context.places is None else int(context.places[row])
                return f"`{item.name}` holds NaN in row {place} of the batch: clean the data"
        diverged = "training has diverged: lower the learning rate, or clip gradients (clipnorm)"
        for step in self.plan.steps:
            if any(slot in self._windows and np.isnan(self._windows[slot]).any() for slot in step.inputs):
                return f"a weight of layer '{step.layer}' is NaN since an earlier update: {diverged}"
        self._context = replace(context, total=_alone)
        layout = self._layout_for()
        for index, step in enumerate(self.plan.steps):
            self._run(index, step, layout)
            made = [np.asarray(self._slots[slot]) for slot in step.outputs]
            if any(value.dtype.kind == "f" and np.isnan(value).any() for value in made):
                return f"{_place(step, [])} is the first to answer with NaN: {diverged}"
        return diverged

    def updates(self) -> None:
        """Move the state updates of the last forward run (moving averages) into the value vector."""
        for slot, window in self._updates:
            np.copyto(window, self._slots[slot])

    def _layout_for(self) -> Layout:
        key = tuple(self._slots[item.slot].shape for item in self.plan.inputs)
        layout = self._layouts.get(key)
        if layout is None or layout.generation != self._memory.generation:
            layout = plan_layout(self.plan, self._slots, self._memory)
            self._layouts[key] = layout
            while len(self._layouts) > 4:
                self._layouts.pop(next(iter(self._layouts)))
        return layout


def _own(result: Any, buffer: np.ndarray | None, inputs: Sequence[Any]) -> Any:
    """`result` itself where it is a new array, else a copy in `buffer`: buffers of inputs are used again."""
    if isinstance(result, np.ndarray) and result.base is None and not any(result is item for item in inputs):
        return result
    if buffer is None or buffer.shape != np.shape(result) or buffer.dtype != np.asarray(result).dtype:
        return np.array(result)
    if (
        isinstance(result, np.ndarray) and result.ctypes.data == buffer.ctypes.data
    ):  # the buffer, reshaped there and back
        return buffer
    np.copyto(buffer, result)
    return buffer


def _place(step: Step, inputs: Sequence[Any]) -> str:
    shapes = f", input shapes {[np.shape(item) for item in inputs]}" if inputs else ""
    return f"layer '{step.layer or 'model'}', operation '{step.kernel}'{shapes}"
