"""What every layer gets from the base: tracked weights, freezing, phases, building, configs, clear errors."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras import layers, ops
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.graph.trace import tracing
from bigdl_keras.layers import Layer
from bigdl_keras.layers.naming import clear_session, to_snake_case, unique_name

X = np.arange(6, dtype="float32").reshape(2, 3)


class Affine(Layer):
    """A user's layer without get_config."""

    def __init__(self, units, offset=1.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.offset = units, offset

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), "ones", name="kernel")
        self.steps = self.add_weight((), "zeros", trainable=False, name="steps")

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel) + self.offset


class Stack(Layer):
    """Layers in a list that grows after the constructor."""

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.parts = []
        for _ in range(count):
            self.parts.append(layers.Dense(3))
        self.named = {"norm": layers.BatchNormalization()}

    def call(self, inputs, training=False):
        for part in self.parts:
            inputs = part(inputs)
        return self.named["norm"](inputs)


def test_own_layer_computes_and_tracks():
    layer = Affine(2)
    np.testing.assert_allclose(layer(X), X.sum(axis=1, keepdims=True).repeat(2, axis=1) + 1)
    assert [weight.name for weight in layer.weights] == ["kernel", "steps"]
    assert [weight.path for weight in layer.trainable_weights] == [f"{layer.name}/kernel"]
    assert layer.count_params() == 7


def test_own_layer_is_rebuilt_from_its_arguments():
    layer = Affine(2, offset=5.0, name="mine")
    twin = Affine.from_config(layer.get_config())
    assert (twin.name, twin.units, twin.offset) == ("mine", 2, 5.0)


def test_a_part_built_by_its_owner_is_not_built_again():
    class Owner(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.part = layers.Dense(2)

        def build(self, input_shape):
            self.part.build(input_shape)

        def call(self, inputs):
            return self.part(inputs)

    owner = Owner()
    owner.build(X.shape)
    assert owner.built and owner.part.built
    kernel = owner.part.kernel
    owner(X)
    assert owner.part.kernel is kernel and len(owner.weights) == 2


def test_arguments_that_are_not_plain_need_a_config():
    with pytest.raises(NotImplementedError, match=r"define get_config\(\)"):
        Affine(2, offset=object()).get_config()


def test_subclass_with_fewer_arguments():
    class Ten(layers.Dense):
        def __init__(self, scale, **kwargs):
            super().__init__(10, **kwargs)
            self.scale = scale

    config = Ten(3.0).get_config()
    assert config["scale"] == 3.0 and "units" not in config
    assert Ten.from_config(config).units == 10


def test_lists_and_dicts_are_tracked():
    layer = Stack(2)
    layer(X)
    assert len(layer.weights) == 8 and len(layer.trainable_weights) == 6
    layer.trainable = False
    assert layer.trainable_weights == [] and not layer.parts[1].trainable
    assert len(layer.non_trainable_weights) == 8


def test_weights_round_trip():
    layer = layers.Dense(2)
    layer(X)
    layer.set_weights([np.ones((3, 2)), np.zeros(2)])
    np.testing.assert_allclose(layer(X), X.sum(axis=1, keepdims=True).repeat(2, axis=1))
    with pytest.raises(ValueError, match=r"'kernel'|/kernel' has shape \(3, 2\). Received an array of shape \(2, 3\)"):
        layer.set_weights([np.ones((2, 3)), np.zeros(2)])
    with pytest.raises(ValueError, match=r"has 2 weights. Received 1 arrays"):
        layer.set_weights([np.ones((3, 2))])


def test_phase_reaches_inner_layers():
    class Outer(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.inner = layers.Dropout(0.5)

        def call(self, inputs):
            return self.inner(inputs)

    ones = np.ones((50, 4), "float32")
    outer = Outer()
    assert (outer(ones, training=True) == 0).any() and (outer(ones) == 1).all()
    for training in (True, False):
        with tracing(training=training) as trace:
            outer(KerasTensor((None, 4)))
        assert ("dropout" in [call.kernel for call in trace.calls]) == training


def test_attributes_before_the_constructor():
    class Early(Layer):
        def __init__(self):
            self.inner = layers.Dense(1)
            super().__init__()

    with pytest.raises(RuntimeError, match=r"Call super\(\).__init__\(\) first in Early"):
        Early()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Dense(2, unit=3), TypeError, "Dense does not know the argument 'unit'"),
        (lambda: layers.Dense(0), ValueError, "`units` of Dense must be a positive integer. Received 0"),
        (lambda: layers.Dense(2, name="a/b"), ValueError, "without '/'"),
        (lambda: layers.Dropout(1.5), ValueError, "from 0 to 1. Received 1.5"),
        (lambda: layers.Conv2D(4, 3, padding="full"), ValueError, "`padding` of Conv2D must be one of .*'full'"),
        (lambda: layers.Conv2D(3, 3, groups=2), ValueError, "divisible by `groups`"),
        (lambda: layers.MaxPooling2D((1, 2, 3)), ValueError, "`pool_size` must be an integer or 2 integers"),
        (lambda: layers.Permute((1, 3)), ValueError, "each of 1 .. 2 once"),
        (lambda: layers.Flatten("last"), ValueError, "'channels_last' or 'channels_first'. Received 'last'"),
        (lambda: layers.Bidirectional(layers.Dense(2)), ValueError, "takes a recurrent layer"),
        (lambda: layers.TimeDistributed("dense"), TypeError, "Expected a layer"),
        (lambda: layers.RNN(layers.Dense(2)), ValueError, "needs `state_size`"),
    ],
)
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (
            layers.Dense(2, name="out"),
            np.ones(3),
            "Input 0 of layer 'out' is incompatible .* at least 2 axes.* shape \\(3,\\)",
        ),
        (layers.Conv2D(2, 3, name="c"), np.ones((2, 5, 5)), "layer 'c'.*expected 4 axes"),
        (layers.Conv2D(2, 7, name="c"), np.ones((1, 5, 5, 1)), "window of this convolution is larger than its input"),
        (layers.Reshape((5,), name="r"), X, "'r' .Reshape. cannot make rows of shape"),
        (layers.Add(name="sum"), X, "'sum' .Add. takes a list of inputs"),
        (layers.Add(name="sum"), [X, np.ones((2, 4))], "'sum' .Add. cannot merge"),
        (
            layers.Concatenate(name="j"),
            [X, np.ones((3, 3))],
            "'j' .Concatenate. needs inputs that differ only on axis -1",
        ),
        (layers.LSTM(2, name="l"), X, "Input 0 of layer 'l' is incompatible.*expected 3 axes"),
    ],
)
def test_wrong_inputs(layer, inputs, message):
    with pytest.raises(ValueError, match=message):
        layer(inputs)


def test_other_size_after_building():
    layer = layers.Dense(2, name="out")
    layer(X)
    with pytest.raises(ValueError, match=r"layer 'out'.*axis -1 to have size 3. Received shape \(2, 4\)"):
        layer(np.ones((2, 4)))


def test_unknown_size_where_weights_need_one():
    with pytest.raises(ValueError, match=r"needs a known last axis"), tracing():
        layers.Dense(2)(KerasTensor((None, None)))


def test_names():
    assert [
        to_snake_case(name) for name in ("BatchNormalization", "Conv2D", "LSTM", "ReLU", "PReLU", "UpSampling2D")
    ] == ["batch_normalization", "conv2d", "lstm", "re_lu", "p_re_lu", "up_sampling2d"]
    clear_session()
    assert [unique_name("Dense") for _ in range(3)] == ["dense", "dense_1", "dense_2"]


def test_shape_of_output_without_calling():
    assert layers.Dense(7).compute_output_shape((None, 4)) == (None, 7)
    assert layers.Concatenate().compute_output_shape([(None, 4), (None, 5)]) == (None, 9)
    assert layers.Embedding(5, 3).compute_output_shape((None, 4)) == (None, 4, 3)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (layers.add, [5.0, 7.0]),
        (layers.subtract, [-3.0, -3.0]),
        (layers.multiply, [4.0, 10.0]),
        (layers.average, [2.5, 3.5]),
        (layers.maximum, [4.0, 5.0]),
        (layers.minimum, [1.0, 2.0]),
        (layers.concatenate, [1.0, 2.0, 4.0, 5.0]),
        (layers.dot, [14.0]),
    ],
)
def test_functional_merging(function, expected):
    pair = [np.array([[1.0, 2.0]], "float32"), np.array([[4.0, 5.0]], "float32")]
    np.testing.assert_allclose(function(pair), [expected])


def test_added_loss_is_recorded():
    class Costly(Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    layer = Costly()
    layer(X)
    assert [float(loss) for loss in layer.losses] == [15.0]
    with tracing(training=True) as trace:
        layer(KerasTensor((None, 3)))
    assert len(trace.losses) == 1
