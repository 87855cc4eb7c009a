"""What is compared as predictions are predictions of the same network, by every library that is there."""

from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.predict import BARE, LIBRARIES, PREDICT, checked, on_best_threads, reference, rows_of, with_ebbflow

SIZES = (5, 8, 6, 3)


@pytest.mark.parametrize("library", ["ebbflow", "onnxruntime", "sklearn"])  # PyTorch compiles for long: see below
def test_each_way_of_a_library_predicts_what_the_weights_give(library: str) -> None:
    if any(find_spec(name) is None for name in {library, "onnx" if library == "onnxruntime" else library}):
        pytest.skip(f"{library}, the peer, is not installed")
    assert len(checked(library, SIZES, rows=4)) >= 1


def test_pytorch_predicts_what_the_weights_give_eager_and_traced() -> None:
    pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")
    x = rows_of(SIZES, 4)
    ways = {label: call for label, call in LIBRARIES["torch"](SIZES, x).items() if "torch.compile" not in label}
    assert len(ways) >= 2
    for call in ways.values():
        np.testing.assert_allclose(call(), reference(SIZES, x), atol=1e-5)


def test_a_library_that_predicts_something_else_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"wrong": lambda: reference(SIZES, rows_of(SIZES, 2)) + 0.001}
    monkeypatch.setitem(LIBRARIES, "wrong", lambda sizes, x: wrong)
    with pytest.raises(SystemExit, match="wrong differs by 0.001"):
        checked("wrong", SIZES, rows=2)


def test_the_compiled_call_alone_reads_its_row_anew_at_each_call() -> None:
    x = rows_of(SIZES, 1)
    ways = with_ebbflow(SIZES, x)
    x *= 2.0
    np.testing.assert_array_equal(ways[BARE](), ways[PREDICT]())
    np.testing.assert_allclose(ways[BARE](), reference(SIZES, x), atol=1e-5)


def test_of_a_way_on_several_numbers_of_threads_the_fastest_is_shown() -> None:
    measured = {"ours": [1.0], "peer, a way (1 thread)": [3.0, 4.0, 9.0], "peer, a way (2 threads)": [2.0, 5.0, 9.0]}
    assert list(on_best_threads(measured)) == ["ours", "peer, a way (1 thread)"]
