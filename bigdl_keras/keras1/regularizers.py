"""Penalties on weights under Keras 1.2.2's and BigDL's names."""

from __future__ import annotations

from bigdl_keras.regularizers import L1, L1L2, L2, Regularizer


def l1(l1: float = 0.01) -> Regularizer:
    """l1 * sum(|w|)."""
    return L1(l1)


def l2(l2: float = 0.01) -> Regularizer:
    """l2 * sum(w ** 2)."""
    return L2(l2)


def l1l2(l1: float = 0.01, l2: float = 0.01) -> Regularizer:
    """Both together."""
    return L1L2(l1, l2)


def L1Regularizer(l1: float) -> Regularizer:
    """BigDL's class: l1 * sum(|w|)."""
    return L1(l1)


def L2Regularizer(l2: float) -> Regularizer:
    """BigDL's class: l2 / 2 * sum(w ** 2), whose gradient is l2 * w."""
    return L2(l2 / 2)


def L1L2Regularizer(l1: float, l2: float) -> Regularizer:
    """BigDL's class: l1 * sum(|w|) + l2 / 2 * sum(w ** 2)."""
    return L1L2(l1, l2 / 2)


activity_l1, activity_l2, activity_l1l2 = l1, l2, l1l2

__all__ = ["L1L2Regularizer", "L1Regularizer", "L2Regularizer", "activity_l1", "activity_l1l2", "activity_l2", "l1",
           "l1l2", "l2"]
