"""Laws of optimizers: each follows its paper's formula, computed here in NumPy; eager and traced steps agree."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from ebbflow import optimizers
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace
from ebbflow.core.variable import Variable

STEPS, SHAPE = 50, (3, 4)
Formula = Callable[[np.ndarray, np.ndarray, dict[str, np.ndarray], int], np.ndarray]


def sgd(lr: float) -> Formula:
    return lambda w, g, state, t: w - lr * g


def momentum(lr: float, mu: float, nesterov: bool) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["m"] = mu * state.get("m", 0) - lr * g
        return w + (mu * state["m"] - lr * g if nesterov else state["m"])

    return step


def rmsprop(lr: float, rho: float, mu: float, epsilon: float, centered: bool) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["v"] = rho * state.get("v", 0) + (1 - rho) * g**2
        state["a"] = rho * state.get("a", 0) + (1 - rho) * g
        variance = state["v"] - state["a"] ** 2 if centered else state["v"]
        state["m"] = mu * state.get("m", 0) + lr * g / np.sqrt(variance + epsilon)
        return w - state["m"]

    return step


def adam(lr: float, beta_1: float, beta_2: float, epsilon: float) -> Formula:
    """The paper's algorithm 1 with its epsilon scaled, which is the efficient form at the end of section 2."""

    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
        state["v"] = beta_2 * state.get("v", 0) + (1 - beta_2) * g**2
        m, v = state["m"] / (1 - beta_1**t), state["v"] / (1 - beta_2**t)
        return w - lr * m / (np.sqrt(v) + epsilon / np.sqrt(1 - beta_2**t))

    return step


CASES: dict[str, tuple[Callable[[], optimizers.Optimizer], Formula]] = {
    "sgd": (lambda: optimizers.SGD(0.1), sgd(0.1)),
    "momentum": (lambda: optimizers.SGD(0.01, momentum=0.9), momentum(0.01, 0.9, False)),
    "nesterov": (lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True), momentum(0.01, 0.9, True)),
    "rmsprop": (lambda: optimizers.RMSprop(0.01), rmsprop(0.01, 0.9, 0.0, 1e-7, False)),
    "rmsprop with all": (
        lambda: optimizers.RMSprop(0.01, rho=0.8, momentum=0.5, epsilon=1e-4, centered=True),
        rmsprop(0.01, 0.8, 0.5, 1e-4, True),
    ),
    "adam": (lambda: optimizers.Adam(0.01), adam(0.01, 0.9, 0.999, 1e-7)),
    "adam with all": (
        lambda: optimizers.Adam(0.02, beta_1=0.7, beta_2=0.9, epsilon=1e-3),
        adam(0.02, 0.7, 0.9, 1e-3),
    ),
}
case = pytest.mark.parametrize("name", CASES)


def start(dtype: str) -> list[Variable]:
    rng = np.random.default_rng(1)
    return [Variable(rng.normal(size=shape), dtype=dtype, name=f"w{k}") for k, shape in enumerate([SHAPE, (4,)])]


def gradients(weights: list[np.ndarray], step: int) -> list[np.ndarray]:
    """Those of a bowl, with noise of the step."""
    rng = np.random.default_rng(step)
    return [(w * 2 + rng.normal(size=w.shape)).astype(w.dtype) for w in weights]


def trained(optimizer: optimizers.Optimizer, dtype: str, steps: int = STEPS) -> list[np.ndarray]:
    weights = start(dtype)
    for t in range(steps):
        optimizer.apply(gradients([w.numpy() for w in weights], t), weights)
    return [w.numpy() for w in weights]


def test_every_registered_optimizer_has_a_formula_here() -> None:
    public = {name for name in optimizers.__all__ if name[0].isupper()} - {"Optimizer"}
    assert {type(make()).__name__ for make, _ in CASES.values()} == public


@case
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_fifty_steps_follow_the_papers_formula(name: str, dtype: str, tolerance: float) -> None:
    make, formula = CASES[name]
    expected = [w.numpy().astype(float) for w in start(dtype)]
    states: list[dict[str, np.ndarray]] = [{}, {}]
    for t in range(STEPS):
        steps = zip(expected, gradients(expected, t), states, strict=True)
        expected = [formula(w, g, state, t + 1) for w, g, state in steps]
    for actual, wanted in zip(trained(make(), dtype), expected, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance)


@case
def test_traced_steps_equal_eager_steps_bit_for_bit(name: str) -> None:
    make, _ = CASES[name]
    optimizer, weights = make(), start("float32")
    optimizer.build(weights)
    avals = [(f"g{k}", Aval(w.shape, w.dtype)) for k, w in enumerate(weights)]
    traced = trace(lambda *grads: optimizer.apply(grads, weights), avals)
    held = {variable: variable.numpy() for variable in traced.variables}
    for t in range(10):
        grads = gradients([held[w] for w in weights], t)
        held.update(zip(traced.updated, evaluate(traced.graph, [*grads, *held.values()]), strict=True))
    for actual, expected in zip((held[w] for w in weights), trained(make(), "float32", 10), strict=True):
        np.testing.assert_array_equal(actual, expected)
    assert held[optimizer.iterations] == 10 and optimizer.iterations.numpy() == 0


@case
def test_the_hyperparameters_are_inputs_of_the_traced_step(name: str) -> None:
    optimizer, weights = CASES[name][0](), start("float32")
    optimizer.build(weights)
    traced = trace(lambda *grads: optimizer.apply(grads, weights), [("g", Aval(w.shape, w.dtype)) for w in weights])
    read = set(traced.variables)
    unused = {optimizer.momentum} if hasattr(optimizer, "momentum") and not optimizer.momentum.numpy() else set()
    assert set(optimizer.hyperparameters) - unused <= read
    assert all(str(h.aval) == "float64[]" and not h.trainable for h in optimizer.hyperparameters)


@case
def test_the_memory_has_names_and_continues_a_run(name: str) -> None:
    make, _ = CASES[name]
    whole = trained(make(), "float32")
    optimizer, weights = make(), start("float32")
    for t in range(20):
        optimizer.apply(gradients([w.numpy() for w in weights], t), weights)
    later, copies = make(), [Variable(w.numpy(), name=w.name) for w in weights]
    later.build(copies)
    assert [v.name for v in later.variables[1:]] == [v.name for v in optimizer.variables[1:]]
    assert all(v.name.split("/")[0] in ("w0", "w1") for v in later.variables[1:])
    for mine, theirs in zip(later.variables, optimizer.variables, strict=True):
        mine.assign(theirs.numpy())
    for t in range(20, STEPS):
        later.apply(gradients([w.numpy() for w in copies], t), copies)
    for continued, expected in zip(copies, whole, strict=True):
        np.testing.assert_array_equal(continued.numpy(), expected)


@case
def test_configurations_survive_a_file(name: str) -> None:
    optimizer = CASES[name][0]()
    again = optimizers.get(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()


def test_the_defaults_are_keras_defaults() -> None:
    expected = {
        "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
        "rmsprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
        "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    }
    for name, config in expected.items():
        assert optimizers.get(name).get_config() == {"name": name, **config}


def test_the_learning_rate_is_an_attribute_that_can_be_set() -> None:
    optimizer, weights = optimizers.SGD(0.5), [Variable([1.0, 1.0], name="w")]
    optimizer.learning_rate = 0.25
    optimizer.apply([np.float32([1, 2])], weights)
    np.testing.assert_array_equal(weights[0].numpy(), [0.75, 0.5])
    optimizer.learning_rate.assign(1.0)
    optimizer.apply_gradients(zip([np.float32([0.5, 0.5])], weights, strict=True))
    np.testing.assert_array_equal(weights[0].numpy(), [0.25, 0.0])
    assert optimizer.iterations.numpy() == 2


def test_the_learning_rate_has_one_name() -> None:
    optimizer = optimizers.Adam()
    with pytest.raises(ArgumentError, match=r"adam: expected the step size as learning_rate, got lr; .* = 0.1"):
        optimizer.lr = 0.1
    assert not hasattr(optimizer, "lr")


def test_a_subclass_writes_its_formula_alone() -> None:
    class HeavyBall(optimizers.Optimizer):
        slot_names = ("speed",)

        def update_step(self, gradient, variable, learning_rate):
            speed = self.slot(variable, "speed")
            speed.assign(0.9 * speed - learning_rate * gradient)
            variable.assign_add(speed)

    for actual, expected in zip(
        trained(HeavyBall(0.01), "float32"), trained(optimizers.SGD(0.01, momentum=0.9), "float32"), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_missing_gradients() -> None:
    optimizer, weights = optimizers.SGD(0.5), start("float32")
    before = [w.numpy().copy() for w in weights]
    with pytest.warns(UserWarning, match="sgd: no gradient for w1; left as they are"):
        optimizer.apply([np.ones(SHAPE, np.float32), None], weights)
    np.testing.assert_allclose(weights[0].numpy(), before[0] - 0.5)
    np.testing.assert_array_equal(weights[1].numpy(), before[1])
    with pytest.raises(ArgumentError, match="expected a gradient for at least one weight, got none for w0, w1"):
        optimizer.apply([None, None], weights)
    with pytest.raises(ArgumentError, match="expected 2 gradients, one per weight, got 1"):
        optimizer.apply([None], weights)


def test_a_momentum_that_comes_too_late_is_refused() -> None:
    optimizer, weights = optimizers.SGD(0.5), start("float32")
    optimizer.build(weights)
    optimizer.momentum = 0.9
    with pytest.raises(ArgumentError, match="momentum was 0 when the optimizer was built"):
        trained(optimizer, "float32", 1)


def test_weights_may_join_later() -> None:
    optimizer, weights = optimizers.Adam(), start("float32")
    optimizer.apply([np.ones(SHAPE, np.float32)], weights[:1])
    remembered = optimizer.variables[1].numpy()
    optimizer.build(weights)
    np.testing.assert_array_equal(optimizer.variables[1].numpy(), remembered)
    assert len(optimizer.variables) == 1 + 4


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: optimizers.SGD(-0.1), r"SGD: expected a number of 0 or more for learning_rate, got -0.1"),
        (lambda: optimizers.SGD("fast"), r"learning_rate, got 'fast'"),
        (lambda: optimizers.SGD(float("nan")), r"learning_rate, got nan"),
        (lambda: optimizers.SGD(momentum=1.0), r"SGD: expected a number from 0 up to, .* 1 for momentum, got 1.0"),
        (lambda: optimizers.Adam(beta_1=1.5), r"Adam: expected .* for beta_1, got 1.5"),
        (lambda: optimizers.get("adamm"), r"or one of sgd, rmsprop, adam, got 'adamm'; did you mean 'adam'\?"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()
