"""Metrics of several numbers, and metrics that a model holds: logged as arrays, and with the others."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import metrics
from ebbflow.callbacks import CSVLogger, EarlyStopping, LambdaCallback, ReduceLROnPlateau, TensorBoard
from ebbflow.core.errors import ArgumentError
from ebbflow.training.progress import figures
from ebbflow.training.restarts import restarts

rng = np.random.default_rng(5)
X = rng.normal(size=(50, 4)).astype(np.float32)
Y = np.eye(3)[rng.integers(0, 3, 50)]
SEVERAL = {"f1_score": (3,), "confusion_matrix": (3, 3), "precision": (2,)}


def network(run_eagerly: bool, asked: Any = None) -> ebb.Sequential:
    several = [metrics.F1Score(), "accuracy", metrics.ConfusionMatrix(), metrics.Precision([0.2, 0.5])]
    model = ebb.Sequential([ebb.Input((4,)), ebb.layers.Dense(3, "softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=asked or several, run_eagerly=run_eagerly)
    return model


def test_they_are_logged_as_arrays(run_eagerly: bool) -> None:
    model, seen = network(run_eagerly), []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs))
    fit = {"batch_size": 16, "verbose": 0, "validation_data": (X[:20], Y[:20])}
    history = model.fit(X, Y, epochs=2, callbacks=[watch], **fit).history
    expected = model.evaluate(X[:20], Y[:20], 16, verbose=0, return_dict=True)
    chances = model.predict(X[:20], verbose=0)
    for metric in model.metrics[1:]:
        metric.update_state(Y[:20], chances)
        np.testing.assert_allclose(expected[metric.name], metric.result().numpy(), rtol=1e-6)
        np.testing.assert_allclose(history[f"val_{metric.name}"][-1], expected[metric.name], rtol=1e-6)
        assert np.shape(history[metric.name][0]) == np.shape(seen[0][metric.name]) == SEVERAL.get(metric.name, ())
    assert isinstance(history["accuracy"][0], float)
    assert [seen[k]["confusion_matrix"].sum() for k in range(4)] == [16, 32, 48, 50]


def test_every_way_to_measure_gives_them(run_eagerly: bool) -> None:
    model = network(run_eagerly)
    named = model.evaluate(X, Y, 50, verbose=0, return_dict=True)
    for values in (model.evaluate(X, Y, 50, verbose=0), model.test_on_batch(X, Y), model.train_on_batch(X, Y)):
        for name, value in zip(model.metrics_names, values, strict=True):
            np.testing.assert_allclose(value, named[name], rtol=1e-6)


def test_interpreted_and_compiled_fits_log_the_same() -> None:
    histories = []
    for run_eagerly in (True, False):
        ebb.set_random_seed(1)
        histories.append(network(run_eagerly).fit(X, Y, epochs=3, validation_split=0.3, verbose=0).history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-5, err_msg=name)


def test_files_and_lines_hold_every_number(run_eagerly: bool, tmp_path: Path) -> None:
    table, events = CSVLogger(tmp_path / "log.csv"), TensorBoard(tmp_path, write_graph=False)
    model = network(run_eagerly, [metrics.F1Score()])
    (value,) = model.fit(X, Y, verbose=0, callbacks=[table, events]).history["f1_score"]
    (row,) = csv.DictReader((tmp_path / "log.csv").read_text().splitlines())
    assert row["f1_score"] == f'"[{", ".join(map(str, value))}]"', "as Keras writes it"
    (path,) = (tmp_path / "train").iterdir()
    assert all(f"epoch_f1_score_{k}".encode() in path.read_bytes() for k in range(3))
    assert figures({"loss": 0.5, "f1": np.array([0.25, 1 / 3])}) == "loss: 0.5 - f1: [0.25 0.3333]"


class OwnStopping(EarlyStopping):
    """Which the runner does not ask by itself."""


@pytest.mark.parametrize("kind", [EarlyStopping, OwnStopping, ReduceLROnPlateau])
def test_what_watches_one_number_refuses_several(run_eagerly: bool, kind: Any) -> None:
    model = network(run_eagerly)
    with pytest.raises(ArgumentError, match=f"{kind.__name__}: expected monitor to name one number, got 'f1_score'"):
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[kind("f1_score")])


def test_restarts_refuse_to_be_judged_by_several() -> None:
    with pytest.raises(ArgumentError, match="restarts: expected monitor to name one number, got 'f1_score'"):
        restarts(lambda: network(True), 2, X, Y, monitor="f1_score", verbose=0)


def test_others_beside_them_are_watched(run_eagerly: bool) -> None:
    stopping = EarlyStopping("val_accuracy", patience=1, min_delta=2.0, restore_best_weights=True)
    history = network(run_eagerly).fit(X, Y, epochs=9, validation_split=0.3, verbose=0, callbacks=[stopping])
    assert len(history.epoch) == 2 and stopping.best == history.history["val_accuracy"][0]


def test_a_population_has_a_column_for_every_number() -> None:
    population = ebb.Population(lambda hp: network(False, [metrics.F1Score()]), seeds=2)
    population.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0)
    line, model = population.results[0], population.model(0)
    expected = model.evaluate(X, Y, verbose=0, return_dict=True)["f1_score"]
    np.testing.assert_allclose([line[f"val_f1_score[{k}]"] for k in range(3)], expected, rtol=1e-6)


class Figures(metrics.Metric):
    """A metric that brings names of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = self.add_variable(name="rows")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.rows.assign_add(float(y_pred.shape[0]))

    def result(self) -> dict[str, Any]:
        return {"rows": self.rows, "halves": self.rows.value / 2.0}


def test_a_result_may_be_several_by_name(run_eagerly: bool) -> None:
    history = network(run_eagerly, [Figures()]).fit(X, Y, epochs=2, validation_data=(X[:8], Y[:8]), verbose=0).history
    assert history["rows"] == [50, 50] and history["halves"] == [25, 25] and history["val_halves"] == [4, 4]


# metrics that a model holds


class Watched(ebb.Model):
    """A model that keeps figures of its own about what it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.out = ebb.layers.Dense(1)
        self.largest, self.others = metrics.Sum(name="rows"), [metrics.Mean(name="mean_output")]

    def call(self, inputs: Any) -> Any:
        outputs = self.out(inputs)
        self.largest.update_state(float(outputs.shape[0]))
        self.others[0].update_state(outputs)
        return outputs


def test_metrics_that_a_model_holds_are_logged_and_begin_anew(run_eagerly: bool) -> None:
    model = Watched()
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=run_eagerly)
    history = model.fit(X, Y[:, :1], epochs=2, validation_data=(X[:20], Y[:20, :1]), verbose=0).history
    assert model.metrics_names == ["loss", "mae", "rows", "mean_output"]
    assert history["rows"] == [50, 50] and history["val_rows"] == [20, 20]
    model.others.append(metrics.Mean(name="later"))
    assert model.metrics_names[-1] == "later"
    measured = model.evaluate(X[:20], Y[:20, :1], verbose=0, return_dict=True)
    outputs = model.out(X[:20]).numpy()
    np.testing.assert_allclose(measured["mean_output"], outputs.mean(), rtol=1e-5)
    np.testing.assert_allclose(history["val_mean_output"][-1], outputs.mean(), rtol=1e-5)
