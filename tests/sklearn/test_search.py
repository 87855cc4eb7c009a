"""PopulationSearchCV: what GridSearchCV finds, it finds, with as many fits under way as there are workers."""

import inspect
import pickle
import threading
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.utils import get_tags

from ebbflow import config
from ebbflow.runtime.threads import cores
from ebbflow.sklearn import MLPClassifier, MLPRegressor, PopulationSearchCV, crew, lending
from ebbflow.training.compiled import CompiledRunner
from tests.sklearn.data import diabetes, wine

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)
WORKERS = 3


@pytest.fixture(autouse=True)
def several_workers() -> None:
    """Also where there is one core."""
    config.set_threads(WORKERS)


SMALL = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 0, "learning_rate_init": 0.01}
CLASSIFIER, REGRESSOR = MLPClassifier(**SMALL), MLPRegressor(**SMALL)
SCALED = Pipeline([("scale", StandardScaler()), ("net", CLASSIFIER)])
GRIDS = [
    (CLASSIFIER, {"alpha": [1e-4, 1.0], "learning_rate_init": [1e-3, 0.1]}),
    (CLASSIFIER, {"dropout": [0.1, 0.5], "early_stopping": [True, False]}),
    (CLASSIFIER, {"batch_size": [20, 50], "hidden_layer_sizes": [(4,), (3, 3)]}),
    (CLASSIFIER, [{"solver": ["lbfgs"], "alpha": [0.1, 1.0]}, {"solver": ["sgd"], "momentum": [0.0, 0.9]}]),
    (CLASSIFIER, {"n_estimators": [1, 2], "class_weight": [None, "balanced"]}),
    (REGRESSOR, {"solver": ["sgd"], "learning_rate": ["adaptive"], "tol": [0.5, 1e-4], "n_iter_no_change": [1]}),
    (REGRESSOR, {"batch_norm": [True, False], "random_state": [0, 1]}),
    (SCALED, {"net__alpha": [1e-4, 1.0], "scale": [StandardScaler(), MinMaxScaler(), "passthrough"]}),
    (make_pipeline(StandardScaler(), PCA(), CLASSIFIER), {"pca__n_components": [2, 3], "mlpclassifier__alpha": [0, 1]}),
]


def data_for(estimator: object) -> tuple[np.ndarray, np.ndarray]:
    return wine() if sklearn.base.is_classifier(estimator) else diabetes()


def scores_of(search: GridSearchCV) -> pd.DataFrame:
    """All of cv_results_ but times."""
    table = pd.DataFrame(search.cv_results_)
    return table[[name for name in table if not name.endswith("_time")]].astype({"params": str})


def assert_same(one: GridSearchCV, other: GridSearchCV) -> None:
    assert list(one.cv_results_) == list(other.cv_results_)
    pd.testing.assert_frame_equal(scores_of(one), scores_of(other), check_exact=True)
    for name in ("best_index_", "best_score_", "n_splits_", "multimetric_"):
        assert getattr(one, name, None) == getattr(other, name, None)
    assert str(getattr(one, "best_params_", None)) == str(getattr(other, "best_params_", None))


@pytest.mark.parametrize(("estimator", "grid"), GRIDS, ids=lambda one: str(one)[:60] if isinstance(one, dict) else "")
def test_all_scores_are_those_of_grid_search(estimator, grid) -> None:
    x, y = data_for(estimator)
    mine, theirs = (kind(estimator, grid, cv=2, return_train_score=True) for kind in (PopulationSearchCV, GridSearchCV))
    mine, theirs = mine.fit(x, y), theirs.fit(x, y)
    assert_same(mine, theirs)
    np.testing.assert_array_equal(mine.predict(x), theirs.predict(x))
    assert mine.score(x, y) == theirs.score(x, y)
    assert mine.refit_time_ > 0


class Witness(MLPClassifier):
    """Remembers what it was fitted on."""

    def fit(self, X, y, sample_weight=None):
        self.rows_, self.labels_ = X, y
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize(
    "settings",
    [{}, {"early_stopping": True, "dropout": 0.3}, {"solver": "sgd", "learning_rate": "adaptive"}, {"solver": "lbfgs"}],
    ids=str,
)
def test_every_fit_is_the_fit_of_the_estimator_alone_and_sees_no_row_that_it_is_scored_on(settings: dict) -> None:
    x, y = wine()
    fitted = []

    def scoring(one, held, targets) -> float:
        fitted.append(one)
        assert crew.is_worker()
        assert not (one.rows_[:, np.newaxis] == held).all(axis=2).any()
        assert len(one.rows_) + len(held) == len(x)
        return 0.0

    grid = {"alpha": [1e-4, 10.0], "learning_rate_init": [1e-3, 0.03]}
    witness = Witness(**SMALL | {"max_iter": 30, "tol": 1e-2, "n_iter_no_change": 2} | settings)
    PopulationSearchCV(witness, grid, cv=2, scoring=scoring, refit=False).fit(x, y)
    assert len(fitted) == 8
    for one in fitted:
        alone = clone(one).fit(one.rows_, one.labels_)
        assert alone.loss_ == one.loss_
        assert alone.n_iter_ == one.n_iter_
        for mine, own in zip(one.coefs_ + one.intercepts_, alone.coefs_ + alone.intercepts_, strict=True):
            np.testing.assert_array_equal(mine, own)


ARGUMENTS: dict[str, dict] = {
    "a score by name": {"scoring": "neg_log_loss"},
    "several scores": {"scoring": ["accuracy", "f1_macro"], "refit": "f1_macro"},
    "scores by names of ones own": {"scoring": {"a": "accuracy", "b": "neg_log_loss"}, "refit": False},
    "a rule for the best": {"refit": lambda results: int(np.argmin(results["mean_test_score"]))},
    "a function of scores": {"scoring": lambda one, x, y: {"a": one.score(x, y), "b": len(x)}, "refit": "a"},
    "given folds": {"cv": [(np.arange(100), np.arange(100, 178)), (np.arange(78, 178), np.arange(78))]},
    "one at a time": {"n_jobs": 1, "cv": 2},
    "two at a time": {"n_jobs": 2, "pre_dispatch": "all", "cv": 2},
}


@pytest.mark.parametrize("settings", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_mean_what_they_mean_to_grid_search(settings: dict) -> None:
    x, y = wine()
    order = np.random.default_rng(0).permutation(len(x))
    grid = {"net__alpha": [1e-4, 100.0]}
    mine = PopulationSearchCV(SCALED, grid, **settings).fit(x[order], y[order])
    theirs = GridSearchCV(SCALED, grid, **settings | {"n_jobs": 1}).fit(x[order], y[order])
    assert_same(mine, theirs)
    assert hasattr(mine, "predict") == (settings.get("refit", True) is not False)


def test_weights_and_groups_reach_the_fits_and_the_splitter() -> None:
    x, y = wine()
    groups, weights = np.arange(len(x)) % 7, np.random.default_rng(0).uniform(0.1, 3.0, len(x))
    given = (CLASSIFIER, {"alpha": [1e-4, 1.0]})
    mine, theirs, unweighted = (
        kind(*given, cv=GroupKFold(3)).fit(x, y, groups=groups, **more)
        for kind, more in (
            (PopulationSearchCV, {"sample_weight": weights}),
            (GridSearchCV, {"sample_weight": weights}),
            (PopulationSearchCV, {}),
        )
    )
    assert_same(mine, theirs)
    np.testing.assert_array_equal(mine.predict_proba(x), theirs.predict_proba(x))
    assert not np.array_equal(mine.predict_proba(x), unweighted.predict_proba(x))
    with sklearn.config_context(enable_metadata_routing=True):
        asked = clone(CLASSIFIER).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        mine, theirs = (
            kind(asked, {"alpha": [1e-4, 1.0]}, cv=GroupKFold(3)).fit(x, y, sample_weight=weights, groups=groups)
            for kind in (PopulationSearchCV, GridSearchCV)
        )
    assert_same(mine, theirs)


def test_a_fit_that_fails_scores_as_told_or_ends_the_search() -> None:
    x, y = diabetes()
    wild = {"solver": ["sgd"], "activation": ["identity"], "learning_rate_init": [1e-3, 10.0]}
    with pytest.warns(FitFailedWarning, match="3 fits failed out of a total of 6"):
        search = PopulationSearchCV(REGRESSOR, wild, cv=3, error_score=-9.0).fit(x, y)
    assert list(search.cv_results_["mean_test_score"] == -9.0) == [False, True]
    with pytest.raises(ValueError, match="NaN or infinite in iteration"):
        PopulationSearchCV(REGRESSOR, wild, cv=3, error_score="raise").fit(x, y)
    with pytest.raises(ValueError, match="All the 6 fits failed"):
        PopulationSearchCV(REGRESSOR, wild | {"dropout": [2.0]}, cv=3).fit(x, y)
    assert not lending._lent


def test_its_parameters_are_those_of_grid_search() -> None:
    assert str(inspect.signature(PopulationSearchCV)) == str(inspect.signature(GridSearchCV))
    search = PopulationSearchCV(SCALED, {"net__alpha": [1.0]}, cv=2, scoring="accuracy")
    assert clone(search).get_params()["estimator__net__max_iter"] == 8
    x, y = wine()
    search.fit(x, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).predict(x), search.predict(x))
    assert get_tags(search).transformer_tags is not None
    np.testing.assert_array_equal(search.transform(x), clone(search).fit_transform(x, y))
    assert list(search.classes_) == [0, 1, 2]


def test_a_structure_is_compiled_once_for_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = wine()
    compiled, compile_it = [], CompiledRunner._compile
    monkeypatch.setattr(CompiledRunner, "_compile", lambda self: (compiled.append(1), compile_it(self))[1])
    monkeypatch.setattr(lending, "_idle", [])
    grid = {"alpha": [1e-4, 1e-2, 1.0], "learning_rate_init": [1e-3, 0.1], "dropout": [0.1, 0.2]}
    PopulationSearchCV(CLASSIFIER, grid, cv=KFold(2), refit=False).fit(x, y)
    assert len(compiled) == 1
    assert 1 <= len(lending._idle) <= WORKERS


class Counted(StandardScaler):
    """Counts how often it is fitted, and on what."""

    seen: ClassVar[list] = []

    def fit(self, X, y=None, sample_weight=None):
        self.seen.append((len(X), self.with_mean))
        return super().fit(X, y, sample_weight)


def test_a_step_is_fitted_once_for_all_settings_that_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = wine()
    monkeypatch.setattr(Counted, "seen", [])
    pipeline = make_pipeline(Counted(), FunctionTransformer(lambda x: 2 * x), MLPClassifier(**SMALL))
    grid = {"counted__with_mean": [True, False], "mlpclassifier__alpha": [1e-4, 1e-2, 1.0]}
    mine = PopulationSearchCV(pipeline, grid, cv=KFold(2, shuffle=True, random_state=0)).fit(x, y)
    half, whole = len(x) // 2, len(x)
    assert sorted(Counted.seen[:-1]) == [(half, False)] * 2 + [(half, True)] * 2
    assert Counted.seen[-1][0] == whole
    assert mine.best_estimator_.memory is mine.estimator.memory is None
    assert mine.estimator is pipeline
    assert_same(mine, GridSearchCV(pipeline, grid, cv=mine.cv).fit(x, y))


def test_transformers_that_work_in_place_get_rows_of_their_own() -> None:
    x, y = wine()
    pipeline = make_pipeline(StandardScaler(), MinMaxScaler(copy=False), StandardScaler(copy=False), CLASSIFIER)
    grid = {"mlpclassifier__alpha": [1e-4, 1.0, 100.0]}
    mine, theirs = (kind(pipeline, grid, cv=2).fit(x.copy(), y) for kind in (PopulationSearchCV, GridSearchCV))
    assert_same(mine, theirs)


def test_a_step_that_fails_fails_for_all_settings() -> None:
    x, y = wine()
    pipeline = make_pipeline(PCA(n_components=99), CLASSIFIER)
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        PopulationSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=2).fit(x, y)
    assert pipeline.memory is None


# the crew


def test_tasks_run_side_by_side_and_come_back_in_order() -> None:
    meeting = threading.Barrier(WORKERS, timeout=20)

    def task(number: int) -> tuple:
        meeting.wait()
        return number, crew.is_worker(), crew.workers(), sklearn.get_config()["assume_finite"]

    with sklearn.config_context(assume_finite=True):
        found = crew.together([lambda k=k: task(k) for k in range(2 * WORKERS)])
    assert found == [(k, True, 1, True) for k in range(2 * WORKERS)]
    assert not crew.is_worker()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_when_one_fails_the_others_are_abandoned(error: type[BaseException]) -> None:
    ended = []

    def endless() -> None:
        try:
            while True:
                crew.expect_to_be_needed()
        finally:
            ended.append(1)

    def failing() -> None:
        raise error("oh")

    with pytest.raises(error, match="oh"):
        crew.together([failing, *[endless] * 20])
    assert len(ended) <= WORKERS


def test_no_more_fits_are_under_way_than_there_are_cores_to_use() -> None:
    assert [crew.workers(n) for n in (None, 1, 2, 5)] == [3, 1, 2, 3]
    config.set_threads(None)
    assert crew.workers() == crew.workers(-1) == cores()
    assert crew.workers(-2) == max(1, cores() - 1)
    with parallel_config(backend="threading"):
        assert Parallel(n_jobs=2)(delayed(crew.workers)() for _ in range(2)) == [1, 1]
    with pytest.raises(ValueError, match="n_jobs: expected"):
        PopulationSearchCV(CLASSIFIER, {}, n_jobs=0).fit(*wine())


class Told(PopulationSearchCV):
    """Tells how many fits it may have under way, in place of a score."""

    def score(self, X, y=None, **params):
        return float(crew.workers())


def test_in_a_pool_of_processes_each_search_has_its_share_of_the_cores() -> None:
    config.set_threads(None)
    scores = cross_val_score(Told(CLASSIFIER, {"alpha": [1.0]}, cv=2), *wine(), cv=2, n_jobs=2)
    assert (scores == max(1, cores() // 2)).all()


def test_seeds_and_folds_give_the_same_with_any_number_of_workers() -> None:
    x, y = wine()
    found = []
    for count in (1, WORKERS):
        config.set_threads(count)
        found.append(clone(CLASSIFIER).set_params(n_estimators=3, folds=4).fit(x, y))
    one, other = found
    for mine, own in zip(one.estimators_, other.estimators_, strict=True):
        np.testing.assert_array_equal(mine.coefs_[0], own.coefs_[0])
    for name in ("test_score", "train_score"):
        np.testing.assert_array_equal(one.cv_results_[name], other.cv_results_[name])
    np.testing.assert_array_equal(one.cv_predictions_, other.cv_predictions_)
