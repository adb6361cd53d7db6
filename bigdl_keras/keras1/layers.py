"""Layers under BigDL's and Keras 1.2.2's names and arguments; each makes one of our own layers.

Positional arguments come in BigDL's order; what only Keras 1 has (`weights`, `W_constraint`, `dropout_W`, ...) is given
by name. `dim_ordering` is 'th', channels first, as in BigDL, unless `backend.set_image_dim_ordering('tf')` was called.
"""

from __future__ import annotations

from typing import Any

import numpy as _np

from bigdl_keras import layers as _ours
from bigdl_keras.autograd import Lambda, Parameter
from bigdl_keras.keras1 import layer_table as _table
from bigdl_keras.keras1.merging import Merge, merge
from bigdl_keras.layers import Layer, WordEmbedding
from bigdl_keras.layers import Layer as ZooKerasLayer

LambdaLayer = Lambda


def Input(shape: Any = None, name: str | None = None, batch_shape: Any = None, dtype: Any = None,
          **unused: Any) -> Any:
    """A symbolic tensor for data of this shape, without the batch axis."""
    if batch_shape is None and shape is not None:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return _ours.Input(shape=shape, batch_shape=batch_shape, dtype=dtype, name=name)


def InputLayer(input_shape: Any = None, name: str | None = None, batch_input_shape: Any = None, input_dtype: Any = None,
               **unused: Any) -> Layer:
    """The entry of a Sequential."""
    shape = None if input_shape is None else tuple(input_shape)
    return _ours.InputLayer(shape=shape, batch_shape=batch_input_shape, dtype=input_dtype, name=name)


def PReLU(n_output_plane: int | None = None, init: Any = None, weights: Any = None, shared_axes: Any = None,
          **kwargs: Any) -> Layer:
    """x where positive, alpha * x elsewhere, alpha being trained.

    Args:
        n_output_plane: BigDL: 0 (its default) is one alpha for all, starting at 0.25; a number is that many channels,
            of axis 1, with one alpha each.
        init, weights, shared_axes: Keras 1: one alpha for each place of a row, starting at 0 by default. Any of them,
            or `init` in the first place, asks for it.
        kwargs: of every layer.
    """
    if isinstance(n_output_plane, str):
        n_output_plane, init = None, n_output_plane
    if init is not None or weights is not None or shared_axes is not None:
        return _table.build("PReLU", {"init": init or "zero", "shared_axes": shared_axes, "weights": weights, **kwargs})
    first = 2 if n_output_plane else 1
    layer = _table.build("PReLU", {"init": {"class_name": "Constant", "config": {"value": 0.25}}, **kwargs})

    def share(shape: Any) -> None:
        layer.shared_axes = list(range(first, len(shape)))

    _table.around_build(layer, before=share)
    return layer


def SparseDense(output_dim: int, init: Any = "glorot_uniform", activation: Any = None, W_regularizer: Any = None,
                b_regularizer: Any = None, backward_start: int = -1, backward_length: int = -1,
                init_weight: Any = None, init_bias: Any = None, init_grad_weight: Any = None,
                init_grad_bias: Any = None, bias: bool = True, **kwargs: Any) -> Layer:
    """Dense for rows of mostly zeros; gradients reach its input in a window only.

    Args:
        output_dim, init, activation, W_regularizer, b_regularizer, bias: as in Dense.
        backward_start, backward_length: the window, counted from 1; by default none.
        init_weight: initial weights in BigDL's order, (output_dim, features).
        init_bias: initial bias, (output_dim,).
        init_grad_weight, init_grad_bias: None: gradients begin at zero.
        kwargs: of every layer.

    Raises:
        ValueError: initial gradients, or what the layer itself refuses.
    """
    if init_grad_weight is not None or init_grad_bias is not None:
        raise ValueError("SparseDense takes `init_grad_weight` and `init_grad_bias` for the sake of BigDL's signature; "
                         "only None can be honoured here: the gradient of every batch begins at zero.")
    layer = _table.build("SparseDense", {
        "output_dim": output_dim, "init": init, "activation": activation, "W_regularizer": W_regularizer,
        "b_regularizer": b_regularizer, "bias": bias, "backward_start": backward_start,
        "backward_length": backward_length, **kwargs})

    def start(_: Any) -> None:
        if init_weight is not None:
            layer.kernel.assign(_np.transpose(init_weight))
        if init_bias is not None:
            layer.bias.assign(init_bias)

    _table.around_build(layer, after=start)
    return layer


class TransformerLayer(_ours.TransformerLayer):
    """Our TransformerLayer, with BigDL's way to make one."""

    @classmethod
    def init(cls, vocab: int = 40990, seq_len: int = 77, n_block: int = 12, hidden_drop: float = 0.1,
             attn_drop: float = 0.1, n_head: int = 12, hidden_size: int = 768, embedding_drop: float = 0.1,
             initializer_range: float = 0.02, bidirectional: bool = False, output_all_block: bool = False,
             **kwargs: Any) -> Layer:
        """A transformer of these sizes; `embedding_drop` is `hidden_drop` here."""
        return _ours.TransformerLayer(vocab, seq_len, n_block, n_head, hidden_size, hidden_drop, attn_drop,
                                      initializer_range, bidirectional, output_all_block, **kwargs)


class BERT(_ours.BERT):
    """Our BERT, with BigDL's way to make one."""

    @classmethod
    def init(cls, vocab: int = 40990, hidden_size: int = 768, n_block: int = 12, n_head: int = 12, seq_len: int = 512,
             intermediate_size: int = 3072, hidden_drop: float = 0.1, attn_drop: float = 0.1,
             initializer_range: float = 0.02, output_all_block: bool = True, **kwargs: Any) -> Layer:
        """A BERT of these sizes, with fresh weights."""
        return _ours.BERT(vocab, hidden_size, n_block, n_head, seq_len, intermediate_size, hidden_drop, attn_drop,
                          initializer_range, output_all_block, **kwargs)


_FACTORIES = {name: _table.factory(name) for name in _table.LINES}
_FACTORIES |= {alias: _FACTORIES[name] for alias, name in _table.ALIASES.items()}
globals().update(_FACTORIES)

NOT_HERE = {
    "KerasLayerWrapper": "wraps a layer of the JVM; write a Layer subclass or a Lambda with bigdl_keras.ops",
    "GetShape": "answers with no row for a row, which no part of a batch can; shapes are Python values: tensor.shape",
}
"""Layers of BigDL 2 that are not here, and what to use instead."""

__all__ = [*_FACTORIES, "Input", "InputLayer", "Lambda", "LambdaLayer", "Layer", "Merge", "PReLU", "Parameter",
           "BERT", "SparseDense", "TransformerLayer", "WordEmbedding", "ZooKerasLayer", "merge"]


def __getattr__(name: str) -> Any:
    if name in NOT_HERE:
        raise AttributeError(f"BigDL's layer {name} is not here: {NOT_HERE[name]}.")
    raise AttributeError(f"bigdl_keras.keras1.layers has no attribute {name!r}.")
