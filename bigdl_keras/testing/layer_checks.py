"""One call checks a layer as a model will use it: shapes, phases, masks aside, gradients and config round trip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph import nest
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.plan import Context, Execution
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.parameters import ParameterVector, floatx, set_floatx


def check_layer(make: Any, inputs: Any, output_shape: Any, gradients: bool = True, unknown_axes: Sequence[int] = (),
                tolerance: float = 1e-6) -> Any:
    """Check a layer in float64 and answer with its outputs in inference.

    Args:
        make: makes the layer, without arguments, as often as it is called.
        inputs: shape of an input, an array, or a list of them.
        output_shape: expected shape of the output, or a list of them.
        gradients: compare derived gradients of weights and inputs with central differences.
        unknown_axes: axes besides the batch that are unknown while the layer is recorded.
        tolerance: of the gradients, relative to the largest.

    Raises:
        AssertionError: what differs.
    """
    before = floatx()
    set_floatx("float64")
    try:
        arrays = [_array(item, number) for number, item in enumerate(inputs if isinstance(inputs, list) else [inputs])]
        shapes = output_shape if isinstance(output_shape, list) else [output_shape]
        return _check(make, arrays, isinstance(inputs, list), shapes, gradients, unknown_axes, tolerance)
    finally:
        set_floatx(before)


def _array(item: Any, number: int) -> np.ndarray:
    if isinstance(item, np.ndarray):
        return item.astype("float64") if item.dtype.kind == "f" else item
    return np.random.default_rng(number).normal(size=item)


def _check(make: Any, arrays: list[np.ndarray], several: bool, shapes: list[Any], gradients: bool,
           unknown_axes: Sequence[int], tolerance: float) -> Any:
    layer = make()
    copies = [array.copy() for array in arrays]
    run = traced_run(layer, arrays, several, training=False, unknown_axes=unknown_axes)
    _fill_weights(run.vector)
    inferred = [tensor.shape for tensor in run.outputs]
    outputs = [array.copy() for array in run.forward()]
    name = type(layer).__name__
    assert [array.shape for array in outputs] == [tuple(shape) for shape in shapes], \
        f"{name} answers with shapes {[array.shape for array in outputs]}, expected {shapes}."
    for shape, array in zip(inferred, outputs, strict=True):
        fits = [size in (None, real) for size, real in zip(shape, array.shape, strict=True)]
        assert all(fits), f"{name} infers the shape {shape} and computes {array.shape}."
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy, err_msg=f"{name} changed its input.")
    _check_eager(layer, arrays, several, outputs)
    _check_config(layer, arrays, several, outputs, unknown_axes)
    _check_no_rows(run, arrays)
    training = traced_run(layer, arrays, several, training=True, unknown_axes=unknown_axes)
    if gradients:
        training.check_gradients(tolerance)
    else:
        training.forward()
    return outputs if len(outputs) > 1 else outputs[0]


def _fill_weights(vector: ParameterVector) -> None:
    """Weights away from their initial zeros and ones; states (variances among them) stay positive."""
    random = np.random.default_rng(7)
    size = vector.trainable_size
    vector.values[:size] = random.normal(size=size) * 0.5
    vector.values[size:] = random.uniform(0.5, 1.5, size=len(vector.values) - size)


def _check_eager(layer: Any, arrays: list[np.ndarray], several: bool, outputs: list[np.ndarray]) -> None:
    eager = nest.flatten(layer(arrays if several else arrays[0], training=False))
    for one, other in zip(eager, outputs, strict=True):
        np.testing.assert_allclose(np.asarray(one), other, rtol=1e-10, atol=1e-12,
                                   err_msg=f"{type(layer).__name__} computes otherwise when called on arrays.")


def _check_config(layer: Any, arrays: list[np.ndarray], several: bool, outputs: list[np.ndarray],
                  unknown_axes: Sequence[int]) -> None:
    config = layer.get_config()
    twin = type(layer).from_config(config)
    again = twin.get_config()
    assert again == config, f"{type(layer).__name__}: the config {config} comes back as {again}."
    run = traced_run(twin, arrays, several, training=False, unknown_axes=unknown_axes)
    twin.set_weights(layer.get_weights())
    for one, other in zip(run.forward(), outputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12,
                                   err_msg=f"{type(layer).__name__} made from its config computes otherwise.")


def _check_no_rows(run: TracedRun, arrays: list[np.ndarray]) -> None:
    outputs = run.execution.forward([array[:0] for array in arrays], Context())
    assert all(not array.size for array in outputs[1:]), "A batch without rows must give outputs without elements."


class TracedRun:
    """A layer recorded, compiled and bound, with a loss that depends on every output in its own way.

    Attributes:
        outputs: recorded output tensors.
        vector: the layer's weights.
        execution: outputs are the loss, then those of the layer.
    """

    def __init__(self, layer: Any, tensors: list[KerasTensor], several: bool, training: bool,
                 arrays: list[np.ndarray]) -> None:
        self.arrays = arrays
        with tracing(training=training) as trace:
            self.outputs = nest.flatten(layer(tensors if several else tensors[0]))
            loss = _loss(self.outputs)
            for penalty, _ in trace.losses:
                loss = loss + penalty
        self.vector = ParameterVector(layer.trainable_weights, layer.non_trainable_variables, floatx())
        self.gradients = np.zeros(self.vector.trainable_size, floatx())
        plan = compile_plan(trace, tensors, [loss, *self.outputs], self.vector.spans, self.vector.trainable_size)
        self.plan = plan
        self.execution: Execution = plan.bind(self.vector.values, self.gradients)
        self.layer = layer

    def forward(self) -> list[np.ndarray]:
        """The layer's outputs."""
        return self.execution.forward(self.arrays, Context(seed=3))[1:]

    def loss(self) -> float:
        """The loss."""
        return float(self.execution.forward(self.arrays, Context(seed=3))[0])

    def check_gradients(self, tolerance: float, step: float = 1e-6) -> None:
        """Compare the derived gradient of each weight with central differences."""
        self.loss()
        self.execution.backward()
        derived = self.gradients.copy()
        values = self.vector.values
        expected = np.zeros_like(derived)
        for place in range(len(derived)):
            kept = values[place]
            values[place] = kept + step
            above = self.loss()
            values[place] = kept - step
            below = self.loss()
            values[place] = kept
            expected[place] = (above - below) / (2 * step)
        scale = max(float(np.abs(expected).max(initial=0.0)), 1.0)
        worst = float(np.abs(derived - expected).max(initial=0.0)) / scale
        assert worst < tolerance, f"{type(self.layer).__name__}: gradients differ by {worst:.2g} of the largest."


def traced_run(layer: Any, arrays: list[np.ndarray], several: bool = False, training: bool = False,
               unknown_axes: Sequence[int] = ()) -> TracedRun:
    """Record `layer` on inputs like `arrays`, whose batch axis (and `unknown_axes`) are unknown while recording."""
    hidden = {0, *unknown_axes}
    tensors = [KerasTensor(tuple(None if axis in hidden else size for axis, size in enumerate(array.shape)),
                           str(array.dtype), f"input_{number}") for number, array in enumerate(arrays)]
    return TracedRun(layer, tensors, several, training, arrays)


def _loss(outputs: list[Any]) -> Any:
    """Sum over the outputs of sin(output * a + b): no symmetry hides a wrong gradient."""
    total: Any = 0.0
    for number, output in enumerate(outputs):
        total = total + ops.sum(ops.sin(output * (0.7 + 0.3 * number) + 0.1) * (1.0 + number))
    return total
