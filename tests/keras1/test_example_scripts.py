"""BigDL's own examples in our words, on small data: each trains, its loss falls, its shapes are right."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

import bigdl_keras as bk
from bigdl_keras.keras1.criterion import ClassNLLCriterion
from bigdl_keras.keras1.layers import (
    GRU,
    LSTM,
    Activation,
    Convolution1D,
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    MaxPooling1D,
    MaxPooling2D,
    Reshape,
    SimpleRNN,
    TimeDistributed,
)
from bigdl_keras.keras1.models import Model, Sequential
from bigdl_keras.keras1.nncontext import Sample
from bigdl_keras.keras1.objectives import SparseCategoricalCrossEntropy
from bigdl_keras.keras1.optimizer import SGD, EveryEpoch, MaxEpoch, Optimizer, Top1Accuracy
from bigdl_keras.keras1.optimizers import Adam
from bigdl_keras.keras1.preprocessing.sequence import pad_sequences
from bigdl_keras.keras1.utils.np_utils import to_categorical


@pytest.fixture(autouse=True)
def repeatable():
    bk.set_random_seed(7)


@pytest.fixture(scope="module")
def digits():
    """Handwritten digits doubled to 16 by 16, and their classes."""
    data = load_digits()
    images = (data.images[:400] / 16).astype("float32").repeat(2, axis=1).repeat(2, axis=2)
    return images, data.target[:400]


def falls(history, by=0.95):
    losses = history.history["loss"]
    assert losses[-1] < by * losses[0], losses
    return losses


def lenet():
    model = Sequential()
    model.add(Reshape((1, 16, 16), input_shape=(16, 16, 1)))
    model.add(Convolution2D(6, 5, 5, activation="tanh", name="conv1_5x5"))
    model.add(MaxPooling2D())
    model.add(Convolution2D(12, 3, 3, activation="tanh", name="conv2"))
    model.add(MaxPooling2D())
    model.add(Flatten())
    model.add(Dense(30, activation="tanh", name="fc1"))
    model.add(Dense(10, activation="softmax", name="fc2"))
    return model


def test_lenet(digits):
    images, classes = digits
    model = lenet()
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    assert model.get_layer("conv2").output.shape == (None, 12, 4, 4)
    history = model.fit(images[..., None], classes, batch_size=40, nb_epoch=5, verbose=0,
                        validation_data=(images[300:, ..., None], classes[300:]))
    falls(history)
    assert history.history["val_accuracy"][-1] > 0.3


@pytest.mark.spark
def test_lenet_by_the_optimizer_of_the_first_generation(digits, spark):
    images, classes = digits
    rows = spark.sparkContext.parallelize(
        [Sample.from_ndarray(image[..., None], label + 1.0) for image, label in zip(images, classes, strict=True)], 2)
    model = lenet()
    train = Optimizer(model=model, training_rdd=rows, criterion=ClassNLLCriterion(logProbAsInput=False),
                      optim_method=SGD(learningrate=0.1, learningrate_decay=0.0002), end_trigger=MaxEpoch(3),
                      batch_size=20)
    train.set_validation(batch_size=20, val_rdd=rows, trigger=EveryEpoch(), val_method=[Top1Accuracy()])
    falls(train.optimize().history)
    assert len(model.predict_classes(rows, zero_based_label=False).take(3)) == 3


def test_convolutions_on_digits(digits):
    images, classes = digits
    model = Sequential()
    model.add(Convolution2D(8, 3, 3, border_mode="valid", input_shape=(1, 16, 16)))
    model.add(Activation("relu"))
    model.add(Convolution2D(8, 3, 3))
    model.add(Activation("relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(32))
    model.add(Activation("relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adadelta", metrics=["accuracy"])
    history = model.fit(images[:, None], to_categorical(classes, 10), batch_size=32, nb_epoch=4, verbose=0)
    falls(history)
    assert len(model.evaluate(images[:, None], to_categorical(classes, 10), batch_size=50)) == 2


def test_reviews_by_convolution_and_recurrence():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, size=200)
    # words of good reviews are the even ones, more often than not
    words = [random.integers(1, 50, size=random.integers(8, 30)) * 2 + (random.random() < 0.1) - (label == 0)
             for label in labels]
    x = pad_sequences(words, maxlen=20)
    model = Sequential()
    model.add(Embedding(102, 12, input_length=20))
    model.add(Dropout(0.25))
    model.add(Convolution1D(nb_filter=8, filter_length=5, border_mode="valid", activation="relu", subsample_length=1))
    model.add(MaxPooling1D(pool_length=4))
    model.add(LSTM(6))
    model.add(Dense(1))
    model.add(Activation("sigmoid"))
    assert model.layers[3].output.shape == (None, 4, 8)
    model.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.01), metrics=["accuracy"])
    history = model.fit(x, labels[:, None], batch_size=20, nb_epoch=5, verbose=0)
    falls(history)
    assert history.history["accuracy"][-1] > 0.7
    assert set(np.unique(model.predict_classes(x))) <= {0, 1}


def test_autoencoder(digits):
    images, _ = digits
    x = images.reshape(len(images), -1)
    entry = Input(shape=(256,))
    code = Dense(16, activation="relu")(entry)
    model = Model(input=entry, output=Dense(256, activation="sigmoid")(code))
    model.compile(optimizer="adam", loss="mean_squared_error")
    falls(model.fit(x, x, batch_size=40, nb_epoch=8, verbose=0), by=0.8)
    encoder = model.new_graph([model.layers[1].name])
    assert encoder.predict(x[:5]).shape == (5, 16)


@pytest.mark.parametrize("recurrence", [SimpleRNN, LSTM, GRU])
def test_language_model(recurrence):
    """The next of eight words, which follow each other in a ring."""
    starts = np.random.default_rng(1).integers(0, 8, size=120)
    words = (starts[:, None] + np.arange(9)) % 8
    model = Sequential()
    model.add(Embedding(8, 6, input_length=8))
    model.add(recurrence(12, return_sequences=True))
    model.add(TimeDistributed(Dense(8, activation="softmax")))
    assert model.output_shape == (None, 8, 8)
    model.compile(optimizer=Adam(lr=0.02), loss=SparseCategoricalCrossEntropy(), metrics=["accuracy"])
    falls(model.fit(words[:, :-1], words[:, 1:], batch_size=20, nb_epoch=6, verbose=0), by=0.8)
    assert model.predict_classes(words[:3, :-1]).shape == (3, 8)
