"""A compiled plan computes what ops compute, whatever batch sizes follow each other; buffers never mix values up."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigdl_keras import layers, ops
from bigdl_keras.graph.compiler import compile_plan
from bigdl_keras.graph.plan import Context
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.parameters import ParameterVector, Variable, set_floatx


@pytest.fixture(autouse=True)
def float64():
    set_floatx("float64")
    yield
    set_floatx("float32")


class Compiled:
    """A function of (x, weights) traced, compiled and bound; its outputs are the loss and what the function answers."""

    def __init__(self, function, shape=(None, 4), weights=(), fixed=(), training=True):
        self.function, self.weights = function, list(weights)
        with tracing(training=training) as trace:
            x = KerasTensor(shape, "float64", "x")
            outputs = function(x)
            self.outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
            loss = sum(ops.sum(ops.sin(output)) for output in self.outputs)
        self.vector = ParameterVector(weights, fixed, "float64")
        self.gradients = np.full(self.vector.trainable_size, np.nan)
        self.plan = compile_plan(trace, [x], [loss, *self.outputs], self.vector.spans, self.vector.trainable_size)
        self.execution = self.plan.bind(self.vector.values, self.gradients)

    def run(self, x):
        return self.execution.forward([x], Context(training=True))

    def check(self, x):
        """Outputs equal those of eager ops; gradients equal central differences."""
        results = [np.array(item) for item in self.run(x)]
        self.execution.backward()
        derived = self.gradients.copy()
        expected = self.function(x)
        expected = list(expected) if isinstance(expected, (list, tuple)) else [expected]
        for result, value in zip(results[1:], expected, strict=True):
            np.testing.assert_allclose(result, value, rtol=1e-12, atol=1e-12)
        for place in range(len(derived)):
            kept, values = self.vector.values[place], []
            for step in (1e-6, -1e-6):
                self.vector.values[place] = kept + step
                values.append(float(self.run(x)[0]))
            self.vector.values[place] = kept
            np.testing.assert_allclose(derived[place], (values[0] - values[1]) / 2e-6, rtol=1e-5, atol=1e-7)


def rows(count, width=4, seed=0):
    return np.random.default_rng(seed).normal(size=(count, width))


def weight(*shape, seed=1, trainable=True):
    return Variable(np.random.default_rng(seed).normal(size=shape), "w", trainable)


def test_fan_out_adds_gradients():
    w = weight(4, 3)

    def function(x):
        hidden = ops.matmul(x, w)
        return ops.tanh(hidden) + ops.sin(hidden) * hidden, ops.sum(hidden * hidden, axis=-1)

    Compiled(function, weights=[w]).check(rows(5))


def test_shared_layer_called_twice():
    dense = layers.Dense(4, "tanh")
    dense(rows(1))
    compiled = Compiled(lambda x: dense(dense(x)) + x, weights=dense.weights)
    assert len(compiled.plan.windows) == 2
    compiled.check(rows(3))


def test_weight_used_in_several_ways():
    w = weight(4)
    Compiled(lambda x: (x * w) / (1.0 + w * w) + w, weights=[w]).check(rows(3))


def test_dead_code_is_dropped():
    w, unused = weight(4), weight(4, seed=2)

    def function(x):
        ops.exp(ops.sin(x) * unused)
        return x * w

    compiled = Compiled(function, weights=[w, unused])
    assert "exp" not in {step.kernel for step in compiled.plan.steps}
    compiled.check(rows(3))
    compiled.run(rows(3))
    compiled.execution.backward()
    assert (compiled.gradients[4:] == 0).all()


def test_no_backward_through_what_does_not_train():
    w, frozen = weight(4), weight(4, seed=2, trainable=False)
    compiled = Compiled(lambda x: ops.tanh(ops.tanh(x * frozen) * w), weights=[w], fixed=[frozen])
    assert len(compiled.plan.backward_steps) < len(compiled.plan.steps)
    compiled.check(rows(3))


def test_stop_gradient():
    w = weight(4)
    compiled = Compiled(lambda x: ops.stop_gradient(x * w) * w, weights=[w])
    x = rows(3)
    compiled.run(x)
    compiled.execution.backward()
    product = x * w.numpy()
    np.testing.assert_allclose(compiled.gradients, (np.cos(product * w.numpy()) * product).sum(axis=0))


def deep(x, w):
    for _ in range(6):  # long chains of elementwise steps reuse each other's memory
        x = ops.tanh(x * 1.5 + w)
        x = x * ops.sigmoid(x) - ops.sin(x)
    return x


@given(sizes=st.lists(st.integers(0, 9), min_size=2, max_size=8))
@settings(max_examples=15, deadline=None)
def test_batch_sizes_in_any_order(sizes):
    w = weight(4)

    def function(x):
        return deep(x, w), ops.transpose(x) * 2.0, ops.reshape(x, (-1,))

    compiled = Compiled(function, weights=[w])
    for number, size in enumerate(sizes):
        x = rows(size, seed=number)
        results = [item.copy() for item in compiled.run(x)]
        compiled.execution.backward()
        gradients = compiled.gradients.copy()
        fresh = compiled.plan.bind(compiled.vector.values, compiled.gradients)
        for result, expected in zip(results, fresh.forward([x], Context(training=True)), strict=True):
            np.testing.assert_array_equal(result, expected)
        fresh.backward()
        np.testing.assert_array_equal(gradients, compiled.gradients)


def test_inputs_and_outputs_are_not_overwritten():
    w = weight(4)

    def function(x):
        hidden = x + w
        return hidden, ops.exp(hidden), -hidden, hidden[:, ::-1], x

    compiled = Compiled(function, weights=[w])
    x = rows(6)
    before = x.copy()
    compiled.check(x)
    np.testing.assert_array_equal(x, before)


def test_views_keep_their_memory():
    w = weight(4)

    def function(x):
        hidden = x * w
        left, right = ops.split(hidden, 2, axis=-1)
        turned = ops.transpose(ops.reshape(hidden, (-1, 2, 2)), (0, 2, 1))
        other = ops.tanh(hidden) * 3.0
        return left * right, ops.sum(turned, axis=1) + left, other

    compiled = Compiled(function, weights=[w])
    for size in (5, 2, 7, 5):
        compiled.check(rows(size, seed=size))


def test_unknown_axes():
    lstm = layers.LSTM(3, return_sequences=True)
    lstm(np.zeros((1, 2, 4)))
    compiled = Compiled(lambda x: ops.mean(lstm(x), axis=1), shape=(None, None, 4), weights=lstm.weights)
    assert compiled.outputs[0].shape == (None, 3)
    for time in (3, 1, 5, 3):
        x = np.random.default_rng(time).normal(size=(2, time, 4))
        np.testing.assert_allclose(compiled.run(x)[1], np.mean(lstm(x), axis=1), atol=1e-12)


def test_updates_move_states_into_the_vector():
    layer = layers.BatchNormalization(momentum=0.5)
    layer(rows(1))
    compiled = Compiled(layer, weights=layer.trainable_weights, fixed=layer.non_trainable_weights)
    x = rows(8)
    compiled.run(x)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0)
    compiled.execution.updates()
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.5 * x.mean(axis=0))
    assert compiled.plan.states == ((8, 12), (12, 16))


def test_a_plan_travels_without_the_code_it_came_from():
    class Mine(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight((4, 2), name="w")

        def call(self, inputs):
            return ops.tanh(ops.matmul(inputs, self.w)) * 2.0

    mine = Mine()
    mine(rows(1))
    compiled = Compiled(mine, weights=mine.weights)
    x = rows(3)
    expected = compiled.run(x)[1].copy()
    payload = pickle.dumps((compiled.plan, compiled.vector.values, x))
    assert b"Mine" not in payload
    program = textwrap.dedent("""
        import pickle, sys
        plan, values, x = pickle.load(sys.stdin.buffer)
        print(plan.bind(values).forward([x])[1].tolist())
    """)
    answer = subprocess.run([sys.executable, "-c", program], input=payload, capture_output=True, check=True, timeout=60)
    np.testing.assert_allclose(eval(answer.stdout), expected)


def test_random_numbers_follow_the_rows():
    compiled = Compiled(layers.Dropout(0.5), training=True)
    x, places = np.ones((8, 4)), np.arange(8)
    whole = compiled.execution.forward([x], Context(True, seed=5, iteration=3, places=places))[1].copy()
    assert 0 < (whole == 0).sum() < 32
    halves = [compiled.execution.forward([x[part]], Context(True, seed=5, iteration=3, places=places[part]))[1].copy()
              for part in (slice(0, 3), slice(3, 8))]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    later = compiled.execution.forward([x], Context(True, seed=5, iteration=4, places=places))[1]
    assert (later != whole).any()


def test_wrong_number_of_inputs():
    compiled = Compiled(lambda x: x * 2.0)
    with pytest.raises(ValueError, match=r"Expected 1 input arrays \(x\)\. Received 2"):
        compiled.execution.forward([rows(1), rows(1)])


def test_backward_needs_forward():
    w = weight(4)
    with pytest.raises(RuntimeError, match="forward"):
        Compiled(lambda x: x * w, weights=[w]).execution.backward()


def test_errors_name_the_layer_while_recording():
    with pytest.raises(ValueError, match=r"in layer 'mine', operation 'matmul'"), tracing():
        layers.Lambda(lambda x: ops.matmul(x, np.ones((3, 2))), name="mine")(KerasTensor((None, 4), "float64"))


def test_errors_name_the_layer_while_running():
    table = layers.Embedding(5, 2, name="words")
    with tracing() as trace:
        x = KerasTensor((None,), "int64", "x")
        y = table(x)
    vector = ParameterVector(table.weights, [], "float64")
    execution = compile_plan(trace, [x], [y], vector.spans).bind(vector.values)
    with pytest.raises(ValueError, match=r"less than 5. Received 9.*row 1.*layer 'words'"):
        execution.forward([np.array([1, 9])])


def test_tensors_from_elsewhere_are_refused():
    with tracing():
        stray = KerasTensor((None, 4), "float64") * 2.0
    with tracing() as trace:
        x = KerasTensor((None, 4), "float64")
        y = x + stray
    with pytest.raises(ValueError, match="belongs to no input"):
        compile_plan(trace, [x], [y], {})


def test_untracked_weight_is_refused():
    w = weight(4)
    with pytest.raises(ValueError, match="not tracked by the model"):
        with tracing() as trace:
            x = KerasTensor((None, 4), "float64")
            y = x * w
        compile_plan(trace, [x], [y], {})


def test_constants_keep_the_width_of_floats():
    with tracing() as trace:
        x = KerasTensor((None, 4), "float32")
        y = x * np.ones(4) + 0.5
    assert y.dtype == "float32"
    (result,) = compile_plan(trace, [x], [y], {}).bind(np.empty(0, "float32")).forward([rows(2).astype("float32")])
    assert result.dtype == np.float32
