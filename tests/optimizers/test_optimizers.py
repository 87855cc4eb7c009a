"""Laws of optimizers: each follows its paper's formula, computed here in NumPy; eager and traced steps agree."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ebbflow import optimizers
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace
from ebbflow.core.variable import Variable

STEPS, SHAPE = 200, (3, 4)
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


def adagrad(lr: float, start: float, epsilon: float) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["a"] = state.get("a", start) + g**2
        return w - lr * g / np.sqrt(state["a"] + epsilon)

    return step


def adadelta(lr: float, rho: float, epsilon: float) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["a"] = rho * state.get("a", 0) + (1 - rho) * g**2
        change = np.sqrt(state.get("d", 0) + epsilon) / np.sqrt(state["a"] + epsilon) * g
        state["d"] = rho * state.get("d", 0) + (1 - rho) * change**2
        return w - lr * change

    return step


def amsgrad(lr: float, beta_1: float, beta_2: float, epsilon: float) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
        state["v"] = beta_2 * state.get("v", 0) + (1 - beta_2) * g**2
        state["most"] = np.maximum(state.get("most", 0), state["v"])
        rate = lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        return w - rate * state["m"] / (np.sqrt(state["most"]) + epsilon)

    return step


def adamw(decay: float, lr: float, *others: float) -> Formula:
    inner = adam(lr, *others)
    return lambda w, g, state, t: inner(w * (1 - decay * lr), g, state, t)


def adamax(lr: float, beta_1: float, beta_2: float, epsilon: float) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
        state["u"] = np.maximum(beta_2 * state.get("u", 0), abs(g))
        return w - lr / (1 - beta_1**t) * state["m"] / (state["u"] + epsilon)

    return step


def nadam(lr: float, beta_1: float, beta_2: float, epsilon: float) -> Formula:
    """Dozat's algorithm 8 with Keras' schedule of the momentum."""

    def momentum_of(t: int) -> float:
        return beta_1 * (1 - 0.5 * 0.96**t)

    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
        state["v"] = beta_2 * state.get("v", 0) + (1 - beta_2) * g**2
        past = np.prod([momentum_of(k) for k in range(1, t + 1)])
        m = momentum_of(t + 1) * state["m"] / (1 - past * momentum_of(t + 1)) + (1 - momentum_of(t)) * g / (1 - past)
        return w - lr * m / (np.sqrt(state["v"] / (1 - beta_2**t)) + epsilon)

    return step


def lion(lr: float, beta_1: float, beta_2: float) -> Formula:
    def step(w: np.ndarray, g: np.ndarray, state: dict, t: int) -> np.ndarray:
        direction = np.sign(beta_1 * state.get("m", 0) + (1 - beta_1) * g)
        state["m"] = beta_2 * state.get("m", 0) + (1 - beta_2) * g
        return w - lr * direction

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
    "amsgrad": (lambda: optimizers.Adam(0.01, beta_2=0.9, amsgrad=True), amsgrad(0.01, 0.9, 0.9, 1e-7)),
    "adamw": (lambda: optimizers.AdamW(0.01), adamw(0.004, 0.01, 0.9, 0.999, 1e-7)),
    "adamax": (lambda: optimizers.Adamax(0.01, beta_2=0.9), adamax(0.01, 0.9, 0.9, 1e-7)),
    "nadam": (lambda: optimizers.Nadam(0.01, beta_1=0.8), nadam(0.01, 0.8, 0.999, 1e-7)),
    "adagrad": (lambda: optimizers.Adagrad(0.1), adagrad(0.1, 0.1, 1e-7)),
    "adadelta": (lambda: optimizers.Adadelta(1.0, rho=0.9, epsilon=1e-4), adadelta(1.0, 0.9, 1e-4)),
    "lion": (lambda: optimizers.Lion(0.01), lion(0.01, 0.9, 0.99)),
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
    public -= {"LBFGS", "NormalizedSGD"}  # of all weights together: test_lbfgs.py, and below
    assert {type(make()).__name__ for make, _ in CASES.values()} == public


@case
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-4)])
def test_two_hundred_steps_follow_the_papers_formula(name: str, dtype: str, tolerance: float) -> None:
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
    unused = {optimizer.momentum} if not getattr(optimizer, "momentum", 1.0) else set()
    assert set(optimizer.hyperparameters) - unused <= read
    assert all(str(h.aval) == "float64[]" and not h.trainable for h in optimizer.hyperparameters)


@case
def test_the_memory_has_names_and_continues_a_run(name: str) -> None:
    make, _ = CASES[name]
    whole = trained(make(), "float32", 50)
    optimizer, weights = make(), start("float32")
    for t in range(20):
        optimizer.apply(gradients([w.numpy() for w in weights], t), weights)
    later, copies = make(), [Variable(w.numpy(), name=w.name) for w in weights]
    later.build(copies)
    assert [v.name for v in later.variables[1:]] == [v.name for v in optimizer.variables[1:]]
    assert all(v.name.split("/")[0] in ("w0", "w1", "nadam") for v in later.variables[1:])
    for mine, theirs in zip(later.variables, optimizer.variables, strict=True):
        mine.assign(theirs.numpy())
    for t in range(20, 50):
        later.apply(gradients([w.numpy() for w in copies], t), copies)
    for continued, expected in zip(copies, whole, strict=True):
        np.testing.assert_array_equal(continued.numpy(), expected)


@case
def test_configurations_survive_a_file(name: str) -> None:
    optimizer = CASES[name][0]()
    again = optimizers.get(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()


def test_signatures_are_those_of_keras() -> None:
    tail = {
        "weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None, "use_ema": False,
        "ema_momentum": 0.99, "ema_overwrite_frequency": None, "loss_scale_factor": None,
        "gradient_accumulation_steps": None, "name": None,
    }  # fmt: skip
    moments = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
    expected: dict[str, dict[str, Any]] = {
        "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
        "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
        "Adam": {"learning_rate": 0.001, **moments, "amsgrad": False},
        "AdamW": {"learning_rate": 0.001, "weight_decay": 0.004, **moments, "amsgrad": False},
        "Adamax": {"learning_rate": 0.001, **moments},
        "Nadam": {"learning_rate": 0.001, **moments},
        "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
        "Adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
        "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    }
    for name, own in expected.items():
        parameters = list(inspect.signature(getattr(optimizers, name)).parameters.values())
        expected_order = [*own.items(), *((key, value) for key, value in tail.items() if key not in own)]
        assert [(p.name, p.default) for p in parameters] == expected_order
        config = optimizers.get(name).get_config()
        assert config == {**tail, **own, "name": name.lower()}


def test_a_step_of_normalized_gradient_descent_has_one_length() -> None:
    optimizer, weights = optimizers.NormalizedSGD(0.5), start("float64")
    before = [w.numpy() for w in weights]
    grads = gradients(before, 0)
    optimizer.apply(grads, weights)
    norm = np.sqrt(sum((g**2).sum() for g in grads))
    for w, old, g in zip(weights, before, grads, strict=True):
        np.testing.assert_allclose(w.numpy(), old - 0.5 * g / norm, rtol=1e-14)
    still = [w.numpy() for w in weights]
    optimizer.apply([np.zeros_like(g) for g in grads], weights)
    assert all(np.array_equal(w.numpy(), old) for w, old in zip(weights, still, strict=True))


@case
def test_a_convex_bowl_is_descended(name: str) -> None:
    optimizer, w = CASES[name][0](), Variable([1.0, -2.0, 0.5], dtype="float64", name="w")
    scale, losses = np.array([1.0, 3.0, 0.3]), []
    for _ in range(300):
        losses.append(float((scale * w.numpy() ** 2).sum()))
        optimizer.apply([2 * scale * w.numpy()], [w])
    assert losses[-1] < 0.25 * losses[0] and min(losses) <= losses[-1]


@pytest.mark.parametrize("name", ["adagrad", "adamax", "amsgrad", "adadelta"])
def test_pytorch_agrees_where_it_defines_the_same(name: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an extra of the benchmarks")
    theirs: dict[str, Any] = {
        # its epsilon stands outside of the root, and is too small to matter here
        "adagrad": lambda ws: torch.optim.Adagrad(ws, lr=0.1, initial_accumulator_value=0.1, eps=0),
        "adamax": lambda ws: torch.optim.Adamax(ws, lr=0.01, betas=(0.9, 0.9), eps=1e-7),
        "amsgrad": lambda ws: torch.optim.Adam(ws, lr=0.01, betas=(0.9, 0.9), eps=1e-7, amsgrad=True),
        "adadelta": lambda ws: torch.optim.Adadelta(ws, lr=1.0, rho=0.9, eps=1e-4),
    }
    weights = [torch.nn.Parameter(torch.tensor(w.numpy())) for w in start("float64")]
    optimizer = theirs[name](weights)
    for t in range(50):
        for w, g in zip(weights, gradients([w.detach().numpy() for w in weights], t), strict=True):
            w.grad = torch.tensor(g)
        optimizer.step()
    for ours, w in zip(trained(CASES[name][0](), "float64", 50), weights, strict=True):
        np.testing.assert_allclose(ours, w.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["momentum", "nesterov", "ADAMW", "NormalizedSGD"])
def test_names_are_found_whatever_their_case(name: str) -> None:
    assert isinstance(optimizers.get(name), optimizers.Optimizer)
    assert optimizers.get("nesterov").nesterov and float(optimizers.get("momentum").momentum) == 0.9


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
        (
            lambda: optimizers.SGD(-0.1),
            r"SGD: expected a number of 0 or more, or a LearningRateSchedule for learning_rate, got -0.1",
        ),
        (
            lambda: optimizers.AdamW(weight_decay=None),
            "AdamW: expected a number of 0 or more for weight_decay, got None",
        ),
        (lambda: optimizers.Lion(beta_1=0.0), r"Lion: expected .* for beta_1, got 0.0"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1), "initial_accumulator_value, got -1"),
        (lambda: optimizers.SGD("fast"), r"learning_rate, got 'fast'"),
        (lambda: optimizers.SGD(float("nan")), r"learning_rate, got nan"),
        (lambda: optimizers.SGD(momentum=1.0), r"SGD: expected a number from 0 up to, .* 1 for momentum, got 1.0"),
        (lambda: optimizers.Adam(beta_1=1.5), r"Adam: expected .* for beta_1, got 1.5"),
        (lambda: optimizers.get("adamm"), r"or one of sgd, rmsprop, adam, .* got 'adamm'; did you mean 'adam'\?"),
    ],
)
def test_bad_arguments_are_named(make: Callable[[], object], text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        make()


def test_an_optimizer_written_for_keras_runs() -> None:
    class HeavyBall(optimizers.Optimizer):
        def __init__(self, learning_rate=0.01, friction=0.1, name="heavy_ball", **kwargs):
            super().__init__(learning_rate=learning_rate, name=name, **kwargs)
            self.friction = friction

        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.speeds = self.add_optimizer_variables(variables, "speed")
            self.count = self.add_variable((), "zeros", name="count")

        def update_step(self, gradient, variable, learning_rate):
            speed = self.speeds[self._get_variable_index(variable)]
            self.assign(speed, (1.0 - self.friction) * speed - learning_rate * gradient)
            self.assign_add(variable, speed)

    written, built_in = HeavyBall(0.01, global_clipnorm=1.0), optimizers.SGD(0.01, momentum=0.9, global_clipnorm=1.0)
    for actual, expected in zip(trained(written, "float64"), trained(built_in, "float64"), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-9)
    assert [v.name for v in written.variables[1:]] == ["w0/speed", "w1/speed", "heavy_ball/count"]
