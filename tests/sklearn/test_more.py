"""What the estimators can do that scikit-learn's cannot."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_wine, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ebbflow import config, losses, metrics
from ebbflow.core.tensor import Tensor
from ebbflow.optimizers.schedules import CosineDecay
from ebbflow.runtime.threads import cores
from ebbflow.sklearn import MLPClassifier, MLPRegressor, lending, solving

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)
X, Y = load_wine(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
COMMON = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 30, "learning_rate_init": 0.01}
FEATURES = [
    {"hidden_layer_sizes": (8, 6), "activation": ["gelu", "tanh"]},
    {"batch_norm": True},
    {"batch_norm": True, "dropout": 0.3, "hidden_layer_sizes": (9, 7)},
    {"dropout": 0.2, "solver": "sgd"},
    {"weight_decay": 0.1},
    {"output_activation": "hard_sigmoid", "loss": "squared_error"},
    {"output_activation": "logistic", "loss": "binary_crossentropy"},
    {"loss": "categorical_focal_crossentropy"},
    {"loss": losses.CategoricalCrossentropy(label_smoothing=0.1)},
    {"loss": losses.SparseCategoricalCrossentropy(from_logits=True)},
    {"loss": "categorical_hinge"},
    {"learning_rate": CosineDecay(0.02, 100)},
    {"n_estimators": 3},
    {"class_weight": "balanced"},
    {"early_stopping": True, "monitor": "loss"},
    {"early_stopping": True, "monitor": "auc"},
    {"early_stopping": True, "monitor": metrics.CategoricalCrossentropy()},
    {"hidden_layer_sizes": ()},
]


def told(settings: dict) -> str:
    """Without the addresses of objects, which are others in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(settings))


@pytest.mark.parametrize("settings", FEATURES, ids=told)
def test_a_feature_learns_and_is_copied_pickled_and_repeated(settings: dict) -> None:
    one = MLPClassifier(**COMMON | settings).fit(X, Y)
    assert one.score(X, Y) > 0.8
    p = one.predict_proba(X)
    assert p.shape == (len(X), 3)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-5)
    for other in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), clone(one).fit(X, Y)):
        np.testing.assert_array_equal(other.predict_proba(X), p)


@pytest.mark.parametrize("settings", FEATURES[:3], ids=told)
def test_predictions_are_those_of_the_network_that_was_trained(settings: dict) -> None:
    one = MLPClassifier(**COMMON | settings).fit(X, Y)
    data = one._rows(X, one._binary(Y), None)
    with lending.borrowed(one._structure(one._activations(), data, None, len(X))) as lent:
        solving.load(one, lent)
        outputs = lent.model(Tensor(X.astype(np.float32)), training=False)
        np.testing.assert_allclose(lent.model.head.predictions(outputs).numpy(), one.predict_proba(X), atol=1e-5)


def test_regressions_take_any_loss_and_output() -> None:
    amounts = np.exp(X[:, 0])
    common = COMMON | {"max_iter": 200}
    for settings in (
        {"loss": "huber"},
        {"loss": "mae", "output_activation": "softplus"},
        {"loss": lambda y, p: abs(y - p)},
        {"loss": losses.Quantile(0.5), "batch_norm": True},
    ):
        assert MLPRegressor(**common | settings).fit(X, amounts).score(X, amounts) > 0.8
    assert (MLPRegressor(**common, output_activation="softplus").fit(X, amounts).predict(X) >= 0).all()
    with pytest.raises(ValueError, match="y of 0 or more"):
        MLPRegressor("poisson").fit(X, -amounts)


def test_weights_of_classes_are_weights_of_rows() -> None:
    by_class = MLPClassifier(**COMMON, class_weight={0: 5.0, 1: 0.5}).fit(X, Y)
    by_row = MLPClassifier(**COMMON).fit(X, Y, sample_weight=np.array([5.0, 0.5, 1.0])[Y])
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])


def test_weight_decay_shrinks_weights_and_leaves_biases() -> None:
    """After one step of plain descent, w - w' = rate decay w_0, where w' is what it became without decay."""
    common = {"solver": "sgd", "momentum": 0.0, "max_iter": 1, "random_state": 0, "learning_rate_init": 0.1}
    plain, decayed = (MLPClassifier(**common, weight_decay=decay).fit(X, Y) for decay in (0.0, 0.5))
    first = MLPClassifier(**common | {"learning_rate_init": 1e-12}).fit(X, Y)
    for k in range(2):
        expected = plain.coefs_[k] - 0.1 * 0.5 * first.coefs_[k]
        np.testing.assert_allclose(decayed.coefs_[k], expected, atol=1e-6)
        np.testing.assert_allclose(decayed.intercepts_[k], plain.intercepts_[k], atol=1e-6)


def test_rows_to_validate_on_can_be_given() -> None:
    known, unknown = slice(0, None, 2), slice(1, None, 2)
    one = MLPClassifier(**COMMON, early_stopping=True, n_iter_no_change=4, tol=0.01)
    one.fit(X[known], Y[known], X_val=X[unknown], y_val=Y[unknown])
    assert one.best_validation_score_ == max(one.validation_scores_)
    assert one.score(X[unknown], Y[unknown]) == pytest.approx(one.best_validation_score_)
    by_loss = clone(one).set_params(monitor="loss", max_iter=100, learning_rate_init=0.1, tol=1e-4)
    by_loss.fit(X[known], Y[known], X_val=X[unknown], y_val=Y[unknown])
    assert by_loss.best_validation_score_ == min(by_loss.validation_scores_)
    found = log_loss(Y[unknown], by_loss.predict_proba(X[unknown]).astype(float))
    assert found == pytest.approx(by_loss.best_validation_score_, rel=1e-3)
    watching = MLPClassifier(**COMMON).fit(X[known], Y[known], X_val=X[unknown], y_val=Y[unknown])
    assert len(watching.validation_scores_) == watching.n_iter_
    with pytest.raises(ValueError, match="y_val along with X_val"):
        one.fit(X, Y, X_val=X)


def test_partial_fits_stop_early_too() -> None:
    known, unknown = slice(0, None, 2), slice(1, None, 2)
    one = MLPClassifier(**COMMON | {"learning_rate_init": 0.05}, early_stopping=True, n_iter_no_change=3)
    epochs = 0
    while epochs == 0 or not one.stopped_:
        one.partial_fit(X[known], Y[known], classes=[0, 1, 2], X_val=X[unknown], y_val=Y[unknown])
        epochs += 1
        assert epochs < 200
    assert one.score(X[unknown], Y[unknown]) == pytest.approx(one.best_validation_score_)


def test_the_score_of_labels_is_that_of_whole_rows() -> None:
    x, labels = make_multilabel_classification(n_samples=100, random_state=0)
    one = MLPClassifier(max_iter=5, random_state=0).fit(x, labels, X_val=x, y_val=labels)
    assert one.validation_scores_[-1] == pytest.approx(accuracy_score(labels, one.predict(x)))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_may_hold_texts_and_gaps(frame: type) -> None:
    colors = np.array(["red", "green", "blue"])[Y]
    alcohol = [None if k % 7 == 0 else value for k, value in enumerate(X[:, 0])]
    table = frame({"color": list(colors), "alcohol": alcohol, "ash": list(X[:, 2])})
    one = MLPClassifier(**COMMON | {"max_iter": 100}).fit(table, Y)
    assert one.score(table, Y) == 1.0
    assert list(one.feature_names_in_) == ["color", "alcohol", "ash"]
    assert one.n_features_in_ == 3
    assert "color = red" in one.encoder_.feature_names
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).predict(table), one.predict(table))
    with pytest.raises(ValueError, match="feature names"):
        one.predict(table[["alcohol", "ash"]])
    with pytest.raises(ValueError, match="expected a frame"):
        one.predict(X)
    plain = frame({"alcohol": list(X[:, 0]), "ash": list(X[:, 2])})
    assert not hasattr(MLPClassifier(**COMMON).fit(plain, Y), "encoder_")


def test_several_seeds_are_averaged() -> None:
    one = MLPClassifier(**COMMON, n_estimators=3).fit(X, Y)
    members = [member.predict_proba(X) for member in one.estimators_]
    np.testing.assert_allclose(one.predict_proba(X), np.mean(members, axis=0), rtol=1e-6)
    assert not np.array_equal(members[0], members[1])
    np.testing.assert_array_equal(one.coefs_[0], one.estimators_[0].coefs_[0])
    one.partial_fit(X, Y)
    assert one.t_ == one.estimators_[2].t_


def test_folds_come_with_the_fit() -> None:
    one = MLPClassifier(**COMMON, folds=4).fit(X, Y)
    expected = cross_val_score(MLPClassifier(**COMMON), X, Y, cv=4)
    np.testing.assert_array_equal(one.cv_results_["test_score"], expected)
    assert accuracy_score(Y, one.cv_predictions_) == pytest.approx(expected.mean(), abs=0.02)


def test_hidden_activations_are_features_with_names() -> None:
    one = MLPClassifier(**COMMON).fit(X, Y)
    hidden = one.transform(X)
    np.testing.assert_allclose(hidden, np.maximum(X @ one.coefs_[0] + one.intercepts_[0], 0), rtol=1e-6)
    assert list(one.get_feature_names_out())[:2] == ["mlpclassifier0", "mlpclassifier1"]
    assert hidden.shape == (len(X), len(one.get_feature_names_out()))


class Told(MLPClassifier):
    """Tells how many threads it may use, in place of a score."""

    def score(self, X, y, sample_weight=None):
        return float(config.threads() or 0)


def test_it_works_where_scikit_learn_puts_estimators() -> None:
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**COMMON))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1e3]}, cv=2).fit(X, Y)
    assert search.best_params_ == {"mlpclassifier__alpha": 1e-4}
    calibrated = CalibratedClassifierCV(MLPClassifier(**COMMON), cv=2).fit(X, Y)
    assert calibrated.score(X, Y) > 0.9


def test_workers_of_a_pool_use_the_threads_that_it_gives_them() -> None:
    scores = cross_val_score(Told(**COMMON), X, Y, cv=2, n_jobs=2)
    assert (scores == max(1, cores() // 2)).all()


def test_arguments_of_fit_can_be_routed() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        asked = MLPClassifier(**COMMON, early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(asked)
        pipeline.fit(X, Y, X_val=X[::3], y_val=Y[::3])
    assert len(pipeline[-1].validation_scores_) == pipeline[-1].n_iter_
