"""Several networks of one estimator: other seeds, whose predictions are averaged, and other folds."""

import time
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state

from .crew import together


def fit_members(one: Any, X: Any, y: Any, sample_weight: Any, validation: Any, incremental: bool) -> None:
    """Fit `n_estimators` networks from seeds of their own, side by side; the attributes are those of the first."""
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
        member.set_params(**shared)
    together([partial(member._fit, X, y, sample_weight, validation, incremental) for member in known])
    vars(one).update({name: value for name, value in vars(known[0]).items() if name not in given})
    one.estimators_ = known


def _alone(one: Any) -> Any:
    return clone(one).set_params(n_estimators=1, folds=None)


def fit_folds(one: Any, X: Any, y: Any, sample_weight: Any) -> None:
    """What networks that saw the other folds make of each fold: `cv_results_` and `cv_predictions_`."""
    splits = list(check_cv(one.folds, y, classifier=is_classifier(one)).split(X, y))
    folds = [clone(one).set_params(folds=None) for _ in splits]
    found = together(
        [partial(_fit_fold, fold, X, y, sample_weight, *split) for fold, split in zip(folds, splits, strict=True)]
    )
    first = found[0][1]
    predictions = np.empty((len(np.asarray(y)), *first.shape[1:]), first.dtype)
    for (_, held), (_, predicted) in zip(splits, found, strict=True):
        predictions[held] = predicted
    one.cv_results_ = {name: np.array([results[name] for results, _ in found]) for name in found[0][0]}
    one.cv_predictions_ = predictions


def _fit_fold(fold: Any, X: Any, y: Any, sample_weight: Any, training: Any, held: Any) -> tuple[dict, np.ndarray]:
    """(times and scores, what is predicted for the rows held out) of a network that does not see these."""
    weights = {} if sample_weight is None else {"sample_weight": _safe_indexing(sample_weight, training)}
    known, unknown = (_safe_indexing(X, training), _safe_indexing(y, training)), _safe_indexing(X, held)
    start = time.perf_counter()
    fold.fit(*known, **weights)
    fitted = time.perf_counter()
    score = fold.score(unknown, _safe_indexing(y, held))
    scored = time.perf_counter()
    results = {"fit_time": fitted - start, "score_time": scored - fitted, "test_score": score}
    return results | {"train_score": fold.score(*known)}, fold.predict(unknown)
