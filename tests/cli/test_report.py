"""The figures of the report mean what their names say."""

import numpy as np
import pytest
from sklearn import metrics

from ebbflow.cli.report import classification_metrics, log_softmax, metrics_table, regression_metrics

RANDOM = np.random.default_rng(5)
LOGITS, CODES = RANDOM.normal(0, 3, (200, 4)), RANDOM.integers(0, 4, 200)
ACTUAL = RANDOM.normal(50, 10, 200)
PREDICTED = ACTUAL + RANDOM.normal(0, 5, 200)


def test_regression_metrics_are_scikit_learns() -> None:
    assert regression_metrics(PREDICTED, ACTUAL) == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(ACTUAL, PREDICTED),
            "mae": metrics.mean_absolute_error(ACTUAL, PREDICTED),
            "r2": metrics.r2_score(ACTUAL, PREDICTED),
        }
    )


def test_the_mean_explains_nothing_and_the_truth_everything() -> None:
    assert regression_metrics(np.full(200, ACTUAL.mean()), ACTUAL)["r2"] == pytest.approx(0)
    assert regression_metrics(ACTUAL, ACTUAL) == {"rmse": 0, "mae": 0, "r2": 1}
    assert np.isnan(regression_metrics(PREDICTED, np.ones(200))["r2"])


def test_classification_metrics_are_scikit_learns() -> None:
    assert classification_metrics(LOGITS, CODES) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(CODES, LOGITS.argmax(axis=1)),
            "log_loss": metrics.log_loss(CODES, np.exp(log_softmax(LOGITS))),
        }
    )


def test_log_softmax_is_normalized_and_safe_for_large_logits() -> None:
    np.testing.assert_allclose(np.exp(log_softmax(LOGITS)).sum(axis=1), 1)
    np.testing.assert_allclose(log_softmax(LOGITS + 1e4), log_softmax(LOGITS), atol=1e-10)
    np.testing.assert_array_equal(log_softmax(np.array([[0.0, 3e38]])), [[-3e38, 0.0]])


def test_the_table_lines_up() -> None:
    results = {"model": {"rmse": 1.25, "r2": 0.5}, "baseline": {"rmse": 10.0, "r2": 0.0}}
    lines = metrics_table("Test, 20 rows", results).splitlines()
    assert [line.split() for line in lines[1:]] == [["RMSE", "1.25", "10"], ["R2", "0.5", "0"]]
    assert len({len(line) for line in lines}) == 1
