"""Recommenders of Analytics Zoo: what a user makes of an item, from their numbers or from columns of facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bigdl_keras.layers import Activation, Add, Concatenate, Dense, Embedding, Input, Multiply, Select
from bigdl_keras.models import Model


def NeuralCF(
    user_count: int, item_count: int, class_num: int, user_embed: int = 20, item_embed: int = 20,
    hidden_layers: Sequence[int] = (40, 20, 10), include_mf: bool = True, mf_embed: int = 20,
    name: str = "neural_cf",
) -> Model:
    """Neural collaborative filtering (He et al., 2017).

    Args:
        user_count, item_count: the largest user and item number (from 0, or from 1 as in Zoo).
        class_num: classes of the answer.
        user_embed, item_embed: widths of their vectors in the multilayer perceptron.
        hidden_layers: widths of its layers.
        include_mf: also multiply vectors of user and item (generalized matrix factorization).
        mf_embed: width of these vectors.
        name: name of the model.

    Returns:
        A model from rows (user, item) to class probabilities.
    """
    pairs = Input((2,), dtype="int32", name="pairs")
    user, item = Select(1, 0, name="user")(pairs), Select(1, 1, name="item")(pairs)

    def vector(number: Any, count: int, width: int, title: str) -> Any:
        return Embedding(count + 1, width, embeddings_initializer="uniform", name=title)(number)

    x = Concatenate(name="mlp_pair")([vector(user, user_count, user_embed, "mlp_user"),
                                      vector(item, item_count, item_embed, "mlp_item")])
    for place, width in enumerate(hidden_layers, start=1):
        x = Dense(width, activation="relu", name=f"mlp_{place}")(x)
    if include_mf:
        product = Multiply(name="mf_product")([vector(user, user_count, mf_embed, "mf_user"),
                                               vector(item, item_count, mf_embed, "mf_item")])
        x = Concatenate(name="mlp_and_mf")([x, product])
    return Model(pairs, Dense(class_num, activation="softmax", name="predictions")(x), name=name)


@dataclass(frozen=True)
class ColumnFeatureInfo:
    """Which columns WideAndDeep reads, and how many values each may have (as in Zoo).

    Args:
        wide_base_cols, wide_base_dims: categories for the wide part, and their sizes.
        wide_cross_cols, wide_cross_dims: crossed categories for the wide part.
        indicator_cols, indicator_dims: categories that the deep part sees as ones and zeros.
        embed_cols, embed_in_dims, embed_out_dims: categories that the deep part sees as vectors: sizes, widths.
        continuous_cols: numbers for the deep part.
    """

    wide_base_cols: Sequence[str] = ()
    wide_base_dims: Sequence[int] = ()
    wide_cross_cols: Sequence[str] = ()
    wide_cross_dims: Sequence[int] = ()
    indicator_cols: Sequence[str] = ()
    indicator_dims: Sequence[int] = ()
    embed_cols: Sequence[str] = ()
    embed_in_dims: Sequence[int] = ()
    embed_out_dims: Sequence[int] = ()
    continuous_cols: Sequence[str] = ()

    def __post_init__(self) -> None:
        for columns, *sizes in (
            ("wide_base_cols", "wide_base_dims"), ("wide_cross_cols", "wide_cross_dims"),
            ("indicator_cols", "indicator_dims"), ("embed_cols", "embed_in_dims", "embed_out_dims"),
        ):
            for size in sizes:
                if len(getattr(self, columns)) != len(getattr(self, size)):
                    raise ValueError(f"`{size}` must have one number for each of `{columns}`. Received "
                                     f"{list(getattr(self, columns))} and {list(getattr(self, size))}.")


def WideAndDeep(
    class_num: int, column_info: ColumnFeatureInfo, model_type: str = "wide_n_deep",
    hidden_layers: Sequence[int] = (40, 20, 10), name: str = "wide_and_deep",
) -> Model:
    """A linear model of categories beside a deep one (Cheng et al., 2016); their sums are told apart by softmax.

    Args:
        class_num: classes of the answer.
        column_info: the columns.
        model_type: 'wide_n_deep', 'wide' or 'deep'.
        hidden_layers: widths of the deep part.
        name: name of the model.

    Returns:
        A model whose inputs are those needed of 'wide' (ones and zeros of all wide columns), 'indicator' (ones and
        zeros), 'embed' (whole numbers, one per column) and 'continuous'.

    Raises:
        ValueError: an unknown `model_type`, or no columns for it.
    """
    if model_type not in ("wide_n_deep", "wide", "deep"):
        raise ValueError(f"`model_type` must be 'wide_n_deep', 'wide' or 'deep'. Received {model_type!r}.")
    inputs: list[Any] = []
    sums: list[Any] = []
    if model_type != "deep":
        inputs.append(Input((_some(sum((*column_info.wide_base_dims, *column_info.wide_cross_dims)), "wide"),),
                            name="wide"))
        sums.append(Dense(class_num, name="wide_linear")(inputs[0]))
    if model_type != "wide":
        deep_inputs, features = _deep_features(column_info)
        _some(len(features), "deep")
        x = features[0] if len(features) == 1 else Concatenate(name="deep_features")(features)
        for place, width in enumerate(hidden_layers, start=1):
            x = Dense(width, activation="relu", name=f"deep_{place}")(x)
        inputs += deep_inputs
        sums.append(Dense(class_num, name="deep_linear")(x))
    total = sums[0] if len(sums) == 1 else Add(name="wide_and_deep_sum")(sums)
    return Model(inputs[0] if len(inputs) == 1 else inputs, Activation("softmax", name="predictions")(total), name=name)


def _deep_features(info: ColumnFeatureInfo) -> tuple[list[Any], list[Any]]:
    """(inputs, what the deep part sees of them)"""
    inputs: list[Any] = []
    features: list[Any] = []
    if info.indicator_cols:
        inputs.append(Input((sum(info.indicator_dims),), name="indicator"))
        features.append(inputs[-1])
    if info.embed_cols:
        inputs.append(Input((len(info.embed_cols),), dtype="int32", name="embed"))
        for place, column in enumerate(info.embed_cols):
            number = Select(1, place, name=f"{column}_number")(inputs[-1])
            vector = Embedding(info.embed_in_dims[place] + 1, info.embed_out_dims[place], name=f"{column}_vector")
            features.append(vector(number))
    if info.continuous_cols:
        inputs.append(Input((len(info.continuous_cols),), name="continuous"))
        features.append(inputs[-1])
    return inputs, features


def _some(count: int, part: str) -> int:
    if not count:
        raise ValueError(f"`column_info` has no columns for the {part} part of the model.")
    return count
