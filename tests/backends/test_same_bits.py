"""The same bits for every number of threads and for every processor: outputs are divided, sums never."""

import platform

import numpy as np
import pytest

import ebbflow.operators
from ebbflow.autodiff import GradientTape
from ebbflow.backends.cpu.target import Target, host, x86_64_v3
from ebbflow.compile import Program, Step, compile_program, new_table, view
from ebbflow.core.aval import Aval
from ebbflow.core.tensor import Tensor, trace
from ebbflow.core.variable import Variable
from ebbflow.lowering.table import Slot
from ebbflow.ops import elementwise, indexing, random
from ebbflow.runtime.threads import run_on

SAMPLES, FEATURES, HIDDEN, CLASSES, TURNS = 53, 37, 45, 10, 4


class Training:
    """Two dense layers with dropout and softmax, trained by Adam, from the same start every time."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.x = rng.normal(size=(SAMPLES, FEATURES)).astype("float32")
        self.labels = rng.integers(0, CLASSES, SAMPLES).astype("int32")
        shapes = [(FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,)]
        self.weights = [
            Variable(rng.normal(size=s, scale=0.2).astype("float32"), name=f"w{k}") for k, s in enumerate(shapes)
        ]
        self.moments = [
            [Variable(np.zeros(s, "float32"), trainable=False, name=n) for s in shapes] for n in ("mean", "square")
        ]
        self.turn = Variable(np.uint32(0), trainable=False, name="turn")

    def loss(self, x: Tensor, labels: Tensor) -> Tensor:
        w1, b1, w2, b2 = self.weights
        key = [Tensor(np.array([word], "uint32")) for word in (7, 0, 1)]
        state = ebbflow.ops.movement.concatenate([*key, self.turn.value.reshape(1)], 0)
        keep = (random.random_bits(state, (SAMPLES, HIDDEN)) < 2**31).astype("float32")
        hidden = elementwise.relu(x @ w1 + b1) * keep * 2.0
        logits = elementwise.tanh(hidden @ w2 + b2) * 3.0
        shifted = logits - logits.max(axis=1, keepdims=True)
        sums = elementwise.log(elementwise.exp(shifted).sum(axis=1, keepdims=True))
        return -((shifted - sums) * indexing.one_hot(labels, CLASSES, "float32")).sum(axis=1).mean()

    def step(self, x: Tensor, labels: Tensor) -> Tensor:
        with GradientTape() as tape:
            loss = self.loss(x, labels)
        gradients = tape.gradient(loss, self.weights)
        self.turn.assign(self.turn.value + 1)
        time = self.turn.value.astype("float32")
        rate = 0.01 * elementwise.sqrt(1.0 - 0.999**time) / (1.0 - 0.9**time)
        for w, m, v, g in zip(self.weights, *self.moments, gradients, strict=True):
            m.assign(0.9 * m + 0.1 * g)
            v.assign(0.999 * v + 0.001 * g * g)
            w.assign(w - rate * m / (elementwise.sqrt(v.value) + 1e-7))
        return loss

    def program(self, target: Target) -> Program:
        avals = [("x", Aval(self.x.shape, self.x.dtype)), ("labels", Aval(self.labels.shape, self.labels.dtype))]
        step = Step(trace(self.step, avals, "step"), [self.x.dtype, self.labels.dtype])
        return compile_program({"step": step}, self.weights, target=target)

    def trained(self, program: Program, threads: int) -> list[np.ndarray]:
        """Every variable, and the loss, after TURNS steps."""
        arena, table = program.new_arena(), new_table(2)
        for variable, buffer in program.variables.items():
            buffer.layout.pack(variable.numpy(), view(arena, buffer))
        table[Slot.DATA], table[Slot.DATA + 1] = self.x.ctypes.data, self.labels.ctypes.data
        for _ in range(TURNS):
            run_on(threads, program.function("step"), arena.ctypes.data, table.ctypes.data)
        buffers = [*program.variables.values(), program.blueprint.outputs["step"][0]]
        return [buffer.layout.unpack(view(arena, buffer)) for buffer in buffers]


@pytest.fixture(scope="module")
def training() -> Training:
    return Training()


@pytest.fixture(scope="module")
def program(training: Training) -> Program:
    return training.program(host())


def same_bits(some: list[np.ndarray], others: list[np.ndarray]) -> None:
    for x, y in zip(some, others, strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def test_compiled_training_follows_interpreted_training(training: Training, program: Program) -> None:
    """What all the runs below agree on is also right."""
    interpreted = Training()
    for _ in range(TURNS):
        loss = interpreted.step(Tensor(interpreted.x), Tensor(interpreted.labels))
    *variables, last = training.trained(program, 1)
    np.testing.assert_allclose(last, loss.numpy(), rtol=1e-4)
    for got, variable in zip(variables, program.variables, strict=True):
        assert got.any(), f"{variable.name} never changed"
    weights = dict(zip(program.variables, variables, strict=True))
    for w, other in zip(training.weights, interpreted.weights, strict=True):
        np.testing.assert_allclose(weights[w], other.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(training: Training, program: Program, threads: int) -> None:
    same_bits(training.trained(program, threads), training.trained(program, 1))


def test_every_turn_of_the_same_program_gives_the_same_bits(training: Training, program: Program) -> None:
    """Eight threads on fewer cores meet in another order every time."""
    first = training.trained(program, 8)
    for _ in range(5):
        same_bits(training.trained(program, 8), first)


def test_another_processor_gives_the_same_bits(training: Training, program: Program) -> None:
    """Code for AVX2 and code for this machine, which may have wider vectors and larger tiles."""
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("code for x86-64 does not run on this machine")
    flags = host().features.split(",")
    if not {"+avx2", "+fma"} <= set(flags):
        pytest.skip("this processor lacks AVX2 or fused multiply-add")
    same_bits(training.trained(training.program(x86_64_v3()), 1), training.trained(program, 1))
