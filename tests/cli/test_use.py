"""Using a trained model: `ebbflow predict` and `ebbflow evaluate`."""

import io
import json
from pathlib import Path

import numpy as np
import polars
import pytest

from tests.cli.conftest import Trained, ring_table


@pytest.fixture
def new_table(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    path.write_text(ring_table(50, seed=9))
    return path


def test_predictions_are_numbered_rows_in_order(command, regressor: Trained, new_table: Path) -> None:
    outcome = command("predict", regressor.folder, new_table)
    predictions, truth = polars.read_csv(io.StringIO(outcome.out)), polars.read_csv(new_table)
    assert predictions.columns == ["row", "prediction"]
    assert predictions["row"].to_list() == list(range(50))
    assert np.corrcoef(predictions["prediction"], truth["radius"])[0, 1] > 0.9


def test_classes_are_predicted_by_name_with_probabilities(command, classifier: Trained, new_table: Path) -> None:
    predictions = polars.read_csv(io.StringIO(command("predict", classifier.folder, new_table, "--proba").out))
    assert predictions.columns == ["row", "prediction", "probability_in", "probability_out"]
    probabilities = predictions.select("probability_in", "probability_out").to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-9)
    likeliest = np.array(["in", "out"])[probabilities.argmax(axis=1)]
    assert predictions["prediction"].to_list() == likeliest.tolist()


def test_a_table_without_the_target_is_enough(command, regressor: Trained, new_table: Path, tmp_path: Path) -> None:
    polars.read_csv(new_table).drop("radius").write_parquet(tmp_path / "features.parquet")
    without = command("predict", regressor.folder, tmp_path / "features.parquet")
    assert without.status == 0, without.err
    assert without.out == command("predict", regressor.folder, new_table).out


@pytest.mark.parametrize(("name", "read"), [("p.csv", polars.read_csv), ("p.parquet", polars.read_parquet)])
def test_out_writes_a_file_by_its_suffix(
    command, classifier: Trained, new_table: Path, tmp_path: Path, name, read
) -> None:
    assert command("predict", classifier.folder, new_table, "--out", name).status == 0
    on_screen = polars.read_csv(io.StringIO(command("predict", classifier.folder, new_table).out))
    assert read(tmp_path / name).equals(on_screen)
    assert {file.name for file in tmp_path.iterdir()} == {"new.csv", name}


def test_the_model_may_be_named_by_its_folder_or_its_file(command, classifier: Trained, new_table: Path) -> None:
    by_folder = command("predict", classifier.folder, new_table)
    assert command("predict", classifier.folder / "model.ebb", new_table) == by_folder


def test_evaluate_prints_what_it_measures_beside_the_baseline(command, classifier: Trained, regressor: Trained) -> None:
    outcome = command("evaluate", classifier.folder, classifier.table)
    assert outcome.status == 0, outcome.err
    assert "side, 240 rows" in outcome.out
    assert "Baseline: always the most frequent class, " in outcome.out
    accuracy, baseline = (float(word) for word in outcome.out.splitlines()[1].split()[1:])
    assert accuracy > 0.9 > baseline
    assert "always the training mean" in command("evaluate", regressor.folder, regressor.table).out


def test_evaluate_agrees_with_the_predictions(command, regressor: Trained, new_table: Path) -> None:
    predicted = polars.read_csv(io.StringIO(command("predict", regressor.folder, new_table).out))["prediction"]
    error = float(np.abs(predicted - polars.read_csv(new_table)["radius"]).mean())
    line = next(line for line in command("evaluate", regressor.folder, new_table).out.splitlines() if "MAE" in line)
    assert float(line.split()[1]) == pytest.approx(error, rel=1e-4)


def test_evaluate_leaves_out_rows_without_a_target(command, regressor: Trained, tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").write_text(ring_table(30) + "0.5,0.5,in,\n")
    outcome = command("evaluate", regressor.folder, "gaps.csv")
    assert outcome.out.startswith("Left out 1 row without a target.\nradius, 30 rows")


def test_the_metrics_file_holds_what_training_printed(classifier: Trained) -> None:
    metrics = json.loads((classifier.folder / "metrics.json").read_text())
    assert metrics["options"]["hidden"] == [16]
    assert metrics["options"]["seed"] == 3
