"""Attention: weighted means of values, with weights from how queries and keys fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigdl_keras import ops
from bigdl_keras.graph.trace import apply
from bigdl_keras.layers.activation_layers import Softmax
from bigdl_keras.layers.base import Layer
from bigdl_keras.layers.core import EinsumDense, positive
from bigdl_keras.layers.regularization import Dropout
from bigdl_keras.registry import register

_CLOSED = -1e9
"""Added to the scores of places that must not be looked at."""


def causal_mask(queries: Any, keys: Any) -> Any:
    """(1, query steps, key steps), true where the key is not after the query; of tensors with steps on axis 1."""
    rows = ops.expand_dims(apply("arange_like", queries, axis=1), -1)
    columns = ops.expand_dims(apply("arange_like", keys, axis=1), 0)
    return ops.expand_dims(ops.greater_equal(rows, columns), 0)


def both(first: Any, second: Any) -> Any:
    """Where both masks are true; None stands for true everywhere."""
    if first is None or second is None:
        return second if first is None else first
    return ops.logical_and(first, second)


class _ScoredAttention(Layer):
    """Base of Attention and AdditiveAttention, which are called with a list [query, value] or [query, value, key]."""

    def __init__(self, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.dropout = dropout

    def scores(self, query: Any, key: Any) -> Any:
        """(batch, query steps, key steps)."""
        raise NotImplementedError(f"{type(self).__name__} must define scores(self, query, key).")

    def call(self, inputs: Any, mask: Any = None, training: bool = False, return_attention_scores: bool = False,
             use_causal_mask: bool = False) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise ValueError(f"Layer '{self.name}' ({type(self).__name__}) takes a list [query, value] or "
                             f"[query, value, key]. Received {inputs!r}.")
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) == 3 else value
        masks = list(mask) if mask is not None else [None, None]
        allowed = None if masks[1] is None else ops.expand_dims(masks[1], -2)
        if use_causal_mask:
            allowed = both(allowed, causal_mask(query, key))
        scores = self.scores(query, key)
        if allowed is not None:
            scores = scores + (1.0 - ops.cast(allowed, ops.dtype_of(scores))) * _CLOSED
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout:
            weights = apply("dropout", weights, rate=self.dropout)
        outputs = ops.matmul(weights, value)
        if masks[0] is not None:
            outputs = outputs * ops.cast(ops.expand_dims(masks[0], -1), ops.dtype_of(outputs))
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """That of the query."""
        return None if previous_mask is None else previous_mask[0]


@register("layer")
class Attention(_ScoredAttention):
    """softmax(query @ transpose(key)) @ value (Luong et al., 2015).

    Args:
        use_scale: multiply the scores by a trained number.
        score_mode: "dot", or "concat" for sum(tanh(query + key)), times a trained number.
        dropout: fraction of the weights dropped in training.
        seed: for compatibility.

    Call arguments:
        inputs: [query, value] or [query, value, key], each (batch, steps, features).
        mask: [query mask, value mask].
        return_attention_scores: answer with the weights too.
        use_causal_mask: a step sees none after it.
    """

    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: int | None = None,
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"`score_mode` of Attention must be 'dot' or 'concat'. Received {score_mode!r}.")

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        self.concat_score_weight = (self.add_weight((), "ones", name="concat_score_weight")
                                    if self.score_mode == "concat" else None)

    def scores(self, query: Any, key: Any) -> Any:
        if self.score_mode == "dot":
            product = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return product if self.scale is None else product * self.scale
        total = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        total = total if self.scale is None else total * self.scale
        return self.concat_score_weight * ops.sum(ops.tanh(total), axis=-1)


@register("layer")
class AdditiveAttention(_ScoredAttention):
    """softmax(sum(scale * tanh(query + key))) @ value (Bahdanau et al., 2014).

    Args:
        use_scale: multiply each feature by a trained number.
        dropout: fraction of the weights dropped in training.
        seed: for compatibility.

    Call arguments: as Attention.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())

    def build(self, input_shape: Any) -> None:
        features = input_shape[0][-1]
        self.scale = self.add_weight((features,), "glorot_uniform", name="scale") if self.use_scale else None

    def scores(self, query: Any, key: Any) -> Any:
        total = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(total if self.scale is None else total * self.scale, axis=-1)


_SHARED = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "kernel_constraint",
           "bias_constraint", "activity_regularizer")


class _Heads(Layer):
    """Base of attentions whose queries, keys and values are projected for each head."""

    def _dense(self, equation: str, shape: Sequence[int | None], bias_axes: str, name: str) -> EinsumDense:
        shared = {key: getattr(self, key) for key in _SHARED}
        dense = EinsumDense(equation, output_shape=tuple(shape), bias_axes=bias_axes if self.use_bias else None,
                            name=name, dtype=self.dtype, **shared)
        dense.supports_masking = True  # a projection keeps the steps, and this layer looks after their masks
        return dense

    def _combined_mask(self, query: Any, value: Any, masks: Sequence[Any], attention_mask: Any, causal: bool) -> Any:
        """(batch, query steps, value steps) of all masks given."""
        query_mask, value_mask, key_mask = masks
        mask = None if query_mask is None else ops.expand_dims(query_mask, -1)
        for one in (value_mask, key_mask):
            mask = both(mask, None if one is None else ops.expand_dims(one, -2))
        mask = both(mask, causal_mask(query, value) if causal else None)
        return both(mask, None if attention_mask is None else ops.cast(attention_mask, "bool"))

    def _weights(self, scores: Any, mask: Any, explicit: bool) -> Any:
        """Shares of the values. Where a query may look nowhere, Keras's fused kernel looks everywhere alike; where the
        weights are computed explicitly they are 0."""
        if mask is None or explicit or self.dropout:
            return self._softmax(scores, mask=mask)
        return self._softmax(ops.where(mask, scores, _CLOSED))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """That of the query."""
        return previous_mask


@register("layer")
class MultiHeadAttention(_Heads):
    """softmax(q @ transpose(k) / sqrt(key_dim)) @ v for each head, then a product that joins them (Vaswani, 2017).

    Args:
        num_heads: number of heads.
        key_dim: length of queries and keys of a head.
        value_dim: length of the values of a head; key_dim if None.
        dropout: fraction of the weights dropped in training.
        use_bias: whether the projections have biases.
        output_shape: size of the last axis of the output (or a tuple); that of the query if None.
        attention_axes: axes of the query that are steps; all but batch and features if None.
        kernel_*, bias_*, activity_regularizer: of the projections.
        seed: for compatibility.

    Call arguments:
        query: (batch, ..., features).
        value: (batch, ..., features).
        key: the value if None.
        query_mask, value_mask, key_mask: (batch, steps).
        attention_mask: (batch, query steps, value steps), true where a query may look.
        return_attention_scores: answer with the weights too.
        use_causal_mask: a step sees none after it.
    """

    def __init__(self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0,
                 use_bias: bool = True, output_shape: Any = None, attention_axes: Any = None,
                 *, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        self.num_heads = positive("MultiHeadAttention", "num_heads", num_heads)
        self.key_dim = positive("MultiHeadAttention", "key_dim", key_dim)
        self.value_dim = value_dim or key_dim
        self.output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self.supports_masking = True

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        key_shape = key_shape or value_shape
        rank = len(query_shape)
        self.attention_axes = tuple(self.attention_axes or range(1, rank - 1))
        steps = "abcdefghij"[:rank - 1]
        heads = (self.num_heads, self.key_dim)

        def projection(shape: Any, width: tuple[int, int], name: str) -> EinsumDense:
            dense = self._dense(f"{steps}x,xyz->{steps}yz", (*[None] * (rank - 2), *width), "yz", name)
            dense.build(shape)
            return dense

        self.query_dense = projection(query_shape, heads, "query")
        self.key_dense = projection(key_shape, heads, "key")
        self.value_dense = projection(value_shape, (self.num_heads, self.value_dim), "value")
        self._softmax = Softmax(axis=tuple(range(-len(self.attention_axes), 0)), dtype=self.dtype)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype)
        joined = tuple(self.output_shape or (query_shape[-1],))
        ends = "uvw"[:len(joined)]
        self.output_dense = self._dense(f"{steps}yz,yz{ends}->{steps}{ends}", (*[None] * (rank - 2), *joined), ends,
                                        "attention_output")
        self.output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))
        self._equations = self._attention_equations(rank)

    def _attention_equations(self, rank: int) -> tuple[str, str]:
        """Of queries with keys (n is the head, l the length) and of weights with values."""
        batch = [axis for axis in range(rank - 1) if axis not in self.attention_axes]
        letters = "abcdefghij"
        query = letters[:rank - 1]
        key = "".join(letters[axis] if axis in batch else "qrstuvwxyz"[axis] for axis in range(rank - 1))
        fixed = "".join(letters[axis] for axis in batch)
        scores = f"{fixed}n{''.join(query[axis] for axis in self.attention_axes)}" \
                 f"{''.join(key[axis] for axis in self.attention_axes)}"
        return f"{query}nl,{key}nl->{scores}", f"{scores},{key}nl->{query}nl"

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None,
             key_mask: Any = None, attention_mask: Any = None, return_attention_scores: bool = False,
             training: bool | None = None, use_causal_mask: bool = False) -> Any:
        key = value if key is None else key
        mask = self._combined_mask(query, value, (query_mask, value_mask, key_mask), attention_mask, use_causal_mask)
        queries = self.query_dense(query) * (self.key_dim ** -0.5)
        scores = ops.einsum(self._equations[0], queries, self.key_dense(key))
        if mask is not None:
            missing = len(scores.shape) - len(mask.shape)
            place = len(scores.shape) - 2 * len(self.attention_axes) - 1
            mask = ops.expand_dims(mask, list(range(place, place + missing))) if missing else mask
        weights = self._weights(scores, mask, return_attention_scores or len(scores.shape) != 4)
        dropped = self._dropout_layer(weights, training=training) if self.dropout else weights
        outputs = self.output_dense(ops.einsum(self._equations[1], dropped, self.value_dense(value)))
        return (outputs, weights) if return_attention_scores else outputs


@register("layer", "GroupedQueryAttention")
class GroupQueryAttention(_Heads):
    """Attention with several query heads for each key and value head (Ainslie et al., 2023).

    Args:
        head_dim: length of queries, keys and values of a head.
        num_query_heads: number of query heads, a multiple of `num_key_value_heads`.
        num_key_value_heads: number of key and value heads.
        dropout, use_bias, kernel_*, bias_*, activity_regularizer, seed: as in MultiHeadAttention.

    Call arguments: as MultiHeadAttention.
    """

    def __init__(self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0,
                 use_bias: bool = True, *, kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 bias_constraint: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.keep(locals())
        if num_query_heads % num_key_value_heads:
            raise ValueError("`num_query_heads` of GroupQueryAttention must be a multiple of `num_key_value_heads`. "
                             f"Received {num_query_heads} and {num_key_value_heads}.")
        self.supports_masking = True

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        shared = (None, self.num_key_value_heads, self.head_dim)

        def projection(shape: Any, width: tuple[Any, ...], name: str) -> EinsumDense:
            dense = self._dense("bqm,muh->bquh", width, "uh", name)
            dense.build(shape)
            return dense

        self._query_dense = projection(query_shape, (None, self.num_query_heads, self.head_dim), "query")
        self._key_dense = projection(key_shape or value_shape, shared, "key")
        self._value_dense = projection(value_shape, shared, "value")
        self._softmax = Softmax(dtype=self.dtype)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype)
        self._output_dense = self._dense("bquh,uhm->bqm", (None, query_shape[-1]), "m", "attention_output")
        self._output_dense.build((None, None, self.num_query_heads, self.head_dim))

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None,
             key_mask: Any = None, attention_mask: Any = None, return_attention_scores: bool = False,
             training: bool | None = None, use_causal_mask: bool = False) -> Any:
        key = value if key is None else key
        mask = self._combined_mask(query, value, (query_mask, value_mask, key_mask), attention_mask, use_causal_mask)
        repeats = self.num_query_heads // self.num_key_value_heads
        keys = ops.repeat(self._key_dense(key), repeats, axis=2)
        values = ops.repeat(self._value_dense(value), repeats, axis=2)
        scores = ops.einsum("bquh,bkuh->buqk", self._query_dense(query) * (self.head_dim ** -0.5), keys)
        weights = self._weights(scores, None if mask is None else ops.expand_dims(mask, 1), return_attention_scores)
        dropped = self._dropout_layer(weights, training=training) if self.dropout else weights
        outputs = self._output_dense(ops.einsum("buqk,bkuh->bquh", dropped, values))
        return (outputs, weights) if return_attention_scores else outputs
