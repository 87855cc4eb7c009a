"""MLPClassifier and MLPRegressor: what scikit-learn's compute, they compute."""

import inspect

import numpy as np
import pytest
import sklearn.neural_network as scikit_learn
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError

from ebbflow.sklearn import MLPClassifier, MLPRegressor, network
from tests.sklearn.data import diabetes, wine

PAIRS = [(MLPClassifier, scikit_learn.MLPClassifier), (MLPRegressor, scikit_learn.MLPRegressor)]
CLASSIFIER = PAIRS[0]
pytestmark = pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)


def data_for(ours: type) -> tuple[np.ndarray, np.ndarray]:
    return wine() if ours is MLPClassifier else diabetes()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["classifier", "regressor"])
def test_parameters_have_the_same_names_order_and_defaults(ours: type, theirs: type) -> None:
    own = inspect.signature(ours.__init__).parameters
    for place, (name, parameter) in enumerate(inspect.signature(theirs.__init__).parameters.items()):
        assert own[name].default == parameter.default
        assert own[name].kind == parameter.kind
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            assert list(own)[place] == name


# Steps of all rows, so that their order does not matter: then all numbers agree.
SETTINGS = [
    {},
    {"early_stopping": True, "learning_rate_init": 0.01},
    {"solver": "sgd", "learning_rate_init": 0.05, "activation": "tanh"},
    {"solver": "sgd", "learning_rate_init": 0.05, "nesterovs_momentum": False, "early_stopping": True, "tol": 1e-3},
    {"solver": "sgd", "learning_rate_init": 0.2, "learning_rate": "adaptive", "tol": 1e-2, "max_iter": 150},
    {"solver": "sgd", "learning_rate_init": 0.5, "learning_rate": "invscaling", "power_t": 0.3, "max_iter": 20},
    {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0, "activation": "logistic", "hidden_layer_sizes": 5},
    {"hidden_layer_sizes": (7, 5), "alpha": 0.5, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4, "max_iter": 50},
    {"batch_size": 50, "shuffle": False, "max_iter": 10},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["classifier", "regressor"])
def test_the_same_seed_gives_what_scikit_learn_gives(ours: type, theirs: type, settings: dict) -> None:
    x, y = data_for(ours)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(x))
    common = {"batch_size": len(x), "max_iter": 60, "random_state": 3} | settings
    if settings.get("early_stopping"):
        common["batch_size"] = int(0.9 * len(x))
    one, other = (kind(**common).fit(x, y, sample_weight=weights) for kind in (ours, theirs))

    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(one, name) == getattr(other, name)
    if one.solver == "sgd":
        assert one._optimizer.learning_rate == pytest.approx(other._optimizer.learning_rate)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=2e-4)
    for name in ("coefs_", "intercepts_"):
        for mine, own in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(mine, own, rtol=1e-2, atol=1e-3)
    if one.early_stopping:
        np.testing.assert_allclose(one.validation_scores_, other.validation_scores_, atol=1e-4)
        assert one.best_loss_ is None
        assert one.best_validation_score_ == pytest.approx(other.best_validation_score_, abs=1e-4)
    else:
        assert one.best_loss_ == pytest.approx(other.best_loss_, rel=2e-4)
        assert one.validation_scores_ is None
    missing = {name for name in vars(other) if name.endswith("_") and not name.startswith("_")} - set(vars(one))
    assert not missing


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["classifier", "regressor"])
def test_lbfgs_finds_a_minimum_as_low(ours: type, theirs: type) -> None:
    x, y = data_for(ours)
    common = {"solver": "lbfgs", "alpha": 1.0, "hidden_layer_sizes": 4, "activation": "tanh", "random_state": 0}
    one, other = (kind(**common, max_iter=500, tol=1e-6).fit(x, y) for kind in (ours, theirs))
    assert one.loss_ < 1.05 * other.loss_
    assert one.stopped_


@pytest.mark.parametrize("limit", ["max_iter", "max_fun"])
def test_lbfgs_keeps_to_its_limits(limit: str) -> None:
    x, y = diabetes()
    with pytest.warns(ConvergenceWarning, match="ITERATIONS" if limit == "max_iter" else "FUNCTION EVALUATIONS"):
        one = MLPRegressor(solver="lbfgs", random_state=0, **{limit: 5}).fit(x, y)
    assert one.n_iter_ <= 5


@pytest.mark.parametrize("targets", [1, 3])
def test_the_value_of_a_squared_error_is_the_mean_over_outputs(targets: int) -> None:
    x, y = diabetes()
    y = np.stack([y * (k + 1) for k in range(targets)], axis=1)
    common = {"batch_size": len(x), "max_iter": 5, "random_state": 0, "solver": "sgd"}
    one, other = (kind(**common).fit(x, y) for kind in PAIRS[1])
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(one.predict(x), other.predict(x), atol=1e-4)


def test_labels_and_counts_are_learned_as_scikit_learn_learns_them() -> None:
    x, labels = make_multilabel_classification(n_samples=80, random_state=0)
    counts = np.random.default_rng(0).poisson(3.0, len(x))
    common = {"max_iter": 20, "random_state": 0}
    one, other = (kind(**common).fit(x, labels) for kind in CLASSIFIER)
    np.testing.assert_allclose(one.predict_proba(x), other.predict_proba(x), atol=1e-4)
    one, other = (kind("poisson", **common).fit(x / 50, counts) for kind in PAIRS[1])
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(one.predict(x / 50), other.predict(x / 50), rtol=1e-3)


def test_warm_starts_go_on() -> None:
    x, y = wine()
    one, other = (kind(warm_start=True, max_iter=7, random_state=0) for kind in CLASSIFIER)
    for _ in range(3):
        one.fit(x, y)
        other.fit(x, y)
    assert len(one.loss_curve_) == 21
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("settings", [{}, {"solver": "sgd", "dropout": 0.3, "batch_norm": True}], ids=str)
def test_epochs_by_partial_fit_are_a_fit_bit_for_bit(settings: dict) -> None:
    x, y = wine()
    common = {"batch_size": 40, "random_state": 0, "tol": 0.0} | settings
    whole = MLPClassifier(max_iter=5, **common).fit(x, y)
    parts = MLPClassifier(**common)
    for _ in range(5):
        parts.partial_fit(x, y, classes=[0, 1, 2])
    assert parts.t_ == whole.t_
    for one, other in zip(parts.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("dropout", 1.0, r"must be a float in the range \[0.0, 1.0\). Got 1.0 instead"),
        ("alpha", -1.0, r"must be a float in the range \[0.0, inf\). Got -1.0 instead"),
        ("weight_decay", "x", r"must be a float in the range \[0.0, inf\). Got 'x' instead"),
        ("solver", "newton", "must be a str among"),
        ("activation", "rule", "must be a str among"),
        ("batch_norm", "yes", "must be an instance of 'bool'"),
        ("n_estimators", 0, r"must be an int in the range \[1, inf\)"),
        ("class_weight", "even", "must be an instance of 'dict', a str among {'balanced'} or None"),
        ("output_activation", "tanh", "must be a str among"),
        ("loss", 3, "must be a str among"),
    ],
)
def test_a_bad_parameter_is_told_in_scikit_learns_words(parameter: str, value: object, message: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"The '{parameter}' parameter of MLPClassifier {message}"):
        MLPClassifier(**{parameter: value}).fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": ["relu", "tanh"]}, "one activation for each of the 1 hidden layers"),
        ({"activation": ["rellu"]}, "did you mean 'relu'"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0"),
        ({"solver": "lbfgs", "dropout": 0.5}, "use solver='adam'"),
        ({"monitor": "acuracy", "early_stopping": True}, "did you mean"),
    ],
    ids=str,
)
def test_parameters_that_do_not_fit_each_other_are_told(settings: dict, message: str) -> None:
    x, y = wine()
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**settings).fit(x, y)


def test_divergence_is_told_plainly() -> None:
    x, y = diabetes()
    wild = MLPRegressor(solver="sgd", activation="identity", learning_rate_init=10.0, random_state=0)
    with pytest.raises(ValueError, match="NaN or infinite in iteration .*smaller learning_rate_init"):
        wild.fit(x, y)
    with pytest.warns(ConvergenceWarning, match="weights are those of the best epoch"):
        wild.set_params(early_stopping=True).fit(x, y)
    assert np.isnan(wild.validation_scores_[-1])
    assert np.isfinite(wild.predict(x)).all()


def test_an_interrupted_fit_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = wine()
    train, calls = network.Network.train, []

    def interrupted(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(self, *args, **kwargs)

    monkeypatch.setattr(network.Network, "train", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user"):
        one = MLPClassifier(random_state=0).fit(x, y)
    assert 0 < one.n_iter_ == len(one.loss_curve_) < 200
    assert one.score(x, y) > 0.3


def test_float32_is_read_where_it_lies_and_gives_float32() -> None:
    x, y = wine()
    x = x.astype(np.float32)
    one = MLPClassifier(max_iter=5, random_state=0).fit(x, y)
    assert np.shares_memory(one._read(x, y, False)[0], x)
    assert {array.dtype for array in [*one.coefs_, *one.intercepts_, one.predict_proba(x)]} == {np.dtype("float32")}


def test_numbers_that_are_no_code_compile_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = wine()
    made: list[network.Network] = []
    init = network.Network.__init__
    monkeypatch.setattr(network.Network, "__init__", lambda self, *given: (made.append(self), init(self, *given))[1])
    settings = [
        {"alpha": 1.0},
        {"learning_rate_init": 0.1},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        {"dropout": 0.2},
        {"weight_decay": 0.1},
        {"random_state": 5, "tol": 1.0, "n_iter_no_change": 2},
    ]
    scores = set()
    for one in settings:
        common = {"hidden_layer_sizes": (6,), "max_iter": 3, "dropout": 0.1, "weight_decay": 0.01, "random_state": 0}
        fitted = MLPClassifier(**common | one).fit(x, y)
        scores.add(fitted.loss_)
    assert len(made) <= 1
    assert len(made[0].model.programs.known) == 1 if made else True
    assert len(scores) == len(settings)
