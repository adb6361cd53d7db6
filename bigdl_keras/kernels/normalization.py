"""Normalizations: minus a mean, over a deviation; variances take two passes, so that a large mean does no harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bigdl_keras.kernels.channels import by_channel, channel_sums, slices
from bigdl_keras.kernels.table import KERNELS, Kernel
from bigdl_keras.shapes import normalize_axis

# Batch normalization. Inputs: x, then gamma if `scale`, beta if `center`, weights of the rows if `masked`.
# The channels are axis `axis`; x is seen as a matrix (rows, channels), channels last.

Total = Callable[[np.ndarray], np.ndarray]


def _matrix(x: Any, axis: int) -> Any:
    """x as (rows, channels), a copy only where the channels are not last."""
    moved = np.moveaxis(x, axis, -1)
    return moved.reshape(int(np.prod(moved.shape[:-1], dtype=np.int64)), moved.shape[-1])


def _restored(matrix: Any, shape: tuple[int, ...], axis: int, out: Any = None) -> Any:
    place = normalize_axis(axis, len(shape))
    if place == len(shape) - 1:
        return matrix.reshape(shape)
    moved = np.moveaxis(matrix.reshape(*shape[:place], *shape[place + 1 :], shape[place]), -1, place)
    if out is None:
        return np.ascontiguousarray(moved)
    np.copyto(out, moved)
    return out


def _last(x: Any, axis: int) -> bool:
    return normalize_axis(axis, x.ndim) == x.ndim - 1


def _parts(rest: tuple[Any, ...], scale: bool, center: bool) -> tuple[Any, Any, tuple[Any, ...]]:
    """gamma, beta (None where absent) and what follows."""
    values = list(rest)
    gamma = values.pop(0) if scale else None
    beta = values.pop(0) if center else None
    return gamma, beta, tuple(values)


def _row_weights(weights: Any, x: Any, axis: int) -> Any:
    """One weight a row of the matrix: `weights` has the leading axes of x, or size 1 along the channels."""
    place = normalize_axis(axis, x.ndim)
    spread = weights.reshape(weights.shape + (1,) * (x.ndim - weights.ndim))
    shape = tuple(1 if other == place else size for other, size in enumerate(x.shape))
    return np.moveaxis(np.broadcast_to(spread, shape), place, -1).reshape(-1, 1).astype(x.dtype)


def _summed(numbers: Any, total: Total | None) -> Any:
    return numbers if total is None else np.asarray(total(np.asarray(numbers, np.float64)))


def _moments(matrix: Any, weights: Any, total: Total | None) -> tuple[Any, Any, float]:
    """Mean and variance (float64) of each channel and the weight they stand on."""
    weighted = matrix if weights is None else matrix * weights
    count = float(len(matrix)) if weights is None else float(np.add.reduce(weights, axis=None, dtype=np.float64))
    first = _summed(np.append(channel_sums(weighted).astype(np.float64), count), total)
    count = float(first[-1])
    mean = first[:-1] / max(count, 1e-12)
    centre = mean.astype(matrix.dtype)
    squares = np.zeros(matrix.shape[1], np.float64)
    for rows in slices(*matrix.shape):
        piece = matrix[rows]
        centred = by_channel(np.subtract, piece, centre, np.empty_like(piece))
        np.multiply(centred, centred, out=centred)
        if weights is not None:
            centred *= weights[rows]
        squares += channel_sums(centred)
    variance = _summed(squares, total) / max(count, 1e-12)
    return mean, variance, count


def batch_norm(
    x: Any,
    *rest: Any,
    axis: int = -1,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    masked: bool = False,
    synchronized: bool = False,
    total: Total | None = None,
    out: Any = None,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta with the moments of this batch (Ioffe and Szegedy, 2015).

    Answers with y, mean, variance and count; `synchronized` takes the moments over the rows of all workers.
    """
    gamma, beta, others = _parts(rest, scale, center)
    matrix = _matrix(x, axis)
    weights = _row_weights(others[0], x, axis) if masked else None
    mean, variance, count = _moments(matrix, weights, total if synchronized else None)
    inverse = 1 / np.sqrt(variance + epsilon)
    factor = inverse if gamma is None else inverse * gamma
    centre, factor = mean.astype(x.dtype), factor.astype(x.dtype)
    y = (
        np.empty(matrix.shape, x.dtype)
        if out is None or out[0] is None or not _last(x, axis)
        else out[0].reshape(matrix.shape)
    )
    for rows in slices(*matrix.shape):
        piece = by_channel(np.subtract, matrix[rows], centre, y[rows])
        by_channel(np.multiply, piece, factor, piece)
        if beta is not None:
            by_channel(np.add, piece, beta, piece)
    outputs = (_restored(y, x.shape, axis), centre, variance.astype(x.dtype), np.asarray(count, x.dtype))
    return outputs, (mean, inverse, count)


def batch_norm_gradient(
    dy: Any,
    x: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    axis: int = -1,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    masked: bool = False,
    synchronized: bool = False,
    total: Total | None = None,
) -> tuple[Any, ...]:
    """dx = gamma / deviation * (dy - w / count * (sum(dy) + normal * sum(dy * normal))), with w = 1 unless masked."""
    *inputs, (mean, inverse, count) = rest
    gamma, _, others = _parts(tuple(inputs), scale, center)
    total = total if synchronized else None
    matrix = _matrix(x, axis)
    flow = np.zeros_like(matrix) if dy[0] is None else _matrix(dy[0], axis)
    weights = _row_weights(others[0], x, axis) if masked else None
    centre = mean.astype(x.dtype)
    dbeta = channel_sums(flow)
    dgamma = np.zeros(matrix.shape[1], np.float64)
    for rows in slices(*matrix.shape):
        piece = matrix[rows]
        product = by_channel(np.subtract, piece, centre, np.empty_like(piece))
        product *= flow[rows]
        dgamma += channel_sums(product)
    dgamma *= inverse
    dx = None
    if wanted[0]:
        slope = inverse if gamma is None else inverse * gamma
        # d loss / d mean and / d variance, each over the rows of all workers where synchronized
        dmean = -slope * dbeta + (0 if dy[1] is None else dy[1])
        dvariance = -0.5 * slope * inverse * dgamma + (0 if dy[2] is None else dy[2])
        dmean, dvariance = _summed(np.stack([dmean, dvariance]), total) / max(count, 1e-12)
        buffer = out[0].reshape(matrix.shape) if out[0] is not None and _last(x, axis) else None
        slope, dmean, dsquare = (part.astype(x.dtype) for part in (slope, dmean, 2 * dvariance))
        dx = _restored(_batch_norm_dx(matrix, flow, weights, centre, slope, dmean, dsquare, buffer), x.shape, axis)
    answers: list[Any] = [dx]
    if scale:
        answers.append(dgamma.astype(x.dtype))
    if center:
        answers.append(dbeta)
    if masked:
        answers.append(None)
    return tuple(answers)


def _batch_norm_dx(
    matrix: Any, flow: Any, weights: Any, centre: Any, slope: Any, dmean: Any, dsquare: Any, out: Any
) -> Any:
    """dy * slope + w * ((x - mean) * dsquare + dmean)."""
    dx = np.empty_like(matrix) if out is None else out
    for rows in slices(*matrix.shape):
        piece = by_channel(np.subtract, matrix[rows], centre, np.empty_like(matrix[rows]))
        by_channel(np.multiply, piece, dsquare, piece)
        by_channel(np.add, piece, dmean, piece)
        if weights is not None:
            piece *= weights[rows]
        result = by_channel(np.multiply, flow[rows], slope, dx[rows])
        result += piece
    return dx


def batch_norm_shape(shape: Any, *rest: Any, axis: int = -1, **attributes: Any) -> list[Any]:
    """Shape rule of `batch_norm`: y, mean, variance, count."""
    channels = (shape[normalize_axis(axis, len(shape))],)
    return [shape, channels, channels, ()]


def _first_dtype(first: Any, *rest: Any, **attributes: Any) -> list[str]:
    return [np.dtype(first).name] * 4


KERNELS["batch_norm"] = Kernel(
    batch_norm,
    batch_norm_gradient,
    batch_norm_shape,
    ("inputs", "saved"),
    several=True,
    saves=True,
    collective=True,
    dtype=_first_dtype,
)


# Inference. Inputs: x, then gamma if `scale`, beta if `center`, mean, variance.


def batch_norm_inference(
    x: Any, *rest: Any, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, out: Any = None
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta with given moments."""
    gamma, beta, (mean, variance) = _parts(rest, scale, center)
    factor = 1 / np.sqrt(variance + epsilon)
    factor = factor if gamma is None else factor * gamma
    shift = -mean * factor if beta is None else beta - mean * factor
    matrix = _matrix(x, axis)
    y = np.empty(matrix.shape, x.dtype) if out is None or not _last(x, axis) else out.reshape(matrix.shape)
    for rows in slices(*matrix.shape):
        piece = by_channel(np.multiply, matrix[rows], factor, y[rows])
        by_channel(np.add, piece, shift, piece)
    return _restored(y, x.shape, axis, out)


def batch_norm_inference_gradient(
    dy: Any,
    x: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    axis: int = -1,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
) -> tuple[Any, ...]:
    gamma, _, (mean, variance) = _parts(rest, scale, center)
    inverse = 1 / np.sqrt(variance + epsilon)
    slope = inverse if gamma is None else inverse * gamma
    flow = _matrix(dy, axis)
    dbeta = channel_sums(flow)
    dnormal = None
    if any(wanted[1:]):
        centred = _matrix(x, axis) - mean
        dnormal = channel_sums(np.multiply(flow, centred, out=centred)) * inverse
    dx = None
    if wanted[0]:
        dx = _restored(by_channel(np.multiply, flow, slope, np.empty(flow.shape, x.dtype)), x.shape, axis)
    answers: list[Any] = [dx]
    if scale:
        answers.append(dnormal)
    if center:
        answers.append(dbeta)
    answers.append(-slope * dbeta)
    answers.append(None if dnormal is None else -0.5 * slope * inverse * dnormal)
    return tuple(answer if want else None for answer, want in zip(answers, wanted, strict=True))


def _same(shape: Any, *rest: Any, **attributes: Any) -> Any:
    return shape


KERNELS["batch_norm_inference"] = Kernel(batch_norm_inference, batch_norm_inference_gradient, _same)


# Layer normalization over the last `trailing` axes. Inputs: x, then gamma if `scale`, beta if `center`, of their shape.


def _rows(x: Any, trailing: int) -> Any:
    width = int(np.prod(x.shape[x.ndim - trailing :], dtype=np.int64))
    return x.reshape(x.size // width if width else 0, width)


def _row_means(matrix: Any) -> Any:
    """Mean of each row, by a product with a constant vector."""
    return np.matmul(matrix, np.full(matrix.shape[1], 1 / matrix.shape[1], matrix.dtype))[:, None]


def layer_norm(
    x: Any,
    *rest: Any,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    trailing: int = 1,
    out: Any = None,
) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta with the moments of each row (Ba et al., 2016)."""
    gamma, beta, _ = _parts(rest, scale, center)
    matrix = _rows(x, trailing)
    y = np.empty_like(matrix) if out is None else out.reshape(matrix.shape)
    means, inverses = np.empty((len(matrix), 1), x.dtype), np.empty((len(matrix), 1), x.dtype)
    for rows in slices(*matrix.shape):
        means[rows] = _row_means(matrix[rows])
        piece = np.subtract(matrix[rows], means[rows], out=y[rows])
        inverses[rows] = 1 / np.sqrt(_row_means(piece * piece) + epsilon)
        piece *= inverses[rows]
        if gamma is not None:
            piece *= gamma.reshape(-1)
        if beta is not None:
            piece += beta.reshape(-1)
    return y.reshape(x.shape), (means, inverses)


def layer_norm_gradient(
    dy: Any,
    x: Any,
    *rest: Any,
    wanted: Any,
    out: Any,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    trailing: int = 1,
) -> tuple[Any, ...]:
    """dx = (d - mean(d) - normal * mean(d * normal)) / deviation, with d = dy * gamma."""
    *inputs, (means, inverses) = rest
    gamma, _, _ = _parts(tuple(inputs), scale, center)
    matrix, flow = _rows(x, trailing), _rows(dy, trailing)
    dx = np.empty_like(matrix) if out[0] is None else out[0].reshape(matrix.shape)
    width = matrix.shape[1]
    dgamma, dbeta = np.zeros(width, x.dtype), np.zeros(width, x.dtype)
    for rows in slices(*matrix.shape):
        normal = np.subtract(matrix[rows], means[rows])
        normal *= inverses[rows]
        product = flow[rows] * normal
        dgamma += channel_sums(product)
        dbeta += channel_sums(flow[rows])
        piece = dx[rows]
        if gamma is None:
            np.copyto(piece, flow[rows])
        else:
            np.multiply(flow[rows], gamma.reshape(-1), out=piece)
            np.multiply(piece, normal, out=product)
        normal *= _row_means(product)
        piece -= _row_means(piece)
        piece -= normal
        piece *= inverses[rows]
    answers = [dx.reshape(x.shape)]
    if scale:
        answers.append(dgamma.reshape(x.shape[x.ndim - trailing :]))
    if center:
        answers.append(dbeta.reshape(x.shape[x.ndim - trailing :]))
    return tuple(answer if want else None for answer, want in zip(answers, wanted, strict=True))


def rms_norm(x: Any, *rest: Any, epsilon: float = 1e-6, scale: bool = True, trailing: int = 1, out: Any = None) -> Any:
    """x / sqrt(mean(x * x) + epsilon) * gamma (Zhang and Sennrich, 2019)."""
    matrix = _rows(x, trailing)
    y = np.empty_like(matrix) if out is None else out.reshape(matrix.shape)
    inverses = np.empty((len(matrix), 1), x.dtype)
    for rows in slices(*matrix.shape):
        inverses[rows] = 1 / np.sqrt(_row_means(matrix[rows] * matrix[rows]) + epsilon)
        piece = np.multiply(matrix[rows], inverses[rows], out=y[rows])
        if scale:
            piece *= rest[0].reshape(-1)
    return y.reshape(x.shape), inverses


def rms_norm_gradient(
    dy: Any, x: Any, *rest: Any, wanted: Any, out: Any, epsilon: float = 1e-6, scale: bool = True, trailing: int = 1
) -> tuple[Any, ...]:
    """dx = (d - normal * mean(d * normal)) / root, with d = dy * gamma."""
    *inputs, inverses = rest
    matrix, flow = _rows(x, trailing), _rows(dy, trailing)
    normal = matrix * inverses
    product = flow * normal
    answers: list[Any] = [None]
    gamma = inputs[0].reshape(-1) if scale else None
    if scale:
        answers.append(channel_sums(product).reshape(x.shape[x.ndim - trailing :]))
        product *= gamma
    if wanted[0]:
        dx = np.multiply(
            flow, 1 if gamma is None else gamma, out=None if out[0] is None else out[0].reshape(matrix.shape)
        )
        normal *= _row_means(product)
        dx -= normal
        dx *= inverses
        answers[0] = dx.reshape(x.shape)
    return tuple(answer if want else None for answer, want in zip(answers, wanted, strict=True))


KERNELS["layer_norm"] = Kernel(layer_norm, layer_norm_gradient, _same, ("inputs", "saved"), saves=True)
KERNELS["rms_norm"] = Kernel(rms_norm, rms_norm_gradient, _same, ("inputs", "saved"), saves=True)
