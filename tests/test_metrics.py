"""Laws of metrics: batches give what the whole gives, and the figures are scikit-learn's."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

import ebbflow as ebb
from ebbflow import losses, metrics
from ebbflow.compile import Executable
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace

ROWS, CLASSES = 103, 4
RNG = np.random.default_rng(7)
NUMBERS = RNG.integers(0, CLASSES, ROWS).astype(np.int32)
SCORES = (RNG.normal(size=(ROWS, CLASSES)) + np.eye(CLASSES)[NUMBERS]).astype(np.float32)
FLAGS = RNG.integers(0, 2, (ROWS, 1))
CHANCES = RNG.uniform(size=(ROWS, 1)).astype(np.float32)
REAL = RNG.normal(size=(ROWS, 3)).astype(np.float32) + 1000
NEAR = REAL + RNG.normal(size=(ROWS, 3)).astype(np.float32) / 3
WEIGHTS = RNG.uniform(0.1, 2.0, ROWS)
ONE_HOT = np.eye(CLASSES)[NUMBERS]
CERTAINTIES = (np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)).astype(np.float32)
SEVERAL = RNG.integers(0, 2, (ROWS, CLASSES))  # several classes may hold
CHANCE_OF_EACH = RNG.uniform(size=(ROWS, CLASSES)).astype(np.float32)
ROUND = np.round(CHANCES * 20) / 20  # scores with ties
COUNTS = RNG.poisson(3.0, (ROWS, 2)).astype(np.float32)
EXPECTATIONS = RNG.uniform(0.5, 5.0, (ROWS, 2)).astype(np.float32)


def accuracy(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.accuracy_score(y, p, sample_weight=w)


def squared(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.mean_squared_error(y, p, sample_weight=w)


def absolute(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.mean_absolute_error(y, p, sample_weight=w)


def r2(average: str) -> Callable[..., float]:
    return lambda y, p, w: sklearn.metrics.r2_score(y, p, sample_weight=w, multioutput=average)


def mean_of(formula: Callable[..., np.ndarray]) -> Callable[..., float]:
    """The weighted mean of a value per sample."""
    return lambda y, p, w: np.average(formula(y.astype(float), p.astype(float)), weights=w)


def log_loss(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    p = p.astype(float) / p.astype(float).sum(1, keepdims=True) if p.shape[1] > 1 else p.astype(float)
    return sklearn.metrics.log_loss(y, p, sample_weight=w)


def count(actual: int, predicted: int) -> Callable[..., float]:
    return lambda y, p, w: w[(y[:, 0] == actual) & ((p[:, 0] > 0.5) == predicted)].sum()


def of_decisions(score: Callable[..., float], threshold: float = 0.5, **options: object) -> Callable[..., float]:
    return lambda y, p, w: score(y, p > threshold, sample_weight=w, zero_division=0, **options)


def of_greatest(score: Callable[..., float], **options: object) -> Callable[..., float]:
    return lambda y, p, w: score(y.argmax(1), p.argmax(1), sample_weight=w, zero_division=0, **options)


def of_classes(score: Callable[..., float]) -> Callable[..., float]:
    return lambda y, p, w: score(y, p.argmax(1), sample_weight=w)


def top_k(k: int) -> Callable[..., float]:
    return lambda y, p, w: sklearn.metrics.top_k_accuracy_score(y, p, k=k, sample_weight=w, labels=range(CLASSES))


def binary_hinge(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.maximum(1 - (2 * y - 1) * p, 0)


def cosine(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return (y * p).sum(1) / np.linalg.norm(y, axis=1) / np.linalg.norm(p, axis=1)


def precision_of_top(k: int) -> Callable[..., float]:
    def precision(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
        first = np.argsort(-p, axis=1, kind="stable")[:, :k]
        return (np.take_along_axis(y, first, 1) * w[:, None]).sum() / (k * w.sum())

    return precision


def area(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.roc_auc_score(y, p, sample_weight=w)


def prgain(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    """The area by its definition, over the scores that occur."""
    points = []
    for t in [-1.0, *np.unique(p)]:
        tp, fp, fn = (w @ side for side in ((p > t) * y, (p > t) * (1 - y), (p <= t) * y))
        ratio = (w @ y / (w @ (1 - y)))[0]
        gains = (1 - ratio * fn[0] / tp[0], 1 - ratio * fp[0] / tp[0]) if tp[0] else (0.0, 1.0)
        points.append((max(gains[0], 0.0), gains[1]))
    recall, precision = np.transpose(points[::-1])
    return np.trapezoid(precision, recall)


def best(of: str, where: str, least: float) -> Callable[..., float]:
    """The greatest of one rate among the evenly spaced thresholds where the other is at least so great."""

    def rate(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
        found = []
        for t in np.arange(21, dtype=np.float32) / np.float32(20):
            tp, fp, fn = w @ ((p > t) & y), w @ ((p > t) & ~y), w @ ((p <= t) & y)
            tn = w @ ((p <= t) & ~y)
            rates = {"recall": tp / (tp + fn), "precision": tp / max(tp + fp, 1e-9), "specificity": tn / (tn + fp)}
            found.append(rates[of] if rates[where] >= least else 0.0)
        return max(found)

    return lambda y, p, w: rate(y[:, 0] == 1, p[:, 0], w)


Case = tuple[metrics.Metric, np.ndarray, np.ndarray, Callable[[np.ndarray, np.ndarray, np.ndarray], float]]
CASES: dict[str, Case] = {
    "accuracy": (metrics.Accuracy(), NUMBERS, SCORES.argmax(1), accuracy),
    "binary": (metrics.BinaryAccuracy(), FLAGS, CHANCES, lambda y, p, w: accuracy(y, p > 0.5, w)),
    "threshold": (metrics.BinaryAccuracy(threshold=0.2), FLAGS, CHANCES, lambda y, p, w: accuracy(y, p > 0.2, w)),
    "sparse": (metrics.SparseCategoricalAccuracy(), NUMBERS, SCORES, lambda y, p, w: accuracy(y, p.argmax(1), w)),
    "categorical": (
        metrics.CategoricalAccuracy(),
        np.eye(CLASSES)[NUMBERS],
        SCORES,
        lambda y, p, w: accuracy(y.argmax(1), p.argmax(1), w),
    ),
    "mse": (metrics.MeanSquaredError(), REAL, NEAR, squared),
    "mae": (metrics.MeanAbsoluteError(), REAL, NEAR, absolute),
    "rmse": (metrics.RootMeanSquaredError(), REAL, NEAR, lambda y, p, w: squared(y, p, w) ** 0.5),
    "r2": (metrics.R2Score(), REAL, NEAR, r2("uniform_average")),
    "r2 by variance": (
        metrics.R2Score(class_aggregation="variance_weighted_average"),
        REAL,
        NEAR,
        r2("variance_weighted"),
    ),
    "r2 of each": (metrics.R2Score(class_aggregation=None), REAL, NEAR, r2("raw_values")),
    "function": (metrics.MeanMetricWrapper(losses.mean_squared_error), REAL, NEAR, squared),
    "loss": (metrics.MeanOfLoss(losses.MeanSquaredError()), REAL, NEAR, squared),
    "mape": (
        metrics.MeanAbsolutePercentageError(),
        REAL,
        NEAR,
        lambda y, p, w: 100 * sklearn.metrics.mean_absolute_percentage_error(y, p, sample_weight=w),
    ),
    "msle": (
        metrics.MeanSquaredLogarithmicError(),
        COUNTS,
        EXPECTATIONS,
        lambda y, p, w: sklearn.metrics.mean_squared_log_error(y, p, sample_weight=w),
    ),
    "log cosh": (metrics.LogCoshError(), COUNTS, EXPECTATIONS, mean_of(lambda y, p: np.log(np.cosh(p - y)).mean(1))),
    "cosine": (metrics.CosineSimilarity(), SCORES, NEAR @ np.eye(3, 4, dtype=np.float32), mean_of(cosine)),
    "poisson": (metrics.Poisson(), COUNTS, EXPECTATIONS, mean_of(lambda y, p: (p - y * np.log(p)).mean(1))),
    "kl": (
        metrics.KLDivergence(),
        CERTAINTIES,
        CERTAINTIES[::-1],
        mean_of(lambda y, p: (y * np.log(y / p)).sum(1)),
    ),
    "hinge": (metrics.Hinge(), FLAGS, SCORES[:, :1], mean_of(lambda y, p: binary_hinge(y, p).mean(1))),
    "squared hinge": (
        metrics.SquaredHinge(),
        FLAGS,
        SCORES[:, :1],
        mean_of(lambda y, p: binary_hinge(y, p)[:, 0] ** 2),
    ),
    "categorical hinge": (
        metrics.CategoricalHinge(),
        ONE_HOT,
        SCORES,
        mean_of(lambda y, p: np.maximum(((1 - y) * p).max(1) - (y * p).sum(1) + 1, 0)),
    ),
    "binary log loss": (metrics.BinaryCrossentropy(), FLAGS, CHANCES, log_loss),
    "categorical log loss": (metrics.CategoricalCrossentropy(), ONE_HOT, CERTAINTIES, log_loss),
    "sparse log loss": (metrics.SparseCategoricalCrossentropy(), NUMBERS, CERTAINTIES, log_loss),
    "log loss of logits": (
        metrics.SparseCategoricalCrossentropy(from_logits=True),
        NUMBERS,
        SCORES,
        lambda y, z, w: log_loss(y, np.exp(z), w),
    ),
    "top 2": (metrics.SparseTopKCategoricalAccuracy(2), NUMBERS, SCORES, top_k(2)),
    "top 3 of one-hot": (
        metrics.TopKCategoricalAccuracy(3),
        ONE_HOT,
        SCORES,
        lambda y, p, w: top_k(3)(y.argmax(1), p, w),
    ),
    "top 2 of sorted": (
        metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True),
        NUMBERS,
        np.argsort(-SCORES, axis=1),
        lambda y, p, w: np.average((p[:, :2] == y[:, None]).any(1), weights=w),
    ),
    "true positives": (metrics.TruePositives(), FLAGS, CHANCES, count(1, 1)),
    "true negatives": (metrics.TrueNegatives(), FLAGS, CHANCES, count(0, 0)),
    "false positives": (metrics.FalsePositives(), FLAGS, CHANCES, count(0, 1)),
    "false negatives": (metrics.FalseNegatives(), FLAGS, CHANCES, count(1, 0)),
    "precision": (metrics.Precision(), FLAGS, CHANCES, of_decisions(sklearn.metrics.precision_score)),
    "recall": (metrics.Recall(0.3), FLAGS, CHANCES, of_decisions(sklearn.metrics.recall_score, 0.3)),
    "recalls": (
        metrics.Recall([0.2, 0.6]),
        FLAGS,
        CHANCES,
        lambda *args: [of_decisions(sklearn.metrics.recall_score, t)(*args) for t in (0.2, 0.6)],
    ),
    "precision of a class": (
        metrics.Precision(class_id=2),
        SEVERAL,
        CHANCE_OF_EACH,
        lambda y, p, w: of_decisions(sklearn.metrics.precision_score)(y[:, 2], p[:, 2], w),
    ),
    "precision of the first 2": (metrics.Precision(top_k=2), SEVERAL, CHANCE_OF_EACH, precision_of_top(2)),
    "f1": (
        metrics.F1Score(),
        ONE_HOT,
        SCORES,
        of_greatest(sklearn.metrics.f1_score, average=None),
    ),
    "f1 of one output": (
        metrics.F1Score(average="micro", threshold=0.5),
        FLAGS,
        CHANCES,
        of_decisions(sklearn.metrics.f1_score),
    ),
    "macro f2": (
        metrics.FBetaScore("macro", 2.0),
        ONE_HOT,
        SCORES,
        of_greatest(sklearn.metrics.fbeta_score, average="macro", beta=2.0),
    ),
    "micro f1": (
        metrics.F1Score("micro", 0.4),
        SEVERAL,
        CHANCE_OF_EACH,
        of_decisions(sklearn.metrics.f1_score, 0.4, average="micro"),
    ),
    "weighted f1": (
        metrics.F1Score("weighted"),
        ONE_HOT,
        SCORES,
        of_greatest(sklearn.metrics.f1_score, average="weighted"),
    ),
    "confusion": (metrics.ConfusionMatrix(CLASSES), NUMBERS, SCORES, of_classes(sklearn.metrics.confusion_matrix)),
    "confusion of two": (
        metrics.ConfusionMatrix(),
        FLAGS,
        CHANCES,
        lambda y, p, w: sklearn.metrics.confusion_matrix(y, p > 0.5, sample_weight=w),
    ),
    "confusion of numbers": (
        metrics.ConfusionMatrix(CLASSES),
        NUMBERS,
        SCORES.argmax(1),
        lambda y, p, w: sklearn.metrics.confusion_matrix(y, p, sample_weight=w),
    ),
    "balanced": (
        metrics.BalancedAccuracy(),
        NUMBERS,
        SCORES,
        of_classes(sklearn.metrics.balanced_accuracy_score),
    ),
    "matthews": (metrics.MatthewsCorrelation(), NUMBERS, SCORES, of_classes(sklearn.metrics.matthews_corrcoef)),
    "sensitivity at": (
        metrics.SensitivityAtSpecificity(0.6, 21),
        FLAGS,
        CHANCES,
        best("recall", "specificity", 0.6),
    ),
    "specificity at": (
        metrics.SpecificityAtSensitivity(0.4, 21),
        FLAGS,
        CHANCES,
        best("specificity", "recall", 0.4),
    ),
    "precision at": (metrics.PrecisionAtRecall(0.3, 21), FLAGS, CHANCES, best("precision", "recall", 0.3)),
    "recall at": (metrics.RecallAtPrecision(0.5, 21), FLAGS, CHANCES, best("recall", "precision", 0.5)),
    "prgain": (metrics.AUC(curve="PRGAIN", thresholds=np.unique(ROUND).tolist()), FLAGS, ROUND, prgain),
    "auc": (metrics.AUC(thresholds=np.unique(ROUND).tolist()), FLAGS, ROUND, area),
    "auc of logits": (
        metrics.AUC(num_thresholds=101, from_logits=True),
        FLAGS,
        np.log((ROUND * 0.98 + 0.011) / (0.989 - ROUND * 0.98)),
        area,
    ),
    "auc of each": (
        metrics.AUC(num_thresholds=5001, multi_label=True),
        SEVERAL,
        np.round(CHANCE_OF_EACH, 3),
        lambda y, p, w: np.mean([area(y[:, k], p[:, k], w) for k in range(CLASSES)]),
    ),
}
case = pytest.mark.parametrize("name", CASES)


def over_batches(metric: metrics.Metric, y: np.ndarray, p: np.ndarray, w: np.ndarray | None, size: int) -> np.ndarray:
    metric.reset_state()
    for start in range(0, len(y), size):
        batch = slice(start, start + size)
        metric.update_state(y[batch], p[batch], sample_weight=None if w is None else w[batch])
    return metric.result().numpy()


@case
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_batches_give_what_the_whole_gives_and_scikit_learn_says(name: str, weights: np.ndarray | None) -> None:
    metric, y, p, reference = CASES[name]
    whole = over_batches(metric, y, p, weights, ROWS)
    for size in (10, 64):
        np.testing.assert_allclose(over_batches(metric, y, p, weights, size), whole, rtol=1e-11, atol=1e-14)
    expected = reference(y, p, np.ones(ROWS) if weights is None else weights)
    np.testing.assert_allclose(whole, expected, rtol=2e-6)


@case
@given(data=st.data())
@settings(max_examples=2)
def test_any_cut_into_batches_gives_what_the_whole_gives(name: str, data: st.DataObject) -> None:
    metric, y, p, _ = CASES[name]
    weights = np.where(data.draw(st.sampled_from([0.0, 1.0])) > WEIGHTS, 0.0, WEIGHTS)
    cuts = sorted(data.draw(st.sets(st.integers(1, ROWS - 1), max_size=4)))
    metric.reset_state()
    for start, end in zip([0, *cuts], [*cuts, ROWS], strict=True):
        metric.update_state(y[start:end], p[start:end], sample_weight=weights[start:end])
    got = metric.result().numpy()
    np.testing.assert_allclose(got, over_batches(metric, y, p, weights, ROWS), rtol=1e-11, atol=1e-14)


@case
def test_weights_count_samples_and_those_of_0_none(name: str) -> None:
    metric, y, p, _ = CASES[name]
    times = np.arange(ROWS) % 3
    repeated = over_batches(metric, np.repeat(y, times, axis=0), np.repeat(p, times, axis=0), None, ROWS)
    for weights in (times, times[:, None]):
        np.testing.assert_allclose(over_batches(metric, y, p, weights, 20), repeated, rtol=1e-11)


@case
def test_no_samples_and_no_weights_are_finite(name: str) -> None:
    metric, y, p, _ = CASES[name]
    result = over_batches(metric, y, p, np.zeros(ROWS), 50)
    assert np.isfinite(result).all()
    metric.reset_state()
    assert np.isfinite(metric.result().numpy()).all()


@case
def test_a_reset_forgets_and_the_state_is_float64(name: str) -> None:
    metric, y, p, _ = CASES[name]
    first = over_batches(metric, y, p, None, 20)
    over_batches(metric, y[::-1], p, None, 20)
    np.testing.assert_array_equal(over_batches(metric, y, p, None, 20), first)
    assert metric.variables and all(str(v.dtype) == "float64" and not v.trainable for v in metric.variables)


@case
def test_a_traced_and_a_compiled_update_equal_an_eager_one(name: str) -> None:
    metric, y, p, _ = CASES[name]
    metric.reset_state()
    metric.update_state(y[:50], p[:50])
    arrays = [y[50:], p[50:], WEIGHTS[50:]]
    avals = [(label, Aval(array.shape, array.dtype)) for label, array in zip("ypw", arrays, strict=True)]
    traced = trace(lambda y, p, w: metric(y, p, sample_weight=w), avals)
    inputs = [*arrays, *(v.numpy() for v in traced.variables)]
    result, *_ = evaluate(traced.graph, inputs)
    compiled, *_ = Executable(traced.graph)(*inputs)
    eager = metric(y[50:], p[50:], sample_weight=WEIGHTS[50:]).numpy()
    np.testing.assert_array_equal(result, eager)
    np.testing.assert_allclose(compiled, eager, rtol=1e-6)  # scores are float32


@case
def test_configurations_survive_a_file(name: str) -> None:
    metric, y, p, _ = CASES[name]
    if type(metric) in (metrics.MeanMetricWrapper, metrics.MeanOfLoss):
        with pytest.raises(ArgumentError, match="cannot be written to a file"):
            metrics.serialize(metric)
        return
    again = metrics.get(json.loads(json.dumps(metrics.serialize(metric))))
    assert again is not None and type(again) is type(metric) and again.get_config() == metric.get_config()


def test_a_mean_weighs_values_and_is_zero_before_the_first() -> None:
    mean = metrics.Mean(name="loss")
    assert mean.result().numpy() == 0
    mean.update_state(2.0, sample_weight=32)
    mean.update_state(5.0, sample_weight=16)
    assert mean.result().numpy() == 3.0
    mean.reset_state()
    mean.update_state([1.0, 2.0, 6.0])
    assert mean.result().numpy() == 3.0


def test_vectors_count_once_per_sample_whatever_the_batches() -> None:
    y, p = REAL[:, 0], NEAR[:, 0]
    np.testing.assert_allclose(over_batches(metrics.MeanSquaredError(), y, p, None, 10), squared(y, p, None), rtol=1e-6)
    np.testing.assert_allclose(
        over_batches(metrics.R2Score(), y, p[:, None], None, 10), r2("uniform_average")(y, p, None)
    )


def test_r2_of_a_constant_target() -> None:
    constant = np.full((5, 1), 3.0)
    assert metrics.R2Score()(constant, constant).numpy() == sklearn.metrics.r2_score(constant, constant) == 1
    assert metrics.R2Score()(constant, constant + 1).numpy() == sklearn.metrics.r2_score(constant, constant + 1) == 0


SPARSE, CATEGORICAL = losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy()


@pytest.mark.parametrize(
    ("loss", "y_shape", "pred_shape", "expected"),
    [
        (SPARSE, (8,), (8, 3), metrics.SparseCategoricalAccuracy),
        (CATEGORICAL, (8, 3), (8, 3), metrics.CategoricalAccuracy),
        (losses.BinaryCrossentropy(), (8, 3), (8, 3), metrics.BinaryAccuracy),
        (losses.MeanSquaredError(), (8,), (8, 1), metrics.BinaryAccuracy),
        (losses.MeanSquaredError(), (8,), (8, 3), metrics.SparseCategoricalAccuracy),
        (losses.MeanSquaredError(), (None, 1), (None, 3), metrics.SparseCategoricalAccuracy),
        (None, (8, 3), (8, 3), metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_the_one_that_fits(loss: object, y_shape: tuple, pred_shape: tuple, expected: type) -> None:
    for name in ("accuracy", "acc"):
        metric = metrics.resolve(name, loss, y_shape, pred_shape)
        assert type(metric) is expected and metric.name == name


def test_accuracy_of_logits_is_cut_at_logit_zero() -> None:
    metric = metrics.resolve("accuracy", losses.BinaryCrossentropy(from_logits=True), (3, 1), (3, 1))
    assert metric is not None
    assert metric([[1], [1], [0]], [[0.1], [3.0], [-0.1]]).numpy() == 1


@pytest.mark.parametrize("name", ["crossentropy", "ce"])
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.SparseCategoricalCrossentropy(from_logits=True), metrics.SparseCategoricalCrossentropy),
        (losses.CategoricalCrossentropy(from_logits=True), metrics.CategoricalCrossentropy),
        (losses.BinaryCrossentropy(from_logits=True), metrics.BinaryCrossentropy),
    ],
)
def test_crossentropy_is_that_of_the_loss(name: str, loss: losses.Loss, expected: type) -> None:
    metric = metrics.resolve(name, loss, (8, 3), (8, 3))
    assert type(metric) is expected and metric.name == name and metric.loss.from_logits


def test_every_name_and_every_class_is_a_metric() -> None:
    for cls in metrics.CLASSES:
        if "At" in cls.__name__:  # these must be told at what
            continue
        made = cls()
        assert type(metrics.get(cls)) is type(metrics.get(cls.__name__)) is cls
        assert type(metrics.deserialize(metrics.serialize(made))) is cls
        assert metrics.get(made) is made
        if made.name != "logcosh":
            assert type(metrics.get(made.name)) is cls
    for name in losses.NAMES:
        assert isinstance(metrics.get(name), metrics.Metric)
    assert {type(metric) for metric, *_ in CASES.values()} | {metrics.Mean, metrics.Sum} >= set(metrics.CLASSES)


@pytest.mark.parametrize("name", ["mse", "RMSE", "R2Score", "mean_absolute_error", "sparse_categorical_crossentropy"])
def test_metrics_are_named_as_they_were_asked_for(name: str) -> None:
    metric = metrics.resolve(name, None, (8, 3), (8, 3))
    assert isinstance(metric, metrics.Metric) and metric.name == name


def test_a_loss_is_a_metric() -> None:
    metric = metrics.get(losses.SparseCategoricalCrossentropy(from_logits=True))
    assert metric is not None
    expected = losses.SparseCategoricalCrossentropy(from_logits=True)(NUMBERS, SCORES.astype(float)).numpy()
    np.testing.assert_allclose(over_batches(metric, NUMBERS, SCORES.astype(float), None, 10), expected)


def test_ignored_samples_are_left_out_of_a_weighted_mean_and_count_as_0_in_a_plain_one() -> None:
    y, kept = np.where(NUMBERS == 1, -1, NUMBERS), NUMBERS != 1
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    weighted = over_batches(metric, y, CERTAINTIES, np.full(ROWS, 2.0), 10)
    np.testing.assert_allclose(weighted, log_loss_of_rows(kept), rtol=1e-6)
    plain = over_batches(metric, y, CERTAINTIES, None, 10)
    np.testing.assert_allclose(plain, log_loss_of_rows(kept) * kept.mean(), rtol=1e-6)


def log_loss_of_rows(rows: np.ndarray) -> float:
    return -np.log(CERTAINTIES[rows, NUMBERS[rows]].astype(float)).mean()


def test_classes_that_tie_with_the_kth_are_among_the_first_k_and_nan_is_not() -> None:
    scores = np.array([[0.1, 0.4, 0.4, 0.4], [0.1, 0.4, np.nan, 0.3], [0.4, 0.3, 0.2, 0.1]])
    got = metrics.sparse_top_k_categorical_accuracy(np.array([3, 2, 7]), scores, k=1).numpy()
    np.testing.assert_array_equal(got, [True, False, False])


def test_one_row_of_weights_for_each_output() -> None:
    weights = RNG.uniform(size=SEVERAL.shape)
    metric = metrics.BinaryAccuracy()
    metric.update_state(SEVERAL, CHANCE_OF_EACH, sample_weight=weights)
    right = (CHANCE_OF_EACH > 0.5) == SEVERAL
    np.testing.assert_allclose(metric.result().numpy(), np.average(right, weights=weights))


def test_weights_are_repeated_along_axes_of_length_1() -> None:
    values, weights = RNG.normal(size=(4, 5)), RNG.uniform(size=(1, 5))
    mean = metrics.Mean()
    mean.update_state(values, sample_weight=weights)
    np.testing.assert_allclose(mean.result().numpy(), np.average(values, weights=np.repeat(weights, 4, 0)))
    for shape in [(1,), (1, 1), (4, 1)]:
        mean.reset_state()
        mean.update_state(values, sample_weight=np.full(shape, 2.0))
        mean.update_state(values[:1] + 1, sample_weight=np.full((1, 1), 3.0))
        expected = (2 * values.mean(1).sum() + 3 * (values[0] + 1).mean()) / (2 * 4 + 3)
        np.testing.assert_allclose(mean.result().numpy(), expected)


def test_with_top_k_a_vector_is_the_outputs_of_one_sample() -> None:
    assert metrics.Recall(top_k=2)(np.array([0, 1, 1, 0]), np.array([0.2, 0.1, 0.5, 0.0])).numpy() == 0.5


def test_the_adjusted_r2_counts_inputs() -> None:
    y, p = REAL[:, 0], NEAR[:, 0]
    plain, adjusted = metrics.R2Score()(y, p).numpy(), metrics.R2Score(num_regressors=3)(y, p).numpy()
    np.testing.assert_allclose(1 - adjusted, (1 - plain) * (ROWS - 1) / (ROWS - 4))
    assert metrics.R2Score(num_regressors=2)(y[:3], p[:3]).numpy() == metrics.R2Score()(y[:3], p[:3]).numpy()


def test_a_sum_weighs_every_value() -> None:
    total = metrics.Sum()
    total.update_state([[1.0, 2.0], [3.0, 4.0]], sample_weight=[10.0, 1.0])
    assert total.result().numpy() == 37.0


# areas


def test_the_area_lies_between_that_of_minoring_and_majoring() -> None:
    exact = area(FLAGS, CHANCES, WEIGHTS)
    bounds = {}
    for thresholds in (10, 200):
        for method in ("minoring", "interpolation", "majoring"):
            metric = metrics.AUC(thresholds, summation_method=method)
            bounds[thresholds, method] = over_batches(metric, FLAGS, CHANCES, WEIGHTS, 30)
        assert bounds[thresholds, "minoring"] < bounds[thresholds, "interpolation"] < bounds[thresholds, "majoring"]
        assert bounds[thresholds, "minoring"] <= exact <= bounds[thresholds, "majoring"]
    assert bounds[200, "minoring"] > bounds[10, "minoring"] and bounds[200, "majoring"] < bounds[10, "majoring"]


def test_precision_and_recall_are_interpolated_along_the_counts() -> None:
    # Davis, Goadrich (2006), section 4: between A (TP 5, FP 5) and B (TP 10, FP 30) of 20 positives and 2000 negatives,
    # each further true positive comes with 5 false ones
    y = np.repeat([1, 0, 1, 0, 1, 0], [5, 5, 5, 25, 10, 1970])
    p = np.repeat([0.9, 0.9, 0.6, 0.6, 0.0, 0.0], [5, 5, 5, 25, 10, 1970])
    metric = metrics.AUC(curve="PR", thresholds=[0.5, 0.8])
    found = np.linspace(5.0, 10.0, 100001)
    wrong = 5 + 5 * (found - 5)
    between = np.trapezoid(found / (found + wrong), found / 20)
    last = np.linspace(10.0, 20.0, 100001)
    rest = np.trapezoid(last / (last + 30 + 197 * (last - 10)), last / 20)
    first = 0.25 * 0.5  # precision 1/2 up to recall 1/4
    np.testing.assert_allclose(metric(y, p).numpy(), first + between + rest, rtol=1e-6)


def test_areas_of_outputs_may_be_weighted() -> None:
    p, w = np.round(CHANCE_OF_EACH, 2), [1.0, 0.0, 2.0, 1.0]
    thresholds = np.unique(p).tolist()
    metric = metrics.AUC(thresholds=thresholds, multi_label=True, label_weights=w, num_labels=CLASSES)
    each = [area(SEVERAL[:, k], p[:, k], WEIGHTS) for k in range(CLASSES)]
    np.testing.assert_allclose(over_batches(metric, SEVERAL, p, WEIGHTS, 25), np.average(each, weights=w))
    together = metrics.AUC(thresholds=thresholds, label_weights=w)
    expected = area(SEVERAL.ravel(), p.ravel(), np.tile(w, ROWS))
    np.testing.assert_allclose(over_batches(together, SEVERAL, p, None, 25), expected)


# in a model


def test_metrics_of_a_compiled_fit_are_those_of_its_predictions() -> None:
    x, y = SCORES, NUMBERS == 0
    named = ["accuracy", "AUC", "precision", metrics.Recall(0.4), metrics.F1Score("micro", 0.5), "mcc", "log_cosh"]
    model = ebb.Sequential([ebb.Input((CLASSES,)), ebb.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=named)
    fitted = model.fit(x, y, epochs=2, batch_size=32, validation_data=(x, y), verbose=0).history
    chances = model.predict(x, verbose=0)
    for asked, name in zip(named, model.metrics_names[1:], strict=True):
        metric = metrics.resolve(asked, model.loss, y.shape, chances.shape)
        assert metric is not None
        np.testing.assert_allclose(fitted[f"val_{name}"][-1], over_batches(metric, y, chances, None, 32), rtol=1e-5)


class GeometricMean(metrics.Metric):
    """A metric of one's own, made of others."""

    def __init__(self, name: str = "g_mean", dtype: object = None):
        super().__init__(dtype, name)
        self.sensitivity, self.precision = metrics.Recall(), metrics.Precision()

    def update_state(self, y_true: object, y_pred: object, sample_weight: object = None) -> None:
        self.sensitivity.update_state(y_true, y_pred, sample_weight)
        self.precision.update_state(y_true, y_pred, sample_weight)

    def result(self) -> object:
        return ebb.ops.sqrt(self.sensitivity.result() * self.precision.result())


@pytest.mark.parametrize("run_eagerly", [True, False])
def test_a_metric_may_be_made_of_metrics(run_eagerly: bool) -> None:
    model = ebb.Sequential([ebb.Input((CLASSES,)), ebb.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "bce", metrics=[GeometricMean()], run_eagerly=run_eagerly)
    for _ in range(2):  # the second begins anew
        _, got = model.evaluate(SCORES, FLAGS, batch_size=20, verbose=0)
    chances = model.predict(SCORES, verbose=0) > 0.5
    expected = sklearn.metrics.recall_score(FLAGS, chances) * sklearn.metrics.precision_score(FLAGS, chances)
    np.testing.assert_allclose(got, expected**0.5)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(
        ArgumentError, match=r"metrics.get: expected a Metric, .*, got 'acuracy'; did you mean 'accuracy'\?"
    ):
        metrics.get("acuracy")
    with pytest.raises(ShapeError, match=r"expected y_true of the shape of y_pred float32\[103,3\], got int32\[103\]"):
        metrics.MeanSquaredError().update_state(NUMBERS, NEAR)
    with pytest.raises(ShapeError, match=r"mean: expected sample weights of shape \(3,\), got float64\[2\]"):
        metrics.Mean().update_state([1.0, 2.0, 3.0], sample_weight=[1.0, 2.0])
    bad: list[tuple[Callable[[], object], str]] = [
        (
            lambda: metrics.Precision(1.5),
            "Precision: expected a number between 0 and 1, or a list of them for thresholds",
        ),
        (lambda: metrics.Recall(top_k=0), "Recall: expected a whole number of at least 1 for top_k, got 0"),
        (lambda: metrics.TopKCategoricalAccuracy(0), "expected a whole number of at least 1 for k, got 0"),
        (lambda: metrics.F1Score("mean"), "F1Score: expected one of None, 'micro', .* for average, got 'mean'"),
        (lambda: metrics.FBetaScore(beta=0.0), "FBetaScore: expected a number above 0 for beta, got 0.0"),
        (lambda: metrics.CosineSimilarity(axis=0.5), "CosineSimilarity: expected a whole number for axis, got 0.5"),
        (lambda: metrics.Sum(dtype="text"), "Sum: expected one of 'float32', .* for dtype, got 'text'"),
        (lambda: metrics.AUC(1), "AUC: expected a whole number of at least 2 for num_thresholds, got 1"),
        (lambda: metrics.AUC(curve="DET"), "AUC: expected one of 'ROC', 'PR', 'PRGAIN' for curve, got 'DET'"),
        (lambda: metrics.AUC(num_labels=2), "AUC: expected None without multi_label for num_labels, got 2"),
        (lambda: metrics.ConfusionMatrix(1), "ConfusionMatrix: expected a whole number of at least 2 for num_classes"),
        (lambda: metrics.R2Score(num_regressors=-1), "R2Score: expected a whole number of at least 0 for num_reg"),
        (lambda: metrics.Mean().add_variable(initializer="ones"), 'Mean: expected "zeros" for initializer'),
        (lambda: metrics.deserialize({"class_name": "Foo"}), "metrics.deserialize: expected one of .*, got 'Foo'"),
    ]
    for make, message in bad:
        with pytest.raises(ArgumentError, match=message):
            make()
    with pytest.raises(ShapeError, match=r"Precision: expected outputs that have class 4, got float32\[103,4\]"):
        metrics.Precision(class_id=4).update_state(SEVERAL, CHANCE_OF_EACH)
    with pytest.raises(ShapeError, match=r"AUC: expected an output for each of 2 label_weights, got float32\[103,4\]"):
        metrics.AUC(label_weights=[1.0, 2.0]).update_state(SEVERAL, CHANCE_OF_EACH)
    with pytest.raises(ShapeError, match=r"ConfusionMatrix: expected predictions of shape \(batch, 3\) or integer"):
        metrics.ConfusionMatrix(3).update_state(NUMBERS, SCORES)
