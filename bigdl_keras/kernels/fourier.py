"""Fourier transforms; complex numbers come and go as two real arrays, so that nothing else has to know them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.shapes import broadcast

# For a loss L, dL/d(real) + i dL/d(imaginary) flows back through a linear map F as the conjugate transpose of F.


def _complex(real: Any, imaginary: Any) -> Any:
    return real + 1j * imaginary


def _pair(z: Any, dtype: Any) -> tuple[Any, Any]:
    return z.real.astype(dtype), z.imag.astype(dtype)


def _flow(dy: tuple[Any, Any]) -> Any:
    """The gradient of both parts as complex numbers; a part from which nothing flows back counts as zeros."""
    real, imaginary = dy
    return _complex(np.zeros_like(imaginary) if real is None else real, 0 if imaginary is None else imaginary)


def fft(real: Any, imaginary: Any, *, axes: tuple[int, ...] = (-1,), inverse: bool = False, out: Any = None) -> Any:
    """The sum of z exp(-2 pi i k t / n) along each of the axes; with `inverse` of z exp(2 pi i k t / n) / n."""
    transform = np.fft.ifftn if inverse else np.fft.fftn
    return _pair(transform(_complex(real, imaginary), axes=axes), real.dtype)


def fft_gradient(
    dy: Any, shapes: Any, *, wanted: Any, out: Any, axes: tuple[int, ...] = (-1,), inverse: bool = False
) -> tuple[Any, ...]:
    flow = _flow(dy)
    size = np.prod([flow.shape[axis] for axis in axes])
    back = np.fft.fftn(flow, axes=axes) / size if inverse else np.fft.ifftn(flow, axes=axes) * size
    kind = next(item.dtype for item in dy if item is not None)
    return tuple(part if want else None for part, want in zip(_pair(back, kind), wanted, strict=True))


def fft_shape(real: Any, imaginary: Any, **attributes: Any) -> list[Any]:
    """Shape rule of `fft`."""
    if len(real) != len(imaginary) or (None not in (*real, *imaginary) and real != imaginary):
        raise ValueError(f"The two parts of complex numbers must have one shape. Received {real} and {imaginary}.")
    return [broadcast(real, imaginary)] * 2


def rfft(x: Any, *, length: int | None = None, out: Any = None) -> Any:
    """The first half of the transform of real numbers along the last axis, cut or widened to `length`."""
    return _pair(np.fft.rfft(x, n=length), x.dtype)


def rfft_gradient(dy: Any, shapes: Any, *, wanted: Any, out: Any, length: int | None = None) -> tuple[Any, ...]:
    flow, size = _flow(dy), shapes[0][-1]
    length = length or size
    whole = np.zeros((*flow.shape[:-1], length), flow.dtype)
    whole[..., : flow.shape[-1]] = flow
    back = (np.fft.ifft(whole) * length).real[..., :size]
    dx = np.zeros(shapes[0], next(item.dtype for item in dy if item is not None))
    dx[..., : back.shape[-1]] = back
    return (dx,)


def rfft_shape(shape: Any, *, length: int | None = None) -> list[Any]:
    """Shape rule of `rfft`."""
    size = length or shape[-1]
    return [(*shape[:-1], None if size is None else size // 2 + 1)] * 2


def irfft(real: Any, imaginary: Any, *, length: int | None = None, out: Any = None) -> Any:
    """The real numbers, `length` or 2 (n - 1) of them, of which the first half of the transform is given."""
    return np.fft.irfft(_complex(real, imaginary), n=length).astype(real.dtype)


def irfft_gradient(dy: Any, shapes: Any, *, wanted: Any, out: Any, length: int | None = None) -> tuple[Any, ...]:
    """Each number but the first, and the last of an even length, stands for two."""
    size, given = dy.shape[-1], shapes[0][-1]
    flow = np.fft.rfft(dy) / size
    flow[..., 1 : (size + 1) // 2] *= 2
    back = np.zeros(shapes[0], flow.dtype)
    used = min(given, flow.shape[-1])
    back[..., :used] = flow[..., :used]
    return tuple(part if want else None for part, want in zip(_pair(back, dy.dtype), wanted, strict=True))


def irfft_shape(real: Any, imaginary: Any, *, length: int | None = None) -> Any:
    """Shape rule of `irfft`."""
    both = fft_shape(real, imaginary)[0]
    return (*both[:-1], length or (None if both[-1] is None else 2 * (both[-1] - 1)))


KERNELS["fft"] = Kernel(fft, fft_gradient, fft_shape, ("shapes",), several=True)
KERNELS["rfft"] = Kernel(rfft, rfft_gradient, rfft_shape, ("shapes",), several=True)
KERNELS["irfft"] = Kernel(irfft, irfft_gradient, irfft_shape, ("shapes",))
