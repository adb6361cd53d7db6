"""Rows of the check table for kernels that read between places, or lay windows side by side."""

from __future__ import annotations

import numpy as np

from tests.kernels.kernel_checks import Case
from tests.kernels.numbers import real

BOTH = (0, 1)
WINDOWS = {"window": (2, 3), "strides": (1, 2), "dilation": (2, 1)}
FEW = {"window": (3,), "strides": (2,), "dilation": (1,)}
LINE = np.arange(5.0).reshape(1, 5, 1)
SUMS = np.array([0, 1, 2 + 2, 3, 4.0]).reshape(1, 5, 1)

PATCHES = [
    Case("patches", (LINE,), FEW, reference=np.array([[[0, 1, 2], [2, 3, 4]]])),
    Case("patches", (real(2, 5, 6, 2),), WINDOWS),
    Case("patches", (real(2, 5, 6, 2),), WINDOWS | {"padding": "same"}),
    Case("patches", (real(2, 3, 3, 4, 1),), {"window": (2, 1, 2), "strides": (1, 2, 2), "dilation": (1, 1, 1)}),
    Case("overlap_add", (np.array([[[0, 1, 2], [2, 3, 4.0]]]),), FEW | {"sizes": (5,)}, reference=SUMS),
    Case("overlap_add", (real(2, 3, 2, 12),), WINDOWS | {"sizes": (5, 6)}),
    Case("overlap_add", (real(2, 3, 3),), FEW | {"sizes": (5,), "padding": "same"}),
]

# coordinates between the places of an array, so that no corner changes under a small step
SHARED = real(1, 2, 7, low=-1.5, high=5.5)
OWN = real(3, 1, 2, 3, low=-1.5, high=4.5)
SAMPLING = [
    *(
        Case(
            "map_coordinates",
            (real(3, 4, 5, 2), SHARED),
            {"mode": mode, "value": 0.7},
            differentiable=BOTH,
        )
        for mode in ("constant", "nearest", "wrap", "mirror", "reflect")
    ),
    Case("map_coordinates", (real(3, 4, 1), OWN), {"mode": "reflect"}, batched=BOTH),
    Case("map_coordinates", (real(3, 4, 2), OWN), {"order": 0, "mode": "nearest"}, batched=BOTH),
    Case("map_coordinates", (real(3, 1, 2), OWN), {"mode": "mirror"}, batched=BOTH),
    Case("map_coordinates", (real(1, 3, 1), np.array([[[0.25, 1.5]]])), batched=(0,)),
    Case(
        "scale_and_translate",
        (real(2, 5, 4),),
        {"axes": (1, 2), "sizes": (7, 3), "scale": (1.4, 0.6), "translation": (0.3, -0.2), "method": "bicubic"},
    ),
    Case(
        "scale_and_translate",
        (real(2, 5),),
        {"axes": (1,), "sizes": (3,), "scale": (0.5,), "translation": (0.1,), "method": "bilinear", "antialias": False},
    ),
]
CASES = [*PATCHES, *SAMPLING]
