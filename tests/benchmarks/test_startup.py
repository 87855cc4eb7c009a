"""The programs whose waiting is measured do what they are said to do."""

from benchmarks.startup import NEW_SHAPE, XOR, inside, run, targets


def test_the_network_learns_xor_and_would_fail_otherwise(tmp_path) -> None:
    assert "assert" in XOR
    assert run(["-c", XOR], str(tmp_path))[1] == ""
    assert list(tmp_path.iterdir()), "its machine code is kept for the warm process"


def test_the_fit_of_a_new_shape_says_its_seconds_alone(tmp_path) -> None:
    assert 0 < inside(NEW_SHAPE, str(tmp_path))() < 60


def test_targets_are_held_against_medians_and_ratios_within_rounds() -> None:
    names = ("process that learns XOR, ebbflow, warm", "fit of a new shape, trace to running code, cold")
    measured = {name: [0.2, 0.2, 9.0] for name in names}
    measured |= {"fit of a new shape, trace to running code, warm": [0.01], "import numpy": [0.1, 0.2, 0.4]}
    measured |= {"import ebbflow": [0.2, 0.2, 0.4], "from ebbflow import Sequential, layers": [0.2, 0.4, 0.8]}
    notes = targets(measured)
    assert notes[0] == "import ebbflow / import numpy: wanted at most 1.5, measured 1: reached"
    assert "2.00 times import numpy" in notes[1]
    assert [note.rsplit(": ")[-1] for note in notes[2:]] == ["reached", "MISSED", "reached"]
