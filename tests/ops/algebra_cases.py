"""Rows of the table of operations for factors of matrices, Fourier transforms and signals."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.ops.case import Case, distinct, real

SQUARE = real(3, 3) + 3 * np.eye(3, dtype=np.float32)
SYMMETRIC = SQUARE @ SQUARE.T
TALL = real(2, 4, 3)


def _same_sign(columns: Any) -> Any:
    """Vectors up to a factor of -1."""
    return columns * np.sign(columns[..., :1, :])


def _sum_of_outer(ops: Any, x: Any) -> Any:
    """V diag(exp(w)) V^T: what eigenvectors give without a choice of their signs."""
    values, vectors = ops.eigh((x + ops.transpose(x)) / 2)
    return ops.matmul(vectors * ops.exp(values / 10), ops.transpose(vectors))


def _exponential(x: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(x.astype(float))
    return vectors @ np.diag(np.exp(values / 10)) @ vectors.T


def _product(ops: Any, x: Any) -> Any:
    """U sqrt(s) V: what singular vectors give without a choice of their signs."""
    u, s, v = ops.svd(x, full_matrices=False)
    return ops.matmul(u * ops.expand_dims(ops.sqrt(s), -2), v)


def _root(x: np.ndarray) -> np.ndarray:
    u, s, v = np.linalg.svd(x, full_matrices=False)
    return u * np.sqrt(s)[..., None, :] @ v


def _packed(x: np.ndarray) -> list[np.ndarray]:
    """Gauss's elimination of one matrix."""
    y, pivots = x.astype(float), []
    for step in range(len(y)):
        pivots.append(step + int(np.argmax(abs(y[step:, step]))))
        y[[step, pivots[-1]]] = y[[pivots[-1], step]]
        for row in range(step + 1, len(y)):
            y[row, step] /= y[step, step]
            y[row, step + 1 :] -= y[row, step] * y[step, step + 1 :]
    return [y, np.array(pivots)]


LOWER = np.linalg.cholesky(SYMMETRIC)
MATRICES = [
    Case("eigh", (SYMMETRIC,), _exponential, through=_sum_of_outer, tolerance=2e-4),
    Case("eigh", (SYMMETRIC,), lambda x: np.linalg.eigh(x)[0], through=lambda ops, x: ops.eigh(x)[0], gradient=False),
    Case("svd", (TALL,), _root, through=_product),
    Case("svd", (TALL,), lambda x: np.linalg.svd(x)[1], {"compute_uv": False}),
    Case("qr", (TALL,), lambda x: list(np.linalg.qr(x)), gradient=False),
    Case("qr", (TALL,), lambda x: np.linalg.qr(x)[1], through=lambda ops, x: ops.qr(x)[1]),
    Case("qr", (TALL,), lambda x: list(np.linalg.qr(x, mode="complete")), {"mode": "complete"}, gradient=False),
    Case("lu_factor", (SQUARE[::-1].copy(),), _packed, gradient=False),
    Case("lu_factor", (SQUARE,), lambda x: _packed(x)[0], through=lambda ops, x: ops.lu_factor(x)[0], known=True),
    Case("solve_triangular", (SQUARE, real(3, 2)), lambda a, b: np.linalg.solve(np.triu(a), b)),
    Case("solve_triangular", (SQUARE, real(3, 2)), lambda a, b: np.linalg.solve(np.tril(a), b), {"lower": True}),
    Case("cholesky_inverse", (LOWER,), lambda x: np.linalg.inv(x @ x.T)),
    Case("cholesky_inverse", (LOWER.T.copy(),), lambda x: np.linalg.inv(x.T @ x), {"upper": True}),
    Case("pinv", (TALL,), np.linalg.pinv),
    Case("pinv", (np.float32([[2, 0], [0, 1e-4]]),), lambda x: np.diag([0.5, 0]), {"rcond": 1e-3}, gradient=False),
    Case("lstsq", (real(5, 3), real(5)), lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], known=True),
    Case("lstsq", (real(5, 3), real(5, 2)), lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0], known=True),
    Case("matrix_rank", (np.stack([SQUARE, np.ones((3, 3), np.float32)]),), np.linalg.matrix_rank, gradient=False),
    Case("matrix_rank", (SQUARE,), lambda x: np.linalg.matrix_rank(x, 100.0), {"tol": 100.0}, gradient=False),
    Case(
        "cdist",
        (real(2, 4, 3), real(2, 5, 3)),
        lambda x, y: np.array([[[np.linalg.norm(p - q) for q in b] for p in a] for a, b in zip(x, y, strict=True)]),
    ),
]

MATRICES += [
    Case("norm", (TALL,), lambda x, o=order: np.linalg.norm(x, o, (1, 2)), {"ord": order, "axis": (1, 2)})
    for order in ("nuc", 1, -1, 2, -2, np.inf, -np.inf)
] + [
    Case(
        "norm",
        (real(4, 2, 3),),
        lambda x: np.linalg.norm(x, 2, (0, 2), True),
        {"ord": 2, "axis": (0, 2), "keepdims": True},
        known=True,
    ),
    Case("cross", (real(3, 4), real(4, 3)), lambda x, y: np.cross(x, y, axisa=0), {"axisa": 0}, known=True),
    Case("cross", (real(2, 3, 4), real(2, 3, 4)), lambda x, y: np.cross(x, y, axis=1), {"axis": 1}),
]

RE, IM = real(2, 3, 8), real(2, 3, 8)


def _of_pair(name: str, **options: Any) -> Any:
    return lambda ops, re, im: getattr(ops, name)((re, im), **options)


def _parts(z: np.ndarray) -> list[np.ndarray]:
    return [z.real, z.imag]


def _first(name: str, part: int) -> Any:
    return lambda ops, re, im: getattr(ops, name)((re, im))[part]


TRANSFORMS = [
    Case("fft", (RE, IM), lambda x, y: _parts(np.fft.fft(x + 1j * y)), through=_of_pair("fft"), gradient=False),
    Case("fft", (RE, IM), lambda x, y: np.fft.fft(x + 1j * y).imag, through=_first("fft", 1)),
    Case("fft2", (RE, IM), lambda x, y: _parts(np.fft.fft2(x + 1j * y)), through=_of_pair("fft2"), gradient=False),
    Case("fft2", (RE, IM), lambda x, y: np.fft.fft2(x + 1j * y).real, through=_first("fft2", 0)),
    Case("ifft2", (RE, IM), lambda x, y: _parts(np.fft.ifft2(x + 1j * y)), through=_of_pair("ifft2"), gradient=False),
    Case("ifft2", (RE, IM), lambda x, y: np.fft.ifft2(x + 1j * y).real, through=_first("ifft2", 0)),
    Case("rfft", (RE,), lambda x: _parts(np.fft.rfft(x)), gradient=False),
    Case("rfft", (RE,), lambda x: np.fft.rfft(x, 10).imag, through=lambda ops, x: ops.rfft(x, 10)[1]),
    Case("irfft", (RE, IM), lambda x, y: np.fft.irfft(x + 1j * y), through=_of_pair("irfft")),
    Case("irfft", (RE, IM), lambda x, y: np.fft.irfft(x + 1j * y, 9), through=_of_pair("irfft", fft_length=9)),
]


def _bell(size: int, middle: float = 0.5) -> np.ndarray:
    return middle - (1 - middle) * np.cos(2 * np.pi * np.arange(size) / size)


def _windows(x: np.ndarray, weights: np.ndarray, stride: int, length: int) -> np.ndarray:
    """Transforms, window by window."""
    before = (length - len(weights)) // 2
    wide = np.zeros(length)
    wide[before : before + len(weights)] = weights
    starts = range(0, x.shape[-1] - length + 1, stride)
    return np.stack([np.fft.rfft(x[..., start : start + length] * wide) for start in starts], axis=-2)


def _there_and_back(window: Any, **how: Any) -> Any:
    def call(ops: Any, x: Any) -> Any:
        return ops.istft(ops.stft(x, 6, 2, 8, window, **how), 6, 2, 8, None, window, **how)

    return call


SIGNAL = real(2, 20)
SIGNALS = [
    Case(
        "stft",
        (SIGNAL,),
        lambda x: _parts(_windows(np.pad(x, [(0, 0), (4, 4)], mode="reflect"), _bell(6), 3, 8)),
        {"sequence_length": 6, "sequence_stride": 3, "fft_length": 8},
        gradient=False,
    ),
    Case(
        "stft",
        (SIGNAL,),
        lambda x: _windows(x, _bell(5, 0.54), 4, 8).real,
        through=lambda ops, x: ops.stft(x, 5, 4, 8, "hamming", center=False)[0],
    ),
    Case(
        "stft",
        (real(12), np.float32([1, 2, 1])),
        lambda x, w: _windows(x, w, 2, 3).imag,
        through=lambda ops, x, w: ops.stft(x, 3, 2, 3, w, center=False)[1],
        known=True,
    ),
    Case("istft", (SIGNAL,), np.copy, through=_there_and_back("hann")),
    Case("istft", (SIGNAL,), np.copy, through=_there_and_back("hamming", center=True)),
    Case(
        "istft",
        (SIGNAL,),
        lambda x: x[:, 4:11],
        through=lambda ops, x: ops.istft(ops.stft(x, 8, 2, 8, center=False), 8, 2, 8, 11, center=False)[..., 4:],
    ),
    Case(
        "extract_sequences",
        (real(2, 3, 7),),
        lambda x: np.stack([x[..., 0:3], x[..., 2:5], x[..., 4:7]], axis=-2),
        {"sequence_length": 3, "sequence_stride": 2},
    ),
    Case(
        "extract_sequences",
        (real(5),),
        lambda x: np.stack([x[0:4], x[1:5]]),
        {"sequence_length": 4, "sequence_stride": 1},
        known=True,
    ),
    *(
        Case(
            "correlate",
            (real(long), real(short)),
            lambda x, y, m=mode: np.correlate(x, y, m),
            {"mode": mode},
            known=True,
        )
        for mode in ("valid", "same", "full")
        for long, short in ((6, 3), (6, 4), (5, 2), (3, 6), (2, 5))
    ),
]

IMAGE, DEEP = real(2, 4, 6, 3), real(2, 2, 3, 8)


def _adaptive(x: np.ndarray, sizes: tuple[int, int], reduce: Any) -> np.ndarray:
    rows, columns = x.shape[1:3]
    return np.stack(
        [
            np.stack(
                [
                    reduce(
                        x[
                            :,
                            i * rows // sizes[0] : -(-(i + 1) * rows // sizes[0]),
                            j * columns // sizes[1] : -(-(j + 1) * columns // sizes[1]),
                        ],
                        (1, 2),
                    )
                    for j in range(sizes[1])
                ],
                1,
            )
            for i in range(sizes[0])
        ],
        1,
    )


def _unfolded(x: np.ndarray, window: tuple[int, int], stride: int) -> np.ndarray:
    """Columns of windows, one by one; x (n, c, h, w)."""
    columns = [
        x[:, :, i : i + window[0], j : j + window[1]].reshape(len(x), -1)
        for i in range(0, x.shape[2] - window[0] + 1, stride)
        for j in range(0, x.shape[3] - window[1] + 1, stride)
    ]
    return np.stack(columns, axis=-1)


def _folded(y: np.ndarray) -> np.ndarray:
    """Windows of (2, 2) with stride 1 added into (n, c, 3, 4)."""
    x, places = np.zeros((len(y), 2, 3, 4)), [(i, j) for i in range(2) for j in range(3)]
    for number, (i, j) in enumerate(places):
        x[:, :, i : i + 2, j : j + 2] += y[:, :, number].reshape(len(y), 2, 2, 2)
    return x


LAYOUTS = [
    Case(
        "rearrange",
        (IMAGE,),
        lambda x: x.reshape(2, 2, 2, 6, 3).transpose(0, 2, 1, 4, 3).reshape(2, 2, 2, 18),
        {"pattern": "b (h two) w c -> b two h (c w)", "two": 2},
    ),
    Case("rearrange", (IMAGE,), lambda x: x.transpose(0, 3, 1, 2), {"pattern": "b h w c -> b c h w"}),
    Case(
        "depth_to_space",
        (DEEP,),
        lambda x: np.stack(
            [
                np.stack([x[:, i // 2, j // 2].reshape(2, 2, 2, 2)[:, i % 2, j % 2] for j in range(6)], 1)
                for i in range(4)
            ],
            1,
        ),
        {"block_size": 2},
    ),
    Case(
        "depth_to_space",
        (real(2, 8, 2, 3),),
        lambda x: np.stack(
            [
                np.stack([x[:, :, i // 2, j // 2].reshape(2, 2, 2, 2)[:, :, i % 2, j % 2] for j in range(6)], -1)
                for i in range(4)
            ],
            2,
        ),
        {"block_size": 2, "data_format": "channels_first"},
    ),
    Case(
        "space_to_depth",
        (IMAGE,),
        lambda x: np.concatenate([x[:, i::2, j::2] for i in range(2) for j in range(2)], -1),
        {"block_size": 2},
    ),
    Case(
        "space_to_depth",
        (real(2, 3, 4, 2),),
        lambda x: np.stack([x[:, :, i::2, j::2] for i in range(2) for j in range(2)], 2).reshape(2, 12, 2, 1),
        {"block_size": 2, "data_format": "channels_first"},
    ),
    Case("unfold", (real(2, 3, 5, 4),), lambda x: _unfolded(x, (2, 3), 2), {"kernel_size": (2, 3), "stride": 2}),
    Case(
        "unfold",
        (real(2, 3, 5, 4),),
        lambda x: _unfolded(np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), 1),
        {"kernel_size": 3, "padding": 1},
    ),
    Case("fold", (real(2, 8, 6),), _folded, {"output_size": (3, 4), "kernel_size": 2}),
    Case(
        "fold",
        (real(2, 8, 6),),
        lambda y: _folded(y)[:, :, 1:-1, 1:-1],
        {"output_size": (1, 2), "kernel_size": 2, "padding": 1},
    ),
    Case("dstack", (real(3, 4), real(3, 4)), lambda *x: np.dstack(x), listed=True),
    Case("dstack", (real(3), real(3)), lambda *x: np.dstack(x), listed=True),
    Case("vsplit", (real(4, 3),), lambda x: np.vsplit(x, 2), {"indices_or_sections": 2}, gradient=False, known=True),
    Case("hsplit", (real(3, 4),), lambda x: np.hsplit(x, [1]), {"indices_or_sections": [1]}, gradient=False),
    Case("hsplit", (real(4),), lambda x: np.hsplit(x, 2), {"indices_or_sections": 2}, gradient=False, known=True),
    Case("dsplit", (real(2, 3, 4),), lambda x: np.dsplit(x, 2), {"indices_or_sections": 2}, gradient=False),
    Case("flipud", (real(3, 4),), np.flipud),
    Case("fliplr", (real(3, 4),), np.fliplr),
    Case(
        "adaptive_average_pool", (real(2, 5, 7, 2),), lambda x: _adaptive(x, (2, 3), np.mean), {"output_size": (2, 3)}
    ),
    Case("adaptive_max_pool", (distinct(2, 5, 7, 2),), lambda x: _adaptive(x, (3, 3), np.max), {"output_size": 3}),
    Case(
        "adaptive_max_pool",
        (distinct(2, 2, 6),),
        lambda x: x.reshape(2, 2, 3, 2).max(-1),
        {"output_size": 3, "data_format": "channels_first"},
    ),
]

SPOKEN = np.float32(np.log([[[0.1, 0.7, 0.2], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.5, 0.4]]]))


def _all_ways(logits: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """The best labels, by walking every way through the classes."""
    found: dict[tuple[int, ...], float] = {}
    steps = np.exp(logits[0, : lengths[0]]) / np.exp(logits[0, : lengths[0]]).sum(-1, keepdims=True)
    for way in np.ndindex(*(3,) * len(steps)):
        said = tuple(c for i, c in enumerate(way) if c and (not i or way[i - 1] != c))
        found[said] = found.get(said, 0.0) + float(np.prod([p[c] for p, c in zip(steps, way, strict=True)]))
    best = sorted(found, key=lambda said: -found[said])[:3]
    labels = [list(said) + [-1] * (logits.shape[1] - len(said)) for said in best]
    return [np.array(labels)[:, None], np.log([[found[said] for said in best]])]


DECODED = [
    Case(
        "ctc_decode",
        (SPOKEN, np.int32([4])),
        lambda x, n: [np.int32([[[1, 1, -1, -1]]]), -np.log(np.float32([[0.7 * 0.6 * 0.7 * 0.5]]))],
        gradient=False,
    ),
    Case(
        "ctc_decode",
        (SPOKEN, np.int32([3])),
        lambda x, n: [np.int32([[[1, 0, 1, -1]]]), -np.log(np.float32([[0.7 * 0.6 * 0.7]]))],
        {"mask_index": None},
        gradient=False,
    ),
    Case(
        "ctc_decode",
        (np.float32([[[0, 1], [0, 1], [1, 0]]]), np.int32([3])),
        lambda x, n: [np.int32([[[1, 1, -1]]]), np.float32([[-3]])],
        {"merge_repeated": False},
        gradient=False,
    ),
    Case("ctc_decode", (SPOKEN, np.int32([4])), _all_ways, {"strategy": "beam_search", "top_paths": 3}, gradient=False),
    Case(
        "ctc_decode",
        (real(1, 5, 3), np.int32([3])),
        _all_ways,
        {"strategy": "beam_search", "top_paths": 3},
        gradient=False,
    ),
]
CASES = [*MATRICES, *TRANSFORMS, *SIGNALS, *LAYOUTS, *DECODED]
