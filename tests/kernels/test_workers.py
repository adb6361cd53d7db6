"""Collective kernels on several workers give the values and gradients of one worker that has all rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bigdl_keras.kernels import KERNELS


def as_team(size: int, work: Callable[[int, Callable[[np.ndarray], np.ndarray]], Any]) -> list[Any]:
    """Run `work(rank, total)` on threads that can sum."""
    barrier, given = threading.Barrier(size, timeout=20), [np.zeros(0)] * size
    answers: list[Any] = [None] * size

    def run(rank: int) -> None:
        def total(vector: np.ndarray) -> np.ndarray:
            given[rank] = vector
            barrier.wait()
            result = np.sum(given, axis=0)
            barrier.wait()
            return result

        answers[rank] = work(rank, total)

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.mark.parametrize("cuts", [(0, 4, 9), (0, 9, 9), (0, 2, 3, 9)])
@pytest.mark.parametrize("masked", [False, True])
def test_synchronized_batch_norm_equals_one_worker(cuts: tuple[int, ...], masked: bool) -> None:
    rng = np.random.default_rng(0)
    x, gamma, beta, dy = rng.normal(size=(9, 4, 3)), rng.normal(size=3), rng.normal(size=3), rng.normal(size=(9, 4, 3))
    weights = (rng.uniform(size=(9, 4)) > 0.3).astype(float)
    kernel = KERNELS["batch_norm"]
    assert kernel.gradient is not None
    attributes = {"synchronized": True, "masked": masked}

    def step(rows: slice, total: Any) -> Any:
        inputs = (x[rows], gamma, beta, *((weights[rows],) if masked else ()))
        outputs, saved = kernel.forward(*inputs, total=total, **attributes)
        wanted = (True, True, True, *((False,) if masked else ()))
        gradients = kernel.gradient(
            (dy[rows], None, None, None),
            *inputs,
            saved,
            wanted=wanted,
            out=(None,) * len(inputs),
            total=total,
            **attributes,
        )
        return outputs, gradients

    (y, mean, variance, count), (dx, dgamma, dbeta, *_) = step(slice(0, 9), lambda vector: vector)
    team = as_team(len(cuts) - 1, lambda rank, total: step(slice(cuts[rank], cuts[rank + 1]), total))
    np.testing.assert_allclose(np.concatenate([outputs[0] for outputs, _ in team]), y, atol=1e-12)
    np.testing.assert_allclose(np.concatenate([gradients[0] for _, gradients in team]), dx, atol=1e-12)
    np.testing.assert_allclose(sum(gradients[1] for _, gradients in team), dgamma, atol=1e-12)
    np.testing.assert_allclose(sum(gradients[2] for _, gradients in team), dbeta, atol=1e-12)
    for outputs, _ in team:
        for one, other in zip(outputs[1:], (mean, variance, count), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-12)


def test_global_sum_and_its_gradient() -> None:
    kernel = KERNELS["global_sum"]
    assert kernel.gradient is not None
    sums = as_team(3, lambda rank, total: kernel.forward(np.float32([rank + 1]), total=total))
    assert [s.tolist() for s in sums] == [[6.0]] * 3
    assert sums[0].dtype == np.float32
    # the loss of the team is sum over workers of (rank * S), so that dL/dS = 0 + 1 + 2
    flows = as_team(
        3, lambda rank, total: kernel.gradient(np.array([float(rank)]), total=total, wanted=(True,), out=(None,))
    )
    assert [flow[0].tolist() for flow in flows] == [[3.0]] * 3


def test_batch_norm_without_rows_is_finite() -> None:
    outputs, _ = KERNELS["batch_norm"].forward(
        np.zeros((0, 3), np.float32), np.ones(3, np.float32), np.zeros(3, np.float32), total=lambda vector: vector
    )
    assert all(np.isfinite(output).all() for output in outputs)
    assert outputs[3] == 0
