"""Transformer encoders as BigDL offers them: a stack of blocks over token ids, and a summary of the first token."""

from __future__ import annotations

from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.attention import MultiHeadAttention
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import Dense, positive
from bigdl_keras.layers.normalization import LayerNormalization
from bigdl_keras.layers.regularization import Dropout
from bigdl_keras.registry import register


class TransformerBlock(Layer):
    """LN(x + attention(x)), then LN(x + Dense(activation(Dense(x)))) (Vaswani et al., 2017).

    Args:
        n_head: number of heads.
        hidden_size: length of a token's vector.
        intermediate_size: length between the two Dense layers.
        hidden_drop, attn_drop: fractions dropped in training, of vectors and of attention weights.
        initializer_range: standard deviation of the initial kernels.
        activation: between the two Dense layers.
        causal: a token sees none after it.
    """

    def __init__(self, n_head: int, hidden_size: int, intermediate_size: int, hidden_drop: float = 0.1,
                 attn_drop: float = 0.1, initializer_range: float = 0.02, activation: Any = "gelu",
                 causal: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if hidden_size % n_head:
            raise ValueError(f"`hidden_size` must be a multiple of `n_head`. Received {hidden_size} and {n_head}.")
        start = {"class_name": "RandomNormal", "config": {"stddev": initializer_range}}
        self.attention = MultiHeadAttention(n_head, hidden_size // n_head, dropout=attn_drop, kernel_initializer=start,
                                            name="attention")
        self.attention_norm = LayerNormalization(epsilon=1e-12, name="attention_norm")
        self.inner = Dense(intermediate_size, activation, kernel_initializer=start, name="inner")
        self.outer = Dense(hidden_size, kernel_initializer=start, name="outer")
        self.output_norm = LayerNormalization(epsilon=1e-12, name="output_norm")
        self.drop = Dropout(hidden_drop, name="drop")

    def call(self, inputs: Any, attention_mask: Any = None) -> Any:
        attended = self.attention(inputs, inputs, attention_mask=attention_mask, use_causal_mask=self.causal)
        middle = self.attention_norm(inputs + self.drop(attended))
        return self.output_norm(middle + self.drop(self.outer(self.inner(middle))))


class _Encoder(Layer):
    """Base: tables of vectors, blocks, and a pooled vector of the first token."""

    causal = False

    def _make(self, tables: dict[str, int], intermediate_size: int, activation: str) -> None:
        start = {"class_name": "RandomNormal", "config": {"stddev": self.initializer_range}}
        for name, size in tables.items():
            shape = (positive(type(self).__name__, name, size), self.hidden_size)
            setattr(self, f"{name}_table", self.add_weight(shape, start, name=f"{name}_embeddings"))
        self.drop = Dropout(self.hidden_drop, name="embedding_drop")
        self.blocks = [TransformerBlock(self.n_head, self.hidden_size, intermediate_size, self.hidden_drop,
                                        self.attn_drop, self.initializer_range, activation, self.causal,
                                        name=f"block_{number}")
                       for number in range(self.n_block)]
        self.pooler = Dense(self.hidden_size, "tanh", kernel_initializer=start, name="pooler")

    def _input_dtype(self) -> str:
        return "int32"

    def _vectors(self, table: Any, ids: Any) -> Any:
        return apply("embedding", table, ops.cast(ids, "int32"))

    def _encode(self, x: Any, attention_mask: Any) -> Any:
        states = []
        for block in self.blocks:
            x = block(x, attention_mask=attention_mask)
            states.append(x)
        pooled = self.pooler(x[:, 0])
        return (*states, pooled) if self.output_all_block else (x, pooled)


@register("layer")
class TransformerLayer(_Encoder):
    """A decoder-style transformer (Radford et al., 2018): [token ids, position ids] give (states, pooled).

    Args:
        vocab: number of tokens.
        seq_len: number of positions.
        n_block: number of blocks.
        n_head: heads of each block.
        hidden_size: length of a token's vector.
        hidden_drop, attn_drop: fractions dropped in training.
        initializer_range: standard deviation of the initial weights.
        bidirectional: False lets a token see none after it.
        output_all_block: answer with the states of all blocks.
        intermediate_size: length between the Dense layers of a block; 4 * hidden_size if 0.
    """

    def __init__(self, vocab: int = 40990, seq_len: int = 77, n_block: int = 12, n_head: int = 12,
                 hidden_size: int = 768, hidden_drop: float = 0.1, attn_drop: float = 0.1,
                 initializer_range: float = 0.02, bidirectional: bool = False, output_all_block: bool = False,
                 intermediate_size: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.causal = not bidirectional
        self._make({"token": vocab, "position": seq_len}, intermediate_size or 4 * hidden_size, "gelu")

    def call(self, inputs: Any) -> Any:
        tokens, positions = inputs
        x = self._vectors(self.token_table, tokens) + self._vectors(self.position_table, positions)
        return self._encode(self.drop(x), None)


@register("layer")
class BERT(_Encoder):
    """BERT (Devlin et al., 2018): [token ids, token types, position ids, attention mask] give (states, pooled).

    Args:
        vocab: number of tokens.
        hidden_size: length of a token's vector.
        n_block: number of blocks.
        n_head: heads of each block.
        seq_len: number of positions.
        intermediate_size: length between the Dense layers of a block.
        hidden_drop, attn_drop: fractions dropped in training.
        initializer_range: standard deviation of the initial weights.
        output_all_block: answer with the states of all blocks.

    Call arguments:
        inputs: three arrays of integers (batch, steps), and the mask (batch, steps), 1 where a token may be looked at.
    """

    def __init__(self, vocab: int = 40990, hidden_size: int = 768, n_block: int = 12, n_head: int = 12,
                 seq_len: int = 512, intermediate_size: int = 3072, hidden_drop: float = 0.1, attn_drop: float = 0.1,
                 initializer_range: float = 0.02, output_all_block: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self._make({"token": vocab, "type": 2, "position": seq_len}, intermediate_size, "gelu")
        self.embedding_norm = LayerNormalization(epsilon=1e-12, name="embedding_norm")

    def call(self, inputs: Any) -> Any:
        tokens, types, positions, mask = inputs
        x = self._vectors(self.token_table, tokens) + self._vectors(self.type_table, types)
        x = self.embedding_norm(x + self._vectors(self.position_table, positions))
        steps = len(mask.shape) - 1  # BigDL's mask is (batch, 1, 1, steps)
        mask = mask if steps == 1 else ops.squeeze(mask, list(range(1, steps)))
        return self._encode(self.drop(x), ops.expand_dims(ops.cast(mask, "bool"), 1))
