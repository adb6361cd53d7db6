"""The check table: at least one row for every kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.encoding import CrossEncoder, HashEncoder, TableEncoder, TextEncoder, TokenEncoder
from tests.kernels.algebra_cases import CASES as FACTORS
from tests.kernels.kernel_checks import Case
from tests.kernels.numbers import apart, positive, real, rng
from tests.kernels.place_cases import CASES as PLACES


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


X = apart(4, 5)
POSITIVE = positive(4, 5)
UNIT = real(4, 5, low=-0.9, high=0.9)
BOTH = (0, 1)

ELEMENTWISE = [
    Case("add", (real(3, 4), real(3, 4)), batched=BOTH),
    Case("add", (real(3, 4), real(4))),
    Case("add", (real(4), real(3, 4)), batched=(1,)),
    Case("add", (real(3, 1, 2), real(3, 4, 1)), batched=BOTH),
    Case("add", (real(3, 4), 2.0), differentiable=(0,)),
    Case("subtract", (real(3, 4), real(3, 1)), batched=BOTH),
    Case("subtract", (1.0, real(3, 4)), batched=(1,), differentiable=(1,)),
    Case("multiply", (real(3, 4), real(3, 4)), batched=BOTH),
    Case("multiply", (real(3, 4), real(1, 4))),
    Case("multiply", (real(3, 4), 0.5), differentiable=(0,)),
    Case("divide", (real(3, 4), positive(3, 4)), batched=BOTH),
    Case("divide", (real(3, 1), positive(4)), batched=(0,)),
    Case("divide", (real(3, 4), 3.0), differentiable=(0,)),
    Case("maximum", (X, apart(4, 5)[:, ::-1] + 0.02), batched=BOTH),
    Case("maximum", (X, 0.0), differentiable=(0,)),
    Case("minimum", (X, apart(5) + 0.02)),
    Case("power", (positive(3, 4), real(3, 4)), batched=BOTH),
    Case("power", (real(3, 4), 2.0), differentiable=(0,)),
    Case("power", (real(3, 4), 0.0), differentiable=(0,)),
    Case("power", (2.0, real(3, 4)), batched=(1,), differentiable=(1,)),
    Case("arctan2", (positive(3, 4), positive(3, 4)), batched=BOTH),
    Case("mod", (positive(3, 4) * 7, positive(3, 4) + 1), batched=BOTH, tolerance=1e-5),
    Case("logaddexp", (real(3, 4), real(3, 4)), batched=BOTH),
    Case("floor_divide", (real(3, 4), positive(3, 4)), batched=BOTH),
    *(
        Case(name, (X,))
        for name in (
            "negative",
            "exp",
            "expm1",
            "square",
            "abs",
            "sin",
            "cos",
            "arctan",
            "sinh",
            "cosh",
            "arcsinh",
            "sign",
            "floor",
            "ceil",
            "round",
            "trunc",
            "isnan",
            "isinf",
            "isfinite",
        )
    ),
    *(Case(name, (POSITIVE,)) for name in ("log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal")),
    *(Case(name, (UNIT,)) for name in ("tan", "arcsin", "arccos", "arctanh")),
    Case("arccosh", (POSITIVE + 1,)),
    *(
        Case(name, (X, apart(4, 5)), batched=BOTH)
        for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
    ),
    *(Case(name, (X > 0, UNIT > 0), batched=BOTH) for name in ("logical_and", "logical_or", "logical_xor")),
    Case("logical_not", (X > 0,)),
    Case("where", (X > 0, real(4, 5), real(4, 5)), batched=(0, 1, 2)),
    Case("where", (X[:, :1] > 0, real(4, 5), 0.0), batched=(0, 1), differentiable=(1,)),
    Case("where", (X > 0, real(5), real(4, 1)), batched=(0, 2)),
    Case("clip", (X,), {"min": -0.51, "max": 0.52}),
    Case("clip", (X,), {"min": None, "max": 0.52}),
    Case("cast", (X,), {"dtype": "float64"}),
    Case("cast", (X,), {"dtype": "int32"}, differentiable=()),
    Case("cast_like", (X, POSITIVE), differentiable=(0,), batched=BOTH),
    Case("erf", (np.linspace(-4, 4, 33),), batched=()),
]

ACTIVATIONS = [
    Case("relu", (X,), reference=np.maximum(X, 0)),
    Case("relu", (X,), {"negative_slope": 0.1}, reference=np.where(X > 0, X, 0.1 * X)),
    Case("relu", (X,), {"max_value": 0.52}, reference=np.clip(X, 0, 0.52)),
    Case(
        "relu",
        (X,),
        {"max_value": 0.52, "negative_slope": 0.3},
        reference=np.where(X > 0, np.minimum(X, 0.52), 0.3 * X),
    ),
    Case(
        "thresholded_relu",
        (X,),
        {"threshold": 0.41, "negative_slope": 0.2},
        reference=np.where(X > 0.41, X, 0.2 * (X - 0.41)),
    ),
    Case(
        "thresholded_relu",
        (X,),
        {"threshold": 0.41, "max_value": 0.66},
        reference=np.where(X > 0.41, np.minimum(X, 0.66), 0),
    ),
    Case("leaky_relu", (X,), reference=np.where(X > 0, X, 0.2 * X)),
    Case("relu6", (X * 10,), reference=np.clip(X * 10, 0, 6)),
    Case("elu", (X,), {"alpha": 0.7}, reference=np.where(X > 0, X, 0.7 * (np.exp(X) - 1))),
    Case("selu", (X,), reference=1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * (np.exp(X) - 1))),
    Case("celu", (X,), {"alpha": 1.3}, reference=np.where(X > 0, X, 1.3 * (np.exp(X / 1.3) - 1))),
    Case("sigmoid", (X,), reference=sigmoid(X)),
    Case("tanh", (X,), reference=np.tanh(X)),
    Case("hard_sigmoid", (X * 5,), reference=np.clip(X * 5 / 6 + 0.5, 0, 1)),
    Case("hard_sigmoid", (X * 5,), {"slope": 0.2}, reference=np.clip(X + 0.5, 0, 1), tolerance=1e-5),
    Case("hard_tanh", (X * 2,), reference=np.clip(X * 2, -1, 1)),
    Case("softplus", (X,), reference=np.log(1 + np.exp(X))),
    Case("log_sigmoid", (X,), reference=np.log(sigmoid(X))),
    Case("softsign", (X,), reference=X / (1 + abs(X))),
    Case("silu", (X,), reference=X * sigmoid(X)),
    Case("hard_silu", (X * 5,), reference=X * 5 * np.clip(X * 5 / 6 + 0.5, 0, 1)),
    Case("mish", (X,), reference=X * np.tanh(np.log(1 + np.exp(X)))),
    Case("gelu", (X,)),
    Case("gelu", (X,), {"approximate": False}),
    Case("tanh_shrink", (X,), reference=X - np.tanh(X)),
    Case("soft_shrink", (X,), {"threshold": 0.31}, reference=np.sign(X) * np.maximum(abs(X) - 0.31, 0)),
    Case("hard_shrink", (X,), {"threshold": 0.31}, reference=np.where(abs(X) > 0.31, X, 0)),
    Case("threshold", (X,), {"threshold": 0.31, "default_value": -3.0}, reference=np.where(X > 0.31, X, -3.0)),
    Case("squareplus", (X,), reference=(X + np.sqrt(X * X + 4)) / 2),
    Case("sparse_plus", (X * 2,), reference=np.where(X * 2 <= -1, 0, np.where(X * 2 < 1, (X * 2 + 1) ** 2 / 4, X * 2))),
    Case("sparse_sigmoid", (X * 2,), reference=np.clip((X * 2 + 1) / 2, 0, 1)),
    Case("softmax", (X,), reference=np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
    Case("softmax", (real(3, 4, 2),), {"axis": 1}),
    Case("softmax", (real(3, 4, 2),), {"axis": (1, 2)}),
    Case("log_softmax", (X,), reference=X - np.log(np.exp(X).sum(-1, keepdims=True))),
    Case("sparsemax", (UNIT * 2,)),
    Case("sparsemax", (real(3, 4, 2),), {"axis": 1}),
    Case("glu", (real(3, 6),)),
    Case("glu", (real(3, 4, 2),), {"axis": 1}),
]

A3, B3 = real(3, 2, 4), real(4, 5)
LINEAR = [
    Case("matmul", (real(3, 4), real(4, 2))),
    Case("matmul", (A3, B3), reference=np.einsum("bij,jk->bik", A3, B3)),
    Case("matmul", (real(3, 2, 4), real(3, 4, 2)), batched=BOTH),
    Case("matmul", (real(3, 2, 2, 4), real(2, 4, 2))),
    Case("matmul", (real(3, 1, 2, 4), real(3, 2, 4, 2)), batched=BOTH),
    Case("matmul", (real(2, 4), real(3, 4, 2)), batched=(1,)),
    Case("matmul", (real(3, 4), real(4))),
    Case("matmul", (real(3, 2, 4), real(4))),
    Case("matmul", (real(4), real(4)), batched=()),
    Case("matmul", (real(4), real(4, 3)), batched=()),
    Case("matmul", (real(4), real(3, 4, 2)), batched=(1,)),
    Case("dense", (real(3, 4), real(4, 2), real(2))),
    Case("dense", (A3, B3, real(5))),
    Case("einsum", (real(3, 4), real(4, 5)), {"equation": "ab,bc->ac"}),
    Case("einsum", (real(3, 2, 4), real(4, 2, 5)), {"equation": "abc,cbd->ad"}),
    Case("einsum", (real(3, 2, 2, 4), real(3, 3, 2, 4)), {"equation": "aecd,abcd->acbe"}, batched=BOTH),
    Case("einsum", (real(3, 2, 4), real(4, 5)), {"equation": "...x,xy->...y"}),
    Case("einsum", (real(3, 4), real(3, 4)), {"equation": "ij,ij->i"}, batched=BOTH),
    Case("einsum", (real(3, 4), real(5)), {"equation": "ij,k->ik"}),
    Case("einsum", (real(3, 4),), {"equation": "ij->j"}),
    Case("einsum", (real(3, 4), real(3, 4)), {"equation": "ij,ij->"}, batched=BOTH),
    Case("einsum", (real(3, 4),), {"equation": "ij->"}),
    Case("einsum", (real(3, 4, 2),), {"equation": "abc->cab"}),
    Case("einsum", (real(3, 2), real(2, 4), real(4, 2)), {"equation": "ab,bc,cd->ad"}),
    Case("einsum", (real(3, 1), real(3, 4)), {"equation": "ij,ij->ij"}, batched=BOTH),
]

N34 = real(3, 4, 2)
AXES: list[dict[str, Any]] = [
    {"axis": None},
    {"axis": 1},
    {"axis": -1, "keepdims": True},
    {"axis": (1, 2)},
    {"axis": (0, 2), "keepdims": True},
]
REDUCTION = [
    *(Case("sum", (N34,), axes, reference=np.sum(N34, **axes)) for axes in AXES),
    *(Case("mean", (N34,), axes, reference=np.mean(N34, **axes)) for axes in AXES if axes["axis"] in (1, -1, (1, 2))),
    Case("mean", (N34,), {"axis": None}, reference=np.mean(N34)),
    *(
        Case(name, (apart(3, 4, 2),), axes)
        for name in ("max", "min")
        for axes in AXES
        if axes["axis"] in (1, -1, (1, 2))
    ),
    *(Case("prod", (N34,), axes, reference=np.prod(N34, **axes)) for axes in AXES),
    Case("prod", (np.array([[1.0, 0.0, 3.0], [0.0, 0.0, 2.0]]),), {"axis": 1}),
    *(Case("var", (N34,), axes, reference=np.var(N34, **axes)) for axes in AXES if axes["axis"] in (1, -1, (1, 2))),
    Case("std", (N34,), {"axis": 1}, reference=np.std(N34, axis=1)),
    Case("logsumexp", (N34,), {"axis": 1}, reference=np.log(np.sum(np.exp(N34), axis=1))),
    Case("logsumexp", (N34,), {"axis": -1, "keepdims": True}),
    Case("sum", (N34 > 1,), {"axis": 1}, reference=np.sum(N34 > 1, axis=1)),
    Case("prod", (np.full((2, 3), 3, np.uint8),), {"axis": 1}, reference=np.array([27, 27])),
    Case("any", (N34 > 1,), {"axis": 1}, reference=np.any(N34 > 1, axis=1)),
    Case("all", (N34 > -1,), {"axis": 1}, reference=np.all(N34 > -1, axis=1)),
]

INTEGERS = rng.integers(0, 4, (3, 5))
RESHAPING = [
    Case("reshape", (real(3, 4),), {"shape": (None, 2, 2)}),
    Case("reshape", (real(3, 4),), {"shape": (-1, 2, 2)}),
    Case("reshape", (real(3, 4, 2),), {"shape": (None, -1)}),
    Case("reshape", (real(3, 4, 2),), {"shape": (None, None, 1, -1)}),
    Case("transpose", (real(3, 4, 2),), {"axes": (0, 2, 1)}),
    Case("transpose", (real(3, 4, 2),), {"axes": None}, batched=()),
    Case("expand_dims", (real(3, 4),), {"axis": 1}),
    Case("expand_dims", (real(3, 4),), {"axis": (-1, 1)}),
    Case("squeeze", (real(3, 1, 4, 1),), {"axis": (1, -1)}),
    Case("squeeze", (real(3, 1, 4),), {"axis": 1}),
    Case("concatenate", (real(3, 4), real(3, 2), real(3, 1)), {"axis": -1}, batched=(0, 1, 2)),
    Case("concatenate", (real(2, 4), real(3, 4)), {"axis": 0}, batched=BOTH),
    Case("stack", (real(3, 4), real(3, 4)), {"axis": 1}, batched=BOTH),
    Case("split", (real(3, 6),), {"sections": 3, "axis": 1}),
    Case("split", (real(3, 6),), {"sections": (1, 4), "axis": -1}),
    Case("slice", (real(3, 6, 2),), {"key": (("slice", None, None, None), 2)}),
    Case("slice", (real(3, 6, 2),), {"key": ("...", ("slice", None, None, -1), None)}),
    Case("slice", (real(3, 6, 2),), {"key": (("slice", None, None, None), ("slice", -4, 5, 2), "...", 0)}),
    Case("pad", (real(3, 4, 2),), {"widths": ((0, 0), (1, 2), (0, 1)), "value": 0.5}),
    Case("pad", (real(3, 4, 2),), {"widths": ((0, 0), (1, 3), (0, 0)), "mode": "reflect"}),
    Case("pad", (real(3, 4, 2),), {"widths": ((0, 0), (2, 1), (0, 1)), "mode": "symmetric"}),
    Case("repeat", (real(3, 4),), {"repeats": 3, "axis": 1}),
    Case("tile", (real(3, 4),), {"repeats": (1, 2)}),
    Case("tile", (real(3, 4),), {"repeats": (2, 1, 3)}),
    Case("flip", (real(3, 4),), {"axis": 1}),
    Case("flip", (real(3, 4),), {"axis": None}),
    Case("roll", (real(3, 4),), {"shift": 1, "axis": 1}),
    Case("roll", (real(3, 4),), {"shift": (1, -1), "axis": (0, 1)}),
    Case("broadcast_to", (real(3, 1),), {"shape": (2, None, 4)}),
    Case("broadcast_like", (real(3, 1), real(3, 4)), batched=BOTH, differentiable=(0,)),
]

INDEXING = [
    Case("embedding", (real(4, 3), INTEGERS), batched=(1,)),
    Case("embedding", (real(4, 3), INTEGERS.astype(np.float32)), batched=(1,), differentiable=(0,)),
    Case("take", (real(3, 5, 2), np.array([0, -1, 2, 0])), {"axis": 1}),
    Case("take", (real(4, 5), INTEGERS), {"axis": 0}, batched=(1,)),
    Case("take", (real(4, 5), INTEGERS), {"axis": None}, batched=(1,)),
    Case("take_along_axis", (real(3, 5), INTEGERS[:, :2]), {"axis": 1}, batched=BOTH),
    Case("take_along_axis", (real(3, 1, 5), rng.integers(0, 5, (3, 2, 2))), {"axis": -1}, batched=BOTH),
    Case("one_hot", (INTEGERS,), {"n": 4}, reference=np.eye(4)[INTEGERS]),
    Case("one_hot", (INTEGERS,), {"n": 3, "dtype": "bool", "axis": 1}),
    Case("cumsum", (real(3, 4),), {"axis": 1}),
    Case("cumprod", (np.where(real(3, 4) > 1, 0.0, real(3, 4)),), {"axis": 1}),
    Case("cumprod", (np.array([2.0, 0, 3, 0.5]),), {"axis": 0}),
    Case("tril", (real(3, 4, 4),)),
    Case("triu", (real(3, 4, 5),), {"k": 1}),
    Case("diag", (real(3),), {"k": 1}, batched=()),
    Case("diagonal", (real(3, 4, 5),), {"axis1": 1, "axis2": 2}),
    Case("diagonal", (real(3, 4, 5),), {"axis1": -1, "axis2": 1, "offset": -1}),
    Case("sort", (apart(3, 5),), {"axis": -1}),
    Case("argsort", (apart(3, 5),), {"axis": 1}),
    Case("top_k", (apart(3, 5),), {"k": 2}),
    Case("argmax", (apart(3, 5),), {"axis": 1}),
    Case("argmax", (apart(3, 5),), {"axis": None}, batched=()),
    Case("argmin", (apart(3, 5),), {"axis": -1, "keepdims": True}),
    Case("zeros_like", (real(3, 4),)),
    Case("ones_like", (real(3, 4),), {"dtype": "int32"}),
    Case("full_like", (real(3, 4),), {"value": 2.5}),
    Case("stop_gradient", (real(3, 4),)),
    Case("size_of", (real(3, 4),), {"axis": 0}),
    Case("size_of", (real(3, 4),), {"axis": None, "dtype": "float32"}),
    Case("arange_like", (real(3, 4),), {"axis": 1}),
]

LOGITS, CLASSES = real(3, 4), rng.integers(0, 4, 3)
TARGETS = np.exp(real(3, 4))
LOSSES = [
    Case(
        "softmax_cross_entropy",
        (LOGITS, TARGETS),
        batched=BOTH,
        reference=-np.sum(TARGETS * np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)), axis=-1),
    ),
    Case("softmax_cross_entropy", (real(2, 3, 4), np.exp(real(2, 3, 4))), batched=BOTH),
    Case(
        "sparse_softmax_cross_entropy",
        (LOGITS, CLASSES),
        batched=BOTH,
        reference=-np.log(np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True))[np.arange(3), CLASSES],
    ),
    Case("sparse_softmax_cross_entropy", (real(2, 3, 4), rng.integers(0, 4, (2, 3))), batched=BOTH),
    Case(
        "sigmoid_cross_entropy",
        (LOGITS, UNIT[:3, :4] ** 2),
        batched=BOTH,
        reference=-(
            UNIT[:3, :4] ** 2 * np.log(sigmoid(LOGITS)) + (1 - UNIT[:3, :4] ** 2) * np.log(1 - sigmoid(LOGITS))
        ),
    ),
]

MASK_WEIGHTS = (rng.uniform(size=(3, 4)) > 0.4).astype(np.float64)
NORMALIZATION = [
    Case("batch_norm", (real(5, 3), real(3), real(3)), tolerance=1e-5),
    Case("batch_norm", (real(3, 4, 2, 3), real(3)), {"scale": False}, tolerance=1e-5),
    Case("batch_norm", (real(3, 2, 4), real(2), real(2)), {"axis": 1, "epsilon": 0.1}, tolerance=1e-5),
    Case("batch_norm", (real(3, 4, 2), real(2)), {"center": False, "synchronized": True}, tolerance=1e-5),
    Case(
        "batch_norm",
        (real(3, 4, 2), real(2), real(2), MASK_WEIGHTS),
        {"masked": True},
        batched=(0, 3),
        differentiable=(0, 1, 2),
        tolerance=1e-5,
    ),
    Case("batch_norm_inference", (real(3, 4), real(4), real(4), real(4), positive(4))),
    Case("batch_norm_inference", (real(3, 2, 4), real(2), positive(2)), {"axis": 1, "center": False, "scale": False}),
    Case("layer_norm", (real(3, 4), real(4), real(4))),
    Case("layer_norm", (real(3, 2, 4), real(2, 4)), {"trailing": 2, "center": False}),
    Case("layer_norm", (real(3, 4),), {"center": False, "scale": False}),
    Case("rms_norm", (real(3, 2, 4), real(4))),
    Case("rms_norm", (real(3, 4),), {"scale": False}),
]

RANDOM = [
    Case("dropout", (real(4, 5),), {"rate": 0.4}),
    Case("dropout", (real(4, 3, 5),), {"rate": 0.4, "noise_shape": (None, 1, None)}),
    Case("dropout", (real(4, 5),), {"rate": 0.4, "noise_shape": (1, None)}),
    Case("gaussian_dropout", (real(4, 5),), {"rate": 0.4}),
    Case("alpha_dropout", (real(4, 5),), {"rate": 0.4}),
    Case("gaussian_noise", (real(4, 5),), {"stddev": 0.4}),
    Case("random_uniform_like", (real(4, 5),), {"minval": -1.0, "maxval": 3.0}),
    Case("random_normal_like", (real(4, 5),), {"mean": 1.0, "dtype": "float32"}),
    Case("global_sum", (real(4),), batched=()),
]


def convolution(kernel: str, x: tuple[int, ...], w: tuple[int, ...], bias: int | None, **attributes: Any) -> Case:
    rank = len(x) - 2
    given = {"strides": (1,) * rank, "padding": "valid", "dilation": (1,) * rank} | attributes
    inputs = (real(*x), real(*w)) + ((real(bias),) if bias else ())
    return Case(kernel, inputs, given)


CONVOLUTION = [
    convolution("conv", (2, 7, 2), (3, 2, 3), 3),
    convolution("conv", (2, 7, 2), (3, 2, 3), 3, padding="causal", dilation=(2,)),
    convolution("conv", (2, 7, 2), (3, 2, 2), None, padding="same", strides=(2,)),
    convolution("conv", (2, 5, 6, 1), (3, 3, 1, 2), 2),
    convolution("conv", (2, 5, 6, 2), (3, 2, 2, 2), 2, padding="same"),
    convolution("conv", (2, 5, 6, 2), (3, 3, 2, 2), 2, padding="same", strides=(2, 2)),
    convolution("conv", (2, 6, 6, 2), (2, 2, 2, 2), None, dilation=(2, 2)),
    convolution("conv", (2, 4, 4, 4), (2, 2, 2, 4), 4, groups=2, padding="same"),
    convolution("conv", (2, 4, 4, 3), (1, 1, 3, 2), 2),
    convolution("conv", (2, 2, 5, 4), (3, 2, 2, 3), 3, data_format="channels_first", padding="same"),
    convolution("conv", (1, 3, 4, 4, 1), (2, 2, 3, 1, 2), 2),
    convolution("conv", (1, 3, 4, 4, 1), (2, 2, 3, 1, 2), None, padding="same", strides=(2, 2, 2)),
    convolution("conv_transpose", (2, 4, 2), (3, 3, 2), 3, strides=(2,)),
    convolution("conv_transpose", (2, 3, 4, 2), (3, 3, 2, 2), 2, padding="same"),
    convolution("conv_transpose", (2, 3, 2, 2), (3, 2, 2, 2), None, padding="same", strides=(2, 3)),
    convolution("conv_transpose", (2, 3, 2, 2), (2, 3, 2, 2), 2, strides=(3, 2)),
    convolution("conv_transpose", (2, 3, 2, 1), (3, 3, 2, 1), 2, strides=(2, 2), padding="same", output_padding=(1, 1)),
    convolution("conv_transpose", (2, 2, 3, 2), (3, 3, 1, 2), 1, dilation=(2, 2), data_format="channels_first"),
    convolution("conv_transpose", (1, 2, 2, 3, 1), (2, 2, 2, 2, 1), 2, strides=(2, 1, 2)),
    convolution("depthwise_conv", (2, 6, 2), (3, 2, 2), 4, padding="causal"),
    convolution("depthwise_conv", (2, 5, 5, 2), (3, 3, 2, 1), 2, padding="same"),
    convolution("depthwise_conv", (2, 5, 5, 2), (3, 2, 2, 2), 4, strides=(2, 2)),
    convolution("depthwise_conv", (2, 2, 5, 5), (2, 2, 2, 1), None, dilation=(2, 2), data_format="channels_first"),
]

POOLS: list[dict[str, Any]] = [
    {"window": (2, 2), "strides": (2, 2)},
    {"window": (3, 2), "strides": (2, 2), "padding": "same"},
    {"window": (3, 3), "strides": (1, 2), "padding": "valid"},
]
POOLING = [
    *(Case(name, (apart(2, 5, 6, 2),), pool) for name in ("max_pool", "average_pool") for pool in POOLS),
    *(
        Case(name, (apart(2, 7, 2),), {"window": (2,), "strides": (2,), "padding": "same"})
        for name in ("max_pool", "average_pool")
    ),
    *(
        Case(
            name,
            (apart(2, 2, 4, 5),),
            {"window": (2, 2), "strides": (2, 2), "data_format": "channels_first", "padding": "same"},
        )
        for name in ("max_pool", "average_pool")
    ),
    *(
        Case(name, (apart(1, 4, 3, 4, 2),), {"window": (2, 2, 2), "strides": (2, 1, 2)})
        for name in ("max_pool", "average_pool")
    ),
]


def recurrent(
    kernel: str, gates: int, states: int, bias: tuple[int, ...] | None = None, batch: int = 3, **attributes: Any
) -> Case:
    features, units, time = 2, 3, 4
    inputs: list[Any] = [real(batch, time, features)]
    batched = [0]
    if attributes.get("stated"):
        batched += range(1, 1 + states)
        inputs += [real(batch, units) for _ in range(states)]
    inputs += [real(features, gates * units), real(units, gates * units)]
    if attributes.get("use_bias", True):
        inputs.append(real(*(bias or (gates * units,))))
    count = len(inputs)
    if attributes.get("dropped"):
        batched.append(len(inputs))
        inputs.append(positive(batch, units))
        count += 1
    if attributes.get("masked"):
        batched.append(len(inputs))
        inputs.append(np.array([[False, True, True, False], [True, True, True, True], [False, False, False, False]]))
    return Case(
        kernel, tuple(inputs), attributes, batched=tuple(batched), differentiable=tuple(range(count)), tolerance=1e-5
    )


RECURRENT_VARIANTS: list[dict[str, Any]] = [
    {},
    {"return_sequences": True, "stated": True},
    {"return_sequences": True, "go_backwards": True, "use_bias": False, "dropped": True},
    {"return_sequences": True, "masked": True, "stated": True},
    {"masked": True, "go_backwards": True, "dropped": True},
    {"return_sequences": True, "masked": True, "zero_output_for_mask": True},
    {"activation": "softplus"},
    {"activation": "linear"},
]
GATED: list[dict[str, Any]] = [
    {"recurrent_activation": ("hard_sigmoid", (("slope", 0.2),)), "activation": "elu"},
    {"recurrent_activation": "softplus", "activation": "softsign"},
]
RECURRENT = [
    *(recurrent("simple_rnn", 1, 1, **variant) for variant in RECURRENT_VARIANTS),
    *(recurrent("lstm", 4, 2, **variant) for variant in (*RECURRENT_VARIANTS, *GATED)),
    *(recurrent("gru", 3, 1, bias=(2, 9), **variant) for variant in (*RECURRENT_VARIANTS, *GATED)),
    *(recurrent("gru", 3, 1, reset_after=False, **variant) for variant in (*RECURRENT_VARIANTS, *GATED)),
]

LEADING = [
    Case("fold_time", (real(3, 4, 2),)),
    Case("unfold_time", (real(12, 2), real(3, 4)), batched=(), differentiable=(0,)),
]

COUNTING = [
    Case("row_count", (real(3, 4),)),
    Case("binary_cross_entropy", (positive(3, 4) / 10, positive(3, 1)), batched=BOTH),
    Case("categorical_cross_entropy", (positive(2, 3, 4), real(2, 3, 4)), batched=BOTH),
    Case("sparse_cross_entropy", (positive(2, 3, 4), rng.integers(0, 4, (2, 3))), batched=BOTH),
    Case("class_labels", (INTEGERS[:, 0].astype(np.float32), real(3, 4)), batched=BOTH),
    Case("bincount", (np.array([0, 2, 2, 7, -1]), positive(5)), {"bins": 4}, batched=BOTH),
    Case("segment_sum", (real(4, 2), np.array([0, 2, 0, 5])), {"segments": 3}, batched=BOTH),
    Case("searchsorted", (np.array([0.1, 0.5, 0.9]), real(4)), {"side": "right"}, batched=(1,)),
    Case(
        "ctc_loss",
        (real(2, 5, 4), np.array([[1, 2], [3, 0]]), np.array([2, 1]), np.array([5, 4])),
        batched=(0, 1, 2, 3),
    ),
]


def convolutional(sizes: tuple[int, ...], window: tuple[int, ...], **attributes: Any) -> Case:
    filters, batch, time = 2, 2, 3
    inputs: list[Any] = [real(batch, time, *sizes, 4 * filters)]
    if attributes.get("stated"):
        inputs += [real(batch, *sizes, filters), real(batch, *sizes, filters)]
    inputs.append(real(*window, filters, 4 * filters))
    batched = tuple(range(len(inputs) - 1))
    if attributes.get("masked"):
        batched = (*batched, len(inputs))
        inputs.append(np.array([[False, True, False], [True, True, True]]))
    return Case(
        "conv_lstm",
        tuple(inputs),
        attributes,
        batched=batched,
        differentiable=tuple(range(len(inputs) - bool(attributes.get("masked")))),
        tolerance=1e-5,
    )


CONV_LSTM = [
    convolutional((3,), (2,)),
    convolutional((3, 2), (3, 2), stated=True, return_sequences=True, recurrent_activation="hard_sigmoid"),
    convolutional((3,), (3,), masked=True, return_sequences=True, go_backwards=True),
]

RESIZING = [
    Case("resize", (real(2, 3, 4, 2),), {"size": (5, 4)}),
    Case("resize", (real(2, 2, 3, 4),), {"size": (2, 3), "method": "nearest", "data_format": "channels_first"}),
    Case("resize", (real(2, 6, 5, 1),), {"size": (3, 7), "method": "bicubic"}),
    Case("resize", (real(2, 7, 1),), {"size": (3,), "method": "lanczos3", "antialias": True}),
    Case("resize", (real(2, 3, 4, 1),), {"size": (6, 7), "coordinates": "align_corners"}),
    Case("resize", (real(2, 3, 4, 1),), {"size": (6, 2), "coordinates": "asymmetric"}),
]

SQUARE = real(2, 3, 3) + 3 * np.eye(3)
SYMMETRIC = SQUARE @ SQUARE.transpose(0, 2, 1)
ALGEBRA = [
    Case("inv", (SQUARE,)),
    Case("solve", (SQUARE, real(2, 3, 2)), batched=BOTH),
    Case("slogdet", (SQUARE,)),
    Case("cholesky", (SYMMETRIC,), differentiable=()),
]

WORDS = np.array([["b", "a"], ["z", "b"]], dtype=object)
TABLE = TableEncoder((b"a", b"b"))
ENCODING = [
    Case("equalize", (positive(2, 5, 4, 3) * 120,), {"bins": 16}),
    Case("equalize", (np.array([0.0, 0.0, 100.0, 200.0]).reshape(1, 2, 2, 1),), {"bins": 256},
         reference=np.array([0.0, 0.0, 128.0, 255.0]).reshape(1, 2, 2, 1)),
    Case("equalize", (np.full((1, 2, 2, 1), 7.25),), {"bins": 8}, reference=np.full((1, 2, 2, 1), 7.25)),
    Case("equalize_tiles", (positive(2, 5, 7, 3) * 120,), {"tiles": (2, 3), "limit": 1.5}),
    Case("equalize_tiles", (np.array([0.0, 0.0, 100.0, 200.0]).reshape(1, 2, 2, 1),), {"tiles": (1, 1), "limit": 0.0},
         reference=np.array([0.0, 0.0, 127.5, 255.0]).reshape(1, 2, 2, 1)),
    Case("encode", (WORDS,), {"encoder": TABLE}, reference=np.array([[2, 1], [0, 2]])),
    Case("encode", (INTEGERS,), {"encoder": TableEncoder((3, 1), first=3, unknown=3, hashed=False)}),
    Case("encode", (INTEGERS,), {"encoder": TokenEncoder((7, 9), 1, -1)}, reference=np.array([-1, 7, 9, -1])[INTEGERS]),
    Case("encode", (INTEGERS,), {"encoder": HashEncoder(5, mask_value=0)}),
    Case("encode", (WORDS, INTEGERS[:2, :2]), {"encoder": CrossEncoder(5)}, batched=BOTH),
    Case("encode", (WORDS[:, 0],), {"encoder": TextEncoder(TABLE, length=2)}, reference=np.array([[2, 0], [0, 0]])),
    Case("encode", (WORDS[:, 0],), {"encoder": TextEncoder(TABLE, bins=3)}, reference=np.array([[0, 0, 1], [1, 0, 0]])),
    Case("count_categories", (np.array([[[1, 1, 3, -1], [0, 9, 0, 0]]]),), {"bins": 4},
         reference=np.array([[[0, 2, 0, 1], [3, 0, 0, 0]]])),
]

CASES = [
    *PLACES,
    *FACTORS,
    *ALGEBRA,
    *ENCODING,
    *CONV_LSTM,
    *RESIZING,
    *LEADING,
    *COUNTING,
    *ELEMENTWISE,
    *ACTIVATIONS,
    *LINEAR,
    *REDUCTION,
    *RESHAPING,
    *INDEXING,
    *LOSSES,
    *NORMALIZATION,
    *RANDOM,
    *CONVOLUTION,
    *POOLING,
    *RECURRENT,
]
