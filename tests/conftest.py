"""What all tests share."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

from ebbflow import config

# Machine code is kept apart from the user's own cache, in one place for all processes of a run.
os.environ.setdefault("EBBFLOW_CACHE", os.path.join(tempfile.gettempdir(), "ebbflow-test-cache"))

# The first example of a test may compile, which no per-example deadline allows for; and a red test must stay red when
# it is run again, so examples are drawn from a fixed seed.
settings.register_profile("ebbflow", deadline=None, derandomize=True)
settings.load_profile("ebbflow")


@pytest.fixture(autouse=True)
def settings_of_the_process() -> Iterator[None]:
    """What a test sets for the whole process ends with it."""
    yield
    config.set_threads(None)
    config.set_floatx("float32")
