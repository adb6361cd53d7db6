"""Scripts as in Keras's own guides, with the imports changed: what they rely on beside layers and losses."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as keras
from bigdl_keras import layers, ops

RANDOM = np.random.default_rng(0)


class ComputeSum(layers.Layer):
    """A state that a call adds to, and takes from."""

    def __init__(self, size):
        super().__init__()
        self.total = self.add_weight(initializer="zeros", shape=(size,), trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.mean(inputs, axis=0))
        self.total.assign_sub(ops.mean(inputs, axis=0) * 0.25)
        return inputs + 0.0 * self.total


class MovingMean(layers.Layer):
    """What assigns in training alone."""

    def build(self, input_shape):
        self.mean = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False)

    def call(self, inputs, training=None):
        if training:
            self.mean.assign(0.5 * self.mean + 0.5 * ops.mean(inputs, axis=0))
        return inputs - self.mean


def test_states_that_a_layer_assigns():
    layer = ComputeSum(2)
    layer(np.ones((3, 2)))
    np.testing.assert_allclose(layer.total.numpy(), [0.75, 0.75])
    model = keras.Sequential([keras.Input((2,)), ComputeSum(2), MovingMean(), layers.Dense(1)])
    model.compile("sgd", "mse")
    rows = np.arange(16.0).reshape(8, 2)
    model.fit(rows, np.ones(8), batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.layers[0].total.numpy(), 0.75 * (rows[:4].mean(0) + rows[4:].mean(0)), rtol=1e-6)
    np.testing.assert_allclose(model.layers[1].mean.numpy(), 0.25 * rows[:4].mean(0) + 0.5 * rows[4:].mean(0),
                               rtol=1e-6)
    total, mean = model.layers[0].total.numpy(), model.layers[1].mean.numpy()
    model.predict(rows, verbose=0)  # as in Keras, it is a step, too, of what assigns in both phases
    np.testing.assert_allclose(model.layers[0].total.numpy(), total + 0.75 * rows.mean(0), rtol=1e-6)
    np.testing.assert_array_equal(model.layers[1].mean.numpy(), mean)


def test_an_assigned_tensor_has_the_shape_of_the_weight():
    class Wrong(MovingMean):
        def call(self, inputs):
            self.mean.assign(ops.mean(inputs))
            return inputs

    with pytest.raises(ValueError, match=r"has shape \(2,\). Received a tensor of shape \(\)"):
        Wrong()(keras.Input((2,)))


class Batches(keras.utils.PyDataset):
    """Three batches."""

    ended = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(4, 1))

    def on_epoch_end(self):
        self.ended += 1


def test_a_data_set_of_ones_own():
    model = keras.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = Batches(workers=2)
    history = model.fit(batches, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2 and batches.ended == 2
    with pytest.raises(NotImplementedError, match="PyDataset must define __len__"):
        len(keras.utils.PyDataset())


def test_a_siamese_network_with_a_loss_of_ones_own():
    keras.set_random_seed(0)
    base = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="tanh"),
                             layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(5, activation="tanh")])

    def distance(vectors):
        x, y = vectors
        total = ops.sum(ops.square(x - y), axis=1, keepdims=True)
        return ops.sqrt(ops.maximum(total, keras.backend.epsilon()))

    def contrastive(margin):
        def loss(y_true, y_pred):
            near, far = ops.square(y_pred), ops.square(ops.maximum(margin - y_pred, 0))
            return ops.mean((1 - y_true) * near + y_true * far)
        return loss

    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    merged = layers.Lambda(distance, output_shape=(1,))([base(first), base(second)])
    model = keras.Model([first, second], layers.Dense(1, activation="sigmoid")(layers.BatchNormalization()(merged)))
    model.compile(loss=contrastive(1), optimizer="RMSprop", metrics=["accuracy"])
    pictures = RANDOM.normal(size=(2, 24, 8, 8, 1))
    losses = model.fit(list(pictures), (np.arange(24) % 2).astype("float32"), batch_size=8, epochs=8, verbose=0)
    assert losses.history["loss"][-1] < losses.history["loss"][0]


def test_decoders_take_the_states_of_encoders():
    words = keras.Input((None, 7))
    _, *states = layers.LSTM(5, return_state=True)(words)
    entry, decoder = keras.Input((None, 6)), layers.LSTM(5, return_sequences=True, return_state=True)
    dense = layers.Dense(6, activation="softmax")
    steps, _, _ = decoder(entry, initial_state=states)
    model = keras.Model([words, entry], dense(steps))
    model.compile("rmsprop", "categorical_crossentropy")
    said, heard = RANDOM.random((8, 4, 7)), RANDOM.random((8, 5, 6))
    model.fit([said, heard], np.eye(6)[RANDOM.integers(0, 6, (8, 5))], verbose=0)
    encoder = keras.Model(words, states)
    held = [keras.Input((5,)), keras.Input((5,))]
    one, *new = decoder(entry, initial_state=held)
    stepper = keras.Model([entry, *held], [dense(one), *new])
    found = encoder.predict(said, verbose=0)
    for place in range(5):  # one step after another gives what the whole gave
        word, *found = stepper.predict([heard[:, place:place + 1], *found], verbose=0)
    np.testing.assert_allclose(word[:, 0], model.predict([said, heard], verbose=0)[:, -1], rtol=1e-4, atol=1e-6)


def test_labels_of_the_outputs_that_have_a_loss_are_enough():
    words = keras.Input((4,), dtype="int32")
    vectors = layers.Embedding(9, 3)(words)
    model = keras.Model(words, [layers.Dense(9)(vectors), vectors])
    model.compile("adam", loss=[keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])
    data = RANDOM.integers(0, 9, (8, 4))
    expected = model.evaluate(data, [data, np.zeros((8, 4, 3))], verbose=0)
    np.testing.assert_allclose(model.evaluate(data, data, verbose=0), expected)
    with pytest.raises(ValueError, match="has 3 arrays"):
        model.evaluate(data, [data, data, data], verbose=0)


class Recommender(keras.Model):
    """Of Keras's examples: one product over all axes, the rows' too."""

    def __init__(self, over_rows=lambda value: value):
        super().__init__(name="recommender")
        self.users, self.items = (layers.Embedding(size, 4, keras.initializers.RandomNormal(stddev=0.5, seed=size))
                                  for size in (10, 12))
        self.bias = layers.Embedding(10, 1, "zeros")
        self.over_rows = over_rows

    def call(self, inputs):
        dot = ops.tensordot(self.users(inputs[:, 0]), self.items(inputs[:, 1]), 2)
        return ops.sigmoid(self.over_rows(dot) + self.bias(inputs[:, 0]))


def _losses_of(model, workers):
    pairs = np.stack([np.arange(20) % 10, np.arange(20) * 5 % 12], axis=1)
    model.compile(keras.optimizers.SGD(1.0), "binary_crossentropy")
    losses = model.fit(pairs, pairs[:, 0] % 2, epochs=10, shuffle=False, verbose=0, workers=workers).history["loss"]
    assert losses[-1] < losses[0]
    return losses


def test_a_recommender_that_contracts_all_axes_is_one_workers_affair(caplog):
    alone = _losses_of(Recommender(), None)
    np.testing.assert_allclose(_losses_of(Recommender(ops.global_sum), 2), alone, rtol=1e-4)
    assert not caplog.records
    assert not np.allclose(_losses_of(Recommender(), 2), alone, rtol=1e-3)
    (warning,) = caplog.messages
    assert "layer 'recommender' makes one value of all rows of a batch (by 'einsum')" in warning
