"""How models are put together: Sequential, functional, nested, shared, subclassed."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers, ops


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_sequential_connects_where_the_input_is_known() -> None:
    model = bk.Sequential([bk.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(2)])
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 2)
    assert [layer.name for layer in model.layers] == [layer.name for layer in model._stack]
    assert [weight.shape for weight in model.weights] == [(4, 3), (3,), (3, 2), (2,)]


def test_sequential_takes_input_shape_of_its_first_layer_or_waits_for_data(rng: np.random.Generator) -> None:
    declared = bk.Sequential([layers.Dense(2, input_shape=(5,))])
    assert declared.output_shape == (None, 2)
    waiting = bk.Sequential([layers.Dense(2), layers.Dense(1)])
    assert waiting.predict(rng.normal(size=(3, 7))).shape == (3, 1)
    assert waiting.input_shape == (None, 7)


def test_sequential_add_and_pop() -> None:
    model = bk.Sequential()
    model.add(bk.Input((6,)))
    model.add(layers.Dense(4))
    model.add(layers.Dense(2))
    top = model.pop()
    assert isinstance(top, layers.Dense)
    assert model.output_shape == (None, 4)
    assert len(model.weights) == 2
    with pytest.raises(TypeError, match="Only layers"):
        model.add("dense")
    with pytest.raises(ValueError, match="already has a layer"):
        model.add(layers.Dense(1, name=model.layers[0].name))


def test_functional_with_several_inputs_and_outputs(rng: np.random.Generator) -> None:
    left, right = bk.Input((3,), name="left"), bk.Input((2,), name="right")
    joined = layers.Concatenate()([left, right])
    model = bk.Model(
        [left, right], {"sum": layers.Dense(1, name="s")(joined), "class": layers.Dense(2, name="c")(joined)}
    )
    x = [rng.normal(size=(5, 3)).astype("float32"), rng.normal(size=(5, 2)).astype("float32")]
    by_list, by_name = model.predict(x), model.predict({"right": x[1], "left": x[0]})
    assert by_list["sum"].shape == (5, 1)
    assert by_list["class"].shape == (5, 2)
    np.testing.assert_array_equal(by_list["sum"], by_name["sum"])


def test_a_shared_layer_has_one_set_of_weights(rng: np.random.Generator) -> None:
    first, second = bk.Input((4,)), bk.Input((4,))
    shared = layers.Dense(3)
    model = bk.Model([first, second], layers.Add()([shared(first), shared(second)]))
    assert len(model.weights) == 2
    a, b = rng.normal(size=(2, 6, 4)).astype("float32")
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model.predict([a, b]), (a + b) @ kernel + 2 * bias, rtol=1e-5, atol=1e-6)


def test_models_nest_in_models_and_sequentials_in_both(rng: np.random.Generator) -> None:
    inner = bk.Sequential([bk.Input((4,)), layers.Dense(3, activation="tanh")])
    x = bk.Input((4,))
    middle = bk.Model(x, layers.Dense(2)(inner(x)))
    outer = bk.Sequential([bk.Input((4,)), middle, layers.Dense(1)])
    data = rng.normal(size=(5, 4)).astype("float32")
    hidden = middle.predict(data)
    kernel, bias = outer.layers[-1].get_weights()
    np.testing.assert_allclose(outer.predict(data), hidden @ kernel + bias, rtol=1e-5, atol=1e-6)
    assert len(outer.trainable_weights) == 6


def test_operations_and_operators_on_tensors_are_part_of_the_model(rng: np.random.Generator) -> None:
    x = bk.Input((4,))
    model = bk.Model(x, ops.exp(x[:, :2] * 2.0 - 1.0) / (ops.sum(ops.abs(x), axis=-1, keepdims=True) + 1.0))
    data = rng.normal(size=(3, 4)).astype("float32")
    expected = np.exp(data[:, :2] * 2 - 1) / (np.abs(data).sum(-1, keepdims=True) + 1)
    np.testing.assert_allclose(model.predict(data), expected, rtol=1e-5)
    rebuilt = bk.models.model_from_json(model.to_json())
    np.testing.assert_allclose(rebuilt.predict(data), expected, rtol=1e-5)


def test_a_subclass_with_call_trains(rng: np.random.Generator) -> None:
    class Residual(bk.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = layers.Dense(4, activation="relu")
            self.head = layers.Dense(1)

        def call(self, inputs):  # type: ignore[no-untyped-def]
            return self.head(self.hidden(inputs) + inputs)

    model = Residual()
    model.compile("adam", "mse")
    x = rng.normal(size=(64, 4)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    before = model.evaluate(x, y)
    model.fit(x, y, epochs=5, verbose=0)
    assert model.evaluate(x, y) < before


def test_a_sequential_model_is_built_for_a_shape() -> None:
    model = bk.Sequential([layers.Dense(3)])
    with pytest.raises(ValueError, match="needs a shape"):
        model.build()
    model.build((None, 4))
    assert model.built and model.layers[0].kernel.shape == (4, 3)


def test_get_layer_suggests() -> None:
    model = bk.Sequential([bk.Input((4,)), layers.Dense(3, name="hidden")])
    assert model.get_layer("hidden") is model.get_layer(index=0)
    with pytest.raises(ValueError, match="Did you mean 'hidden'"):
        model.get_layer("hiden")
    with pytest.raises(ValueError, match="no layer number 7"):
        model.get_layer(index=7)


def test_graphs_with_gaps_are_refused() -> None:
    x, other = bk.Input((4,), name="x"), bk.Input((4,), name="other")
    with pytest.raises(ValueError, match="'other'"):
        bk.Model(x, layers.Add()([x, other]))
    with pytest.raises(TypeError, match="Model\\(inputs, outputs\\)"):
        bk.Model(x, np.zeros(3))
    with pytest.raises(ValueError, match="called 'twin'"):
        bk.Model(x, layers.Dense(1, name="twin")(layers.Dense(2, name="twin")(x)))


def test_inputs_that_do_not_fit_are_named() -> None:
    model = bk.Sequential([bk.Input((4,), name="features"), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"'features' takes rows of shape \(4,\).*\(5,\)"):
        model.predict(np.zeros((2, 5), "float32"))
    with pytest.raises(ValueError, match=r"Layer 'wide' needs|'wide'"):
        bk.Sequential([bk.Input((4, 4, 3)), layers.Conv2D(2, 9, name="wide")])


def test_summary_lists_layers_shapes_and_counts() -> None:
    x = bk.Input((4,), name="x")
    hidden = layers.Dense(3, name="hidden")(x)
    model = bk.Model(x, layers.Add(name="sum")([hidden, layers.Dense(3, name="other")(x)]), name="two_ways")
    model.get_layer("other").trainable = False
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert 'Model: "two_ways"' in text
    assert "Connected to" in text and "hidden[0][0]" in text
    assert "Total params: 30" in text
    assert "Trainable params: 15" in text
    assert "Non-trainable params: 15" in text


def test_clone_has_the_same_architecture_and_other_weights(rng: np.random.Generator) -> None:
    model = bk.Sequential(
        [bk.Input((4,)), layers.Dense(3, kernel_regularizer="l2"), layers.Dropout(0.2), layers.Dense(1)]
    )
    clone = bk.models.clone_model(model)
    assert [type(layer) for layer in clone.layers] == [type(layer) for layer in model.layers]
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])
    clone.set_weights(model.get_weights())
    x = rng.normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(clone.predict(x), model.predict(x))


def test_config_round_trip() -> None:
    x = bk.Input((None, 4), name="sequence")
    model = bk.Model(x, layers.Dense(2)(layers.LSTM(3)(x)))
    rebuilt = bk.Model.from_config(model.get_config())
    assert rebuilt.to_json() == model.to_json()


def test_set_weights_checks() -> None:
    model = bk.Sequential([bk.Input((4,)), layers.Dense(3, name="only")])
    with pytest.raises(ValueError, match="2 weights"):
        model.set_weights([np.zeros((4, 3))])
    with pytest.raises(ValueError, match="only/kernel"):
        model.set_weights([np.zeros((3, 4)), np.zeros(3)])


def test_a_nested_model_hands_masks_on_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    inner = bk.Sequential([bk.Input((5, 4)), layers.LSTM(3)])
    entry = bk.Input((5,), dtype="int32")
    embedded = layers.Embedding(9, 4, mask_zero=True)(entry)
    nested, flat = bk.Model(entry, inner(embedded)), bk.Model(entry, inner.layers[0](embedded))
    tokens = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 0, 0]])
    np.testing.assert_array_equal(nested.predict(tokens), flat.predict(tokens))
    assert not [warning for warning in recwarn if "mask" in str(warning.message)]


@pytest.mark.parametrize("functional", [False, True])
def test_a_model_inside_a_wrapper_survives_its_config(functional):
    inputs = bk.Input((4,))
    inner = bk.Sequential([inputs.node.operation, layers.Dense(3), layers.BatchNormalization()], name="inner")
    if functional:
        inner = bk.Model(inputs, layers.Dense(3)(inputs), name="inner")
    model = bk.Sequential([bk.Input((5, 4)), layers.TimeDistributed(inner), layers.Flatten()])
    again = bk.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    x = np.linspace(-1, 1, 40, dtype="float32").reshape(2, 5, 4)
    np.testing.assert_allclose(again.predict(x), model.predict(x), rtol=1e-6)
    assert type(again.layers[0].layer).__name__ == type(inner).__name__
