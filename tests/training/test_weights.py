"""Weights of samples and classes: what counts twice is like what is there twice, what weighs nothing is not there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError
from tests.training.conftest import same_bits

rng = np.random.default_rng(5)
X = rng.normal(size=(70, 4)).astype(np.float32)
CLASSES = (X @ rng.normal(size=(4, 3))).argmax(axis=1)
AMOUNTS = np.tanh(X @ rng.normal(size=(4, 1))).astype(np.float32)
WEIGHTS = rng.uniform(0, 3, 70)


def classifier(run_eagerly: bool, **compiled: Any) -> ebb.Sequential:
    ebb.set_random_seed(2)
    hidden = [ebb.layers.Dense(6, activation="tanh"), ebb.layers.Dropout(0.1)]
    model = ebb.Sequential([ebb.Input((4,)), *hidden, ebb.layers.Dense(3)])
    loss = ebb.losses.SparseCategoricalCrossentropy(from_logits=True)
    names = {"metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}
    model.compile(**{"optimizer": "adam", "loss": loss, "run_eagerly": run_eagerly, **names, **compiled})
    return model


def regressor(run_eagerly: bool, reduction: str = "sum") -> ebb.Sequential:
    ebb.set_random_seed(2)
    model = ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(6, activation="tanh"), ebb.layers.Dense(1)])
    loss = ebb.losses.MeanSquaredError(reduction=reduction)
    model.compile(ebb.optimizers.SGD(0.01), loss, run_eagerly=run_eagerly)
    return model


@pytest.mark.parametrize("batch_size", [1, 16, 70, 100])
def test_measures_are_those_of_the_formulas(run_eagerly: bool, batch_size: int) -> None:
    """The loss is divided by the number of rows, a weighted metric by the weights; other metrics know no weights."""
    model = classifier(run_eagerly)
    z = model.predict(X, verbose=0).astype(np.float64)
    losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(70), CLASSES]
    right = z.argmax(axis=1) == CLASSES
    measured = model.evaluate(X, CLASSES, batch_size, sample_weight=WEIGHTS, return_dict=True, verbose=0)
    expected = {
        "loss": (WEIGHTS * losses).sum() / 70,
        "accuracy": right.mean(),
        "weighted_accuracy": (WEIGHTS * right).sum() / WEIGHTS.sum(),
    }
    assert measured == pytest.approx(expected, rel=1e-5)
    assert list(measured) == model.metrics_names


@pytest.mark.parametrize("batch_size", [7, 16, 56, 100])
@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
def test_interpreted_and_compiled_training_agree(batch_size: int, shuffle: bool) -> None:
    fit: dict[str, Any] = {"batch_size": batch_size, "shuffle": shuffle, "epochs": 3, "validation_split": 0.2}
    fit |= {"sample_weight": WEIGHTS, "class_weight": {0: 2.0, 2: 0.5}, "verbose": 0}
    models = [classifier(run_eagerly) for run_eagerly in (True, False)]
    expected, history = (model.fit(X, CLASSES, **fit).history for model in models)
    assert list(history) == list(expected)
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=2e-4, atol=1e-5, err_msg=name)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


def test_a_whole_weight_is_as_many_rows(run_eagerly: bool) -> None:
    ebb.config.set_floatx("float64")
    counts = rng.integers(0, 4, 70)
    weighted, repeated = regressor(run_eagerly), regressor(run_eagerly)
    options = {"batch_size": 500, "epochs": 5, "verbose": 0}
    weighted.fit(X, AMOUNTS, sample_weight=counts, **options)
    repeated.fit(X.repeat(counts, axis=0), AMOUNTS.repeat(counts, axis=0), **options)
    for one, other in zip(weighted.get_weights(), repeated.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10)


def test_rows_without_weight_leave_no_trace(run_eagerly: bool) -> None:
    weights = WEIGHTS * (np.arange(70) % 3 > 0)
    other_x, other_y = X.copy(), AMOUNTS.copy()
    other_x[weights == 0], other_y[weights == 0] = 9.0, -7.0
    trained = []
    for x, y in ((X, AMOUNTS), (other_x, other_y)):
        model = regressor(run_eagerly)
        history = model.fit(x, y, sample_weight=weights, batch_size=16, epochs=3, verbose=0).history
        trained.append([*model.get_weights(), np.array(history["loss"])])
    assert same_bits(*trained)


def test_weights_of_one_are_no_weights(run_eagerly: bool) -> None:
    plain, ones = regressor(run_eagerly), regressor(run_eagerly)
    plain.fit(X, AMOUNTS, epochs=3, verbose=0)
    ones.fit(X, AMOUNTS, sample_weight=np.ones((70, 1)), epochs=3, verbose=0)
    assert same_bits(plain.get_weights(), ones.get_weights())


def balanced() -> np.ndarray:
    return compute_class_weight("balanced", classes=np.arange(3), y=CLASSES)


@pytest.mark.parametrize("form", ["numbers", "column", "one-hot", "floats"])
def test_the_weight_of_a_class_is_that_of_its_rows(run_eagerly: bool, form: str) -> None:
    one_hot = ebb.utils.to_categorical(CLASSES)
    y = {"numbers": CLASSES, "column": CLASSES[:, None], "one-hot": one_hot, "floats": CLASSES.astype(float)}[form]

    def trained(**weights: Any) -> list[np.ndarray]:
        model = classifier(run_eagerly)
        if form == "one-hot":
            model.compile("adam", ebb.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=run_eagerly)
        model.fit(X, y, batch_size=20, epochs=2, verbose=0, **weights)
        return model.get_weights()

    by_class = trained(class_weight={1: 3.0, 2: 0.0})
    assert same_bits(by_class, trained(sample_weight=np.array([1.0, 3.0, 0.0])[CLASSES]))
    assert same_bits(trained(class_weight="balanced"), trained(sample_weight=balanced()[CLASSES]))
    both = trained(class_weight="balanced", sample_weight=WEIGHTS)
    assert same_bits(both, trained(sample_weight=balanced()[CLASSES].astype(np.float32) * WEIGHTS))


def test_validation_rows_have_their_own_weights_and_none_of_their_class(run_eagerly: bool) -> None:
    split, given = classifier(run_eagerly), classifier(run_eagerly)
    options = {"class_weight": {0: 5.0}, "epochs": 2, "batch_size": 16, "verbose": 0}
    first = split.fit(X, CLASSES, sample_weight=WEIGHTS, validation_split=0.3, **options)
    held = (X[49:], CLASSES[49:], WEIGHTS[49:])
    second = given.fit(X[:49], CLASSES[:49], sample_weight=WEIGHTS[:49], validation_data=held, **options)
    assert first.history == second.history
    measured = split.evaluate(X[49:], CLASSES[49:], 16, sample_weight=WEIGHTS[49:], verbose=0, return_dict=True)
    assert [first.history[f"val_{name}"][-1] for name in measured] == list(measured.values())


def test_one_part_may_have_weights_and_the_other_not(run_eagerly: bool) -> None:
    halves = [(X[:35], AMOUNTS[:35]), (X[35:], AMOUNTS[35:])]
    for weighted in ({"sample_weight": WEIGHTS[:35]}, {"validation_data": (*halves[1], WEIGHTS[35:])}):
        model = regressor(run_eagerly)
        history = model.fit(*halves[0], verbose=0, **{"validation_data": halves[1]} | weighted).history
        own = {"sample_weight": WEIGHTS[35:]} if "validation_data" in weighted else {}
        assert history["val_loss"] == [model.evaluate(*halves[1], verbose=0, **own)]


def test_early_stopping_sees_the_weighted_validation() -> None:
    results = []
    for run_eagerly in (True, False):
        model = classifier(run_eagerly, optimizer=ebb.optimizers.Adam(0.1))
        stopping = ebb.callbacks.EarlyStopping("val_weighted_accuracy", patience=3, restore_best_weights=True)
        options = {"validation_split": 0.4, "batch_size": 16, "epochs": 40, "verbose": 0, "callbacks": [stopping]}
        history = model.fit(X, CLASSES, sample_weight=WEIGHTS, **options).history
        results.append((len(history["loss"]), stopping.best_epoch, stopping.best))
        restored = model.evaluate(X[42:], CLASSES[42:], sample_weight=WEIGHTS[42:], verbose=0)[-1]
        assert restored == pytest.approx(stopping.best)
    assert results[0] == pytest.approx(results[1])


def test_batches_are_the_steps_of_a_fit(run_eagerly: bool) -> None:
    model, other = classifier(run_eagerly), classifier(run_eagerly)
    options = {"class_weight": {1: 4.0}, "sample_weight": WEIGHTS}
    for rows in (slice(0, 35), slice(35, 70)):
        both = {"class_weight": {1: 4.0}, "sample_weight": WEIGHTS[rows]}
        results = model.train_on_batch(X[rows], CLASSES[rows], **both, return_dict=True)
        assert list(results) == ["loss", "accuracy", "weighted_accuracy"]
    other.fit(X, CLASSES, batch_size=35, shuffle=False, verbose=0, **options)
    assert same_bits(model.get_weights(), other.get_weights())
    measured = model.test_on_batch(X, CLASSES, WEIGHTS)
    assert measured == pytest.approx(model.evaluate(X, CLASSES, 100, sample_weight=WEIGHTS, verbose=0))


def test_training_goes_on_after_loading(run_eagerly: bool, tmp_path: Path) -> None:
    model = classifier(run_eagerly)
    options = {"sample_weight": WEIGHTS, "validation_split": 0.3, "epochs": 2, "verbose": 0}
    model.fit(X, CLASSES, **options)
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb")
    assert model.fit(X, CLASSES, **options).history == loaded.fit(X, CLASSES, **options).history
    assert same_bits(model.get_weights(), loaded.get_weights())


def test_targets_and_weights_may_lie_in_files(run_eagerly: bool, tmp_path: Path) -> None:
    def mapped(name: str, array: np.ndarray) -> np.ndarray:
        np.save(tmp_path / f"{name}.npy", array)
        return np.load(tmp_path / f"{name}.npy", mmap_mode="r")

    model, other = classifier(run_eagerly), classifier(run_eagerly)
    options = {"epochs": 2, "validation_split": 0.2, "verbose": 0}
    model.fit(X, CLASSES, sample_weight=WEIGHTS, **options)
    other.fit(mapped("x", X), mapped("y", CLASSES), sample_weight=mapped("weights", WEIGHTS), **options)
    assert same_bits(model.get_weights(), other.get_weights())
    model.fit(X, CLASSES, class_weight="balanced", **options)
    other.fit(X, mapped("again", CLASSES), class_weight="balanced", **options)
    assert same_bits(model.get_weights(), other.get_weights())
    spoiled = WEIGHTS.copy()
    spoiled[7] = np.nan
    with pytest.raises(ArgumentError, match="fit: expected finite numbers in sample_weight, got nan at row 7"):
        model.fit(X, CLASSES, sample_weight=mapped("spoiled", spoiled), verbose=0)


class OwnStep(ebb.Sequential):
    def train_step(self, x: Any, y: Any) -> Any:
        return super().train_step(x, y)


class OwnTest(ebb.Sequential):
    def test_step(self, x: Any, y: Any) -> Any:
        return super().test_step(x, y)


class OwnLoss(ebb.Sequential):
    def compute_loss(self, x: Any, y: Any, y_pred: Any) -> Any:
        return self.loss(y, y_pred)


class OwnMetrics(ebb.Sequential):
    def update_metrics(self, loss: Any, y: Any, y_pred: Any) -> None:
        super().update_metrics(loss, y, y_pred)


@pytest.mark.parametrize("kind", [OwnStep, OwnTest, OwnLoss, OwnMetrics])
def test_a_method_of_ones_own_must_take_weights_only_if_there_are_some(run_eagerly: bool, kind: Any) -> None:
    model = kind([ebb.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    model.fit(X, AMOUNTS, validation_split=0.5, verbose=0)
    with pytest.raises(ArgumentError, match=r": expected a method of \(self, .*sample_weight=None\).*, got \w+\("):
        model.fit(X, AMOUNTS, sample_weight=WEIGHTS, validation_split=0.5, verbose=0)


def test_a_step_of_ones_own_may_use_the_weights(run_eagerly: bool) -> None:
    class Cubed(ebb.Sequential):
        def train_step(self, x: Any, y: Any, sample_weight: Any = None) -> Any:
            return super().train_step(x, y, sample_weight**3)

    ebb.set_random_seed(2)
    model = Cubed(regressor(run_eagerly).layers)
    model.compile(ebb.optimizers.SGD(0.01), "mse", run_eagerly=run_eagerly)
    plain = regressor(run_eagerly, "sum_over_batch_size")
    model.set_weights(plain.get_weights())
    options = {"shuffle": False, "epochs": 2, "verbose": 0}
    model.fit(X, AMOUNTS, sample_weight=WEIGHTS, **options)
    plain.fit(X, AMOUNTS, sample_weight=WEIGHTS**3, **options)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_every_way_to_reduce_a_loss_knows_weights(run_eagerly: bool, reduction: str) -> None:
    model = regressor(run_eagerly, reduction)
    errors = np.square(model.predict(X, verbose=0) - AMOUNTS)[:, 0].astype(np.float64)
    divisor = {"sum_over_batch_size": 70.0, "sum": 1.0, "mean_with_sample_weight": WEIGHTS.sum()}[reduction]
    measured = model.evaluate(X, AMOUNTS, 70, sample_weight=WEIGHTS, verbose=0)
    assert measured == pytest.approx((WEIGHTS * errors).sum() / divisor, rel=1e-5)
