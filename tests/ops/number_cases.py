"""Rows of the table of operations for whole numbers, bits, what is not a number, quantiles, counts and segments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.ops.case import Case, distinct, positive, real, unit, whole

A, N, M = real(3, 4), whole(3, 4, high=9), whole(3, 4, high=5) + 1
HOLES = distinct(4, 5)
HOLES[1, 2] = HOLES[1, 4] = HOLES[3, 0] = np.nan
EMPTY = HOLES.copy()
EMPTY[2] = np.nan
D = distinct(3, 4, 2)

WHOLE = [
    Case(name, (N, M), reference, gradient=False)
    for name, reference in [
        ("bitwise_and", np.bitwise_and),
        ("bitwise_or", np.bitwise_or),
        ("bitwise_xor", np.bitwise_xor),
        ("bitwise_left_shift", np.left_shift),
        ("bitwise_right_shift", np.right_shift),
        ("left_shift", np.left_shift),
        ("right_shift", np.right_shift),
        ("gcd", np.gcd),
        ("lcm", np.lcm),
    ]
] + [
    Case("bitwise_invert", (N,), np.invert, gradient=False),
    Case("bitwise_not", (N,), np.invert, gradient=False),
    Case("signbit", (A,), np.signbit, gradient=False),
    Case("nextafter", (A, real(3, 4)), np.nextafter, gradient=False),
    Case("view", (A,), lambda x: x.view(np.int32), {"dtype": "int32"}, gradient=False),
    Case("real", (A,), np.real),
    Case("imag", (A,), np.imag, gradient=False),
    Case("conj", (A,), np.conj),
    Case("conjugate", (A,), np.conjugate),
    Case("angle", (A,), np.angle, gradient=False),
    Case("isreal", (A,), np.isreal, gradient=False),
    Case("fabs", (A,), np.fabs),
    Case("fmax", (A, real(3, 4)), np.fmax),
    Case("fmin", (A, real(3, 4)), np.fmin),
    Case("fmax", (HOLES, real(4, 5)), np.fmax, gradient=False),
    Case("fmin", (real(4, 5), HOLES), np.fmin, gradient=False),
    Case("ldexp", (A, N), np.ldexp),
    Case("erfc", (A,), np.vectorize(math.erfc)),
    Case("erfinv", (np.vectorize(math.erf)(A / 2).astype(np.float32),), lambda y: A / 2, tolerance=1e-4),
    Case("i0", (A,), np.i0),
    Case("ptp", (D,), lambda x: np.ptp(x, axis=1, keepdims=True), {"axis": 1, "keepdims": True}),
    Case("ptp", (D,), np.ptp),
    Case("allclose", (A, A + np.float32(1e-7)), np.allclose, gradient=False),
    Case("allclose", (A, A + 1), np.allclose, gradient=False),
    Case(
        "argpartition",
        (D,),
        lambda x: np.argsort(x, 1),
        {"kth": 2, "axis": 1},
        gradient=False,
        unlike_keras="orders what lies on either side in its own way",
    ),
    Case(
        "unravel_index",
        (np.int32([5, 11, 0]),),
        lambda x: np.unravel_index(x, (3, 4)),
        {"shape": (3, 4)},
        gradient=False,
    ),
]

_AXES: list[dict[str, Any]] = [{}, {"axis": 1}, {"axis": 0, "keepdims": True}]
HOLED = [
    Case(name, (HOLES,), lambda x, f=reference, k=options: f(x, **k), options, gradient=False, tolerance=1e-4)
    for name, reference in [
        ("nansum", np.nansum),
        ("nanprod", np.nanprod),
        ("nanmean", np.nanmean),
        ("nanvar", np.nanvar),
        ("nanstd", np.nanstd),
        ("nanmax", np.nanmax),
        ("nanmin", np.nanmin),
        ("nanargmax", np.nanargmax),
        ("nanargmin", np.nanargmin),
        ("nanmedian", np.nanmedian),
    ]
    for options in _AXES
] + [
    *(
        Case(name, (A,), reference)
        for name, reference in [
            ("nansum", np.sum),
            ("nanprod", np.prod),
            ("nanmean", np.mean),
            ("nanvar", np.var),
            ("nanstd", np.std),
        ]
    ),
    *(
        Case(name, (D,), reference)
        for name, reference in [("nanmax", np.max), ("nanmin", np.min), ("nanmedian", np.median)]
    ),
    Case(
        "nanargmax",
        (EMPTY,),
        lambda x: np.array([np.nanargmax(r) if len(r[r == r]) else -1 for r in x]),
        {"axis": 1},
        gradient=False,
    ),
    Case(
        "nanmean",
        (EMPTY,),
        lambda x: np.array([r[r == r].mean() if len(r[r == r]) else np.nan for r in x]),
        {"axis": 1},
        gradient=False,
    ),
    Case(
        "nanmax",
        (EMPTY,),
        lambda x: np.array([np.max(r[r == r], initial=-np.inf) if len(r[r == r]) else np.nan for r in x]),
        {"axis": 1},
        gradient=False,
    ),
    Case("nansum", (N,), np.sum, gradient=False),
    Case("nancumsum", (HOLES,), lambda x: np.nancumsum(x, 1), {"axis": 1}, gradient=False),
    Case("nancumprod", (HOLES,), np.nancumprod, gradient=False, tolerance=1e-3),
    Case("nancumsum", (A,), np.cumsum),
    Case("nancumprod", (A,), np.cumprod),
]

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
QUANTILES = [
    *(
        Case(
            "quantile",
            (D,),
            lambda x, m=method: np.quantile(x, 0.35, axis=1, method=m),
            {"q": 0.35, "axis": 1, "method": method},
        )
        for method in METHODS
    ),
    *(
        Case(
            "nanquantile",
            (HOLES,),
            lambda x, m=method: np.nanquantile(x, 0.35, axis=1, method=m),
            {"q": 0.35, "axis": 1, "method": method},
            gradient=False,
        )
        for method in METHODS
    ),
    Case(
        "quantile",
        (D,),
        lambda x: np.quantile(x, 0.3, axis=-1, keepdims=True),
        {"q": 0.3, "axis": -1, "keepdims": True},
    ),
    Case(
        "quantile",
        (D,),
        lambda x: np.quantile(x, [0.1, 0.8], axis=(1, 2), keepdims=True),
        {"q": [0.1, 0.8], "axis": (1, 2), "keepdims": True},
    ),
    Case("quantile", (HOLES,), lambda x: np.quantile(x, 0.5, axis=1), {"q": 0.5, "axis": 1}, gradient=False),
    Case("percentile", (D,), lambda x: np.percentile(x, 35, axis=1), {"q": 35, "axis": 1}),
    Case(
        "nanpercentile",
        (HOLES,),
        lambda x: np.nanpercentile(x, [35, 90], axis=0),
        {"q": [35, 90], "axis": 0},
        gradient=False,
    ),
    Case("nanpercentile", (D,), lambda x: np.percentile(x, 35), {"q": 35}),
    Case("nanquantile", (D,), lambda x: np.quantile(x, 0.35, axis=1), {"q": 0.35, "axis": 1}),
    Case("median", (D,), lambda x: np.median(x, axis=1), {"axis": 1}),
    Case("median", (D[:, :3],), lambda x: np.median(x, keepdims=True), {"keepdims": True}, known=True),
]

IDS = np.int32([1, 0, 1])
PLACES = np.int32([[0, 1], [2, 0], [0, 1]])
TARGET, NEW = real(3, 2, 4), distinct(3, 4)


def _updated(join: Any) -> Any:
    def reference(x: np.ndarray, places: np.ndarray, updates: np.ndarray) -> np.ndarray:
        y = x.copy()
        for place, row in zip(places, updates, strict=True):
            y[tuple(place)] = join(y[tuple(place)], row)
        return y

    return reference


COUNTS = [
    Case(
        "bincount",
        (N,),
        lambda x: np.stack([np.bincount(row, minlength=9) for row in x]),
        {"minlength": 9},
        gradient=False,
    ),
    Case("bincount", (N[0], positive(4)), lambda x, w: np.bincount(x, w, 9), {"minlength": 9}, gradient=False),
    Case("histogram", (A.ravel(),), lambda x: list(np.histogram(x, 4)), {"bins": 4}, gradient=False),
    Case(
        "histogram",
        (A.ravel(),),
        lambda x: list(np.histogram(x, 5, (-0.5, 0.7))),
        {"bins": 5, "range": (-0.5, 0.7)},
        gradient=False,
    ),
    Case("histogram", (np.float32([2, 2, 2]),), lambda x: list(np.histogram(x, 3)), {"bins": 3}, gradient=False),
    Case("segment_sum", (A, IDS), lambda x, i: np.stack([x[1], x[0] + x[2], 0 * x[0]]), {"num_segments": 3}),
    Case("segment_max", (NEW, IDS), lambda x, i: np.stack([x[1], np.maximum(x[0], x[2])]), {"num_segments": 2}),
    Case("segment_min", (NEW, IDS), lambda x, i: np.stack([x[1], np.minimum(x[0], x[2])]), {"num_segments": 2}),
    Case("segment_prod", (A, IDS), lambda x, i: np.stack([x[1], x[0] * x[2], x[0] ** 0]), {"num_segments": 3}),
    Case(
        "scatter",
        (PLACES, A),
        lambda i, v: np.stack([[0 * v[0], v[0] + v[2]], [0 * v[0]] * 2, [v[1], 0 * v[0]]]),
        {"shape": (3, 2, 4)},
    ),
    *(
        Case("scatter_update", (TARGET, PLACES, NEW), _updated(join), {"reduction": reduction}, known=True)
        for reduction, join in [
            (None, lambda old, new: new),
            ("add", np.add),
            ("mul", np.multiply),
            ("max", np.maximum),
            ("min", np.minimum),
        ]
    ),
    Case("scatter_update", (unit(3, 4), np.int32([[1], [0]]), real(2, 4)), _updated(lambda old, new: new), known=True),
    Case("isin", (N, np.int32([1, 3])), lambda x, y: np.isin(x, y, invert=True), {"invert": True}, gradient=False),
    Case("cumsum", (N,), lambda x: np.cumsum(x, 1, np.float32), {"axis": 1, "dtype": "float32"}, gradient=False),
]
EXTREMES = [
    Case("max", (D,), lambda x: np.max(x, 1, initial=1.0), {"axis": 1, "initial": 1.0}),
    Case("min", (D,), lambda x: np.min(x, 1, initial=1.0), {"axis": 1, "initial": 1.0}),
    Case("prod", (N,), lambda x: np.prod(x, 1, np.float32), {"axis": 1, "dtype": "float32"}, gradient=False),
]
CASES = [*EXTREMES, *WHOLE, *HOLED, *QUANTILES, *COUNTS]
