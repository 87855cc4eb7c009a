"""Laws of metrics: batches give what the whole gives, and the figures are scikit-learn's."""

import json
from collections.abc import Callable

import numpy as np
import pytest
import sklearn.metrics

from ebbflow import losses, metrics
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


def accuracy(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.accuracy_score(y, p, sample_weight=w)


def squared(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.mean_squared_error(y, p, sample_weight=w)


def absolute(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
    return sklearn.metrics.mean_absolute_error(y, p, sample_weight=w)


def r2(average: str) -> Callable[..., float]:
    return lambda y, p, w: sklearn.metrics.r2_score(y, p, sample_weight=w, multioutput=average)


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
    for size in (1, 10, 64):
        np.testing.assert_allclose(over_batches(metric, y, p, weights, size), whole, rtol=1e-12)
    expected = reference(y, p, np.ones(ROWS) if weights is None else weights)
    np.testing.assert_allclose(whole, expected, rtol=1e-6)


@case
def test_a_reset_forgets_and_the_state_is_float64(name: str) -> None:
    metric, y, p, _ = CASES[name]
    first = over_batches(metric, y, p, None, 20)
    over_batches(metric, y[::-1], p, None, 20)
    np.testing.assert_array_equal(over_batches(metric, y, p, None, 20), first)
    assert metric.variables and all(str(v.dtype) == "float64" and not v.trainable for v in metric.variables)


@case
def test_a_traced_update_equals_an_eager_one(name: str) -> None:
    metric, y, p, _ = CASES[name]
    metric.reset_state()
    metric.update_state(y[:50], p[:50])
    avals = [("y", Aval(y[50:].shape, y.dtype)), ("p", Aval(p[50:].shape, p.dtype))]
    traced = trace(lambda y, p: metric(y, p), avals)
    result, *_ = evaluate(traced.graph, [y[50:], p[50:], *(v.numpy() for v in traced.variables)])
    np.testing.assert_array_equal(result, metric(y[50:], p[50:]).numpy())


@case
def test_configurations_survive_a_file(name: str) -> None:
    metric, y, p, _ = CASES[name]
    if type(metric) is metrics.MeanMetricWrapper:
        with pytest.raises(ArgumentError, match="a function cannot be written to a file"):
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


SPARSE, ONE_HOT = losses.SparseCategoricalCrossentropy(), losses.CategoricalCrossentropy()


@pytest.mark.parametrize(
    ("loss", "y_shape", "pred_shape", "expected"),
    [
        (SPARSE, (8,), (8, 3), metrics.SparseCategoricalAccuracy),
        (ONE_HOT, (8, 3), (8, 3), metrics.CategoricalAccuracy),
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


@pytest.mark.parametrize("name", ["mse", "RMSE", "R2Score", "mean_absolute_error", "sparse_categorical_crossentropy"])
def test_metrics_are_named_as_they_were_asked_for(name: str) -> None:
    metric = metrics.resolve(name, None, (8, 3), (8, 3))
    assert isinstance(metric, metrics.Metric) and metric.name == name


def test_a_loss_is_a_metric() -> None:
    metric = metrics.get(losses.SparseCategoricalCrossentropy(from_logits=True))
    assert metric is not None
    expected = losses.SparseCategoricalCrossentropy(from_logits=True)(NUMBERS, SCORES.astype(float)).numpy()
    np.testing.assert_allclose(over_batches(metric, NUMBERS, SCORES.astype(float), None, 10), expected)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(
        ArgumentError, match=r"metrics.get: expected a Metric, .*, got 'acuracy'; did you mean 'accuracy'\?"
    ):
        metrics.get("acuracy")
    with pytest.raises(ShapeError, match=r"expected y_true of the shape of y_pred float32\[103,3\], got int32\[103\]"):
        metrics.MeanSquaredError().update_state(NUMBERS, NEAR)
    with pytest.raises(ShapeError, match=r"mean: expected sample weights of shape \(3,\), got float64\[2\]"):
        metrics.Mean().update_state([1.0, 2.0, 3.0], sample_weight=[1.0, 2.0])
