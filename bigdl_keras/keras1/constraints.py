"""Projections of weights under Keras 1.2.2's names."""

from __future__ import annotations

from bigdl_keras.constraints import Constraint, MaxNorm, NonNeg, UnitNorm


def maxnorm(m: float = 2.0, axis: int = 0) -> Constraint:
    """Norms along `axis` are at most `m`."""
    return MaxNorm(m, axis)


def nonneg() -> Constraint:
    """No weight is negative."""
    return NonNeg()


def unitnorm(axis: int = 0) -> Constraint:
    """Norms along `axis` are 1."""
    return UnitNorm(axis)


__all__ = ["maxnorm", "nonneg", "unitnorm"]
