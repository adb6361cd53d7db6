"""Rows of the check table for factors of matrices, Fourier transforms, segments, bits and special functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tests.kernels.kernel_checks import Case
from tests.kernels.numbers import apart, real, rng

BOTH = (0, 1)
SQUARE = real(2, 3, 3) + 3 * np.eye(3)
SYMMETRIC = SQUARE @ SQUARE.transpose(0, 2, 1)
TALL, WIDE = real(2, 4, 3), real(2, 3, 4)


def _lu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gauss's elimination, one matrix and one row at a time."""
    packed, pivots = x.copy(), np.zeros(x.shape[:2], np.int32)
    for matrix, order in zip(packed, pivots, strict=True):
        for step in range(len(matrix)):
            order[step] = step + np.argmax(abs(matrix[step:, step]))
            matrix[[step, order[step]]] = matrix[[order[step], step]]
            for row in range(step + 1, len(matrix)):
                matrix[row, step] /= matrix[step, step]
                matrix[row, step + 1 :] -= matrix[row, step] * matrix[step, step + 1 :]
    return packed, pivots


FACTORS = [
    Case("eigh", (SYMMETRIC,), tolerance=1e-5),
    Case("qr", (SQUARE,)),
    Case("qr", (TALL,)),
    Case("svd", (SQUARE,), tolerance=1e-5),
    Case("svd", (TALL,), {"full_matrices": False}, tolerance=1e-5),
    Case("svd", (WIDE,), {"full_matrices": False}, tolerance=1e-5),
    Case("pinv", (TALL,), {"rcond": 1e-9}, reference=np.linalg.pinv(TALL)),
    Case("pinv", (WIDE,), {"rcond": 1e-9}, reference=np.linalg.pinv(WIDE)),
    Case("lu_factor", (SQUARE[:, ::-1].copy(),), reference=_lu(SQUARE[:, ::-1])),
]


def _transform(x: np.ndarray, sign: float = -1) -> np.ndarray:
    """Along the last axis, as a sum."""
    places = np.arange(x.shape[-1])
    return x @ np.exp(sign * 2j * np.pi * np.outer(places, places) / x.shape[-1])


def _parts(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return z.real, z.imag


RE, IM = real(3, 5), real(3, 5)
RE2, IM2 = real(2, 3, 4), real(2, 3, 4)
FOURIER = [
    Case("fft", (RE, IM), batched=BOTH, reference=_parts(_transform(RE + 1j * IM))),
    Case("fft", (RE, IM), {"inverse": True}, batched=BOTH, reference=_parts(_transform(RE + 1j * IM, 1) / 5)),
    Case("fft", (RE2, IM2), {"axes": (-2, -1)}, batched=BOTH, reference=_parts(np.fft.fft2(RE2 + 1j * IM2))),
    Case("fft", (RE2, IM2), {"axes": (-2, -1), "inverse": True}, batched=BOTH),
    Case("rfft", (RE,), reference=_parts(_transform(RE)[:, :3])),
    Case("rfft", (RE,), {"length": 8}),
    Case("rfft", (RE,), {"length": 4}),
    Case("irfft", (RE, IM), batched=BOTH, reference=np.fft.irfft(RE + 1j * IM)),
    Case("irfft", (RE, IM), {"length": 9}, batched=BOTH),
    Case("irfft", (RE, IM), {"length": 6}, batched=BOTH),
    Case("irfft", (RE, IM), {"length": 12}, batched=BOTH),
]

ROWS, IDS = apart(5, 2), np.array([0, 2, 0, 5, -1])
EMPTY: Any = np.inf
SEGMENTS = [
    Case(
        "segment_max",
        (ROWS, IDS),
        {"segments": 3},
        batched=BOTH,
        reference=np.stack([np.maximum(ROWS[0], ROWS[2]), [-EMPTY] * 2, ROWS[1]]),
        differentiable=(),
    ),
    Case("segment_max", (apart(4, 2), np.array([0, 1, 0, 1])), {"segments": 2}, batched=()),
    Case("segment_min", (apart(4, 2), np.array([0, 1, 0, 1])), {"segments": 2}, batched=()),
    Case("segment_min", (rng.integers(0, 9, (4, 2)), np.array([0, 0, 1, 3])), {"segments": 2}, batched=BOTH),
    Case(
        "segment_prod",
        (np.where(ROWS > 0.3, 0, ROWS), IDS),
        {"segments": 3},
        batched=BOTH,
    ),
    Case("segment_prod", (np.array([0.0, 2, 0, 3, 0, 5]), np.array([0, 0, 1, 1, 1, 2])), {"segments": 3}, batched=BOTH),
]

WHOLE, MORE = rng.integers(0, 9, (3, 4)), rng.integers(1, 5, (3, 4))
BITS = [
    *(
        Case(name, (WHOLE, MORE), batched=BOTH, reference=np.vectorize(function)(WHOLE, MORE))
        for name, function in {
            "bitwise_and": lambda x, y: x & y,
            "bitwise_or": lambda x, y: x | y,
            "bitwise_xor": lambda x, y: x ^ y,
            "left_shift": lambda x, y: x << y,
            "right_shift": lambda x, y: x >> y,
            "gcd": math.gcd,
            "lcm": math.lcm,
        }.items()
    ),
    Case("bitwise_invert", (WHOLE,), reference=-WHOLE - 1),
    Case("nextafter", (RE, IM), batched=BOTH),
    Case("signbit", (np.array([0.0, -0.0, 3, -3]),), reference=np.array([False, True, False, True])),
    Case("view", (np.float32([1.0, -2.0]),), {"dtype": "int32"}, differentiable=()),
]

LINE = np.linspace(-5.9, 5.9, 41)
INSIDE = np.array([-0.999999, -0.7, -0.2, 0.0, 1e-9, 0.3, 0.55, 0.95])
SPECIAL = [
    Case("erfc", (LINE,), reference=np.array([math.erfc(x) for x in LINE])),
    Case("erfc", (np.array([9.0, 20.0]),), reference=np.array([math.erfc(9), math.erfc(20)])),
    Case(
        "erfinv",
        (np.array([math.erf(x) for x in (-1.5, -0.1, 0, 0.4, 1.6)]),),
        reference=np.array([-1.5, -0.1, 0, 0.4, 1.6]),
    ),
    Case("erfinv", (INSIDE[1:],)),
    Case(
        "i0",
        (LINE,),
        reference=np.array([sum((x / 2) ** (2 * k) / math.factorial(k) ** 2 for k in range(60)) for x in LINE]),
    ),
    Case("i0", (np.array([12.0, 40.0]) / 7,)),
]
TOLD = np.log(np.array([[[0.4, 0.6], [0.7, 0.3]], [[0.5, 0.5], [0.5, 0.5]]]))
SEARCH = [
    Case(
        "ctc_beam_search",
        (TOLD, np.array([2, 1])),
        {"width": 9, "paths": 2, "blank": 0},
        batched=BOTH,
        reference=(
            np.array([[[1, -1], [-1, -1]], [[-1, -1], [1, -1]]]),
            np.log([[0.6 * 0.3 + 0.6 * 0.7 + 0.4 * 0.3, 0.4 * 0.7], [0.5, 0.5]]),
        ),
    ),
]
CASES = [*SEARCH, *FACTORS, *FOURIER, *SEGMENTS, *BITS, *SPECIAL]
