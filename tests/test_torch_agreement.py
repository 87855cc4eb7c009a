"""Training in PyTorch from the same weights on the same batches gives the same losses, step by step."""

import importlib.util
from dataclasses import replace
from itertools import cycle

import pytest

from benchmarks.agreement import LOSSES, OPTIMIZERS, largest_difference

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch, the peer, is not installed")

RELATIVE_TOLERANCE = 1e-4  # of float32 roundings that 100 steps may amplify; a formula that differs is off by far more


# Each optimizer with one loss, the losses in turn; `python -m benchmarks.agreement` shows all pairs.
@pytest.mark.parametrize(("optimizer", "loss"), list(zip(OPTIMIZERS, cycle(LOSSES), strict=False)))
def test_losses_are_those_of_pytorch_over_a_hundred_steps(optimizer: str, loss: str) -> None:
    assert largest_difference(OPTIMIZERS[optimizer], LOSSES[loss]) < RELATIVE_TOLERANCE


def test_a_wrong_formula_would_be_seen() -> None:
    """The comparison is sharp: forgetting a little faster in RMSprop is far out of tolerance."""
    right = OPTIMIZERS["RMSprop"]
    wrong = replace(right, their_arguments=right.their_arguments | {"alpha": 0.89})
    assert largest_difference(wrong, LOSSES["mean squared error"]) > 10 * RELATIVE_TOLERANCE
