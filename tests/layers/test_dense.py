"""Dense with everything that can be said about its weights."""

import inspect
import json

import numpy as np
import pytest

from ebbflow import constraints, initializers, layers, regularizers
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError
from ebbflow.core.tensor import trace

X = np.random.default_rng(1).normal(size=(5, 3))

EVERYTHING = {
    "units": 4,
    "activation": "tanh",
    "use_bias": True,
    "kernel_initializer": initializers.Orthogonal(gain=2.0, seed=1),
    "bias_initializer": "ones",
    "kernel_regularizer": regularizers.L1L2(0.1, 0.2),
    "bias_regularizer": "l2",
    "activity_regularizer": regularizers.OrthogonalRegularizer(0.3, mode="columns"),
    "kernel_constraint": constraints.MinMaxNorm(0.5, 1.5, rate=0.5, axis=1),
    "bias_constraint": "non_neg",
    "name": "everything",
    "dtype": "float64",
    "trainable": True,
}


def test_the_arguments_stand_in_the_order_of_keras() -> None:
    positional = [*inspect.signature(layers.Dense).parameters][:10]
    assert positional == [*EVERYTHING][:10]
    assert layers.Dense(*[*EVERYTHING.values()][:10]).get_config() | {"name": ""} == layers.Dense(
        **{key: EVERYTHING[key] for key in positional}
    ).get_config() | {"name": ""}


def test_every_argument_survives_a_file() -> None:
    dense = layers.Dense(**EVERYTHING)
    config = json.loads(json.dumps(layers.serialize(dense)))
    assert config["config"].keys() == EVERYTHING.keys()
    again = layers.deserialize(config)
    assert layers.serialize(again) == config
    np.testing.assert_array_equal(again(X).numpy(), dense(X).numpy())
    np.testing.assert_array_equal([float(one) for one in again.losses], [float(one) for one in dense.losses])


def test_weights_carry_their_rules() -> None:
    dense = layers.Dense(**EVERYTHING)
    dense(X)
    assert dense.kernel.regularizer is dense.kernel_regularizer and dense.kernel.constraint is dense.kernel_constraint
    assert dense.bias.regularizer is dense.bias_regularizer and dense.bias.constraint is dense.bias_constraint
    assert [h.name for h in dense.hyperparameters] == [
        "orthogonalregularizer/factor",
        "l1l2/l1",
        "l1l2/l2",
        "l2/l2",
        "minmaxnorm/min_value",
        "minmaxnorm/max_value",
        "minmaxnorm/rate",
    ]


def test_the_penalties_are_those_of_kernel_bias_and_outputs() -> None:
    dense = layers.Dense(2, kernel_regularizer="l1", bias_regularizer="l2", activity_regularizer="l2", dtype="float64")
    y = dense(X).numpy()
    dense.bias.assign([3.0, 4.0])
    expected = [0.01 * (y**2).sum() / 5, 0.01 * np.abs(dense.kernel.numpy()).sum(), 0.01 * 25]
    np.testing.assert_allclose([float(loss) for loss in dense.losses], expected, rtol=1e-12)


def test_what_is_not_used_leaves_no_trace() -> None:
    plain = layers.Dense(4)
    plain(X)
    traced = trace(lambda x: [plain(x), *plain.losses], [("x", Aval(X.shape, np.dtype("float32")))])
    assert traced.results == 1 and traced.variables == plain.weights and plain.hyperparameters == []
    assert "activity_regularizer" not in plain.get_config() and plain.get_config()["kernel_regularizer"] is None


def test_an_initializer_of_none_is_the_default() -> None:
    dense = layers.Dense(4, kernel_initializer=None)
    dense(X)
    assert 0 < np.abs(dense.kernel.numpy()).max() <= np.sqrt(6 / 7)
    assert layers.Dense.from_config(dense.get_config()).kernel_initializer is None


@pytest.mark.parametrize("argument", [name for name in EVERYTHING if name.endswith(("izer", "constraint"))])
def test_bad_names_are_named(argument: str) -> None:
    with pytest.raises(ArgumentError, match=r"(initializers|regularizers|constraints).get: expected .* got 'odd'"):
        layers.Dense(2, **{argument: "odd"})


def test_an_activation_can_be_taken_away() -> None:
    dense = layers.Dense(4, activation="tanh")
    before = dense(X).numpy()
    dense.activation = None
    np.testing.assert_allclose(np.tanh(dense(X).numpy()), before, rtol=1e-6)
    assert dense.compute_output_shape((None, 3)) == (None, 4)
