"""Programs go on from one population to the next: they spare the compiling, and are never those of another kind."""

import gc
import weakref
from threading import Lock, Thread
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow.callbacks import EarlyStopping
from ebbflow.core.errors import ArgumentError
from ebbflow.population import Population
from ebbflow.training.population import kept
from ebbflow.training.population.roster import Roster
from tests.training.conftest import same_bits
from tests.training.population.models import X, Y, build

FIT: dict[str, Any] = {"batch_size": 20, "epochs": 3, "folds": 2, "verbose": 0}


def model_of(hp: Any) -> Any:
    """A regression, of which everything may be another."""
    model = ebb.Sequential([ebb.layers.Dense(hp.get("width", 5), activation="tanh"), ebb.layers.Dense(1)])
    metrics = [ebb.metrics.MeanAbsoluteError(name=hp.get("name", "mae"))]
    model.compile(hp.get("optimizer", "adam"), hp.get("loss", "mse"), metrics=metrics, **hp.get("options", {}))
    return model


def fitted(member: dict[str, Any], **fit: Any) -> Population:
    given = {"x": X, "y": X[:, :1] * X[:, 1:2], "batch_size": 20, "epochs": 2, "verbose": 0} | fit
    return Population(model_of, members=[member], seeds=2).fit(**given)


def same(one: Population, other: Population) -> bool:
    """Whether two populations logged the same, and ended with the same bits."""
    return all(
        one.history(number) == other.history(number) and same_bits(one.weights(number), other.weights(number))
        for number in range(2)
    )


HELD = X[:30], X[:30, :1]
DOUBLE = X.astype(np.float64), (X[:, :1] * X[:, 1:2]).astype(np.float64)

# what may be new in the second population: (its settings, its arguments of fit)
KIND: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "width": ({"width": 6}, {}),
    "optimizer": ({"optimizer": "sgd"}, {}),
    "loss": ({"loss": "mae"}, {}),
    "weight of the loss": ({"options": {"loss_weights": 2.0}}, {}),
    "more metrics": ({"options": {"weighted_metrics": ["mse"]}}, {"sample_weight": np.linspace(0, 2, 103)}),
    "names of metrics": ({"name": "distance"}, {}),
    "weights of rows": ({}, {"sample_weight": np.linspace(0, 2, 103)}),
    "types of rows": ({}, dict(zip("xy", DOUBLE, strict=True))),
    "whole targets": ({}, {"y": Y[:, None]}),
    "features": ({}, {"x": X[:, :3]}),
    "rows of a step": ({}, {"batch_size": 10}),
    "rows of the last step": ({}, {"x": X[:101], "y": X[:101, :1]}),
    "validation": ({}, {"validation_split": 0.2}),
    "rows held out": ({}, {"validation_data": HELD}),
    "types of rows held out": ({}, {"validation_data": tuple(one.astype(np.float64) for one in HELD)}),
}
NUMBERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "rate": ({"optimizer": ebb.optimizers.Adam}, {}),
    "epochs": ({}, {"epochs": 4}),
    "order": ({}, {"shuffle": False}),
    "rows": ({}, {"x": X[:83], "y": X[:83, 2:3]}),
    "stopping": ({}, {"early_stopping": EarlyStopping("loss", patience=1, restore_best_weights=True)}),
    "stopping otherwise": ({}, {"early_stopping": EarlyStopping("mae", mode="max", patience=0)}),
}


@pytest.mark.parametrize("new", [*KIND, *NUMBERS])
def test_only_another_kind_is_compiled_anew(new: str, compiled: list[Any]) -> None:
    setting, fit = (KIND | NUMBERS)[new]
    alone = fitted(setting, **fit)
    kept.forget()
    fitted({})
    compiled.clear()
    assert same(fitted(setting, **fit), alone) and len(compiled) == (new in KIND)


def test_two_default_types_are_two_kinds(compiled: list[Any]) -> None:
    fitted({})
    ebb.config.set_floatx("float64")
    wide = fitted({})
    assert wide.weights(0)[0].dtype == np.float64 and len(compiled) == 2


def test_a_richer_model_is_compiled_once_for_all_its_folds(compiled: list[Any]) -> None:
    for rates in ([0.01, 0.02], [0.03]):
        Population(build, grid={"rate": rates, "dropout": rates}, seeds=2).fit(X, Y, **FIT)
    assert len(compiled) == 2, "one for 51 rows, one for 52"


def test_early_stopping_is_each_populations_own() -> None:
    fitted({}, early_stopping=EarlyStopping("mae", patience=3))
    with pytest.raises(ArgumentError, match="expected monitor to be one of loss, mae, got 'val_mae'"):
        fitted({}, early_stopping=EarlyStopping("val_mae"))
    stopped = fitted({}, epochs=9, early_stopping=EarlyStopping("mae", mode="max", patience=1, min_delta=1.0))
    assert stopped.results["status"] == ["stopped early"] * 2 and stopped.results["epochs"] == [2, 2]


# what is a user's may be different the next time


factor = 1.0


def scaled(y_true: Any, y_pred: Any) -> Any:
    """A loss that reads a global."""
    return factor * ebb.losses.mean_squared_error(y_true, y_pred)


class Scaled(ebb.losses.Loss):
    """The same as a class."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return scaled(y_true, y_pred)


@pytest.mark.parametrize(
    "loss", [scaled, lambda true, pred: scaled(true, pred), Scaled], ids=["def", "lambda", "class"]
)
def test_a_global_that_a_loss_reads_may_change(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fitted({"loss": loss})
    monkeypatch.setitem(globals(), "factor", 3.0)
    after = fitted({"loss": loss})
    kept.forget()
    assert not same(after, before) and same(after, fitted({"loss": loss}))


def test_a_layer_of_ones_own_is_compiled_anew(compiled: list[Any]) -> None:
    class Own(ebb.layers.Dense):
        pass

    def with_own(hp: Any) -> Any:
        model = ebb.Sequential([Own(1)])
        model.compile("sgd", "mse")
        return model

    for _ in range(2):
        Population(with_own).fit(X, Y, verbose=0)
    assert len(compiled) == 2


def test_a_method_that_was_put_into_a_layer_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fitted({})
    with monkeypatch.context() as patch:
        patch.setattr(ebb.layers.Dense, "call", lambda self, inputs: 0.1 * (inputs @ self.kernel) + self.bias)
        patched = fitted({})
    assert not same(patched, before) and same(fitted({}), before)


def test_a_layer_that_was_given_no_moments_says_so_also_after_one_that_was() -> None:
    def normalized(hp: Any) -> Any:
        layer = ebb.layers.Normalization()
        if hp.adapts:
            layer.adapt(X)
        model = ebb.Sequential([layer, ebb.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    Population(normalized, members=[{"adapts": True}]).fit(X, Y, verbose=0)
    with pytest.raises(ArgumentError, match="has no moments yet"):
        Population(normalized, members=[{"adapts": False}]).fit(X, Y, verbose=0)


# what is kept


def alive(kind: type) -> int:
    """How many objects of a class there are."""
    gc.collect()
    return sum(issubclass(type(one), kind) for one in gc.get_objects())


def test_what_is_kept_knows_no_model_data_or_variable() -> None:
    x = X.copy()
    rows, before = weakref.ref(x), [alive(kind) for kind in (ebb.Model, ebb.Variable)]
    Population(model_of, seeds=2).fit(x, Y, folds=2, validation_batch_size=7, verbose=0)
    del x
    assert len(kept._kept) == 2, "one for 51 rows, one for 52"
    assert [alive(kind) for kind in (ebb.Model, ebb.Variable)] == before and rows() is None


def test_no_more_are_kept_than_are_said_and_those_used_last(
    compiled: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    for width in (1, 2, 1, 3, 1):
        fitted({"width": width})
    assert len(compiled) == 3 and len(kept._kept) == 2
    fitted({"width": 2})
    assert len(compiled) == 4


def test_several_threads_run_one_program(monkeypatch: pytest.MonkeyPatch, compiled: list[Any]) -> None:
    wanted, model, one_at_a_time, found = fitted({}, epochs=20), Roster.model, Lock(), []

    def built(self: Any, number: int) -> Any:
        with one_at_a_time:  # as seeds are the process's
            return model(self, number)

    monkeypatch.setattr(Roster, "model", built)
    threads = [Thread(target=lambda: found.append(fitted({}, epochs=20))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(same(one, wanted) for one in found)
    assert len(compiled) <= 4, "the first one's, unless a thread looks for it while another has it in its hands"


OWN = [
    (float, "0.5"),
    kept.Same(np.dtype("f4")),
    kept.Same(frozenset({1, "a"})),
    (ebb.layers.Dense, ("units", (int, "3"))),
]
FOREIGN = [
    kept.Same({1}),
    kept.Same(np.frompyfunc(scaled, 2, 1)),
    kept.Same(object()),
    (Scaled, ()),
    scaled.__code__,
    kept.Same(frozenset({Scaled})),
]


@pytest.mark.parametrize("inner", [lambda part: part, lambda part: ("list", (part,))], ids=["itself", "inside"])
def test_what_is_own(inner: Any) -> None:
    assert all(kept.is_own(inner(part)) for part in OWN)
    assert not any(kept.is_own(inner(part)) for part in FOREIGN)


@pytest.mark.parametrize("name", ["relu", "softmax"])
def test_functions_of_the_package_are_own(name: str) -> None:
    assert kept.is_own(getattr(ebb.activations, name).__code__)
