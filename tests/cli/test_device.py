"""`ebbflow train --device`: what computes."""

from pathlib import Path

import pytest

from ebbflow import placement


@pytest.fixture
def table(tmp_path: Path) -> str:
    rows = "\n".join(f"{k},{k % 7},{k % 3}" for k in range(60))
    (tmp_path / "table.csv").write_text(f"a,b,y\n{rows}\n")
    return "table.csv"


def test_training_runs_in_the_context_of_the_device(command, table, monkeypatch) -> None:
    class Reached(Exception):
        """The fit has begun."""

    class Gpu:
        name, description = "gpu:0", "Example 9000"

    def begin(model, plan):
        assert placement.chosen() is gpu
        raise Reached

    gpu = Gpu()
    monkeypatch.setattr(placement, "_drivers", lambda: [gpu])
    monkeypatch.setattr("ebbflow.training.fit.runner_for", begin)
    with pytest.raises(Reached):
        command("train", table, "--target", "y", "--device", "gpu", "--quiet")
    assert placement.chosen() is None
    command("train", table, "--target", "y", "--device", "gpu", "--seeds", "2").assert_refused(
        "--seeds 2: expected the device \"cpu\", got 'gpu:0', on which one model is trained at a time"
    )


def test_a_device_that_is_not_there_is_refused(command, table) -> None:
    command("train", table, "--target", "y", "--device", "tpu").assert_refused(
        "device: expected one of cpu ", ", got 'tpu'; a GPU needs pip install 'ebbflow[gpu]'"
    )
