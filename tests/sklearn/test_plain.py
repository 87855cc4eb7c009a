"""The short ways of plain arguments lead where scikit-learn's long ones do, and what a fit leaves is no other fit's."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_X_y

from ebbflow.sklearn import MLPClassifier, MLPRegressor, classifier, plain
from tests.sklearn.data import wine

pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)
X, Y = wine()
SMALL: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}

TABLES = [
    *(X, X.astype(np.float32), X[:, ::2], np.asfortranarray(X), X.astype(">f8"), X.astype(np.float16), X.astype(int)),
    *(X[:0], X[:, :0], X[0], X[None], X.tolist(), np.ma.masked_array(X), X.astype(object), X.astype(complex)),
    *(np.where(X > 2.0, bad, X) for bad in (np.nan, np.inf, -np.inf, 1e39)),
]
COLUMNS = [
    *(Y, Y.astype(np.uint8), Y > 0, Y.astype(np.float64), Y.astype(np.float16), np.where(Y, Y, np.nan)),
    *(Y[:5], Y[:, None], Y.astype(object), Y.astype(str), Y.tolist(), Y.astype(complex), np.where(Y, np.inf, Y)),
]


@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
@pytest.mark.parametrize("column", COLUMNS, ids=range(len(COLUMNS)))
def test_what_is_plain_passes_the_checks_unchanged(table: Any, column: Any) -> None:
    if plain.is_table(table) and plain.is_column(column, len(table)):
        x, y = check_X_y(table, column, dtype=plain.FLOATS, multi_output=True)
        assert x is table and y is column


def test_whatever_has_to_be_changed_or_refused_is_not_plain() -> None:
    assert [plain.is_table(one) for one in TABLES] == [True] * 4 + [False] * 15
    assert [plain.is_column(one, len(X)) for one in COLUMNS] == [True] * 5 + [False] * 8


@pytest.mark.parametrize("labels", [Y, Y > 0, Y * 0, -Y.astype(np.int8), Y.astype(np.uint16), Y.astype(str), Y / 1.0])
def test_labels_are_coded_as_by_a_label_binarizer(labels: np.ndarray) -> None:
    own, other = classifier._coding_of(labels), LabelBinarizer().fit(labels)
    assert own.classes_.dtype == other.classes_.dtype
    np.testing.assert_equal(vars(own), vars(other))
    np.testing.assert_array_equal(own.transform(labels), other.transform(labels))


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), 2**32 - 1])
def test_a_seed_gives_the_numbers_of_a_new_generator(seed: Any) -> None:
    plain.random_state(1).normal(size=3)  # leaves the second one of a pair
    drawn = plain.random_state(seed)
    np.testing.assert_array_equal(drawn.normal(size=5), np.random.RandomState(seed).normal(size=5))


def test_what_is_no_seed_is_taken_as_scikit_learn_takes_it() -> None:
    own = np.random.RandomState(3)
    assert plain.random_state(own) is own
    assert plain.random_state(None) is np.random.mtrand._rand
    with pytest.raises(ValueError, match="cannot be used to seed"):
        plain.random_state("tomorrow")


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"max_iter": 1}, {"max_iter": 1.0}),
        ({"early_stopping": False}, {"early_stopping": 0}),
        ({"hidden_layer_sizes": (5,)}, {"hidden_layer_sizes": "5"}),
        ({"alpha": 0.0}, {"alpha": -1.0}),
    ],
    ids=str,
)
def test_bad_parameters_are_refused_every_time_also_those_equal_to_good_ones(good: dict, bad: dict) -> None:
    MLPRegressor(**SMALL | good)._validate_params()
    for _ in range(2):
        with pytest.raises(InvalidParameterError):
            MLPRegressor(**SMALL | bad)._validate_params()


def test_parameters_are_known_by_value_and_by_the_class_that_has_them() -> None:
    key = plain.key_of(MLPClassifier, (1, "relu", (3, 4), None))
    assert key == plain.key_of(MLPClassifier, (1, "relu", (3, 4), None))
    others = [(1, "relu", (3, 5), None), (1.0, "relu", (3, 4), None), (1, "relu", (3.0, 4), None)]
    others.append((True, "relu", (3, 4), None))
    assert all(plain.key_of(MLPClassifier, one) != key for one in others)
    assert plain.key_of(MLPRegressor, (1, "relu", (3, 4), None)) != key
    for value in ([3], np.float64(1.0), ([3],), ((3,),), np.random.RandomState(0)):
        assert plain.key_of(MLPClassifier, (value,)) is None


def weights_of(one: Any) -> list[np.ndarray]:
    return [*one.coefs_, *one.intercepts_]


@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
def test_a_fit_does_not_notice_what_was_fitted_before_it(solver: str) -> None:
    one = MLPClassifier(**SMALL, solver=solver)
    expected = weights_of(one.fit(X, Y))
    between = [
        lambda: MLPClassifier(**SMALL | {"max_iter": 40, "alpha": 1.0}, solver=solver, tol=1e-9).fit(X[::-1], Y),
        lambda: MLPClassifier(**SMALL, solver=solver, momentum=0.5, beta_1=0.1).fit(X[:60] * 100, Y[:60] % 2 + Y[-60:]),
        lambda: MLPClassifier(**SMALL, solver=solver, early_stopping=True).fit(X, Y),
        lambda: MLPClassifier(**SMALL, solver=solver, warm_start=True).fit(X, Y).fit(X, Y),
    ]
    for other in between:
        other()
        found = weights_of(MLPClassifier(**SMALL, solver=solver).fit(X, Y))
        assert [array.tobytes() for array in found] == [array.tobytes() for array in expected]
    assert [array.tobytes() for array in weights_of(one)] == [array.tobytes() for array in expected]


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_fit_leaves_the_rows_to_whoever_has_them(solver: str) -> None:
    x = X.copy()
    one = MLPClassifier(**SMALL, solver=solver).fit(x, Y)
    seen = weakref.ref(x)
    del x
    gc.collect()
    assert seen() is None and one.n_iter_ > 0
