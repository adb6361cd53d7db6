"""Texts become tokens, tokens numbers: one encoder, so that no string outlives the moment it is read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from bigdl_keras import registry
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.kernels.encoding import TableEncoder, TextEncoder
from bigdl_keras.layers.adapting import measured, refuse_change
from bigdl_keras.layers.categories import Encoding, as_vectors, finished_counts, refuse_sparse
from bigdl_keras.layers.index_lookup import StringLookup, TokenCounts, refuse_path
from bigdl_keras.registry import register

_STANDARDS = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = (None, "whitespace", "character")


@register("layer")
class TextVectorization(Encoding):
    """Texts as rows of whole numbers, or as vectors of the vocabulary's length.

    A text is standardized, split into tokens, tokens are joined to ngrams, and each is looked up in the vocabulary.

    Args:
        max_tokens: most numbers there may be, with those of padding ('') and of unknown tokens ('[UNK]').
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (of ASCII), None, or a function from an
            array of str to one.
        split: "whitespace", "character", None (the last axis holds tokens already), or a function from an array of str
            to a list of lists.
        ngrams: n for runs of 1 to n tokens, or a tuple of lengths.
        output_mode: "int"; or "multi_hot", "count", "tf_idf": a vector for each text.
        output_sequence_length: places of a row with "int": texts are cut, or filled with 0. Needed in a model; None for
            as many as the longest text has.
        pad_to_max_tokens: make vectors of length `max_tokens`.
        vocabulary, idf_weights: as in StringLookup; or call `adapt`.
        encoding: of strings that come as bytes.

    Input shape:
        (batch,) or (batch, 1) of strings.

    Output shape:
        (batch, places) of int64; (batch, vocabulary_size) of floats for vectors.

    Example:
        >>> import bigdl_keras as bk
        >>> layer = bk.layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"], output_sequence_length=4)
        >>> layer(["Earth, wind and fire!", "rain and wind"]).tolist()
        [[2, 3, 4, 5], [1, 4, 3, 0]]
    """

    def __init__(self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation",
                 split: Any = "whitespace", ngrams: Any = None, output_mode: str = "int",
                 output_sequence_length: int | None = None, pad_to_max_tokens: bool = False, vocabulary: Any = None,
                 idf_weights: Any = None, sparse: bool = False, ragged: bool = False, encoding: str = "utf-8",
                 name: str | None = None, vocabulary_size: int | None = None, **kwargs: Any) -> None:
        kwargs.pop("has_input_vocabulary", None)
        super().__init__(name=name, **kwargs)
        refuse_sparse("TextVectorization", sparse=sparse, ragged=ragged)
        self._lookup_layer = StringLookup(max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights,
                                   output_mode=output_mode, pad_to_max_tokens=pad_to_max_tokens, encoding=encoding,
                                   name=f"{self.name}_lookup")
        self.keep({"max_tokens": max_tokens, "standardize": _step("standardize", standardize, _STANDARDS),
                   "split": _step("split", split, _SPLITS), "output_mode": self._lookup_layer.output_mode,
                   "output_sequence_length": output_sequence_length, "pad_to_max_tokens": bool(pad_to_max_tokens),
                   "sparse": sparse, "ragged": ragged, "encoding": encoding})
        self.keep({"ngrams": tuple(ngrams) if isinstance(ngrams, (tuple, list)) else ngrams})
        if output_sequence_length is not None and self.output_mode != "int":
            raise ValueError("`output_sequence_length` of TextVectorization is for output_mode='int'. "
                             f"Received {output_sequence_length} with {self.output_mode!r}.")

    @property
    def encoder(self) -> TextEncoder:  # type: ignore[override]
        """From texts to numbers, with the vocabulary as it is."""
        table = self._lookup_layer.encoder
        assert isinstance(table, TableEncoder)
        counts = self.output_mode in ("multi_hot", "count", "tf_idf")
        return TextEncoder(table, self.standardize, self.split, self._widths, self.output_sequence_length,
                           self._lookup_layer.depth if counts else 0, self.encoding)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts.

        Args:
            data: an array or list of texts, an iterable of such batches, an RDD of texts, or a DataFrame of which the
                column is selected. Spark's data is counted on the executors, in one pass.
            batch_size: ignored, for Keras's signature.
            steps: number of batches, where `data` is an iterable of them.
        """
        refuse_change(self)
        reader = TextEncoder(TableEncoder(()), self.standardize, self.split, self._widths, encoding=self.encoding)
        measure = partial(_count, reader=reader, with_documents=self.output_mode == "tf_idf")
        self._lookup_layer.adapt_to(measured("TextVectorization", data, measure, TokenCounts.__add__, steps))

    @property
    def _widths(self) -> tuple[int, ...] | None:
        return tuple(range(1, self.ngrams + 1)) if isinstance(self.ngrams, int) else self.ngrams

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary; see StringLookup."""
        refuse_change(self)
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their numbers."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many numbers there are, with those of padding and of unknown tokens."""
        return self._lookup_layer.vocabulary_size()

    @property
    def reads_strings(self) -> bool:
        """Texts."""
        return True

    def call(self, inputs: Any) -> Any:
        self._lookup_layer.need_vocabulary()
        mode = self.output_mode
        if isinstance(inputs, KerasTensor) and mode in ("int", "one_hot") and self.output_sequence_length is None:
            raise ValueError(f"Layer '{self.name}' needs `output_sequence_length` in a model: rows must have one "
                             "length.")
        numbers = self._encode(inputs)
        if mode == "int":
            return numbers
        if mode == "one_hot":
            return as_vectors(numbers, mode, self._lookup_layer.depth, self.dtype)
        return finished_counts(numbers, mode, self._lookup_layer.weights_of_tokens)

    def kept_config(self) -> dict[str, Any]:
        """With the vocabulary, so that whatever is made from it can be called."""
        config = super().kept_config()
        config |= {name: getattr(value, "__name__", value) for name, value in config.items()
                   if name in ("standardize", "split")}
        learnt = self._lookup_layer.kept_config()
        return config | {name: learnt[name] for name in ("vocabulary", "idf_weights", "vocabulary_size")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Rebuild the layer from what `get_config` answered."""
        refuse_path(cls.__name__, config)
        return super().from_config(config)


def _step(argument: str, value: Any, known: Sequence[str | None]) -> Any:
    """What a name, a config of a function, or a function stands for."""
    if isinstance(value, dict):  # as Keras stores a function
        value = value.get("config") if isinstance(value.get("config"), str) else value.get("class_name")
    if isinstance(value, str) and value not in known:
        if value.rpartition(">")[2] not in {name.rpartition(">")[2] for name in registry.custom_names()}:
            raise ValueError(f"`{argument}` of TextVectorization must be one of {known}, or a function. Received "
                             f"{value!r}; a function of yours is found by name once it is registered "
                             "(register_keras_serializable).")
        value = registry.find("function", value)
    return value


def _count(texts: Any, reader: TextEncoder, with_documents: bool) -> TokenCounts:
    return TokenCounts.of(list(reader.rows(np.asarray(texts))), with_documents)
