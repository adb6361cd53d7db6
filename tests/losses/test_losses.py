"""Losses equal real Keras's, name by name; they differentiate, reduce, and come back from their configs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigdl_keras import losses, ops, registry
from tests.ops.plan_checks import check_gradient

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared/fixtures/public"

NOT_EQUAL = {
    # Keras 1.2.2 took the mean of the products where all later versions take their sum; the name is the later ones'.
    "k122tf_losses-cosine_proximity",
}


def _items() -> list[Any]:
    items = []
    for path in sorted(FIXTURES.glob("*/*_losses.json")):
        for item in json.loads(path.read_text(encoding="utf8"))["items"]:
            name = f"{path.stem}-{item['id']}"
            marks = [pytest.mark.xfail(strict=True)] if name in NOT_EQUAL else []
            items.append(pytest.param(item, path.with_suffix(".npz"), id=name, marks=marks))
    return items


@pytest.mark.parametrize(("item", "values"), _items())
def test_real_keras_agrees(item: dict[str, Any], values: Path) -> None:
    arrays = np.load(values)
    y_true, y_pred = arrays[item["y_true"]], arrays[item["y_pred"]]
    if "function" in item:
        result = getattr(losses, item["function"])(y_true, y_pred)
    else:
        loss = getattr(losses, item["class_name"])(reduction=item["reduction"], **item["config"])
        result = loss(y_true, y_pred, sample_weight=arrays[item["sample_weight"]] if item["sample_weight"] else None)
    np.testing.assert_allclose(np.squeeze(result), np.squeeze(arrays[item["value"]]), rtol=1e-4, atol=1e-5)


RNG = np.random.default_rng(3)
NUMBERS = (RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)))
POSITIVE = (RNG.uniform(0.5, 2, (3, 4)), RNG.uniform(0.5, 2, (3, 4)))
SIGNS = (np.sign(RNG.normal(size=(3, 4))), RNG.normal(size=(3, 4)) * 0.4)
BINARY = ((RNG.random((3, 4)) > 0.5).astype(float), RNG.uniform(0.1, 0.9, (3, 4)))
ONE_HOT = (np.eye(4)[[0, 2, 3]], RNG.dirichlet(np.ones(4) * 3, 3))
CLASSES = (np.array([0, 2, 3]), RNG.dirichlet(np.ones(4) * 3, 3))
LOGITS = RNG.normal(size=(3, 4)) * 3
UNIT = NUMBERS[1] / np.linalg.norm(NUMBERS[1], axis=-1, keepdims=True)

GRADIENTS: list[tuple[str, dict[str, Any], tuple[Any, Any]]] = [
    ("MeanSquaredError", {}, NUMBERS),
    ("MeanAbsoluteError", {}, NUMBERS),
    ("MeanAbsolutePercentageError", {}, POSITIVE),
    ("MeanSquaredLogarithmicError", {}, POSITIVE),
    ("Huber", {"delta": 0.7}, NUMBERS),
    ("LogCosh", {}, NUMBERS),
    ("Poisson", {}, POSITIVE),
    ("CosineSimilarity", {}, NUMBERS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True}, (BINARY[0], LOGITS)),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True}, BINARY),
    ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.5}, (BINARY[0], LOGITS)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT),
    ("CategoricalCrossentropy", {"from_logits": True}, (ONE_HOT[0], LOGITS)),
    ("CategoricalCrossentropy", {"axis": 0, "from_logits": True}, (ONE_HOT[0], LOGITS)),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4]}, ONE_HOT),
    ("SparseCategoricalCrossentropy", {}, CLASSES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, (CLASSES[0], LOGITS)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, CLASSES),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, CLASSES),
    ("Crossentropy", {}, ONE_HOT),
    ("KLDivergence", {}, ONE_HOT),
    ("Hinge", {}, SIGNS),
    ("SquaredHinge", {}, SIGNS),
    ("CategoricalHinge", {}, (ONE_HOT[0], LOGITS)),
    ("Dice", {}, BINARY),
    ("Dice", {"axis": (1,)}, BINARY),
    ("Tversky", {"alpha": 0.3, "beta": 0.6}, BINARY),
    ("Circle", {"gamma": 4.0}, (np.array([0, 1, 0]), UNIT)),
    ("RankHinge", {}, (np.zeros((4, 1)), RNG.normal(size=(4, 1)))),
    ("CTC", {}, (np.array([[1, 2, 0], [3, 3, 1]]), RNG.normal(size=(2, 6, 4)))),
]


@pytest.mark.parametrize(("name", "config", "data"), GRADIENTS)
def test_gradient(name: str, config: dict[str, Any], data: tuple[Any, Any]) -> None:
    loss = getattr(losses, name)(reduction="sum", **config)
    check_gradient(lambda y_pred: loss(data[0], y_pred), data[1])


def test_every_loss_has_a_gradient_check() -> None:
    registered = {registry.find("loss", name).__name__ for name in registry.names("loss")}
    assert registered == {name for name, _, _ in GRADIENTS}


@pytest.mark.parametrize(("name", "config"), [(name, config) for name, config, _ in GRADIENTS])
def test_config_round_trip(name: str, config: dict[str, Any]) -> None:
    loss = getattr(losses, name)(reduction="sum", **config)
    again = losses.get(json.loads(json.dumps(losses.serialize(loss))))
    assert type(again) is type(loss)
    assert again.get_config() == json.loads(json.dumps(loss.get_config()))


def test_reductions() -> None:
    y_true, y_pred, weight = (
        np.float32([[0.0], [1.0], [2.0]]),
        np.float32([[1.0], [3.0], [5.0]]),
        np.float32([1.0, 0.5, 0.0]),
    )
    values = np.array([1.0, 4.0, 9.0])
    expected = {
        "sum": np.sum(values * weight),
        "sum_over_batch_size": np.sum(values * weight) / 3,
        "mean": np.sum(values * weight) / 3,
        "auto": np.sum(values * weight) / 3,
        "mean_with_sample_weight": np.sum(values * weight) / 1.5,
        None: values * weight,
        "none": values * weight,
    }
    for reduction, value in expected.items():
        assert losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, weight) == pytest.approx(value), reduction


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`reduction` must be one of .* Received 'average'"):
        losses.MeanSquaredError(reduction="average")


def test_labels_of_one_axis_less_are_aligned() -> None:
    y_pred = np.float32([[1.0], [3.0]])
    assert losses.MeanSquaredError()(np.float32([0.0, 1.0]), y_pred) == pytest.approx(2.5)
    assert losses.mean_squared_error([0.0, 1.0], y_pred) == pytest.approx([1.0, 4.0])


def test_a_weight_a_row_holds_for_all_steps_of_the_row() -> None:
    y_true, y_pred = np.zeros((2, 3, 1), np.float32), np.ones((2, 3, 1), np.float32)
    assert losses.MeanSquaredError()(y_true, y_pred, np.float32([1.0, 3.0])) == pytest.approx(2.0)


def test_too_many_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="give at most one weight a value"):
        losses.MeanSquaredError()(np.zeros((2, 3)), np.zeros((2, 3)), np.ones((2, 3)))


def test_logits_far_away_are_safe() -> None:
    logits = np.float32([[1e4, -1e4], [-1e4, 1e4]])
    assert losses.CategoricalCrossentropy(from_logits=True)(np.eye(2), logits) == pytest.approx(0.0)
    assert losses.SparseCategoricalCrossentropy(from_logits=True)([1, 0], logits) == pytest.approx(2e4)
    assert losses.BinaryCrossentropy(from_logits=True)(np.eye(2)[::-1], logits) == pytest.approx(1e4)


def test_probabilities_of_zero_cost_what_they_cost_in_keras() -> None:
    certain = np.float32([[1.0, 0.0]])
    assert losses.SparseCategoricalCrossentropy()([1], certain) == pytest.approx(-math.log(1e-7), rel=1e-5)
    assert losses.CategoricalCrossentropy()([[0.0, 1.0]], certain) == pytest.approx(-math.log(1e-7), rel=1e-5)
    assert losses.BinaryCrossentropy()([[1.0]], [[0.0]]) == pytest.approx(-math.log(1e-7), rel=1e-5)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_names_no_class_is_refused(from_logits: bool, label: int) -> None:
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    with pytest.raises(ValueError, match=f"Labels for 3 classes must be at least 0 and less than 3. Received {label}"):
        loss([0, label], np.full((2, 3), 0.3, np.float32))


def test_an_ignored_class_counts_neither_above_nor_below_the_line() -> None:
    y_pred = np.float32([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]])
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert loss([0, -1, 1], y_pred) == pytest.approx(-(math.log(0.9) + math.log(0.5)) / 2)


def test_names_configs_and_functions_become_losses() -> None:
    def distance(y_true: Any, y_pred: Any) -> Any:
        return ops.mean(ops.abs(y_true - y_pred), axis=-1)

    assert isinstance(losses.get("mse"), losses.MeanSquaredError)
    assert isinstance(losses.get("MAE"), losses.MeanAbsoluteError)
    assert isinstance(losses.get("kullback_leibler_divergence"), losses.KLDivergence)
    assert isinstance(losses.get("sparse_categorical_crossentropy"), losses.SparseCategoricalCrossentropy)
    assert isinstance(losses.get({"class_name": "Huber", "config": {"delta": 2.0}}), losses.Huber)
    assert isinstance(losses.get("mine", {"mine": distance}), losses.LossFunctionWrapper)
    assert losses.get(distance).name == "distance"
    assert losses.get(distance)(np.zeros((2, 1)), np.ones((2, 1))) == pytest.approx(1.0)
    assert losses.get(None) is None


def test_a_wrong_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no loss called 'mean_squared_eror'\. Did you mean 'MeanSquaredError'"):
        losses.get("mean_squared_eror")
    with pytest.raises(TypeError, match="A loss must be a name"):
        losses.get(3)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "expected"),
    [
        (BINARY[0][:, :1], BINARY[1][:, :1], losses.BinaryCrossentropy()),
        (CLASSES[0], CLASSES[1], losses.SparseCategoricalCrossentropy()),
        (CLASSES[0][:, None], CLASSES[1], losses.SparseCategoricalCrossentropy()),
        (ONE_HOT[0], ONE_HOT[1], losses.CategoricalCrossentropy()),
    ],
)
def test_crossentropy_is_resolved_by_shapes(y_true: Any, y_pred: Any, expected: losses.Loss) -> None:
    for name in ("crossentropy", "ce"):
        assert losses.get(name)(y_true, y_pred) == pytest.approx(float(expected(y_true, y_pred)))


def test_circle_against_the_formula() -> None:
    labels, embeddings = np.array([0, 1, 0, 1]), RNG.normal(size=(4, 3))
    embeddings /= np.linalg.norm(embeddings, axis=-1, keepdims=True)
    gamma, margin = 10.0, 0.25
    distance = np.maximum(1 - embeddings @ embeddings.T, 0)
    same = (labels[:, None] == labels) & ~np.eye(4, dtype=bool)
    expected = []
    for row in range(4):
        positive = gamma * np.maximum(margin + distance[row], 0) * (distance[row] - margin)
        negative = gamma * np.maximum(1 + margin - distance[row], 0) * (1 - margin - distance[row])
        inner = np.log(np.sum(np.exp(positive[same[row]]))) + np.log(np.sum(np.exp(negative[labels != labels[row]])))
        expected.append(np.log1p(np.exp(inner)))
    found = losses.circle(labels, embeddings, gamma=gamma, margin=margin)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def _ctc_by_enumeration(probabilities: np.ndarray, label: list[int]) -> float:
    """-log of the summed probability of all paths that collapse to the label."""
    steps, classes = probabilities.shape
    total = 0.0
    for path in np.ndindex(*(classes,) * steps):
        collapsed = [key for place, key in enumerate(path) if key != 0 and (place == 0 or path[place - 1] != key)]
        if collapsed == label:
            total += float(np.prod(probabilities[np.arange(steps), list(path)]))
    return -math.log(total)


def test_ctc_sums_over_all_paths() -> None:
    logits = RNG.normal(size=(3, 4, 3))
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    labels = [[1, 2], [1, 1], [2]]
    padded = np.array([[1, 2], [1, 1], [2, 0]])
    expected = [_ctc_by_enumeration(row, label) for row, label in zip(probabilities, labels, strict=True)]
    np.testing.assert_allclose(losses.ctc(padded, logits), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred", "message"),
    [
        ("categorical_crossentropy", (3, 1), (3, 4), r"labels of shape \(3, 4\).*Class numbers need sparse"),
        ("sparse_categorical_crossentropy", (3, 4), (3, 4), r"labels of shape \(3,\).*One-hot labels need categorical"),
        ("binary_crossentropy", (3, 2), (3, 4), r"labels of shape \(3, 4\). Received labels of shape \(3, 2\)"),
        ("mean_squared_error", (3, 3), (3, 4), "cannot be broadcast together"),
    ],
)
def test_labels_of_another_shape_are_refused(name: str, y_true: Any, y_pred: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.get(name)(np.zeros(y_true, np.float32), np.full(y_pred, 0.5, np.float32))
