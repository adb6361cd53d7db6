"""The table of public operations: what numpy answers where an operation is given the same arrays."""

from __future__ import annotations

import math

import numpy as np

from tests.ops.algebra_cases import CASES as ALGEBRA
from tests.ops.case import Case, distinct, positive, real, unit, whole
from tests.ops.image_cases import CASES as IMAGES
from tests.ops.number_cases import CASES as NUMBERS


def _softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def _elu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sparsemax(x: np.ndarray) -> np.ndarray:
    rows = []
    for row in x:
        z = np.sort(row)[::-1]
        counts = np.arange(1, len(z) + 1)
        support = counts[1 + counts * z > np.cumsum(z)].max()
        rows.append(np.maximum(row - (np.cumsum(z)[support - 1] - 1) / support, 0))
    return np.stack(rows)


A, B, P, U = real(3, 4), real(3, 4), positive(3, 4), unit(3, 4)
D = distinct(3, 4)
N, M = whole(3, 4), whole(3, 4)
T = real(2, 3, 4)
S = real(3, 3) + 3 * np.eye(3, dtype=np.float32)
SPECIAL = np.float32([[np.nan, np.inf], [-np.inf, 1.5]])

UNARY: list[Case] = [
    Case(name, (array,), reference)
    for name, array, reference in [
        ("abs", A, np.abs),
        ("absolute", A, np.abs),
        ("negative", A, np.negative),
        ("square", A, np.square),
        ("exp", A, np.exp),
        ("expm1", A, np.expm1),
        ("exp2", A, np.exp2),
        ("log", P, np.log),
        ("log1p", P, np.log1p),
        ("log2", P, np.log2),
        ("log10", P, np.log10),
        ("sqrt", P, np.sqrt),
        ("rsqrt", P, lambda x: 1 / np.sqrt(x)),
        ("reciprocal", P, np.reciprocal),
        ("sin", A, np.sin),
        ("cos", A, np.cos),
        ("tan", U, np.tan),
        ("arcsin", U, np.arcsin),
        ("arccos", U, np.arccos),
        ("arctan", A, np.arctan),
        ("sinh", A, np.sinh),
        ("cosh", A, np.cosh),
        ("tanh", A, np.tanh),
        ("arcsinh", A, np.arcsinh),
        ("arccosh", P + 1, np.arccosh),
        ("arctanh", U, np.arctanh),
        ("cbrt", A, np.cbrt),
        ("deg2rad", A, np.deg2rad),
        ("rad2deg", A, np.rad2deg),
        ("sinc", A, np.sinc),
        ("logit", U, lambda x: np.log(x / (1 - x))),
        ("erf", A, np.vectorize(math.erf)),
        ("copy", A, np.copy),
        ("nan_to_num", A, np.nan_to_num),
        ("sigmoid", A, _sigmoid),
        ("softplus", A, _softplus),
        ("softsign", A, lambda x: x / (1 + np.abs(x))),
        ("silu", A, lambda x: x * _sigmoid(x)),
        ("swish", A, lambda x: x * _sigmoid(x)),
        ("hard_silu", A, lambda x: x * np.clip(x + 3, 0, 6) / 6),
        ("hard_swish", A, lambda x: x * np.clip(x + 3, 0, 6) / 6),
        ("log_sigmoid", A, lambda x: np.log(_sigmoid(x))),
        ("mish", A, lambda x: x * np.tanh(_softplus(x))),
        ("selu", A, lambda x: 1.0507009873554805 * _elu(x, 1.6732632423543772)),
        ("relu", A, lambda x: np.maximum(x, 0)),
        ("relu6", 4 * A, lambda x: np.clip(x, 0, 6)),
        ("elu", A, _elu),
        ("tanh_shrink", A, lambda x: x - np.tanh(x)),
        ("sparse_plus", A, lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))),
        ("sparse_sigmoid", A, lambda x: np.clip((x + 1) / 2, 0, 1)),
        ("hard_sigmoid", 3 * A, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
        ("hard_sigmoid_legacy", 3 * A, lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        ("hard_tanh", A, lambda x: np.clip(x, -1, 1)),
        ("softmax", A, _softmax),
        ("log_softmax", A, lambda x: np.log(_softmax(x))),
        ("glu", A, lambda x: x[:, :2] * _sigmoid(x[:, 2:])),
        ("transpose", A, np.transpose),
        ("ravel", A, np.ravel),
        ("sort", D, np.sort),
        ("inv", S, np.linalg.inv),
        ("det", S, np.linalg.det),
        ("logdet", S @ S.T, lambda x: np.linalg.slogdet(x)[1]),
        ("global_sum", A, np.copy),
    ]
] + [
    Case(name, (array,), reference, gradient=False)
    for name, array, reference in [
        ("sign", A, np.sign),
        ("floor", A, np.floor),
        ("ceil", A, np.ceil),
        ("trunc", A, np.trunc),
        ("round", A, np.round),
        ("logical_not", A > 0, np.logical_not),
        ("isnan", SPECIAL, np.isnan),
        ("isinf", SPECIAL, np.isinf),
        ("isfinite", SPECIAL, np.isfinite),
        ("isposinf", SPECIAL, np.isposinf),
        ("isneginf", SPECIAL, np.isneginf),
        ("nan_to_num", SPECIAL, np.nan_to_num),
        ("count_nonzero", N, np.count_nonzero),
        ("zeros_like", A, np.zeros_like),
        ("ones_like", A, np.ones_like),
        ("argsort", D, np.argsort),
        ("argmax", D, np.argmax),
        ("argmin", D, np.argmin),
        ("stop_gradient", A, np.copy),
        ("slogdet", S, lambda x: list(np.linalg.slogdet(x))),
        ("convert_to_tensor", A, np.copy),
    ]
]

BINARY: list[Case] = [
    Case(name, (first, second), reference)
    for name, first, second, reference in [
        ("add", A, real(4), np.add),
        ("subtract", A, real(3, 1), np.subtract),
        ("multiply", A, B, np.multiply),
        ("divide", A, P, np.divide),
        ("true_divide", A, P, np.divide),
        ("maximum", A, B, np.maximum),
        ("minimum", A, B, np.minimum),
        ("power", P, A, np.power),
        ("arctan2", A, B, np.arctan2),
        ("logaddexp", A, B, np.logaddexp),
        ("logaddexp2", A, B, np.logaddexp2),
        ("hypot", A, B, np.hypot),
        ("fmod", A, P, np.fmod),
        ("divide_no_nan", A, P, np.divide),
        ("matmul", A, real(4, 2), np.matmul),
        ("matmul", T, real(2, 4, 3), np.matmul),
        ("dot", A, real(4, 2), np.dot),
        ("dot", A, real(2, 4, 3), np.dot),
        ("inner", A, B, np.inner),
        ("outer", A, B, np.outer),
        ("vdot", A, B, np.vdot),
        ("cross", A[:, :3], B[:, :3], np.cross),
        ("solve", S, real(3, 2), np.linalg.solve),
        ("solve", S, real(3), np.linalg.solve),
        ("append", A, B, np.append),
    ]
] + [
    Case(name, (first, second), reference, gradient=False)
    for name, first, second, reference in [
        ("mod", A, P, np.mod),
        ("floor_divide", A, P, np.floor_divide),
        ("equal", N, M, np.equal),
        ("not_equal", N, M, np.not_equal),
        ("less", A, B, np.less),
        ("less_equal", N, M, np.less_equal),
        ("greater", A, B, np.greater),
        ("greater_equal", N, M, np.greater_equal),
        ("logical_and", N > 1, M > 1, np.logical_and),
        ("logical_or", N > 1, M > 1, np.logical_or),
        ("logical_xor", N > 1, M > 1, np.logical_xor),
        ("heaviside", np.float32([-1, 0, 2]), np.float32(0.5), np.heaviside),
        ("isclose", A, A + np.float32(1e-7), np.isclose),
        ("isclose", SPECIAL, SPECIAL, np.isclose),
        ("add", N, A, np.add),
        ("digitize", A, np.float32([-1, 0, 1]), np.digitize),
        ("searchsorted", np.float32([-1, 0, 1]), A, lambda s, v: np.searchsorted(s, v)),
    ]
]


def _conv1d(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    steps = x.shape[1] - kernel.shape[0] + 1
    return np.stack([np.einsum("bkc,kcf->bf", x[:, t : t + kernel.shape[0]], kernel) for t in range(steps)], axis=1)


def _attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool = False) -> np.ndarray:
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(q.shape[1], k.shape[1], dtype=bool), scores, -1e9)
    return np.einsum("bhqk,bkhd->bqhd", _softmax(scores), v)


def _layer_norm(x: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-7)
    return y * rest[0] + rest[1] if rest else y


X1, K1 = real(2, 6, 3), real(3, 3, 2)
OTHERS: list[Case] = [
    *(
        Case(
            name,
            (array,),
            lambda x, f=reference, a=axis, k=keepdims: f(x, axis=a, keepdims=k),
            {"axis": axis, "keepdims": keepdims},
        )
        for name, array, reference in [
            ("sum", T, np.sum),
            ("mean", T, np.mean),
            ("max", distinct(2, 3, 4), np.max),
            ("min", distinct(2, 3, 4), np.min),
            ("prod", T, np.prod),
            ("var", T, np.var),
            ("std", T, np.std),
            ("amax", distinct(2, 3, 4), np.max),
            ("amin", distinct(2, 3, 4), np.min),
        ]
        for axis, keepdims in [(None, False), (1, True), ((0, -1), False)]
    ),
    *(
        Case(name, (N > 1,), lambda x, f=reference: f(x, axis=1), {"axis": 1}, gradient=False)
        for name, reference in [("any", np.any), ("all", np.all)]
    ),
    Case("logsumexp", (A,), lambda x: np.log(np.exp(x).sum(1)), {"axis": 1}),
    Case(
        "average",
        (A,),
        lambda x: np.average(x, axis=1, weights=[1, 2, 3, 4]),
        {"axis": 1, "weights": np.float32([1, 2, 3, 4])},
    ),
    Case("average", (A,), np.average),
    Case("norm", (A,), np.linalg.norm),
    Case("norm", (A,), lambda x: np.linalg.norm(x, 1, axis=-1), {"ord": 1, "axis": -1}),
    Case(
        "norm",
        (D,),
        lambda x: np.linalg.norm(x, np.inf, axis=1, keepdims=True),
        {"ord": np.inf, "axis": 1, "keepdims": True},
    ),
    Case("norm", (N,), lambda x: np.linalg.norm(x, 0, axis=1), {"ord": 0, "axis": 1}, gradient=False),
    Case("count_nonzero", (N,), lambda x: np.count_nonzero(x, axis=1), {"axis": 1}, gradient=False),
    Case(
        "relu",
        (4 * A,),
        lambda x: np.where(x > 1, np.minimum(x, 3), 0.1 * (x - 1)),
        {"negative_slope": 0.1, "max_value": 3.0, "threshold": 1.0},
        unlike_keras="only activations.relu takes these arguments",
    ),
    Case("sparsemax", (A,), _sparsemax, unlike_keras="sums of its rows are not 1"),
    Case("leaky_relu", (A,), lambda x: np.where(x > 0, x, 0.2 * x)),
    Case("celu", (A,), lambda x: np.maximum(x, 0) + np.minimum(0, 2 * np.expm1(x / 2)), {"alpha": 2.0}),
    Case("gelu", (A,), lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2, {"approximate": False}),
    Case("gelu", (A,), lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2),
    Case("soft_shrink", (A,), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    Case("hard_shrink", (A,), lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    Case("threshold", (A,), lambda x: np.where(x > 0.1, x, 7), {"threshold": 0.1, "default_value": 7.0}),
    Case("squareplus", (A,), lambda x: (x + np.sqrt(x * x + 4)) / 2),
    Case("softmax", (T,), lambda x: _softmax(x, 1), {"axis": 1}),
    Case(
        "binary_crossentropy",
        ((A > 0).astype(np.float32), U),
        lambda t, p: -t * np.log(p) - (1 - t) * np.log(1 - p),
        gradient=False,
    ),
    Case(
        "categorical_crossentropy", (_softmax(B), U), lambda t, p: -np.sum(t * np.log(p / p.sum(-1, keepdims=True)), -1)
    ),
    Case(
        "sparse_categorical_crossentropy",
        (whole(3), A),
        lambda t, x: -np.log(_softmax(x))[np.arange(3), t],
        {"from_logits": True},
    ),
    Case(
        "ctc_loss",
        (np.int32([[1], [2]]), real(2, 1, 3), np.int32([1, 1]), np.int32([1, 1])),
        lambda t, x, *_: -np.log(_softmax(x))[np.arange(2), 0, t[:, 0]],
    ),
    # places and orders
    Case("reshape", (A,), lambda x: x.reshape(-1, 2, 2), {"newshape": (-1, 2, 2)}),
    Case("transpose", (T,), lambda x: x.transpose(1, 0, 2), {"axes": (1, 0, 2)}),
    Case("moveaxis", (T,), lambda x: np.moveaxis(x, [0, 1], [2, 0]), {"source": [0, 1], "destination": [2, 0]}),
    Case("swapaxes", (T,), lambda x: np.swapaxes(x, 0, -1), {"axis1": 0, "axis2": -1}),
    Case("expand_dims", (A,), lambda x: np.expand_dims(x, (0, -1)), {"axis": (0, -1)}),
    Case("squeeze", (real(3, 1, 2, 1),), lambda x: x[:, 0, :, 0], {"axis": [1, -1]}),
    Case("concatenate", (A, B), lambda *x: np.concatenate(x, 1), {"axis": 1}, listed=True),
    Case("stack", (A, B), lambda *x: np.stack(x, 1), {"axis": 1}, listed=True),
    Case("hstack", (A, B), lambda *x: np.hstack(x), listed=True),
    Case("hstack", (A[0], B[0]), lambda *x: np.hstack(x), listed=True),
    Case("vstack", (A[0], B[0]), lambda *x: np.vstack(x), listed=True),
    Case("append", (A, B), lambda x, y: np.append(x, y, 0), {"axis": 0}),
    Case("split", (T,), lambda x: np.split(x, [1, 3], -1), {"indices_or_sections": [1, 3], "axis": -1}, gradient=False),
    Case(
        "array_split", (T,), lambda x: np.array_split(x, 3, -1), {"indices_or_sections": 3, "axis": -1}, gradient=False
    ),
    Case("unstack", (T,), lambda x: [x[:, 0], x[:, 1], x[:, 2]], {"axis": 1}, gradient=False),
    Case("get_item", (T,), lambda x: x[:, None, -1, ::2], {"key": (slice(None), None, -1, slice(None, None, 2))}),
    Case("get_item", (T,), lambda x: x[..., 1:], {"key": (..., slice(1, None))}),
    Case("get_item", (A, np.int32([2, 0])), lambda x, k: x[k]),
    Case("slice", (T,), lambda x: x[:1, 1:3, 0:2], {"start_indices": (0, 1, 0), "shape": (1, 2, 2)}),
    Case(
        "slice_update",
        (T, real(2, 1, 2)),
        lambda x, u: np.concatenate([x[:, :1], np.concatenate([x[:, 1:2, :1], u, x[:, 1:2, 3:]], -1), x[:, 2:]], 1),
        known=True,
        through=lambda ops, x, u: ops.slice_update(x, (0, 1, 1), u),
    ),
    Case(
        "pad",
        (A,),
        lambda x: np.pad(x, [(1, 0), (2, 1)], constant_values=5),
        {"pad_width": [(1, 0), (2, 1)], "constant_values": 5.0},
    ),
    Case("pad", (A,), lambda x: np.pad(x, 1, mode="reflect"), {"pad_width": 1, "mode": "reflect"}),
    Case("repeat", (A,), lambda x: np.repeat(x, 2, 1), {"repeats": 2, "axis": 1}),
    Case("repeat", (A,), lambda x: np.repeat(x, 2), {"repeats": 2}),
    Case("tile", (A,), lambda x: np.tile(x, (1, 2)), {"repeats": (1, 2)}),
    Case("flip", (T,), lambda x: np.flip(x, 1), {"axis": 1}),
    Case("flip", (T,), np.flip),
    Case("roll", (A,), lambda x: np.roll(x, 1, 1), {"shift": 1, "axis": 1}),
    Case("rot90", (T,), lambda x: np.rot90(x, 3, (1, 2)), {"k": 3, "axes": (1, 2)}),
    Case("broadcast_to", (A[:1],), lambda x: np.broadcast_to(x, (2, 1, 4)), {"shape": (2, 1, 4)}, known=True),
    Case("meshgrid", (A[0], B[0, :3]), lambda x, y: np.meshgrid(x, y), known=True, gradient=False),
    Case(
        "meshgrid",
        (A[0], B[0, :3]),
        lambda x, y: np.meshgrid(x, y, indexing="ij"),
        {"indexing": "ij"},
        known=True,
        gradient=False,
    ),
    Case("take", (A, np.int32([[0, 2], [1, -1]])), lambda x, i: np.take(x, i, 1), {"axis": 1}),
    Case("take", (A, np.int32([5, 0])), np.take),
    Case("take_along_axis", (A, whole(3, 2)), lambda x, i: np.take_along_axis(x, i, 1), {"axis": 1}),
    Case("one_hot", (N,), lambda x: np.eye(5)[x], {"num_classes": 5}, gradient=False),
    Case("one_hot", (whole(3),), lambda x: np.eye(4)[:, x], {"num_classes": 4, "axis": 0}, gradient=False),
    Case("multi_hot", (N,), lambda x: np.eye(5)[x].max(1), {"num_classes": 5}, gradient=False),
    Case(
        "multi_hot",
        (whole(2, 3, 4),),
        lambda x: np.moveaxis(np.eye(5)[x].max(2), -1, 1),
        {"num_classes": 5, "axis": 1},
        gradient=False,
        unlike_keras="reduces axis 1, which `axis` has moved",
    ),
    Case("where", (A > 0, A, B), np.where),
    Case("where", (A > 0, A), lambda c, x: np.where(c, x, np.float32(3)), {"x2": 3.0}),
    Case(
        "select",
        (A > 1, A > 0, A, B),
        lambda c, d, x, y: np.select([c, d], [x, y], -1),
        through=lambda ops, c, d, x, y: ops.select([c, d], [x, y], -1.0),
    ),
    Case("clip", (A,), lambda x: np.clip(x, -0.5, 0.5), {"x_min": -0.5, "x_max": 0.5}),
    Case(
        "clip",
        (A, B),
        lambda x, low: np.clip(x, low, low + 1),
        gradient=False,
        through=lambda ops, x, low: ops.clip(x, low, low + 1.0),
    ),
    Case("cast", (A,), lambda x: x.astype(np.int32), {"dtype": "int32"}, gradient=False),
    Case(
        "saturate_cast", (300 * A,), lambda x: np.clip(x, -128, 127).astype(np.int8), {"dtype": "int8"}, gradient=False
    ),
    Case(
        "saturate_cast",
        (np.float32([3e9, -3e9]),),
        lambda x: np.int32([2147483520, -2147483648]),
        {"dtype": "int32"},
        gradient=False,
    ),
    Case("round", (A,), lambda x: np.round(x, 1), {"decimals": 1}, gradient=False),
    Case("full_like", (A,), lambda x: np.full_like(x, 2.5), {"fill_value": 2.5}, gradient=False),
    Case("empty_like", (A,), np.zeros_like, gradient=False),
    Case("argmax", (D,), lambda x: np.argmax(x, 1, keepdims=True), {"axis": 1, "keepdims": True}, gradient=False),
    Case("argmin", (D,), lambda x: np.argmin(x, 1), {"axis": 1}, gradient=False),
    Case("top_k", (D,), lambda x: [np.sort(x)[:, :1:-1], np.argsort(-x)[:, :2]], {"k": 2}, gradient=False),
    Case(
        "in_top_k",
        (whole(3), D),
        lambda t, p: np.array([list(np.argsort(-row)).index(k) < 2 for k, row in zip(t, p, strict=True)]),
        {"k": 2},
        gradient=False,
    ),
    Case("cumsum", (A,), lambda x: np.cumsum(x, 1), {"axis": 1}),
    Case("cumsum", (A,), np.cumsum),
    Case("cumprod", (A,), lambda x: np.cumprod(x, 1), {"axis": 1}),
    Case("diff", (T,), lambda x: np.diff(x, 2, 1), {"n": 2, "axis": 1}),
    Case("tril", (T,), lambda x: np.tril(x, -1), {"k": -1}),
    Case("triu", (T,), np.triu),
    Case("diag", (A[0],), lambda x: np.diag(x, 1), {"k": 1}),
    Case("diag", (S,), np.diag),
    Case("diagonal", (T,), lambda x: np.diagonal(x, 1, 1, 2), {"offset": 1, "axis1": 1, "axis2": 2}),
    Case("trace", (T,), lambda x: np.trace(x, axis1=1, axis2=2), {"axis1": 1, "axis2": 2}),
    Case("diagflat", (A,), np.diagflat, known=True),
    Case("vander", (P[0],), lambda x: np.vander(x, 3), {"N": 3}),
    Case("vander", (P[0],), np.vander, known=True),
    Case("take_along_axis", (A, np.int32([7, 0, 7])), lambda x, i: np.take_along_axis(x, i, None)),
    Case("vander", (P[0],), lambda x: np.vander(x, 3, increasing=True), {"N": 3, "increasing": True}),
    Case("trapezoid", (A,), lambda y: np.trapezoid(y, dx=0.5, axis=0), {"dx": 0.5, "axis": 0}),
    Case("trapezoid", (T, np.sort(P[0, :3])), lambda y, x: np.trapezoid(y, x, axis=1), {"axis": 1}),
    Case("corrcoef", (A,), np.corrcoef),
    Case("isin", (N, np.int32([1, 3])), np.isin, gradient=False),
    # products
    Case("dense", (A, real(4, 2), real(2)), lambda x, k, b: x @ k + b),
    Case(
        "einsum",
        (T, real(4, 5)),
        lambda x, y: np.einsum("bij,jk->bki", x, y),
        through=lambda ops, x, y: ops.einsum("bij,jk->bki", x, y),
    ),
    Case("tensordot", (T, real(3, 4, 5)), lambda x, y: np.tensordot(x, y, 2)),
    Case("tensordot", (T, real(5, 3)), lambda x, y: np.tensordot(x, y, ([1], [1])), {"axes": ([1], [1])}),
    Case("kron", (A, real(2, 3)), np.kron, known=True),
    Case("cholesky", (S @ S.T,), np.linalg.cholesky, gradient=False),
    Case("cholesky", (S @ S.T,), lambda x: np.linalg.cholesky(x).T, {"upper": True}, gradient=False),
    # windows
    Case("conv", (X1, K1), _conv1d, known=True),
    Case(
        "depthwise_conv", (X1, real(2, 3, 1)), lambda x, k: x[:, :-1] * k[0, :, 0] + x[:, 1:] * k[1, :, 0], known=True
    ),
    Case("separable_conv", (X1, real(1, 3, 1), real(1, 3, 2)), lambda x, d, p: (x * d[0, :, 0]) @ p[0], known=True),
    Case(
        "conv_transpose",
        (X1, real(2, 4, 3)),
        lambda x, k: np.stack([x @ k[0].T, x @ k[1].T], 2).reshape(2, 12, 4),
        {"strides": 2},
        known=True,
    ),
    Case("max_pool", (distinct(2, 6, 3),), lambda x: x.reshape(2, 3, 2, 3).max(2), {"pool_size": 2, "strides": 2}),
    Case("average_pool", (X1,), lambda x: x.reshape(2, 3, 2, 3).mean(2), {"pool_size": 2, "strides": 2}),
    Case(
        "max_pool",
        (distinct(2, 3, 6),),
        lambda x: x.reshape(2, 3, 3, 2).max(3),
        {"pool_size": 2, "strides": 2, "data_format": "channels_first"},
    ),
    # normalization and attention
    Case("normalize", (A,), lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
    Case("normalize", (A,), lambda x: x / np.linalg.norm(x, 3, axis=0, keepdims=True), {"order": 3, "axis": 0}),
    Case("moments", (T,), lambda x: [x.mean((0, 2)), x.var((0, 2))], {"axes": (0, 2)}, gradient=False),
    Case(
        "batch_normalization",
        (T, real(3), positive(3)),
        lambda x, m, v: (x - m[:, None]) / np.sqrt(v + 1e-3)[:, None],
        {"axis": 1},
    ),
    Case("layer_normalization", (T,), _layer_norm),
    Case("layer_normalization", (T, real(4), real(4)), _layer_norm),
    Case("rms_normalization", (T, real(4)), lambda x, s: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-7) * s),
    Case("dot_product_attention", (real(2, 3, 2, 4), real(2, 5, 2, 4), real(2, 5, 2, 4)), _attend),
    Case(
        "dot_product_attention",
        (real(2, 4, 2, 3), real(2, 4, 1, 3), real(2, 4, 1, 3)),
        lambda q, k, v: _attend(q, np.repeat(k, 2, 2), np.repeat(v, 2, 2), True),
        {"is_causal": True},
    ),
    Case("psnr", (A, B), lambda x, y: 20 * np.log10(2) - 10 * np.log10(np.mean((x - y) ** 2)), {"max_val": 2.0}),
]
CASES = [*UNARY, *BINARY, *OTHERS, *NUMBERS, *ALGEBRA, *IMAGES]
