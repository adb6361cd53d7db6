"""The compiled side of a model: its vector, its plans, and their executions in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.engine.memory import keep_freed_memory
from bigdl_keras.graph import nest
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.plan import Execution, Plan
from bigdl_keras.graph.row_mixing import where_rows_mix
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import KernelCall, Reading, apply, take_readings, tracing
from bigdl_keras.models.objective import Batch, Head, Numbers, trace_objective
from bigdl_keras.optimizers.slices import Slice
from bigdl_keras.parameters import ParameterVector, Variable, floatx


@dataclass(frozen=True)
class Spec:
    """Shape of one row, dtype and name of a column handed to a plan."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str

    def tensor(self) -> KerasTensor:
        return KerasTensor((None, *self.shape), self.dtype, self.name)


@dataclass(frozen=True)
class Program:
    """A plan with what its numbers mean.

    Attributes:
        plan: inputs are the leaves of x, the used labels, the used weights, then `batch_rows`.
        numbers: how its outputs read (None for prediction).
        structure: nest of the model's outputs, for prediction.
        mixed: the call of the model that makes one value of all rows, if there is one.
    """

    plan: Plan
    numbers: Numbers | None = None
    structure: Any = None
    mixed: KernelCall | None = None

    @property
    def loss_count(self) -> int:
        """How many of the numbers are losses; the others are metric increments."""
        return 0 if self.numbers is None else len(self.numbers.loss_names)


class Runtime:
    """Plans of one model, made on demand and kept until weights, freezing or `compile` change.

    Attributes:
        vector: the model's weights, one after another.
        gradients: twin of the trained part.
        part: the trained part as one slice, for the optimizer.
    """

    def __init__(self, model: Any) -> None:
        keep_freed_memory()
        self.model = model
        self.vector = ParameterVector(*_variables_of(model), floatx())
        self.gradients = np.zeros(self.vector.trainable_size, self.vector.values.dtype)
        segments = self.vector.segments
        self.part = Slice.whole([path for path, *_ in segments], [shape for *_, shape in segments])
        self._programs: dict[Any, Program] = {}
        self._executions: dict[Any, Any] = {}

    @property
    def current(self) -> bool:
        """Whether the vector still holds the model's weights."""
        return self.vector.holds(*_variables_of(self.model))

    @property
    def programs(self) -> list[Program]:
        """What was traced since `compile`."""
        return list(self._programs.values())

    def forget_programs(self) -> None:
        """Trace anew at the next use (after `compile`)."""
        self._programs.clear()
        self._executions.clear()

    def predict_program(self, inputs: Sequence[Spec]) -> Program:
        """The plan from input columns to predictions."""
        key = ("predict", tuple(inputs))
        if key not in self._programs:
            with tracing(training=False) as trace:
                tensors = [spec.tensor() for spec in inputs]
                outputs = self.model(self._packed(tensors))
            entries, _ = take_readings(trace, tensors)
            plan = compile_plan(trace, entries, nest.flatten(outputs), self.vector.spans)
            structure = nest.map_leaves(lambda _: None, outputs)
            self._programs[key] = Program(plan, structure=structure)
        return self._programs[key]

    def readings(self, inputs: Sequence[Spec]) -> list[Reading]:
        """What is made of the model's strings as rows are read: it follows the inputs that are numbers in a plan."""
        key = ("readings", tuple(inputs))
        if key not in self._executions:
            with tracing(training=False) as trace:
                tensors = [spec.tensor() for spec in inputs]
                self.model(self._packed(tensors))
            self._executions[key] = take_readings(trace, tensors)[1]
        found: list[Reading] = self._executions[key]
        return found

    def objective_program(
        self,
        heads: Sequence[Head],
        inputs: Sequence[Spec],
        labels: Sequence[Spec | None],
        weights: Sequence[Spec | None],
        training: bool,
        class_weight: dict[int, float] | None = None,
    ) -> Program:
        """The plan of a training or evaluation step.

        Args:
            heads: losses and metrics, one per output.
            inputs: the model's inputs.
            labels, weights: one per head, None where there is none.
            training: phase; True also derives the gradient.
            class_weight: weight of each integer class, for a single output.
        """
        key = (
            "train" if training else "evaluate",
            tuple(inputs),
            tuple(labels),
            tuple(weights),
            tuple(sorted(class_weight.items())) if class_weight else None,
        )
        if key not in self._programs:
            self._programs[key] = self._trace_objective(heads, inputs, labels, weights, training, class_weight)
        return self._programs[key]

    def _trace_objective(
        self,
        heads: Sequence[Head],
        inputs: Sequence[Spec],
        labels: Sequence[Spec | None],
        weights: Sequence[Spec | None],
        training: bool,
        class_weight: dict[int, float] | None,
    ) -> Program:
        rows = KerasTensor((), "float32", "batch_rows")
        with tracing(training=training) as trace:
            trace.batch_rows = rows
            xs = [spec.tensor() for spec in inputs]
            ys = [None if spec is None else spec.tensor() for spec in labels]
            ws = [None if spec is None else spec.tensor() for spec in weights]
            outputs = nest.flatten(self.model(self._packed(xs)))
            mixed = where_rows_mix(trace, xs, outputs)
            xs, _ = take_readings(trace, xs)
            used = [
                _with_class_weight(weight, label, class_weight) if class_weight and label is not None else weight
                for weight, label in zip(ws, ys, strict=True)
            ]
            penalties = [
                variable.regularizer(variable) for variable in self.vector.trainable if variable.regularizer is not None
            ]
            results, numbers = trace_objective(heads, Batch(trace, outputs, ys, used, rows, xs[0]), penalties)
        entries = [tensor for tensor in (*xs, *ys, *ws) if tensor is not None]
        plan = compile_plan(
            trace, [*entries, rows], results, self.vector.spans, self.vector.trainable_size if training else 0
        )
        return Program(plan, numbers, mixed=mixed)

    def constraint_plan(self) -> Plan | None:
        """The plan that projects constrained weights back after an update, None if no weight is constrained."""
        constrained = [variable for variable in self.vector.trainable if variable.constraint is not None]
        if not constrained:
            return None
        with tracing(training=True) as trace:
            trace.updates = [(variable, variable.constraint(variable)) for variable in constrained]
        return compile_plan(trace, [], [], self.vector.spans)

    def constraint_execution(self) -> Execution | None:
        """The constraint plan bound to the model's own vector."""
        if "constraints" not in self._executions:
            plan = self.constraint_plan()
            self._executions["constraints"] = None if plan is None else plan.bind(self.vector.values)
        return self._executions["constraints"]

    def keep_states(self, program: Program) -> None:
        """Move what stateful layers have left into their weights, after a prediction."""
        if program.plan.updates:
            self.execution(program).updates()

    def execution(self, program: Program) -> Execution:
        """The program bound to the model's own vector."""
        key = id(program)
        if key not in self._executions:
            gradients = self.gradients if program.plan.trainable_size else None
            self._executions[key] = program.plan.bind(self.vector.values, gradients)
        return self._executions[key]

    def _packed(self, tensors: list[KerasTensor]) -> Any:
        graph = self.model.graph
        if graph is not None:
            return nest.pack(graph.inputs, tensors)
        return nest.pack(self.model.call_structure, tensors)


def _variables_of(model: Any) -> tuple[list[Variable], list[Variable]]:
    """(what the optimizer trains, all else: frozen weights and states)."""
    trained = model.trainable_weights
    return trained, [variable for variable in model.variables if variable not in set(trained)]


def _with_class_weight(weight: Any, label: Any, class_weight: dict[int, float]) -> Any:
    """Multiply the row weights by the weight of each row's class (one-hot labels by their largest entry)."""
    table = np.ones(max(class_weight) + 1, dtype="float32")
    for number, value in class_weight.items():
        table[int(number)] = value
    classes = ops.argmax(label, axis=-1) if len(label.shape) > 1 and label.shape[-1] not in (None, 1) else label
    if len(classes.shape) > 1 and classes.shape[-1] == 1:
        classes = ops.squeeze(classes, -1)
    factor = apply("take", table, ops.cast(classes, "int32"), axis=0)
    return factor if weight is None else ops.multiply(weight, factor)


def weight_carrier(
    old: ParameterVector, state: dict[str, np.ndarray], new: ParameterVector, fresh: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Optimizer state for a new vector: what variables had before, `fresh` for those that had none."""
    for variable in new.trainable:
        if variable in old.spans and old.spans[variable][1] <= old.trainable_size:
            before, after = slice(*old.spans[variable]), slice(*new.spans[variable])
            for slot, values in state.items():
                fresh[slot][after] = values[before]
    return fresh
