"""docs/vocabulary.md: what is there, which names of Keras are not, and why."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import ebbflow as ebb
from ebbflow import layers

from .test_vocabulary import KERAS, MODULES

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def vocabulary() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_vocabulary", DOCS / "vocabulary.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_modules_have(vocabulary: ModuleType) -> None:
    assert vocabulary.PAGE.read_text(encoding="utf-8") == vocabulary.page(), "run python docs/vocabulary.py"
    assert set(vocabulary.COMPARED) == set(MODULES)


def test_every_name_of_keras_is_here_or_has_one_reason_why_not(vocabulary: ModuleType) -> None:
    reasons = {name: vocabulary.reason_for(name) for name in vocabulary.missing()}
    assert not [name for name, reason in reasons.items() if reason is None]
    assert set(reasons.values()) == set(range(len(vocabulary.REASONS))), "a reason for nothing"
    page = vocabulary.PAGE.read_text(encoding="utf-8")
    named = {name for name in KERAS["signatures"] if name.rpartition(".")[0] in vocabulary.COMPARED}
    assert named and all(f"`{name}`" in page or f"`{name.rpartition('.')[2]}`" in page for name in named)


def network() -> ebb.Sequential:
    model = ebb.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (lambda: ebb.Model(layers.Input((2,)), layers.Dense(1)), "subclass Model"),
        (lambda: network().fit(iter([(np.ones((4, 2)), np.ones(4))]), verbose=0), "fit"),
        (lambda: network().fit([[np.nan, 0.0]], [1.0], verbose=0), "got nan at row 0"),
        (lambda: layers.Dense(1, dtype="float16"), "float32"),
        (lambda: ebb.load_model(DOCS / "build.py"), "ebb"),
    ],
    ids=["symbolic tensors", "generators", "NaN", "16 bits", "other files"],
)
def test_what_the_page_says_is_refused_is_refused(refused: Any, told: str) -> None:
    with pytest.raises((ValueError, OSError), match=told):
        refused()
