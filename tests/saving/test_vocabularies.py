"""Vocabularies that real Keras learnt come along with its files, and go back with ours."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import bigdl_keras as bk

# Made by real Keras 3.15.1: each layer adapted or given a vocabulary; what it answers with is below.
FILE = Path(__file__).parents[1] / "data" / "keras" / "k3_text.keras"
WORDS, NUMBERS, TEXTS = np.array([["a"], ["z"]]), np.array([[5], [0]]), np.array(["hello you you", "world"])
ANSWERS = {
    "string_lookup": (WORDS, [[0, 1, 0, 0], [1, 0, 0, 0]]),
    "integer_lookup": (NUMBERS, [[0, 0, 0, 0.2, 0], [0.2, 0, 0, 0, 0]]),
    "integer_lookup_1": (NUMBERS, [[0], [0]]),
    "text_vectorization": (TEXTS, [[0, 0.5108256340026855, 1.3862943649291992, 0], [0, 0, 0, 0.6931471824645996]]),
    "text_vectorization_1": (TEXTS, [[2, 3, 3, 0], [4, 0, 0, 0]]),
    "hashing": (WORDS, [[5], [4]]),
    "hashed_crossing": ([WORDS, NUMBERS], [[3], [2]]),
    "discretization": (np.array([[4.0], [8.0]]), [[1], [2]]),
}


@pytest.mark.parametrize("again", [False, True], ids=["read", "written and read"])
def test_layers_answer_as_in_keras(again, tmp_path):
    model = bk.models.load_model(FILE)
    if again:
        model.save(tmp_path / "again.keras")
        model = bk.models.load_model(tmp_path / "again.keras")
    for name, (inputs, expected) in ANSWERS.items():
        np.testing.assert_allclose(model.get_layer(name)(inputs), expected, rtol=1e-6, err_msg=name)


def test_real_keras_finds_what_it_looks_for(tmp_path):
    """It takes vocabularies from the config, and weights of tokens from an array of this name beside it."""
    bk.models.load_model(FILE).save(tmp_path / "ours.keras")
    with zipfile.ZipFile(tmp_path / "ours.keras") as archive:
        entries = {item["name"]: item["config"] for item in json.loads(archive.read("config.json"))["config"]["layers"]}
        archive.extract("model.weights.h5", tmp_path)
    assert entries["string_lookup"]["vocabulary"] == ["a", "c", "b"]
    assert entries["text_vectorization"]["vocabulary"] == ["[UNK]", "hello", "you", "world"]
    assert "trainable" not in entries["discretization"]
    with h5py.File(tmp_path / "model.weights.h5") as file:
        for path in ("text_vectorization", "text_vectorization/_lookup_layer"):
            np.testing.assert_allclose(file[f"layers/{path}/vars/idf_weights"],
                                       entries["text_vectorization"]["idf_weights"])
