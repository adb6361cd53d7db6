"""Strings and identifiers: the numbers of real Keras, on arrays, from Spark's data, and through configs and pickles."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

from bigdl_keras import layers

# Written by real Keras 3.15.1 with TensorFlow: layer, arguments, data to adapt to, inputs, outputs, vocabulary.
CASES = json.loads((Path(__file__).parents[1] / "data" / "keras_text.json").read_text())


def _made(case):
    layer = getattr(layers, case["layer"])(**case["arguments"])
    if case["adapt"] is not None:
        layer.adapt(np.asarray(case["adapt"]))
    return layer


def _answer(layer, case):
    inputs = case["inputs"]
    return layer(inputs if case["layer"] == "HashedCrossing" else np.asarray(inputs))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['layer']}-{case['arguments']}"[:80])
def test_as_real_keras(case):
    layer = _made(case)
    expected = np.asarray(case["outputs"])
    if case["vocabulary"] is not None:
        assert layer.get_vocabulary() == case["vocabulary"]
    answer = _answer(layer, case)
    assert answer.shape == expected.shape
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(answer, expected, rtol=1e-6)
    else:
        np.testing.assert_array_equal(answer, expected)
    for twin in (type(layer).from_config(layer.get_config()), pickle.loads(cloudpickle.dumps(layer))):
        np.testing.assert_array_equal(_answer(twin, case), answer)
        assert twin.get_config() == layer.get_config()


def test_what_cannot_be_meant_is_refused():
    for arguments, message in [
        ({"vocabulary": ["a", "a"]}, "more than one of \\['a'\\]"), ({"vocabulary": []}, "must not be empty"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "3 tokens"), ({"max_tokens": 1}, "more than 1"),
        ({"pad_to_max_tokens": True}, "needs `max_tokens`"), ({"output_mode": "many"}, "must be one of"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "`idf_weights` are needed"),
        ({"vocabulary": ["a", "m"], "mask_token": "m"}, "reserved token 'm'"), ({"sparse": True}, "sparse"),
        ({"invert": True, "output_mode": "count"}, "must be 'int'"), ({"num_oov_indices": -1}, "not negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            layers.StringLookup(**arguments)
    with pytest.raises(ValueError, match="Not in it: \\['z'\\]"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "z"])
    with pytest.raises(ValueError, match="no vocabulary yet"):
        layers.TextVectorization()(["a"])
    with pytest.raises(TypeError, match="None of type NoneType at position 1"):
        layers.Hashing(3)(["a", None])
    with pytest.raises(ValueError, match="names a file"):
        layers.StringLookup.from_config({"vocabulary": "/etc/hosts"})


def test_functions_of_the_user_split_and_standardize():
    layer = layers.TextVectorization(standardize=np.char.upper, split=lambda texts: [text.split("-") for text in texts])
    layer.adapt(["a-b", "b-c"])
    assert layer.get_vocabulary() == ["", "[UNK]", "B", "C", "A"]
    assert layer(["c-b-x"]).tolist() == [[3, 2, 1]]


def test_a_vocabulary_of_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("earth\nwind\n")
    assert layers.StringLookup(vocabulary=str(path))(["wind", "fire"]).tolist() == [2, 0]


@pytest.mark.parametrize("pieces", [1, 3])
def test_numbers_learnt_in_pieces_are_those_of_the_whole(pieces):
    rows = np.random.default_rng(0).normal(2.0, 3.0, (30, 2, 3))
    for axis in (-1, None, (1, 2)):
        whole, parts = layers.Normalization(axis=axis), layers.Normalization(axis=axis)
        whole.adapt(rows)
        parts.adapt(np.array_split(rows, pieces))
        for one, other in zip(whole.get_weights(), parts.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)
        others = tuple(place for place in range(3) if place not in np.atleast_1d(() if axis is None else axis) % 3)
        np.testing.assert_allclose(whole.get_weights()[0], rows.mean(axis=others), rtol=1e-6)
        np.testing.assert_allclose(whole.get_weights()[1], rows.var(axis=others), rtol=1e-6)


@pytest.mark.spark
def test_adapts_to_rdds_and_dataframes(spark):
    rows = [("Red wine", "a", 1, [1.0, 2.0]), ("red, red", "b", 5, [3.0, 4.0]), ("wine!", "a", 5, [5.0, 9.0])]
    frame = spark.createDataFrame(rows, "text string, word string, number long, list array<double>").repartition(2)
    empty = frame.rdd.map(lambda row: row["word"]).repartition(5)  # some partitions have no rows
    for make, name in [
        (lambda: layers.TextVectorization(output_mode="tf_idf"), "text"), (layers.StringLookup, "word"),
        (layers.IntegerLookup, "number"), (layers.Normalization, "list"),
        (lambda: layers.Discretization(num_bins=2), "number"),
    ]:
        local, by_rows, by_columns = make(), make(), make()
        local.adapt(np.asarray([row[frame.columns.index(name)] for row in rows]))
        by_rows.adapt(frame.rdd.map(lambda row, name=name: row[name]))
        by_columns.adapt(frame.select(name))
        for layer in (by_rows, by_columns):
            assert layer.get_config() | {"name": ""} == local.get_config() | {"name": ""}
            for one, other in zip(layer.get_weights(), local.get_weights(), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-6)
    layer = layers.StringLookup()
    layer.adapt(empty)
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    with pytest.raises(ValueError, match="empty"):
        layer.adapt(frame.select("word").where("number > 9"))


@pytest.mark.spark
def test_is_called_in_pipelines(spark):
    from pyspark.sql.functions import pandas_udf

    layer = layers.StringLookup(vocabulary=["a", "b"])
    rdd = spark.sparkContext.parallelize(["a", "z", "b"], 2)
    assert rdd.map(lambda word: int(layer(word))).collect() == [1, 0, 2]
    assert rdd.mapPartitions(lambda words: layer(list(words)).tolist()).collect() == [1, 0, 2]
    number = pandas_udf(lambda words: __import__("pandas").Series(layer(words)), "long")
    frame = rdd.map(lambda word: (word,)).toDF(["word"])
    assert [row[0] for row in frame.select(number("word")).collect()] == [1, 0, 2]
