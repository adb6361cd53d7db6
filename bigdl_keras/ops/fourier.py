"""Fourier transforms; complex numbers are pairs (real, imaginary), so that models need no other dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.graph.trace import apply, operation
from bigdl_keras.ops.arrangement import extract_sequences
from bigdl_keras.ops.elementwise import align, as_float, as_tensor, divide, multiply
from bigdl_keras.ops.indexing import get_item
from bigdl_keras.ops.reshaping import pad

__all__ = ["fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]


def _pair(x: Any, name: str) -> tuple[Any, Any]:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"{name} needs complex numbers as a pair (real, imaginary). Received {type(x).__name__}.")
    real, imaginary = align(as_float(x[0]), as_float(x[1]))
    return real, imaginary


def _transformed(x: Any, name: str, axes: tuple[int, ...], inverse: bool = False) -> tuple[Any, Any]:
    real, imaginary = apply("fft", *_pair(x, name), axes=axes, inverse=inverse)
    return real, imaginary


@operation
def fft(x: Any) -> tuple[Any, Any]:
    """The sum over t of x[t] exp(-2 pi i k t / n) along the last axis, of a pair and as a pair (real, imaginary)."""
    return _transformed(x, "fft", (-1,))


@operation
def fft2(x: Any) -> tuple[Any, Any]:
    """`fft` along the last two axes."""
    return _transformed(x, "fft2", (-2, -1))


@operation
def ifft2(x: Any) -> tuple[Any, Any]:
    """The pair of which `fft2` is the given pair."""
    return _transformed(x, "ifft2", (-2, -1), inverse=True)


@operation
def rfft(x: Any, fft_length: int | None = None) -> tuple[Any, Any]:
    """The first n // 2 + 1 numbers of the transform of n real ones along the last axis, as a pair (real, imaginary).

    Args:
        x: real numbers.
        fft_length: n; what is longer is cut, what is shorter is followed by zeros. None: as long as x.
    """
    real, imaginary = apply("rfft", as_float(x), length=fft_length)
    return real, imaginary


@operation
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The real numbers of which `rfft` is the given pair; `fft_length` of them, 2 (n - 1) for None."""
    return apply("irfft", *_pair(x, "irfft"), length=fft_length)


def _window(window: Any, sequence_length: int, fft_length: int, dtype: str) -> Any:
    """The weights of a window in the middle of `fft_length` places."""
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must be at least `sequence_length`. "
            f"Received sequence_length={sequence_length}, fft_length={fft_length}."
        )
    if window is None:
        return np.ones(fft_length, dtype)
    if isinstance(window, str):
        made = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}.get(window)
        if made is None:
            raise ValueError(f"`window` must be 'hann', 'hamming', None or a vector. Received {window!r}.")
        window = made[0] - made[1] * np.cos(2 * np.pi * np.arange(sequence_length) / sequence_length)
    window = as_tensor(window)
    if tuple(window.shape) != (sequence_length,):
        raise ValueError(f"`window` must have the shape ({sequence_length},). Received shape {window.shape}.")
    before = (fft_length - sequence_length) // 2
    return pad(apply("cast", window, dtype=dtype), (before, fft_length - sequence_length - before))


@operation
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple[Any, Any]:
    """The transforms of windows of a signal: (..., time) gives a pair (..., windows, fft_length // 2 + 1).

    Args:
        x: real numbers; the size of the last axis must be known.
        sequence_length: of a window.
        sequence_stride: between windows.
        fft_length: of a transform; the window stands in the middle of it.
        window: the weights in a window: "hann", "hamming" (both periodic), a vector, or None for ones.
        center: widen the signal by half a transform on both sides, mirrored, so that windows are around their place.

    Raises:
        ValueError: lengths that do not fit, or an unknown window.
    """
    x = as_float(x)
    weights = _window(window, sequence_length, fft_length, str(x.dtype))
    if center:
        half = fft_length // 2
        x = pad(x, [(0, 0)] * (len(x.shape) - 1) + [(half, half)], mode="reflect")
    return rfft(multiply(extract_sequences(x, fft_length, sequence_stride), weights), fft_length)


@operation
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The signal of which `stft` with the same arguments is the given pair (Griffin and Lim, 1984).

    Windows are added, weighted, and divided by the sum of the squares of the weights at each place.

    Args:
        x: (real, imaginary), each (..., windows, fft_length // 2 + 1), with a known number of windows.
        sequence_length, sequence_stride, fft_length, window, center: as in `stft`.
        length: of the signal; None for all that the windows cover.

    Raises:
        ValueError: lengths that do not fit, or an unknown window.
    """
    windows = irfft(x, fft_length)
    count = windows.shape[-2]
    if count is None:
        raise ValueError(f"istft needs a known number of windows. Received shape {windows.shape}.")
    weights = _window(window, sequence_length, fft_length, str(windows.dtype))
    whole = fft_length + sequence_stride * (count - 1)
    leading = tuple(-1 if size is None else size for size in windows.shape[:-2])

    def added(parts: Any) -> Any:
        attributes = {"window": (fft_length,), "strides": (sequence_stride,), "dilation": (1,)}
        return apply("overlap_add", parts, sizes=(whole,), **attributes)

    lines = apply("reshape", multiply(windows, weights), shape=(-1, count, fft_length))
    squares = apply("broadcast_to", multiply(weights, weights), shape=(1, count, fft_length))
    norm = added(squares)
    safe = apply("where", apply("less", 1e-10, norm), norm, 1.0)
    signal = apply("reshape", divide(added(lines), safe), shape=(*leading, whole))
    start = fft_length // 2 if center else 0
    stop = whole - start if length is None else start + length
    return get_item(signal, (..., slice(start, stop)))
