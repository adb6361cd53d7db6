"""Word vectors from a file in GloVe's format: a word and its numbers on each line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import Embedding
from bigdl_keras.registry import register


@register("layer")
class WordEmbedding(Embedding):
    """Fixed vectors for words: index 0 is unknown or padding, and has the vector 0.

    Args:
        embedding_file: path of a text file, a word and its vector on each line.
        word_index: word -> index from 1 on; by default the words of the file in their order.
        trainable: must be False; the vectors stay as the file has them.
        weights_shape: (words, length) instead of a file, for a layer whose weights are loaded later.

    Raises:
        ValueError: a line of the file has another length than the first one.
    """

    def __init__(self, embedding_file: str | os.PathLike[str] | None = None, word_index: Mapping[str,
                 int] | None = None, trainable: bool = False, weights_shape: tuple[int, int] | None = None,
                 **kwargs: Any) -> None:
        if trainable:
            raise ValueError("The vectors of WordEmbedding do not train. Use Embedding(weights=...) to train them.")
        if embedding_file is None and weights_shape is None:
            raise ValueError("WordEmbedding needs `embedding_file`.")
        table = None if embedding_file is None else _read(embedding_file, word_index)
        rows, length = table.shape if table is not None else weights_shape  # type: ignore[misc]
        super().__init__(rows, length, trainable=False, **kwargs)
        if table is not None:
            self.embeddings.assign(table)

    @staticmethod
    def get_word_index(embedding_file: str | os.PathLike[str]) -> dict[str, int]:
        """Word -> index of all words of a file, from 1 on."""
        with open(embedding_file, encoding="utf-8") as lines:
            return {line.split(" ", 1)[0]: number for number, line in enumerate(lines, start=1)}

    def get_config(self) -> dict[str, Any]:
        config = Layer.get_config(self)
        kept = {name: config[name] for name in ("name", "dtype")}
        return {**kept, "trainable": False, "weights_shape": (self.input_dim, self.output_dim)}


def _read(path: str | os.PathLike[str], word_index: Mapping[str, int] | None) -> np.ndarray:
    index = WordEmbedding.get_word_index(path) if word_index is None else word_index
    rows = max(index.values(), default=0) + 1
    table: np.ndarray | None = None
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            word, *numbers = line.rstrip().split(" ")
            if table is None:
                table = np.zeros((rows, len(numbers)), "float32")
            if len(numbers) != table.shape[1]:
                raise ValueError(f"Line {number} of {os.fspath(path)} has {len(numbers)} numbers, the first line has "
                                 f"{table.shape[1]}.")
            if word in index:
                table[index[word]] = np.asarray(numbers, "float32")
    if table is None:
        raise ValueError(f"{os.fspath(path)} holds no word vectors.")
    return table
