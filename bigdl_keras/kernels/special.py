"""The error function and its relatives, by approximations exact to the precision, in pieces that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from bigdl_keras.kernels.elementwise import unary

_PIECE = 16384  # numbers: a piece and its temporary arrays fit the second level of cache


def in_pieces(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let an elementwise function of many passes run over large arrays piece by piece.

    `function(*arrays, out=None, **attributes)` must answer with the dtype of its first array.
    """

    @wraps(function)
    def pieced(*inputs: Any, out: Any = None, **attributes: Any) -> Any:
        first = inputs[0]
        alike = all(isinstance(x, np.ndarray) and x.shape == first.shape and x.flags.c_contiguous for x in inputs)
        if not alike or first.size <= 2 * _PIECE:
            return function(*inputs, out=out, **attributes)
        y = np.empty_like(first) if out is None or not out.flags.c_contiguous else out
        flat, into = [x.reshape(-1) for x in inputs], y.reshape(-1)
        for start in range(0, first.size, _PIECE):
            piece = slice(start, start + _PIECE)
            result = function(*(x[piece] for x in flat), out=into[piece], **attributes)
            if not np.may_share_memory(result, into):
                np.copyto(into[piece], result)
        return y

    return pieced


# W. J. Cody, Rational Chebyshev approximations for the error function, 1969: exact to double precision
_SMALL_P = (
    1.85777706184603153e-1,
    3.16112374387056560e0,
    1.13864154151050156e2,
    3.77485237685302021e2,
    3.20937758913846947e3,
)
_SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
_MIDDLE_P = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e0,
    6.61191906371416295e1,
    2.98635138197400131e2,
    8.81952221241769090e2,
    1.71204761263407058e3,
    2.05107837782607147e3,
    1.23033935479799725e3,
)
_MIDDLE_Q = (
    1.0,
    1.57449261107098347e1,
    1.17693950891312499e2,
    5.37181101862009858e2,
    1.62138957456669019e3,
    3.29079923573345963e3,
    4.36261909014324716e3,
    3.43936767414372164e3,
    1.23033935480374942e3,
)
_FAR_P = (
    1.63153871373020978e-2,
    3.05326634961232344e-1,
    3.60344899949804439e-1,
    1.25781726111229246e-1,
    1.60837851487422766e-2,
    6.58749161529837803e-4,
)
_FAR_Q = (
    1.0,
    2.56852019228982242e0,
    1.87295284992346725e0,
    5.27905102951428412e-1,
    6.05183413124413191e-2,
    2.33520497626869185e-3,
)
# one odd rational function for |x| <= 4, where erf is 1 in single precision (the minimax fit that Eigen uses)
_SINGLE_P = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_SINGLE_Q = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    result = np.multiply(x, coefficients[0])
    result += coefficients[1]
    for coefficient in coefficients[2:]:
        result *= x
        result += coefficient
    return result


def _single(x: Any, out: Any) -> Any:
    bounded = np.clip(x, -4, 4)
    square = bounded * bounded
    bounded *= _polynomial(_SINGLE_P, square)
    return np.divide(bounded, _polynomial(_SINGLE_Q, square), out=out)


def _double(x: Any, out: Any) -> Any:
    size = np.absolute(x)
    small = np.minimum(size, 0.5)
    square = small * small
    inner = small * (_polynomial(_SMALL_P, square) / _polynomial(_SMALL_Q, square))
    middle = np.clip(size, 0.46875, 6.0)  # beyond 6 erf is 1
    outer = 1 - _polynomial(_MIDDLE_P, middle) / _polynomial(_MIDDLE_Q, middle) * np.exp(-middle * middle)
    result = np.where(size <= 0.46875, inner, outer)
    return np.copysign(np.where(np.isnan(x), x, result), x, out=out)


@in_pieces
def erf(x: Any, *, out: Any = None) -> Any:
    """2 / sqrt(pi) * integral of exp(-t * t) from 0 to x."""
    return (_double if x.dtype == np.float64 else _single)(np.asarray(x), out)


@in_pieces
def erf_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    slope = np.asarray(np.square(x))
    np.negative(slope, out=slope)
    np.exp(slope, out=slope)
    slope *= 2 / math.sqrt(math.pi)
    return np.multiply(dy, slope, out=out)


unary("erf", erf, erf_gradient)


def _upper_tail(size: Any) -> Any:
    """erfc of numbers from 0.46875 on."""
    middle = np.clip(size, 0.46875, 4.0)
    near = _polynomial(_MIDDLE_P, middle) / _polynomial(_MIDDLE_Q, middle)
    inverse = 1 / np.square(np.maximum(size, 4.0))
    far = (1 / math.sqrt(math.pi) - inverse * _polynomial(_FAR_P, inverse) / _polynomial(_FAR_Q, inverse)) * np.sqrt(
        inverse
    )
    return np.where(size <= 4.0, near, far) * np.exp(-np.square(size))


@in_pieces
def erfc(x: Any, *, out: Any = None) -> Any:
    """1 - erf(x), without the loss of what is small."""
    wide = np.asarray(x, np.float64)
    size = np.absolute(wide)
    tail = _upper_tail(size)
    result = np.where(size <= 0.46875, 1 - _double(wide, None), np.where(wide < 0, 2 - tail, tail))
    return np.asarray(np.where(np.isnan(wide), wide, result), x.dtype)


@in_pieces
def erfc_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.exp(-np.square(x)) * (-2 / math.sqrt(math.pi)), out=out)


@in_pieces
def erfinv(x: Any, *, out: Any = None) -> Any:
    """The y with erf(y) = x: Winitzki's formula, and two steps by Halley's method."""
    wide = np.asarray(x, np.float64)
    size = np.clip(np.absolute(wide), 0, 1 - 2.0**-53)
    logarithm = np.log1p(-size * size)
    middle = 2 / (math.pi * 0.147) + logarithm / 2
    y = np.sqrt(np.sqrt(middle * middle - logarithm / 0.147) - middle)
    for _ in range(2):
        error = np.where(size > 0.5, (1 - size) - erfc(y), _double(y, None) - size)
        error *= math.sqrt(math.pi) / 2 * np.exp(y * y)
        y = y - error / (1 + y * error)
    y = np.where(np.absolute(wide) == 1, np.inf, np.where(np.absolute(wide) > 1, np.nan, y))
    return np.asarray(np.copysign(np.where(np.isnan(wide), wide, y), wide), x.dtype)


@in_pieces
def erfinv_gradient(dy: Any, y: Any, *, out: Any = None) -> Any:
    return np.multiply(dy, np.exp(np.square(y)) * (math.sqrt(math.pi) / 2), out=out)


@in_pieces
def i0(x: Any, *, out: Any = None) -> Any:
    """Bessel's modified function of order 0."""
    return np.asarray(np.i0(x), x.dtype)


_ANGLES = np.cos((np.arange(128) + 0.5) * math.pi / 256).tolist()


@in_pieces
def i0_gradient(dy: Any, x: Any, *, out: Any = None) -> Any:
    """Bessel's modified function of order 1: the mean of cos(t) exp(x cos(t)) over a half turn, by 256 points."""
    total = np.zeros_like(x)
    for cosine in _ANGLES:
        total += cosine * np.sinh(x * cosine)
    return np.multiply(dy, total / len(_ANGLES), out=out)


unary("erfc", erfc, erfc_gradient)
unary("erfinv", erfinv, erfinv_gradient, "output")
unary("i0", i0, i0_gradient)
