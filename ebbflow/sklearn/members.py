"""Several networks of one estimator: other seeds, whose predictions are averaged, and other folds."""

import time
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state


def fit_members(one: Any, X: Any, y: Any, sample_weight: Any, validation: Any, incremental: bool) -> None:
    """Fit `n_estimators` networks from seeds of their own; the attributes are those of the first."""
    known = getattr(one, "estimators_", None) if incremental or one.warm_start else None
    if known is None or len(known) != one.n_estimators:
        seeds = check_random_state(one.random_state).randint(2**31 - 1, size=one.n_estimators)
        known = [_alone(one).set_params(random_state=int(seed)) for seed in seeds]
        if incremental and is_classifier(one):
            for member in known:
                member.classes_, member._label_binarizer = one.classes_, one._label_binarizer
    given = one.get_params(deep=False)
    shared = {name: value for name, value in given.items() if name not in ("random_state", "n_estimators", "folds")}
    for member in known:
        member.set_params(**shared)._fit(X, y, sample_weight, validation, incremental)
    vars(one).update({name: value for name, value in vars(known[0]).items() if name not in given})
    one.estimators_ = known


def _alone(one: Any) -> Any:
    return clone(one).set_params(n_estimators=1, folds=None)


def fit_folds(one: Any, X: Any, y: Any, sample_weight: Any) -> None:
    """What networks that saw the other folds make of each fold: `cv_results_` and `cv_predictions_`."""
    splits = list(check_cv(one.folds, y, classifier=is_classifier(one)).split(X, y))
    results: dict[str, list[float]] = {"fit_time": [], "score_time": [], "test_score": [], "train_score": []}
    predictions: np.ndarray | None = None
    for training, held in splits:
        weights = {} if sample_weight is None else {"sample_weight": _safe_indexing(sample_weight, training)}
        known, unknown = (_safe_indexing(X, training), _safe_indexing(y, training)), _safe_indexing(X, held)
        start = time.perf_counter()
        fold = clone(one).set_params(folds=None).fit(*known, **weights)
        fitted = time.perf_counter()
        results["test_score"].append(fold.score(unknown, _safe_indexing(y, held)))
        results["score_time"].append(time.perf_counter() - fitted)
        results["fit_time"].append(fitted - start)
        results["train_score"].append(fold.score(*known))
        found = fold.predict(unknown)
        if predictions is None:
            predictions = np.empty((len(np.asarray(y)), *found.shape[1:]), found.dtype)
        predictions[held] = found
    one.cv_results_ = {name: np.array(values) for name, values in results.items()}
    one.cv_predictions_ = predictions
