"""A vocabulary gives each token a number: first that of the mask, then those of unknown tokens, then the tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bigdl_keras import ops
from bigdl_keras.graph.tensor import KerasTensor
from bigdl_keras.kernels.encoding import DROPPED, TableEncoder, TokenEncoder, as_bytes, tokens_at
from bigdl_keras.layers.adapting import measured, refuse_change
from bigdl_keras.layers.categories import Encoding, as_vectors, chosen_mode, refuse_sparse, salt_of
from bigdl_keras.parameters import floatx
from bigdl_keras.registry import register

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


@dataclass
class TokenCounts:
    """What is counted to learn a vocabulary: tokens, documents with each token, and documents."""

    tokens: Counter[Any]
    documents: Counter[Any]
    rows: int

    def __add__(self, other: TokenCounts) -> TokenCounts:
        """The counts of both."""
        self.tokens.update(other.tokens)
        self.documents.update(other.documents)
        return TokenCounts(self.tokens, self.documents, self.rows + other.rows)

    @classmethod
    def of(cls, rows: Sequence[Sequence[Any]], with_documents: bool) -> TokenCounts:
        """The counts of the tokens of each row."""
        tokens = Counter(token for row in rows for token in row)
        documents = Counter(token for row in rows for token in set(row)) if with_documents else Counter[Any]()
        return cls(tokens, documents, len(rows))


class IndexLookup(Encoding):
    """Base of the layers with a vocabulary."""

    strings = True

    def __init__(self, max_tokens: int | None, num_oov_indices: int, mask_token: Any, oov_token: Any, vocabulary: Any,
                 idf_weights: Any, invert: bool, output_mode: str, sparse: bool, pad_to_max_tokens: bool,
                 oov_method: str = "floormod", salt: Any = None, vocabulary_size: int | None = None,
                 **kwargs: Any) -> None:
        kwargs.pop("has_input_vocabulary", None)
        super().__init__(**kwargs)
        kind = type(self).__name__
        refuse_sparse(kind, sparse=sparse)
        self.keep({"max_tokens": max_tokens, "num_oov_indices": num_oov_indices, "mask_token": mask_token,
                   "oov_token": oov_token, "invert": bool(invert), "output_mode": chosen_mode(kind, output_mode, MODES),
                   "sparse": sparse, "pad_to_max_tokens": bool(pad_to_max_tokens), "oov_method": oov_method,
                   "salt": salt_of(kind, salt)})
        self._check()
        self._tokens: Any = np.asarray([], object)
        self._weights: Any = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
        elif idf_weights is not None:
            raise ValueError(f"`idf_weights` of {kind} belong to a `vocabulary`. Received none.")

    def _check(self) -> None:
        kind = type(self).__name__
        if self.max_tokens is not None and self.max_tokens <= 1:
            raise ValueError(f"`max_tokens` of {kind} must be more than 1. Received {self.max_tokens}.")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(f"{kind}(pad_to_max_tokens=True) needs `max_tokens`.")
        if not isinstance(self.num_oov_indices, int) or self.num_oov_indices < 0:
            raise ValueError(f"`num_oov_indices` of {kind} must be an integer that is not negative. "
                             f"Received {self.num_oov_indices!r}.")
        if self.oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"`oov_method` of {kind} must be 'floormod' or 'farmhash'. Received {self.oov_method!r}.")
        if self.salt is not None and not self.strings and self.oov_method != "farmhash":
            raise ValueError(f"`salt` of {kind} is for oov_method='farmhash'. Received {self.oov_method!r}.")
        if self.invert and self.output_mode != "int":
            raise ValueError(f"{kind}(invert=True) answers with tokens: `output_mode` must be 'int'. "
                             f"Received {self.output_mode!r}.")

    # ---- the vocabulary

    @property
    def _mask_places(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first(self) -> int:
        return self._mask_places + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._mask_places + [self.oov_token] * self.num_oov_indices

    def vocabulary_size(self) -> int:
        """How many numbers there are, with those of the mask and of unknown tokens."""
        return self._first + len(self._tokens)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their numbers.

        Args:
            include_special_tokens: begin with the tokens of the mask and of what is unknown.
        """
        return (self._special if include_special_tokens else []) + self._tokens.tolist()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary.

        Args:
            vocabulary: the tokens, or the path of a file with one a line. It may begin with the special tokens, as
                `get_vocabulary` answers.
            idf_weights: inverse document frequencies, one a token; needed if `output_mode` is "tf_idf". Special tokens
                that are not among the tokens get the average.

        Raises:
            ValueError: the vocabulary is empty, longer than `max_tokens`, or repeats a token.
        """
        refuse_change(self)
        if isinstance(vocabulary, (str, Path)):
            vocabulary = Path(vocabulary).read_text("utf-8").splitlines()
        given = [self._token(item) for item in np.asarray(vocabulary).reshape(-1).tolist()]
        special = self._special
        with_special = bool(special) and given[:len(special)] == special
        self._put(given[len(special):] if with_special else given)
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise ValueError(f"`idf_weights` are needed with output_mode='tf_idf', and only then. '{self.name}' has "
                             f"output_mode={self.output_mode!r}; received idf_weights={idf_weights!r}.")
        if idf_weights is not None:
            weights = np.asarray(idf_weights, floatx())
            if weights.shape != (len(given),):
                raise ValueError(f"`idf_weights` must be {len(given)} numbers, one a token. "
                                 f"Received shape {weights.shape}.")
            front = 0 if with_special else len(special)
            self._weights = np.concatenate([np.full(front, weights.mean(), floatx()), weights])

    def _token(self, item: Any) -> Any:
        """A token as it is kept."""
        raise NotImplementedError

    def _key(self, item: Any) -> Any:
        """A token as it is looked up."""
        raise NotImplementedError

    def _put(self, tokens: list[Any]) -> None:
        kind = type(self).__name__
        if not tokens:
            raise ValueError(f"The vocabulary of {kind} must not be empty.")
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(f"Each token of a vocabulary must be there once. {kind} received more than one of "
                             f"{repeated[:5]}.")
        misplaced = [self.mask_token] + ([self.oov_token] if self.invert else [])
        for token in misplaced:
            if token is not None and token in tokens:
                raise ValueError(f"The vocabulary of {kind} has the reserved token {token!r} in the middle. Leave the "
                                 f"special tokens out, or begin with all of them: {self._special}.")
        if self.max_tokens is not None and self._first + len(tokens) > self.max_tokens:
            raise ValueError(f"The vocabulary has {self._first + len(tokens)} tokens with the special ones; "
                             f"`max_tokens` of {kind} is {self.max_tokens}.")
        self._tokens = np.asarray(tokens, object if self.strings else np.int64)
        self.encoder = self._inverse() if self.invert and not self.strings else self._table()

    def _table(self) -> TableEncoder:
        mask = None if self.mask_token is None else self._key(self.mask_token)
        return TableEncoder(tuple(map(self._key, self._tokens.tolist())), self._first, self.num_oov_indices, mask,
                            0 if self.output_mode == "int" else DROPPED, self.strings or self.oov_method == "farmhash",
                            self.salt)

    def _inverse(self) -> TokenEncoder:
        return TokenEncoder(tuple(self._tokens.tolist()), self._first, self.oov_token, self.mask_token)

    # ---- learning it

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens first, those of one frequency in descending order.

        Args:
            data: an array or list of tokens (rows, ...), an iterable of such batches, an RDD of rows, or a DataFrame
                of which the column of tokens is selected. With "tf_idf", a row is a document. Spark's data is counted
                on the executors, in one pass.
            batch_size: ignored, for Keras's signature.
            steps: number of batches, where `data` is an iterable of them.
        """
        refuse_change(self)
        measure = partial(_count, strings=self.strings, with_documents=self.output_mode == "tf_idf")
        self.adapt_to(measured(type(self).__name__, data, measure, TokenCounts.__add__, steps))

    def adapt_to(self, counts: TokenCounts) -> None:
        """Take the vocabulary from counted tokens."""
        for token in (self.mask_token, self.oov_token):
            if token is not None:
                counts.tokens.pop(self._key(token), None)
        keys = sorted(counts.tokens, key=lambda key: (counts.tokens[key], key), reverse=True)
        if self.max_tokens is not None:
            keys = keys[:self.max_tokens - self._first]
        self._put([key.decode("utf-8") if isinstance(key, bytes) else key for key in keys])
        if self.output_mode == "tf_idf":
            frequency = np.asarray([counts.documents[key] for key in keys], "float64")
            weights = np.log(1 + counts.rows / (1 + frequency))
            self._weights = np.concatenate([np.full(self._first, weights.mean()), weights]).astype(floatx())

    # ---- calling

    @property
    def reads_strings(self) -> bool:
        """All but lookups of whole numbers, and of the tokens that numbers stand for."""
        return self.strings and not self.invert

    @property
    def depth(self) -> int:
        """Length of the vectors."""
        return int(self.max_tokens) if self.pad_to_max_tokens else self.vocabulary_size()

    @property
    def weights_of_tokens(self) -> Any:
        """The inverse document frequencies, with zeros up to `depth`; None but for "tf_idf"."""
        return None if self._weights is None else np.pad(self._weights, (0, self.depth - len(self._weights)))

    def need_vocabulary(self) -> None:
        """Raise if there is none."""
        if not len(self._tokens):
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) has no vocabulary yet: pass `vocabulary=`, "
                             "or call adapt(data) before the layer is used.")

    def call(self, inputs: Any) -> Any:
        self.need_vocabulary()
        if self.invert and self.strings:
            if isinstance(inputs, KerasTensor):
                raise ValueError(f"Layer '{self.name}' answers with strings, which cannot flow through a model. Call "
                                 "it on the model's predictions.")
            return tokens_at(self._tokens.astype(str), self._first, self.oov_token, self.mask_token, inputs)
        if not self.strings and not str(inputs.dtype).startswith(("int", "uint")):
            inputs = ops.cast(inputs, "int64")
        numbers = self._encode(inputs)
        if self.output_mode == "int":
            return numbers
        return as_vectors(numbers, self.output_mode, self.depth, floatx(), self.weights_of_tokens)

    def kept_config(self) -> dict[str, Any]:
        """The vocabulary is part of the config, so that whatever is made from it can be called."""
        config = super().kept_config()
        with_weights = self.output_mode == "tf_idf"
        config["vocabulary"] = self.get_vocabulary(include_special_tokens=with_weights) if len(self._tokens) else None
        config["idf_weights"] = None if self._weights is None else self._weights.tolist()
        config["vocabulary_size"] = self.vocabulary_size() if len(self._tokens) else None
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Rebuild the layer from what `get_config` answered."""
        refuse_path(cls.__name__, config)
        return super().from_config(config)


def refuse_path(layer: str, config: dict[str, Any]) -> None:
    """A config, which may be of a stranger's file, must not say which files to read here."""
    if isinstance(config.get("vocabulary"), str):
        raise ValueError(f"The config of {layer} names a file as its vocabulary: {config['vocabulary']!r}. Files are "
                         "read only where your code names them: pass the tokens, or call set_vocabulary(path).")


def _count(rows: Any, strings: bool, with_documents: bool) -> TokenCounts:
    flat = as_bytes(rows) if strings else np.asarray(rows).reshape(-1).astype(np.int64).tolist()
    width = int(np.prod(np.shape(rows)[1:]))
    documents = [flat[start:start + width] for start in range(0, len(flat), max(width, 1))]
    return TokenCounts.of(documents, with_documents)


@register("layer")
class StringLookup(IndexLookup):
    """Strings as whole numbers, or as vectors of the vocabulary's length.

    Args:
        max_tokens: most numbers there may be, special ones included; None for any number.
        num_oov_indices: how many numbers unknown tokens share, by FarmHash64 (SipHash64 with a salt).
        mask_token: a token that has number 0 (and is dropped from vectors); None for none.
        oov_token: what unknown numbers are turned into with `invert`, and the name of unknown tokens.
        vocabulary: the tokens, or the path of a file with one a line; or call `adapt`.
        idf_weights: inverse document frequencies of the tokens, for "tf_idf".
        invert: turn numbers into strings instead.
        output_mode: "int"; or "one_hot", a vector for each token (a last axis of size 1 is replaced); "multi_hot",
            "count" and "tf_idf" (count times weight), a vector for the tokens along the last axis.
        pad_to_max_tokens: make vectors of length `max_tokens`.
        encoding: of strings that come as bytes.
        salt: an integer or a pair, key of the hash of unknown tokens.

    Input shape:
        (batch, ...) of strings.

    Output shape:
        The same, of int64; (batch, ..., vocabulary_size) of floats for vectors.

    Example:
        >>> import bigdl_keras as bk
        >>> layer = bk.layers.StringLookup(vocabulary=["a", "b", "c", "d"])
        >>> layer([["a", "c", "d"], ["d", "z", "b"]]).tolist()
        [[1, 3, 4], [4, 0, 2]]
    """

    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: str | None = None,
                 oov_token: str = "[UNK]", vocabulary: Any = None, idf_weights: Any = None, invert: bool = False,
                 output_mode: str = "int", pad_to_max_tokens: bool = False, sparse: bool = False,
                 encoding: str = "utf-8", name: str | None = None, salt: Any = None, **kwargs: Any) -> None:
        self.encoding = encoding
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
                         output_mode, sparse, pad_to_max_tokens, salt=salt, name=name, **kwargs)
        self.keep({"encoding": encoding})

    def _token(self, item: Any) -> str:
        return item.decode(self.encoding) if isinstance(item, bytes) else str(item)

    def _key(self, item: Any) -> bytes:
        return str(item).encode(self.encoding)


@register("layer")
class IntegerLookup(IndexLookup):
    """Whole numbers that are identifiers as numbers without gaps, or as vectors of the vocabulary's length.

    Args:
        max_tokens: most numbers there may be, special ones included; None for any number.
        num_oov_indices: how many numbers unknown tokens share.
        mask_token: a token that has number 0 (and is dropped from vectors); None for none.
        oov_token: what unknown numbers are turned into with `invert`.
        vocabulary: the tokens, or the path of a file with one a line; or call `adapt`.
        vocabulary_dtype: "int64".
        idf_weights: inverse document frequencies of the tokens, for "tf_idf".
        invert: turn numbers into tokens instead.
        output_mode: as in StringLookup.
        pad_to_max_tokens: make vectors of length `max_tokens`.
        oov_method: how unknown tokens share numbers: "floormod" (remainder) or "farmhash".
        salt: an integer or a pair, key of the hash with "farmhash".

    Input shape:
        (batch, ...) of integers.

    Output shape:
        The same, of int64; (batch, ..., vocabulary_size) of floats for vectors.

    Example:
        >>> import bigdl_keras as bk
        >>> layer = bk.layers.IntegerLookup(vocabulary=[12, 36, 1138, 42])
        >>> layer([[12, 1138, 42], [42, 1000, 36]]).tolist()
        [[1, 3, 4], [4, 0, 2]]
    """

    strings = False

    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: int | None = None,
                 oov_token: int = -1, vocabulary: Any = None, vocabulary_dtype: str = "int64",
                 idf_weights: Any = None, invert: bool = False, output_mode: str = "int", sparse: bool = False,
                 pad_to_max_tokens: bool = False, oov_method: str = "floormod", salt: Any = None,
                 name: str | None = None, **kwargs: Any) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(f"`vocabulary_dtype` of IntegerLookup must be 'int64'. Received {vocabulary_dtype!r}.")
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert,
                         output_mode, sparse, pad_to_max_tokens, oov_method, salt, name=name, **kwargs)
        self.keep({"vocabulary_dtype": vocabulary_dtype})

    def _token(self, item: Any) -> int:
        return int(item)

    _key = _token
