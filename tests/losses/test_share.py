"""What the workers of a team add up is the loss of one process: any cut of the batch, weights, masks, any length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bigdl_keras import losses, ops
from tests.ops.plan_checks import run, run_team

RNG = np.random.default_rng(11)
ROWS = 7
CUTS = [[7], [3, 4], [1, 0, 6], [2, 2, 3]]


def _parts(cut: list[int], *arrays: Any) -> list[list[Any]]:
    stops = np.cumsum(cut)
    return [
        [array[stop - rows : stop] for array in arrays] + [np.float32(ROWS)]
        for rows, stop in zip(cut, stops, strict=True)
    ]


def _sum(function: Any, cut: list[int], *arrays: Any) -> float:
    return sum(float(answer[0]) for answer in run_team(function, _parts(cut, *arrays)))


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy", "Dice", "Tversky"])
def test_weighted_rows(name: str, reduction: str, cut: list[int]) -> None:
    loss = getattr(losses, name)(reduction=reduction)
    y_true, y_pred = (
        (RNG.random((ROWS, 4)) > 0.5).astype(np.float32),
        RNG.uniform(0.1, 0.9, (ROWS, 4)).astype(np.float32),
    )
    weight = RNG.uniform(0, 2, ROWS).astype(np.float32)
    found = _sum(
        lambda label, answer, weights, rows: loss.share(label, answer, weights, None, rows), cut, y_true, y_pred, weight
    )
    assert found == pytest.approx(float(loss(y_true, y_pred, weight)), rel=1e-5)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("weighted", [False, True])
def test_masked_steps_are_left_out_of_the_mean(cut: list[int], weighted: bool) -> None:
    loss = losses.MeanSquaredError()
    y_true, y_pred = (RNG.normal(size=(ROWS, 5, 2)).astype(np.float32) for _ in range(2))
    mask = RNG.random((ROWS, 5)) > 0.4
    weight = RNG.uniform(0, 2, ROWS).astype(np.float32) if weighted else np.ones(ROWS, np.float32)

    def share(label: Any, answer: Any, valid: Any, weights: Any, rows: Any) -> Any:
        return loss.share(label, answer, weights if weighted else None, valid, rows)

    values = np.mean((y_true - y_pred) ** 2, axis=-1)
    expected = np.sum(values * mask * weight[:, None]) / np.sum(mask)
    assert _sum(share, cut, y_true, y_pred, mask, weight) == pytest.approx(expected, rel=1e-5)


def test_a_batch_with_nothing_valid_costs_nothing() -> None:
    loss = losses.MeanSquaredError()
    found = run(
        lambda label, answer, mask, rows: loss.share(label, answer, None, mask, rows),
        np.zeros((2, 3, 1), np.float32),
        np.ones((2, 3, 1), np.float32),
        np.zeros((2, 3), bool),
        np.float32(2),
    )
    assert found[0] == 0


@pytest.mark.parametrize("cut", CUTS)
def test_an_ignored_class_over_workers(cut: list[int]) -> None:
    loss = losses.SparseCategoricalCrossentropy(ignore_class=0)
    labels, y_pred = RNG.integers(0, 3, ROWS).astype(np.int32), RNG.dirichlet(np.ones(3), ROWS).astype(np.float32)
    found = _sum(lambda label, answer, rows: loss.share(label, answer, None, None, rows), cut, labels, y_pred)
    assert found == pytest.approx(float(loss(labels, y_pred)), rel=1e-5)


@pytest.mark.parametrize("cut", CUTS)
def test_a_function_that_takes_the_mean_itself(cut: list[int]) -> None:
    loss = losses.get(lambda y_true, y_pred: ops.mean(ops.square(y_true - y_pred)))
    y_true, y_pred = (RNG.normal(size=(ROWS, 3)).astype(np.float32) for _ in range(2))
    parts = [part for part in _parts(cut, y_true, y_pred) if len(part[0])]
    found = sum(
        float(answer[0])
        for answer in run_team(lambda label, answer, rows: loss.share(label, answer, None, None, rows), parts)
    )
    assert found == pytest.approx(float(np.mean((y_true - y_pred) ** 2)), rel=1e-5)


def test_unknown_lengths_are_counted_when_they_are_known() -> None:
    from bigdl_keras.graph.compiler import compile_plan
    from bigdl_keras.graph.tensor import KerasTensor
    from bigdl_keras.graph.trace import tracing

    loss = losses.MeanSquaredError()
    with tracing() as trace:
        inputs = [KerasTensor((None, None, 2)), KerasTensor((None, None, 2)), KerasTensor(())]
        share = loss.share(inputs[0], inputs[1], None, None, inputs[2])
    execution = compile_plan(trace, inputs, [share], {}).bind(np.zeros(0))
    for length in (3, 5):
        y_true, y_pred = (RNG.normal(size=(4, length, 2)).astype(np.float32) for _ in range(2))
        assert execution.forward([y_true, y_pred, np.float32(4)])[0] == pytest.approx(
            np.mean((y_true - y_pred) ** 2), rel=1e-5
        )


def test_a_loss_without_reduction_cannot_train() -> None:
    with pytest.raises(ValueError, match="training needs a single number"):
        losses.MeanSquaredError(reduction=None).share(np.zeros((2, 1)), np.zeros((2, 1)), None, None, np.float32(2))
