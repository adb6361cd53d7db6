"""A text is a sequence of word vectors; an encoder makes one vector of it, and two Dense layers tell its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bigdl_keras.layers import GRU, LSTM, Activation, Conv1D, Dense, Dropout, Embedding, GlobalMaxPooling1D, Input
from bigdl_keras.models import Sequential


def TextClassifier(
    class_num: int, embedding: Any = None, sequence_length: int = 500, encoder: str = "cnn",
    encoder_output_dim: int = 256, *, token_length: int | None = None, vocabulary: int | None = None,
    name: str = "text_classifier",
) -> Sequential:
    """The text classifier of Analytics Zoo.

    Args:
        class_num: number of classes.
        embedding: a layer from word numbers to vectors (`Embedding`, `WordEmbedding`); or see the two below.
        sequence_length: words of a text.
        encoder: 'cnn', 'lstm' or 'gru'.
        encoder_output_dim: width of the text's vector.
        token_length: width of word vectors. Without `embedding` and `vocabulary`, texts come as such vectors.
        vocabulary: number of words; an `Embedding` is trained for them.
        name: name of the model.

    Raises:
        ValueError: an unknown encoder, or nothing said of the words.
    """
    if embedding is None and token_length is None:
        raise ValueError("Say what words are: `embedding=` a layer, or `token_length=` the width of their vectors "
                         "(and `vocabulary=` to train an Embedding of that width).")
    encoders: dict[str, Callable[[], list[Any]]] = {
        "cnn": lambda: [Conv1D(encoder_output_dim, 5, activation="relu", name="encoder"),
                        GlobalMaxPooling1D(name="encoder_pool")],
        "lstm": lambda: [LSTM(encoder_output_dim, name="encoder")],
        "gru": lambda: [GRU(encoder_output_dim, name="encoder")],
    }
    if encoder not in encoders:
        raise ValueError(f"`encoder` must be one of {', '.join(encoders)}. Received {encoder!r}.")
    if embedding is None and token_length is not None and vocabulary is not None:
        embedding = Embedding(vocabulary, token_length, name="words")
    first = [Input((sequence_length, token_length))] if embedding is None else [Input((sequence_length,)), embedding]
    return Sequential([
        *first,
        *encoders[encoder](),
        Dense(128, name="hidden"),
        Dropout(0.2, name="dropout"),
        Activation("relu", name="relu"),
        Dense(class_num, activation="softmax", name="predictions"),
    ], name=name)
