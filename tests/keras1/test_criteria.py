"""BigDL's criteria equal their formulas, written out number by number; shares of workers add up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from bigdl_keras import ops
from bigdl_keras.keras1 import criterion as criteria
from bigdl_keras.keras1 import models
from bigdl_keras.keras1.class_criteria import simplex
from bigdl_keras.keras1.optimizer import SGD, MaxEpoch, Optimizer
from bigdl_keras.layers import Dense, Input, Reshape
from tests.ops.plan_checks import check_gradient, run_team

RNG = np.random.default_rng(21)
ROWS = 5


def real(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


SIGNS = np.float32([1, -1, -1, 1, -1])
SCORES, CLASSES = real(ROWS, 4), np.int32([2, 4, 1, 1, 3])
PAIR = real(ROWS, 2, 3)
SETS = np.int32([[1, 3, 0, 0], [4, 0, 2, 1], [2, 0, 0, 0], [0, 1, 2, 3], [3, 1, 2, 4]])
MAP, PLACES = real(ROWS, 3, 2, 2), RNG.integers(1, 4, (ROWS, 2, 2)).astype(np.int32)
STEPS, WORDS = real(ROWS, 3, 4), RNG.integers(0, 5, (ROWS, 3)).astype(np.int32)
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
HALVES = (RNG.random((ROWS, 4)) > 0.5).astype(np.float32)
FACTORS = np.float32([0.5, 1, 2, 3])
BOXES = RNG.uniform(0.2, 1, (ROWS, 3, 4)).astype(np.float32)


def _cos(x: Any, y: Any) -> float:
    return float(x @ y / math.sqrt((x @ x) * (y @ y)))


def _multi_margin(x: Any, y: int, power: int = 1, margin: float = 1.0) -> float:
    return sum(max(0.0, margin - x[y - 1] + x[i]) ** power for i in range(len(x)) if i != y - 1) / len(x)


def _multi_label(x: Any, y: Any) -> float:
    named = []
    for label in y:
        if not label:
            break
        named.append(label - 1)
    return sum(max(0.0, 1 - x[t] + x[i]) for t in named for i in range(len(x)) if i not in named) / len(x)


def _nll(scores: Any, y: int) -> float:
    return float(np.log(np.sum(np.exp(scores))) - scores[y - 1])


def _smooth(x: Any, t: Any, inside: Any, outside: Any, sigma: float) -> float:
    total = 0.0
    for d, weight in zip(np.abs((x - t) * inside).ravel(), outside.ravel(), strict=True):
        total += weight * (0.5 * (sigma * d) ** 2 if d < 1 / sigma**2 else d - 0.5 / sigma**2)
    return total


def _softmaxed(ignored: int | None = None) -> list[float]:
    return [
        _nll(MAP[b, :, i, j], PLACES[b, i, j])
        for b, i, j in np.ndindex(ROWS, 2, 2)
        if ignored is None or PLACES[b, i, j] != ignored
    ]


def _rows(function: Any, *arrays: Any) -> list[float]:
    return [
        function(*row) for row in zip(*(a.astype(float) if a.dtype.kind == "f" else a for a in arrays), strict=True)
    ]


mean, total = np.mean, np.sum
CASES: list[tuple[Any, Any, Any, Any]] = [  # criterion, labels, predictions, the formula's value
    (criteria.ClassSimplexCriterion(4), CLASSES, SCORES, mean((SCORES - simplex(4)[CLASSES - 1]) ** 2)),
    (
        criteria.CosineDistanceCriterion(),
        STEPS[:, 0],
        SCORES,
        mean(_rows(lambda x, y: 1 - _cos(x, y), SCORES, STEPS[:, 0])),
    ),
    (
        criteria.CosineDistanceCriterion(False),
        STEPS[:, 0],
        SCORES,
        total(_rows(lambda x, y: 1 - _cos(x, y), SCORES, STEPS[:, 0])),
    ),
    (
        criteria.CosineEmbeddingCriterion(0.1),
        SIGNS,
        PAIR,
        mean(_rows(lambda p, y: 1 - _cos(*p) if y > 0 else max(0.0, _cos(*p) - 0.1), PAIR, SIGNS)),
    ),
    (
        criteria.L1HingeEmbeddingCriterion(2.0),
        SIGNS,
        PAIR,
        total(
            _rows(lambda p, y: abs(p[0] - p[1]).sum() if y > 0 else max(0.0, 2 - abs(p[0] - p[1]).sum()), PAIR, SIGNS)
        ),
    ),
    (
        criteria.MarginRankingCriterion(0.5),
        SIGNS,
        PAIR[:, :, 0],
        mean(_rows(lambda p, y: max(0.0, 0.5 - y * (p[0] - p[1])), PAIR[:, :, 0], SIGNS)),
    ),
    (
        criteria.GaussianCriterion(),
        STEPS[:, 0, :3],
        PAIR,
        total(
            _rows(
                lambda p, y: sum(
                    0.5 * math.log(2 * math.pi * math.exp(v)) + (t - m) ** 2 / (2 * math.exp(v))
                    for m, v, t in zip(p[0], p[1], y, strict=True)
                ),
                PAIR,
                STEPS[:, 0, :3],
            )
        ),
    ),
    (
        criteria.KLDCriterion(),
        SIGNS,
        PAIR,
        mean(_rows(lambda p: -0.5 * sum(1 + v - m * m - math.exp(v) for m, v in zip(*p, strict=True)), PAIR)),
    ),
    (
        criteria.KLDCriterion(False),
        SIGNS,
        PAIR,
        total(_rows(lambda p: -0.5 * sum(1 + v - m * m - math.exp(v) for m, v in zip(*p, strict=True)), PAIR)),
    ),
    (
        criteria.DiceCoefficientCriterion(),
        HALVES,
        SHARES,
        mean(_rows(lambda x, y: 1 - (2 * (x @ y) + 1) / (x.sum() + y.sum() + 1), SHARES, HALVES)),
    ),
    (
        criteria.DiceCoefficientCriterion(False, 0.5),
        HALVES,
        SHARES,
        total(_rows(lambda x, y: 1 - (2 * (x @ y) + 0.5) / (x.sum() + y.sum() + 0.5), SHARES, HALVES)),
    ),
    (criteria.DotProductCriterion(), HALVES, SCORES, total(HALVES * SCORES)),
    (criteria.DotProductCriterion(True), HALVES, SCORES, total(HALVES * SCORES) / ROWS),
    (criteria.PGCriterion(), FACTORS * HALVES, SHARES, -total(FACTORS * HALVES * np.log(SHARES))),
    (criteria.PGCriterion(True), FACTORS * HALVES, SHARES, -total(FACTORS * HALVES * np.log(SHARES)) / ROWS),
    (
        criteria.HingeEmbeddingCriterion(0.8),
        SIGNS,
        SCORES[:, 0],
        mean(_rows(lambda x, y: x if y > 0 else max(0.0, 0.8 - x), SCORES[:, 0], SIGNS)),
    ),
    (
        criteria.HingeEmbeddingCriterion(size_average=False),
        SIGNS,
        SCORES[:, 0],
        total(_rows(lambda x, y: x if y > 0 else max(0.0, 1 - x), SCORES[:, 0], SIGNS)),
    ),
    (criteria.L1Cost(), SIGNS, SCORES, total(abs(SCORES))),
    (criteria.MultiMarginCriterion(), CLASSES, SCORES, mean(_rows(_multi_margin, SCORES, CLASSES))),
    (
        criteria.MultiMarginCriterion(2, FACTORS, 0.7, False),
        CLASSES,
        SCORES,
        total(_rows(lambda x, y: FACTORS[y - 1] * _multi_margin(x, y, 2, 0.7), SCORES, CLASSES)),
    ),
    (criteria.MultiLabelMarginCriterion(), SETS, SCORES, mean(_rows(_multi_label, SCORES, SETS))),
    (criteria.MultiLabelMarginCriterion(False), SETS, SCORES, total(_rows(_multi_label, SCORES, SETS))),
    (
        criteria.MultiLabelSoftMarginCriterion(),
        HALVES,
        SCORES,
        mean(HALVES * np.log1p(np.exp(-SCORES)) + (1 - HALVES) * np.log1p(np.exp(SCORES))),
    ),
    (
        criteria.MultiLabelSoftMarginCriterion(FACTORS, False),
        HALVES,
        SCORES,
        total(FACTORS * (HALVES * np.log1p(np.exp(-SCORES)) + (1 - HALVES) * np.log1p(np.exp(SCORES)))),
    ),
    (
        criteria.SmoothL1CriterionWithWeights(1.5),
        BOXES,
        SCORES,
        mean(_rows(lambda x, b: _smooth(x, *b, 1.5), SCORES, BOXES)),
    ),
    (
        criteria.SmoothL1CriterionWithWeights(0.8, 3),
        BOXES,
        SCORES,
        total(_rows(lambda x, b: _smooth(x, *b, 0.8), SCORES, BOXES)) / 3,
    ),
    (
        criteria.SmoothL1CriterionWithWeights(1.5),
        HALVES,
        SCORES,
        mean(_rows(lambda x, y: _smooth(x, y, 1.0, np.ones(4), 1.5), SCORES, HALVES)),
    ),
    (criteria.SoftmaxWithCriterion(), PLACES, MAP, mean(_softmaxed())),
    (criteria.SoftmaxWithCriterion(2), PLACES, MAP, mean(_softmaxed(2))),
    (criteria.SoftmaxWithCriterion(2, "FULL"), PLACES[:, None], MAP, total(_softmaxed(2)) / PLACES.size),
    (criteria.SoftmaxWithCriterion(2, "BATCH_SIZE"), PLACES, MAP, total(_softmaxed(2)) / ROWS),
    (criteria.SoftmaxWithCriterion(None, "NONE"), PLACES, MAP, total(_softmaxed())),
    (
        criteria.MultiCriterion().add(criteria.MSECriterion(), 0.5).add(criteria.L1Cost()),
        HALVES,
        SCORES,
        0.5 * mean((HALVES - SCORES) ** 2) + total(abs(SCORES)),
    ),
    (
        criteria.TimeDistributedCriterion(criteria.CrossEntropyCriterion()),
        WORDS % 4 + 1,
        STEPS,
        sum(mean([_nll(STEPS[b, t], WORDS[b, t] % 4 + 1) for b in range(ROWS)]) for t in range(3)),
    ),
    (
        criteria.TimeDistributedCriterion(criteria.MSECriterion(), True),
        STEPS[:, ::-1].copy(),
        STEPS,
        mean((STEPS[:, ::-1] - STEPS) ** 2),
    ),
    (
        criteria.TimeDistributedCriterion(criteria.AbsCriterion(False)),
        STEPS[:, ::-1].copy(),
        STEPS,
        total(abs(STEPS[:, ::-1] - STEPS)),
    ),
    (
        criteria.TimeDistributedMaskCriterion(criteria.CrossEntropyCriterion()),
        WORDS,
        STEPS,
        mean([_nll(STEPS[b, t], WORDS[b, t]) for b, t in np.ndindex(ROWS, 3) if WORDS[b, t]]),
    ),
    (
        criteria.TransformerCriterion(criteria.MSECriterion(), ops.exp, ops.square),
        HALVES,
        SCORES,
        mean((HALVES**2 - np.exp(SCORES)) ** 2),
    ),
]
IDS = [f"{number}-{case[0].name}" for number, case in enumerate(CASES)]


@pytest.mark.parametrize(("criterion", "y_true", "y_pred", "expected"), CASES, ids=IDS)
def test_value(criterion: Any, y_true: Any, y_pred: Any, expected: float) -> None:
    assert float(criterion(y_true, y_pred)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("criterion", "y_true", "y_pred", "expected"), CASES, ids=IDS)
def test_shares_of_workers_add_up(criterion: Any, y_true: Any, y_pred: Any, expected: float) -> None:
    parts = [[y_true[rows], y_pred[rows], np.float32(ROWS)] for rows in (slice(0, 2), slice(2, 2), slice(2, ROWS))]
    answers = run_team(lambda label, answer, rows: criterion.share(label, answer, None, None, rows), parts)
    assert sum(float(answer[0]) for answer in answers) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("criterion", "y_true", "y_pred", "expected"), CASES, ids=IDS)
def test_gradient(criterion: Any, y_true: Any, y_pred: Any, expected: float) -> None:
    check_gradient(lambda answer: ops.reshape(criterion(y_true.astype(float), answer), (1,)), y_pred)


def test_pairs_come_as_lists_too() -> None:
    first, second = PAIR[:, 0], PAIR[:, 1]
    for criterion in (
        criteria.CosineEmbeddingCriterion(),
        criteria.KLDCriterion(),
        criteria.L1HingeEmbeddingCriterion(),
    ):
        assert float(criterion(SIGNS, [first, second])) == pytest.approx(float(criterion(SIGNS, PAIR)), rel=1e-6)
    one = criteria.L1HingeEmbeddingCriterion()
    assert float(one(np.float32([1]), [np.float32([2.1, -2.2]), np.float32([-0.55, 0.298])])) == pytest.approx(5.148)
    ranking = criteria.MarginRankingCriterion()
    assert float(ranking(np.float32([1, -1]), [np.float32([1, 2]), np.float32([0.5, 0])])) == pytest.approx(
        (0.5 + 3) / 2
    )
    boxes = criteria.SmoothL1CriterionWithWeights(1.5)
    assert float(boxes([BOXES[:, 0], BOXES[:, 1], BOXES[:, 2]], SCORES)) == pytest.approx(float(boxes(BOXES, SCORES)))
    with pytest.raises(ValueError, match="needs two tensors"):
        criteria.KLDCriterion()(SIGNS, SCORES)


def test_corners_of_a_simplex_are_equally_far_from_each_other() -> None:
    corners = simplex(4).astype(float)
    np.testing.assert_allclose(corners @ corners.T, np.eye(4) * 4 / 3 - 1 / 3, atol=1e-6)
    np.testing.assert_array_equal(corners[:, 3], 0)


def _two_outputs() -> Any:
    inputs = Input((3,))
    return models.Model(inputs, [Dense(2, name="first")(inputs), Dense(1, name="second")(inputs)])


def _parallel() -> Any:
    return criteria.ParallelCriterion().add(criteria.MSECriterion(), 0.25).add(criteria.AbsCriterion())


def test_a_parallel_criterion_trains_several_outputs() -> None:
    model, x, y = _two_outputs(), real(8, 3), [real(8, 2), real(8, 1)]
    predictions = model.predict(x)
    expected = 0.25 * mean((y[0] - predictions[0]) ** 2) + mean(abs(y[1] - predictions[1]))
    assert float(_parallel()(y, predictions)) == pytest.approx(expected, rel=1e-5)
    model.compile("sgd", _parallel())
    assert model.evaluate(x, y)[0] == pytest.approx(expected, rel=1e-5)
    trained = Optimizer(_two_outputs(), (x, y), _parallel(), MaxEpoch(3), 4, SGD(0.05)).optimize()
    trained.compile("sgd", _parallel())
    assert trained.evaluate(x, y)[0] != pytest.approx(expected, rel=1e-3)
    shared = criteria.ParallelCriterion(True).add(criteria.MSECriterion()).add(criteria.AbsCriterion())
    assert float(shared(HALVES, [SCORES, SHARES])) == pytest.approx(
        mean((HALVES - SCORES) ** 2) + mean(abs(HALVES - SHARES)), rel=1e-5
    )
    with pytest.raises(ValueError, match="has 2 criteria"):
        _parallel()(y, predictions[:1])


def test_a_model_answers_with_a_pair_for_a_pair_criterion() -> None:
    model = models.Sequential([Input((3,)), Dense(4), Reshape((2, 2))])
    x, y = real(16, 3), np.where(RNG.random(16) > 0.5, 1.0, -1.0).astype(np.float32)
    model.compile("adam", criteria.CosineEmbeddingCriterion(0.2))
    before = model.evaluate(x, y)[0]
    model.fit(x, y, 8, 20, verbose=0)
    assert model.evaluate(x, y)[0] < before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: criteria.ClassSimplexCriterion(1), "at least 2 classes"),
        (lambda: criteria.MultiMarginCriterion(3), "`p` of MultiMarginCriterion"),
        (lambda: criteria.SoftmaxWithCriterion(1, "SOME"), "`normalize_mode` must be one of"),
        (lambda: criteria.MultiCriterion()(HALVES, SCORES), r"call add\(criterion, weight\) first"),
        (lambda: criteria.TimeDistributedCriterion(criteria.MSECriterion(), dimension=1), "must be 2"),
        (
            lambda: criteria.TimeDistributedCriterion(criteria.SoftmaxWithCriterion(2))(WORDS % 4 + 1, STEPS),
            "count of its own",
        ),
        (lambda: criteria.TransformerCriterion(criteria.MSECriterion(), _two_outputs()), "part of the model"),
    ],
)
def test_what_does_not_fit_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
