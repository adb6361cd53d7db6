"""Recording: inside a trace the public operations write kernel calls down instead of computing."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bigdl_keras.errors import add_place
from bigdl_keras.graph import nest
from bigdl_keras.graph.node import Node
from bigdl_keras.graph.tensor import OPERATIONS, KerasTensor, Weight, is_string, is_symbolic
from bigdl_keras.kernels import KERNELS
from bigdl_keras.kernels.random import Draws

ENCODE = "encode"
"""The one kernel that reads strings."""


@dataclass
class KernelCall:
    """One step to be: a kernel, what it is given (KerasTensors, Weights, constants), and what it makes."""

    kernel: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]
    outputs: tuple[KerasTensor, ...]
    layer: str


@dataclass
class Trace:
    """What was recorded, in an order in which it can run.

    Attributes:
        training: the phase that layers without an explicit `training` argument see.
        calls: the kernel calls.
        updates: (weight, tensor) pairs: the weight's value after a training step.
        losses: (scalar, summed) pairs added by layers. `summed` ones are sums over the rows of the batch (activity
            penalties), the others are what each row's worker computes alike (weight penalties, `add_loss`).
        batch_rows: the input that carries the number of rows of the global batch, where the trace has one.
        path: names of the layers being called, outermost first.
        rows: an input of each of these layers, whose rows those are that the layer works on; None where it has none.
    """

    training: bool = False
    calls: list[KernelCall] = field(default_factory=list)
    updates: list[tuple[Weight, Any]] = field(default_factory=list)
    losses: list[tuple[Any, bool]] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    rows: list[KerasTensor | None] = field(default_factory=list)
    batch_rows: KerasTensor | None = None

    @contextmanager
    def inside(self, layer: str, rows: KerasTensor | None = None) -> Iterator[None]:
        """Name the layer to which the calls of the block belong, and whose rows it works on."""
        self.path.append(layer)
        self.rows.append(rows)
        try:
            yield
        finally:
            self.path.pop()
            self.rows.pop()

    @contextmanager
    def phase(self, training: bool) -> Iterator[None]:
        """The phase that layers called in the block see."""
        outer, self.training = self.training, training
        try:
            yield
        finally:
            self.training = outer


_current = threading.local()


def current_trace() -> Trace | None:
    """The trace of this thread, or None."""
    return getattr(_current, "trace", None)


@contextmanager
def tracing(training: bool = False) -> Iterator[Trace]:
    """Record kernel calls for the time of the block."""
    outer = current_trace()
    _current.trace = Trace(training=training)
    try:
        yield _current.trace
    finally:
        _current.trace = outer


@contextmanager
def computing() -> Iterator[None]:
    """Compute at once for the time of the block, also in the middle of a trace: weights are created so."""
    outer = current_trace()
    _current.trace = None
    try:
        yield
    finally:
        _current.trace = outer


def apply(kernel_name: str, *inputs: Any, **attributes: Any) -> Any:
    """Compute a kernel on arrays, or record its call where an input is symbolic.

    Returns:
        An array or KerasTensor; a tuple of them for kernels with several outputs.
    """
    trace = current_trace()
    recording = any(is_symbolic(item) for item in inputs)
    if trace is not None and (recording or any(isinstance(item, Weight) for item in inputs)):
        return _record(trace, kernel_name, inputs, attributes)
    if recording:
        raise RuntimeError(
            f"The kernel '{kernel_name}' was called on a KerasTensor outside a trace. Use the functions of "
            "bigdl_keras.ops, or put the code in a layer or a Lambda."
        )
    return _compute(kernel_name, inputs, attributes)


_seeds = np.random.default_rng()  # of random kernels on arrays, outside any fit


def seed_arrays(seed: int) -> None:
    """Make random kernels draw for arrays from here on what they drew after the same call before."""
    _seeds.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def _compute(kernel_name: str, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    kernel = KERNELS[kernel_name]
    arrays = [item.value if isinstance(item, Weight) else item for item in inputs]
    extra: dict[str, Any] = {}
    if kernel.random:
        seed = int(_seeds.integers(2**31))
        extra["draws"] = Draws(seed=seed, iteration=0, step=0, places=None)
    if kernel.collective:
        extra["total"] = np.asarray
    arrays = [np.asarray(item) if isinstance(item, list) else item for item in arrays]
    try:
        result = kernel.forward(*arrays, **attributes, **extra)
    except (ValueError, IndexError):
        kernel.shape(*(_shape(item) for item in arrays), **attributes)  # what is wrong with shapes, it says better
        raise
    return result[0] if kernel.saves else result


def _record(trace: Trace, kernel_name: str, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    kernel = KERNELS[kernel_name]
    inputs = _adapt_constants(inputs)
    layer = "/".join(trace.path)
    if kernel_name != ENCODE and any(map(is_string, inputs)):
        raise TypeError(f"'{kernel_name}' computes with numbers, not with strings.")
    try:
        shape = kernel.shape(*(_shape(item) for item in inputs), **attributes)
    except ValueError as error:
        if layer:
            shapes_given = [_shape(item) for item in inputs]
            add_place(error, f"in layer '{layer}', operation '{kernel_name}', input shapes {shapes_given}")
        raise
    shapes = list(shape) if kernel.several else [shape]
    dtypes = output_dtypes(kernel_name, inputs, attributes, len(shapes))
    outputs = tuple(KerasTensor(item, dtype) for item, dtype in zip(shapes, dtypes, strict=True))
    trace.calls.append(KernelCall(kernel_name, inputs, attributes, outputs, layer))
    return outputs if kernel.several else outputs[0]


@dataclass(frozen=True)
class Reading:
    """What an encoder makes of inputs of a trace: known as soon as they are read, so no step of a Plan.

    Attributes:
        layer: whose it is.
        encoder: from arrays of the inputs to numbers.
        inputs: which inputs it reads.
    """

    layer: str
    encoder: Any
    inputs: tuple[int, ...]


def take_readings(trace: Trace, inputs: Sequence[KerasTensor]) -> tuple[list[KerasTensor], list[Reading]]:
    """Take the encoding of strings out of a trace.

    Returns:
        (what a plan is given: the inputs that are numbers, then one tensor for each reading; the readings).

    Raises:
        ValueError: an encoder reads strings together with something that is computed.
    """
    numbers = {id(tensor): number for number, tensor in enumerate(inputs)}
    readings, made, kept = [], [], []
    for call in trace.calls:
        if not any(map(is_string, call.inputs)):
            kept.append(call)
            continue
        if any(id(item) not in numbers for item in call.inputs):
            raise ValueError(f"Layer '{call.layer}' reads strings together with numbers that the model computes. Give "
                             "it inputs of the model alone, and data of the shapes that its Inputs say.")
        call.outputs[0].name = call.layer
        read = tuple(numbers[id(item)] for item in call.inputs)
        readings.append(Reading(call.layer, call.attributes["encoder"], read))
        made.append(call.outputs[0])
    trace.calls[:] = kept
    return [tensor for tensor in inputs if not is_string(tensor)] + made, readings


def _adapt_constants(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arrays among the inputs take the float width of the tensors, so that a float64 constant widens nothing."""
    floats = {
        item.dtype for item in inputs if isinstance(item, (KerasTensor, Weight)) and item.dtype.startswith("float")
    }

    def adapt(item: Any) -> Any:
        if isinstance(item, (KerasTensor, Weight)) or type(item) in (bool, int, float):
            return item
        array = np.asarray(item)
        return array.astype(max(floats)) if floats and array.dtype.kind == "f" else array

    return tuple(adapt(item) for item in inputs)


def output_dtypes(kernel_name: str, inputs: tuple[Any, ...], attributes: dict[str, Any], count: int) -> list[str]:
    """Dtypes of a kernel's outputs: its own rule, or numpy's promotion in which Python numbers are weak."""
    rule = KERNELS[kernel_name].dtype
    if rule is None:
        rule = _promote(inputs)
    elif callable(rule) and not isinstance(rule, type):
        rule = rule(*(_dtype(item) for item in inputs), **attributes)
    dtypes = list(rule) if isinstance(rule, (list, tuple)) else [rule] * count
    return [str(np.dtype(item)) for item in dtypes]


def _promote(inputs: tuple[Any, ...]) -> Any:
    strong = [np.dtype(_dtype(item)) for item in inputs if not isinstance(item, (int, float))]
    weak = [item for item in inputs if isinstance(item, (int, float))]
    if not strong:
        return np.result_type(*weak)
    result = np.result_type(*strong)
    if result.kind != "f" and any(isinstance(item, float) for item in weak):
        return np.dtype("float64")
    return np.dtype("int64") if result.kind == "b" and any(not isinstance(item, bool) for item in weak) else result


def _shape(item: Any) -> tuple[int | None, ...]:
    return tuple(getattr(item, "shape", ()))


def _dtype(item: Any) -> str:
    return str(item.dtype) if hasattr(item, "dtype") else str(np.asarray(item).dtype)


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of `ops` public: it computes on arrays, and becomes a Node of a model on KerasTensors."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if current_trace() is None and any(map(is_symbolic, nest.flatten(list(args)) + nest.flatten(kwargs))):
            return record_node(call, args, kwargs)
        return function(*args, **kwargs)

    OPERATIONS[function.__name__] = call
    return call


def record_node(operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Record a call of `operation` on KerasTensors as a Node; its output shapes come from running it in a trace.

    Returns:
        The nest of output KerasTensors.
    """
    outputs = abstract_outputs(operation, args, kwargs)
    outputs = nest.map_leaves(lambda leaf: KerasTensor(leaf.shape, leaf.dtype), outputs)
    Node(operation, args, kwargs, outputs)
    return outputs


def abstract_outputs(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run `function` in a throw-away trace; its outputs carry shapes and dtypes."""

    def stand_in(leaf: Any) -> Any:
        return KerasTensor(leaf.shape, leaf.dtype, leaf.name) if is_symbolic(leaf) else leaf

    try:
        with tracing():
            return function(*nest.map_leaves(stand_in, tuple(args)), **nest.map_leaves(stand_in, dict(kwargs)))
    except TypeError as error:
        if not any(map(is_string, nest.flatten(list(args)))):
            raise
        name = getattr(function, "name", getattr(function, "__name__", function))
        raise ValueError(f"'{name}' was given strings and computes with numbers. Put a StringLookup, Hashing or "
                         "TextVectorization before it.") from error
