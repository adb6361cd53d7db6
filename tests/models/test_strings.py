"""Models that are given strings: what encoders make of them is held in their place, from the moment rows are read."""

from __future__ import annotations

import numpy as np
import pytest

import bigdl_keras as bk
from bigdl_keras import layers

WORDS = np.array(["a", "b", "a", "c", "b", "a", "zz", "c"])
AGES = np.arange(8.0).reshape(8, 1)
TARGETS = np.array([0.0, 1.0, 0.0, 2.0, 1.0, 0.0, 3.0, 2.0])


def both():
    """A model of a word and an age, and the model of numbers that it stands for."""
    word, age = bk.Input((1,), dtype="string", name="word"), bk.Input((1,), name="age")
    lookup = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="one_hot")
    hot = layers.Concatenate()([lookup(word), age])
    model = bk.Model([word, age], layers.Dense(1, kernel_initializer="ones")(hot))
    numbers = bk.Input((5,))
    plain = bk.Model(numbers, layers.Dense(1, kernel_initializer="ones")(numbers))
    for item in (model, plain):
        item.compile("sgd", "mse")
    return model, plain, np.concatenate([lookup(WORDS[:, None]), AGES], axis=1)


@pytest.mark.parametrize("form", ["list", "dict", "lists of str", "one axis more"])
def test_trains_and_predicts_as_on_the_numbers(form):
    model, plain, numbers = both()
    x = {"list": [WORDS, AGES], "dict": {"word": WORDS, "age": AGES}, "lists of str": [WORDS.tolist(), AGES],
         "one axis more": [WORDS[:, None].astype(object), AGES]}[form]
    x = [np.asarray(item) for item in x] if isinstance(x, list) else x
    history = model.fit(x, TARGETS, batch_size=3, epochs=2, verbose=0, shuffle=False).history
    assert history == plain.fit(numbers, TARGETS, batch_size=3, epochs=2, verbose=0, shuffle=False).history
    np.testing.assert_array_equal(model.predict(x, verbose=0), plain.predict(numbers, verbose=0))
    assert model.evaluate(x, TARGETS, verbose=0) == plain.evaluate(numbers, TARGETS, verbose=0)
    assert model.train_on_batch(x, TARGETS) == plain.train_on_batch(numbers, TARGETS)
    np.testing.assert_allclose(model.predict_on_batch(x), plain.predict_on_batch(numbers))
    np.testing.assert_allclose(model(x), plain(numbers), rtol=1e-6)


def test_texts_crossed_features_and_files(tmp_path):
    text, word = bk.Input((), dtype="string", name="text"), bk.Input((1,), dtype="string", name="word")
    number = bk.Input((1,), dtype="int32", name="number")
    vectorize = layers.TextVectorization(output_sequence_length=4)
    texts = np.array(["red wine", "white, white wine", "water", "no wine at all"])
    vectorize.adapt(texts)
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(vectorize.vocabulary_size(), 3)(vectorize(text)))
    crossed = layers.HashedCrossing(6, "one_hot")([word, number])
    model = bk.Model([text, word, number], layers.Dense(2)(layers.Concatenate()([mean, crossed])))
    x = [texts, WORDS[:4], np.arange(4)[:, None]]
    model.compile("adam", "mse")
    model.fit(x, np.ones((4, 2)), verbose=0)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(model(x), expected, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(bk.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), expected)


def test_a_sequential_takes_its_input_from_the_first_words():
    model = bk.Sequential([layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot"), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(WORDS, TARGETS, verbose=0)
    assert model.predict(WORDS, verbose=0).shape == (8, 1) and model.inputs[0].dtype == "string"


def test_strings_that_nothing_encodes_are_refused():
    word = bk.Input((1,), dtype="string")
    with pytest.raises(ValueError, match="Put a StringLookup, Hashing or TextVectorization before it"):
        layers.Dense(2)(word)
    with pytest.raises(ValueError, match="needs `output_sequence_length` in a model"):
        layers.TextVectorization(vocabulary=["a"])(word)
    model = bk.Sequential([bk.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="strings must be encoded"):
        model.fit(WORDS, TARGETS, verbose=0)
    with_words, _, _ = both()
    with pytest.raises(TypeError, match=r"input 'age' takes numbers\. `x\[1\]` holds strings"):
        with_words.predict([WORDS, WORDS], verbose=0)
    with pytest.raises(TypeError, match="None of type NoneType"):
        with_words.predict([np.array(["a", None], object), AGES[:2]], verbose=0)


def test_what_a_model_was_made_with_does_not_change():
    for layer, data in ((layers.StringLookup(vocabulary=["a"]), ["b"]),
                        (layers.TextVectorization(vocabulary=["a"], output_sequence_length=2), ["b"]),
                        (layers.Discretization(num_bins=2), [1.0, 2.0, 3.0])):
        layer.adapt(data)
        layer(bk.Input((1,), dtype=layer._input_dtype()))
        with pytest.raises(ValueError, match="before the model is made"):
            layer.adapt(data)


@pytest.mark.spark
def test_rows_of_spark_become_numbers_on_the_executors(spark):
    model, plain, numbers = both()
    plain.fit(numbers, TARGETS, batch_size=4, epochs=2, verbose=0, shuffle=False)
    expected = plain.predict(numbers, verbose=0)
    rows = list(zip(WORDS.tolist(), AGES[:, 0].tolist(), TARGETS.tolist(), strict=True))
    frame = spark.createDataFrame(rows, "word string, age double, target double").repartition(1)
    names = {"feature_cols": ["word", "age"]}
    model.fit(frame, **names, label_cols="target", batch_size=4, epochs=2, verbose=0, shuffle=False)
    answer = model.predict(frame, **names).orderBy("age").collect()
    np.testing.assert_allclose(np.ravel([row[-1] for row in answer]), expected[:, 0], rtol=1e-4)
    rdd = spark.sparkContext.parallelize([((word, np.array([age])), target) for word, age, target in rows], 2)
    again, _, _ = both()
    again.fit(rdd, batch_size=4, epochs=2, verbose=0, shuffle=False)
    np.testing.assert_allclose(again.get_weights()[0], model.get_weights()[0], rtol=1e-4)
    answer = again.predict(rdd.map(lambda row: row[0])).collect()
    np.testing.assert_allclose(np.asarray(answer)[:, 0], expected[:, 0], rtol=1e-4)
