"""Metrics equal real Keras's and scikit-learn's; in plans and over workers they answer what they answer on arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from bigdl_keras import losses, metrics, ops, registry
from tests.ops.plan_checks import run

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared/fixtures/public"

NOT_EQUAL = {
    # Keras 3 keeps the confusion matrix of its IoU metrics in integers, so that a sample weight of 0.9 counts nothing.
    "k3_metrics-MeanIoU_35_sw",
    "k3_metrics-IoU_36_sw",
    "k3_metrics-OneHotMeanIoU_38_sw",
    # Keras 1 and 2.2 answered with the mean of the batch where Keras 3 answers with one value a sample.
    *(
        f"k122tf_metrics-{name}"
        for name in (
            "binary_accuracy",
            "categorical_accuracy",
            "sparse_categorical_accuracy",
            "top_k_categorical_accuracy",
            "mean_squared_error",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_logarithmic_error",
            "hinge",
            "squared_hinge",
            "kullback_leibler_divergence",
            "poisson",
            "cosine_proximity",
        )
    ),
    "k224_metrics-top_k_categorical_accuracy",
    "k224_metrics-sparse_top_k_categorical_accuracy",
}


def _items() -> list[Any]:
    items = []
    for path in sorted(FIXTURES.glob("*/*_metrics.json")):
        for item in json.loads(path.read_text(encoding="utf8"))["items"]:
            name = f"{path.stem}-{item['id']}"
            marks = [pytest.mark.xfail(strict=True)] if name in NOT_EQUAL else []
            items.append(pytest.param(item, path.with_suffix(".npz"), id=name, marks=marks))
    return items


@pytest.mark.parametrize(("item", "values"), _items())
def test_real_keras_agrees(item: dict[str, Any], values: Path) -> None:
    arrays = np.load(values)
    metric = None if "function" in item else getattr(metrics, item["class_name"])(**item["config"])
    for batch in range(item["n_updates"]):
        y_true, y_pred, weight = (
            arrays[f"b{batch}_{item[key]}"] if item[key] else None for key in ("y_true", "y_pred", "sample_weight")
        )
        if metric is None:
            found = getattr(metrics, item["function"])(y_true, y_pred, **item["config"])
        else:
            metric.update_state(*([y_pred] if y_true is None else [y_true, y_pred]), sample_weight=weight)
            found = metric.result()
        expected = arrays[f"v_{item['id']}_b{batch}"]
        assert np.shape(found) == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


RNG = np.random.default_rng(4)
ROWS, CLASSES = 9, 4
BINARY = ((RNG.random((ROWS, CLASSES)) > 0.5).astype(np.float32), RNG.random((ROWS, CLASSES)).astype(np.float32))
ONE_HOT = (
    np.eye(CLASSES, dtype=np.float32)[RNG.integers(0, CLASSES, ROWS)],
    RNG.dirichlet(np.ones(CLASSES), ROWS).astype(np.float32),
)
SPARSE = (RNG.integers(0, CLASSES, ROWS).astype(np.int32), ONE_HOT[1])
NUMBERS = tuple(RNG.uniform(0.5, 2, (ROWS, CLASSES)).astype(np.float32) for _ in range(2))
SIGNS = (np.sign(RNG.normal(size=(ROWS, CLASSES))).astype(np.float32), NUMBERS[1])
LABELS = tuple(RNG.integers(0, CLASSES, ROWS).astype(np.int32) for _ in range(2))
TREES = (RNG.integers(0, 3, (ROWS, 5)).astype(np.int32), RNG.random((ROWS, 5, 3)).astype(np.float32))
WEIGHT = RNG.uniform(0, 2, ROWS).astype(np.float32)

CASES: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    ("Accuracy", {}, LABELS),
    ("BinaryAccuracy", {"threshold": 0.3}, BINARY),
    ("CategoricalAccuracy", {}, ONE_HOT),
    ("SparseCategoricalAccuracy", {}, SPARSE),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, SPARSE),
    ("MeanSquaredError", {}, NUMBERS),
    ("RootMeanSquaredError", {}, NUMBERS),
    ("MeanAbsoluteError", {}, NUMBERS),
    ("MeanAbsolutePercentageError", {}, NUMBERS),
    ("MeanSquaredLogarithmicError", {}, NUMBERS),
    ("MeanRelativeError", {"normalizer": [1.0, 2.0, 0.0, 4.0]}, NUMBERS),
    ("LogCoshError", {}, NUMBERS),
    ("CosineSimilarity", {}, NUMBERS),
    ("PearsonCorrelation", {}, NUMBERS),
    ("ConcordanceCorrelation", {}, NUMBERS),
    ("R2Score", {}, NUMBERS),
    ("R2Score", {"class_aggregation": None}, NUMBERS),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, NUMBERS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, BINARY),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, SPARSE),
    ("KLDivergence", {}, ONE_HOT),
    ("Poisson", {}, NUMBERS),
    ("Hinge", {}, SIGNS),
    ("SquaredHinge", {}, SIGNS),
    ("CategoricalHinge", {}, ONE_HOT),
    ("TruePositives", {}, BINARY),
    ("TrueNegatives", {"thresholds": [0.7, 0.2]}, BINARY),
    ("FalsePositives", {"thresholds": 0.4}, BINARY),
    ("FalseNegatives", {}, BINARY),
    ("Precision", {"top_k": 2, "class_id": 1}, BINARY),
    ("Recall", {"thresholds": [0.7, 0.2]}, BINARY),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, BINARY),
    ("SpecificityAtSensitivity", {"sensitivity": 0.5, "num_thresholds": 50}, BINARY),
    ("PrecisionAtRecall", {"recall": 0.5, "class_id": 2}, BINARY),
    ("RecallAtPrecision", {"precision": 0.6}, BINARY),
    ("AUC", {}, BINARY),
    ("AUC", {"curve": "PR", "summation_method": "minoring"}, BINARY),
    ("AUC", {"multi_label": True, "label_weights": [0.1, 0.2, 0.3, 0.4], "summation_method": "majoring"}, BINARY),
    ("AUC", {"thresholds": [0.2, 0.5, 0.7], "from_logits": True}, BINARY),
    ("FBetaScore", {"beta": 2.0, "threshold": 0.5}, BINARY),
    ("FBetaScore", {"average": "weighted"}, ONE_HOT),
    ("F1Score", {"average": "micro"}, ONE_HOT),
    ("IoU", {"num_classes": CLASSES, "target_class_ids": [0, 2]}, LABELS),
    ("MeanIoU", {"num_classes": CLASSES, "ignore_class": 1}, LABELS),
    ("OneHotIoU", {"num_classes": CLASSES, "target_class_ids": [1]}, ONE_HOT),
    ("OneHotMeanIoU", {"num_classes": CLASSES}, ONE_HOT),
    ("BinaryIoU", {"threshold": 0.4}, BINARY),
    ("MeanAveragePrecision", {}, BINARY),
    ("TreeNNAccuracy", {}, TREES),
]
GROUPS = [("HitRatio", {"k": 2, "neg_num": CLASSES - 1}, ONE_HOT), ("NDCG", {"k": 2, "neg_num": CLASSES - 1}, ONE_HOT)]
BARE = {"Mean", "Sum", "MeanMetricWrapper"}
BATCHES = {"precision", "recall", "fbeta_score", "fmeasure", "matthews_correlation"}


def test_every_metric_has_a_case() -> None:
    registered = {registry.find("metric", name).__name__ for name in registry.names("metric")}
    assert registered == {name for name, _, _ in CASES + GROUPS} | BARE | BATCHES


@pytest.mark.parametrize(("name", "config", "data"), CASES + GROUPS)
@pytest.mark.parametrize("weighted", [False, True])
def test_plans_and_workers_agree_with_arrays(
    name: str, config: dict[str, Any], data: tuple[Any, ...], weighted: bool
) -> None:
    metric = getattr(metrics, name)(**config)
    weighted = weighted and (name, config, data) not in GROUPS
    metric.update_state(*data, **({"sample_weight": WEIGHT} if weighted else {}))
    shapes = metric.state_shapes(data[1].shape)
    state = {key: np.zeros(shape) for key, shape in shapes.items()}
    for part in (slice(0, 4), slice(4, 4), slice(4, ROWS)):

        def increments(y_true: Any, y_pred: Any, weight: Any) -> list[Any]:
            made = metric.increments(y_true, y_pred, *([weight] if weighted else []))
            assert list(made) == list(shapes)
            return list(made.values())

        for key, value in zip(shapes, run(increments, data[0][part], data[1][part], WEIGHT[part]), strict=True):
            assert value.shape == shapes[key]
            state[key] += value
    np.testing.assert_allclose(metric.result_of(state), metric.result(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "config", "data"), CASES + GROUPS)
def test_config_merge_and_reset(name: str, config: dict[str, Any], data: tuple[Any, ...]) -> None:
    whole = getattr(metrics, name)(**config)
    whole.update_state(*data)
    parts = [metrics.get(json.loads(json.dumps(metrics.serialize(whole)))) for _ in range(2)]
    for part, rows in zip(parts, (slice(0, 3), slice(3, ROWS)), strict=True):
        assert part.get_config() == json.loads(json.dumps(whole.get_config()))
        part.update_state(data[0][rows], data[1][rows])
    parts[0].merge_state(parts[1:])
    np.testing.assert_allclose(parts[0].result(), whole.result(), rtol=1e-5, atol=1e-7)
    parts[0].reset_state()
    assert not np.any(parts[0].result())


def test_metrics_of_other_kinds_do_not_merge() -> None:
    with pytest.raises(ValueError, match="cannot be merged"):
        metrics.AUC().merge_state([metrics.Precision()])


def test_before_anything_is_seen_the_result_is_zero() -> None:
    assert metrics.Mean().result() == 0
    assert metrics.AUC().result() == 0
    assert metrics.R2Score().result() == 0


def test_auc_is_near_the_exact_area() -> None:
    labels = (RNG.random(2000) > 0.6).astype(np.float32)
    scores = np.clip(labels * 0.3 + RNG.random(2000) * 0.7, 0, 1).astype(np.float32)
    assert metrics.AUC(num_thresholds=2000)(labels, scores) == pytest.approx(
        reference.roc_auc_score(labels, scores), abs=1e-3
    )
    assert metrics.AUC(2000, "PR")(labels, scores) == pytest.approx(
        reference.average_precision_score(labels, scores), abs=2e-3
    )


def test_weighted_scores_against_scikit_learn() -> None:
    labels, scores = BINARY
    answers = scores > 0.5
    weights = np.repeat(WEIGHT[:, None], CLASSES, axis=1)
    arguments: tuple[Any, ...] = (labels.ravel(), answers.ravel())
    assert metrics.Precision()(labels, scores, WEIGHT) == pytest.approx(
        reference.precision_score(*arguments, sample_weight=weights.ravel()), rel=1e-5
    )
    assert metrics.FBetaScore("macro", 2.0, 0.5)(labels, scores, WEIGHT) == pytest.approx(
        reference.fbeta_score(labels, answers, beta=2, average="macro", sample_weight=WEIGHT), rel=1e-5
    )
    assert metrics.R2Score("variance_weighted_average")(*NUMBERS, WEIGHT) == pytest.approx(
        reference.r2_score(*NUMBERS, sample_weight=WEIGHT, multioutput="variance_weighted"), rel=1e-4
    )
    assert metrics.MeanIoU(CLASSES)(*LABELS) == pytest.approx(
        reference.jaccard_score(*LABELS, average="macro", labels=np.unique(np.concatenate(LABELS))), rel=1e-5
    )


def test_many_thresholds_keep_the_order_they_were_given_in() -> None:
    labels, scores = np.float32([1, 1, 0, 1]), np.float32([0.9, 0.5, 0.5, 0.1])
    assert metrics.TruePositives([0.6, 0.0, 0.5])(labels, scores) == pytest.approx([1, 3, 1])
    assert metrics.Precision([0.4, 0.05])(labels, scores) == pytest.approx([2 / 3, 3 / 4])


def test_a_mask_is_a_weight_of_zero_or_one() -> None:
    labels, scores = np.int32([[0, 1, 2]]), np.float32([[[0.9, 0.1, 0], [0.1, 0.9, 0], [1, 0, 0]]])
    assert metrics.SparseCategoricalAccuracy()(labels, scores) == pytest.approx(2 / 3)
    assert metrics.SparseCategoricalAccuracy()(labels, scores, np.array([[True, True, False]])) == 1.0


def test_means_and_sums() -> None:
    mean, total = metrics.Mean(), metrics.Sum()
    mean.update_state([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])
    total.update_state([[1.0, 3.0], [5.0, 7.0]], sample_weight=[1, 2])
    mean.update_state(4.0)
    assert mean.result() == pytest.approx(8 / 3)
    assert total.result() == pytest.approx(28)


def test_a_function_that_takes_the_mean_itself_counts_by_its_rows() -> None:
    metric = metrics.get(lambda y_true, y_pred: ops.mean(ops.abs(y_true - y_pred)))
    metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
    metric.update_state(np.zeros((1, 1)), np.full((1, 1), 5.0))
    assert metric.result() == pytest.approx(2.0)


def test_bigdl_rankings() -> None:
    labels, scores = np.float32([[0, 1, 0], [0, 0, 1]]), np.float32([[0.5, 0.4, 0.1], [0.9, 0.8, 0.1]])
    assert metrics.HitRatio(k=2, neg_num=2)(labels, scores) == 0.5
    assert metrics.NDCG(k=2, neg_num=2)(labels.reshape(-1, 1), scores.reshape(-1, 1)) == pytest.approx(
        np.log(2) / np.log(3) / 2
    )
    assert metrics.HitRatio(k=2).name == "HitRate@2"
    expected = [reference.average_precision_score(*pair) for pair in zip(labels, scores, strict=True)]
    assert metrics.MeanAveragePrecision()(labels, scores) == pytest.approx(np.mean(expected))


def test_names_configs_and_functions_become_metrics() -> None:
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert metrics.get("mse").name == "mse"
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert isinstance(metrics.get("top_k_categorical_accuracy"), metrics.TopKCategoricalAccuracy)
    assert metrics.get(metrics.Precision).name == "precision"
    assert metrics.get(losses.Huber()).name == "huber_loss"
    assert metrics.get({"class_name": "AUC", "config": {"curve": "PR"}}).curve == "PR"
    assert metrics.get(None) is None
    with pytest.raises(ValueError, match="no metric called 'acuracy'"):
        metrics.get("acuracy")
    with pytest.raises(TypeError, match="A metric must be a name"):
        metrics.get(3)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kind"),
    [
        ((None, 1), (None, 1), "Binary"),
        ((None,), (None, 1), "Binary"),
        ((None, 1), (None, 4), "SparseCategorical"),
        ((None,), (None, 4), "SparseCategorical"),
        ((None, 4), (None, 4), "Categorical"),
        ((None, 7), (None, 7, 4), "SparseCategorical"),
        ((None, 7, 1), (None, 7, 4), "SparseCategorical"),
    ],
)
def test_accuracy_and_crossentropy_are_resolved_by_shapes(y_true: Any, y_pred: Any, kind: str) -> None:
    for name in ("accuracy", "acc", "Accuracy"):
        metric = metrics.resolve(name, None, y_true, y_pred)
        assert (type(metric).__name__, metric.name) == (f"{kind}Accuracy", name)
    metric = metrics.resolve("ce", losses.BinaryCrossentropy(from_logits=True), y_true, y_pred)
    assert type(metric).__name__ == f"{kind}Crossentropy"
    assert metric.get_config()["from_logits"] is True


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.AUC(curve="LIFT"), "`curve` must be 'ROC' or 'PR'"),
        (lambda: metrics.AUC(summation_method="sum"), "`summation_method` must be"),
        (lambda: metrics.AUC(num_thresholds=1), "greater than 1"),
        (lambda: metrics.AUC(thresholds=[2.0]), "between 0 and 1"),
        (lambda: metrics.Precision(thresholds=1.5), "between 0 and 1"),
        (lambda: metrics.PrecisionAtRecall(1.5), "`recall` must be between 0 and 1"),
        (lambda: metrics.BinaryAccuracy(threshold=1.0), "`threshold` must be between 0 and 1"),
        (lambda: metrics.FBetaScore(average="mean"), "`average` must be"),
        (lambda: metrics.FBetaScore(beta=0), "`beta` must be above 0"),
        (lambda: metrics.IoU(2, [2]), "`target_class_ids` must be"),
        (lambda: metrics.R2Score("sum"), "`class_aggregation` must be"),
        (lambda: metrics.R2Score().state_shapes((None, None)), "known number of outputs"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


class SpecificityAsForKeras(metrics.Metric):
    """Written as Keras's guides write a metric."""

    def __init__(self, name: str = "specificity") -> None:
        super().__init__(name=name)
        self.negatives = self.add_variable(shape=(), initializer="zeros", name="negatives")
        self.right = self.add_weight(name="right", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        weights = ops.ones_like(y_pred) if sample_weight is None else ops.expand_dims(sample_weight, -1)
        negative = ops.cast(ops.equal(y_true, 0), "float32") * weights
        self.negatives.assign_add(ops.sum(negative))
        self.right.assign(self.right + ops.sum(negative * ops.cast(y_pred <= 0.5, "float32")))

    def result(self) -> Any:
        return self.right / (self.negatives + 1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_metric_written_as_for_keras_runs_in_plans(weighted: bool) -> None:
    metric = SpecificityAsForKeras()
    labels, scores = BINARY
    rows = WEIGHT[:, None] if weighted else np.ones((ROWS, 1))
    expected = np.sum((labels == 0) * (scores <= 0.5) * rows) / np.sum((labels == 0) * rows)
    metric.update_state(labels[:4], scores[:4], *([WEIGHT[:4]] if weighted else []))
    metric.update_state(labels[4:], scores[4:], *([WEIGHT[4:]] if weighted else []))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)

    def increments(y_true: Any, y_pred: Any, weight: Any) -> list[Any]:
        made = metric.increments(y_true, y_pred, weight if weighted else None)
        assert list(made) == list(metric.state_shapes((None, CLASSES))) == ["negatives", "right"]
        return list(made.values())

    state = dict(zip(["negatives", "right"], run(increments, labels, scores, WEIGHT), strict=True))
    assert float(metric.result_of(state)) == pytest.approx(expected, rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_what_is_not_a_sum_is_refused() -> None:
    class Last(metrics.Metric):
        def __init__(self) -> None:
            super().__init__()
            self.last = self.add_variable((), name="last")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.last.assign(ops.maximum(self.last, ops.max(y_pred)))

        def result(self) -> Any:
            return self.last.value

    metric = Last()
    metric.update_state(*BINARY)
    assert metric.result() == pytest.approx(BINARY[1].max())
    with pytest.raises(TypeError, match="reads 'last', which is a sum over all batches and workers"):
        run(lambda y_true, y_pred: list(metric.increments(y_true, y_pred).values()), *BINARY)
    with pytest.raises(ValueError, match="must start at zeros"):
        metric.add_variable((), "ones")
