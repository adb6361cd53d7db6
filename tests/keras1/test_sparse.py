"""Sparse rows of BigDL's wide models: how they come in, and where their gradients end."""

from __future__ import annotations

import numpy as np
import pytest

from bigdl_keras.keras1.layers import Dense, Input, SparseDense, merge
from bigdl_keras.keras1.models import Model, Sequential
from bigdl_keras.keras1.nncontext import JTensor, Sample
from bigdl_keras.keras1.regularizers import l2
from bigdl_keras.testing import traced_run


@pytest.mark.parametrize(("window", "passed"), [
    ({}, []), ({"backward_start": 2, "backward_length": 3}, [1, 2, 3]),
    ({"backward_start": 1, "backward_length": 5}, [0, 1, 2, 3, 4]),
])
def test_gradients_reach_what_is_before_in_the_window_only(window, passed):
    before = Dense(5, bias=False, input_shape=(3,))
    model = Sequential([before, SparseDense(4, W_regularizer=l2(0.1), **window)])
    run = traced_run(model, [np.random.default_rng(0).normal(size=(2, 3))])
    run.loss()
    run.execution.backward()
    gradient = run.gradients[:15].reshape(3, 5)  # of the columns of the kernel before, one for each feature
    assert np.flatnonzero(np.abs(gradient).max(axis=0) > 1e-8).tolist() == passed
    assert np.abs(run.gradients[15:]).max() > 0


def test_weights_come_in_the_order_of_bigdl():
    layer = SparseDense(2, init_weight=np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), init_bias=np.array([10.0, 20.0]))
    np.testing.assert_allclose(layer(np.array([[1.0, 0.0, 1.0]])), [[14.0, 30.0]])


def test_sparse_tensors_are_written_out():
    places = np.array([[0, 0, 2], [1, 1, 3]])
    tensor = JTensor.sparse(np.array([1.0, 2.0, 5.0]), places, np.array([3, 4]))
    np.testing.assert_array_equal(tensor.to_ndarray(), [[0, 3, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5]])
    np.testing.assert_array_equal(JTensor.from_ndarray(np.eye(2)).to_ndarray(), np.eye(2))
    sample = Sample.from_jtensor([tensor, JTensor.from_ndarray(np.ones(2))], JTensor.from_ndarray(np.array(1.0)))
    assert [array.shape for array in sample.features] == [(3, 4), (2,)] and sample.label.shape == (1,)
    with pytest.raises(ValueError, match="counted from 0"):
        JTensor.sparse(np.ones(2), np.array([1, 5]), np.array([5]))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: SparseDense(2, backward_start=1), "go together"),
    (lambda: SparseDense(2, init_grad_bias=np.ones(2)), "only None can be honoured"),
    (lambda: SparseDense(2, backward_start=4, backward_length=2)(np.ones((1, 4))), "Its input has 4"),
])
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def wide_rows(count):
    """(three ones among twelve, two numbers, label) a row"""
    random = np.random.default_rng(1)
    for _ in range(count):
        places = np.array([random.integers(0, 4), 4 + random.integers(0, 4), 8 + random.integers(0, 4)])
        numbers = random.normal(size=2)
        yield places, numbers, float((places[0] > 1) + numbers[0])


@pytest.mark.spark
def test_a_wide_and_deep_script_of_bigdl(spark):
    samples = [Sample.from_jtensor([JTensor.sparse(np.ones(3), places, np.array([12])), JTensor.from_ndarray(numbers)],
                                   JTensor.from_ndarray(np.array([label])))
               for places, numbers, label in wide_rows(60)]
    wide, deep = Input(shape=(12,)), Input(shape=(2,))
    total = merge([SparseDense(1)(wide), Dense(1)(Dense(4, activation="tanh")(deep))], mode="sum")
    model = Model([wide, deep], total)
    model.compile("adam", "mse")
    losses = model.fit(spark.sparkContext.parallelize(samples, 2), batch_size=20, nb_epoch=6).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.spark
def test_sparse_vectors_of_pyspark_in_both_kinds_of_rows(spark):
    from pyspark.ml.linalg import Vectors

    rows = [(Vectors.sparse(12, sorted(places), [1.0, 1.0, 1.0]), label) for places, _, label in wide_rows(40)]
    dense = np.array([vector.toArray() for vector, _ in rows], "float32")
    model = Sequential([SparseDense(1, input_shape=(12,))])
    expected = model.predict(dense)
    by_rdd = model.predict(spark.sparkContext.parallelize([vector for vector, _ in rows], 2)).collect()
    np.testing.assert_allclose(np.array(by_rdd), expected, rtol=1e-6)
    frame = spark.createDataFrame(rows, ["wide", "label"])
    model.compile("adam", "mse")
    histories = [model.fit(frame, feature_cols=["wide"], label_cols=["label"], batch_size=10, nb_epoch=2),
                 model.fit(spark.sparkContext.parallelize(rows, 2), batch_size=10, nb_epoch=2)]
    assert histories[1].history["loss"][-1] < histories[0].history["loss"][0]
