"""The laws that every primitive satisfies, on its own samples; registering a primitive puts it under them."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import ebbflow.operators  # noqa: F401  (gives Tensor its operators and completes the registry)
from ebbflow.autodiff import GradientTape, grad
from ebbflow.compile import Executable
from ebbflow.core.aval import aval_of
from ebbflow.core.graph import evaluate
from ebbflow.core.primitive import Pointwise, Primitive, Sample, registry
from ebbflow.core.tensor import Tensor, Traced, bind, trace

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
STEP = 1e-4  # of central differences: their error is about STEP^2 and 1e-16 / STEP


def samples() -> Iterator[Any]:
    for name, primitive in sorted(registry.items()):
        rng = np.random.default_rng(
            [5, *name.encode()]
        )  # its own, so that a new primitive leaves the others as they are
        for k, sample in enumerate(primitive.samples(rng)):
            yield pytest.param(primitive, sample, id=f"{name}-{k}")


every_sample = pytest.mark.parametrize(("primitive", "sample"), list(samples()))
every_primitive = pytest.mark.parametrize(
    "primitive", [pytest.param(p, id=name) for name, p in sorted(registry.items())]
)


def with_floats(arrays: Sequence[np.ndarray], dtype: str) -> list[np.ndarray]:
    return [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]


def traced(primitive: Primitive, arrays: Sequence[np.ndarray], params: dict[str, Any]) -> Traced:
    avals = [(f"x{k}", aval_of(x)) for k, x in enumerate(arrays)]
    return trace(lambda *xs: bind(primitive, *xs, **params), avals, primitive.name)


def agree(got: Sequence[np.ndarray], wanted: Sequence[np.ndarray], tolerance: float) -> None:
    for x, y in zip(got, wanted, strict=True):
        np.testing.assert_allclose(x, y, tolerance, tolerance, strict=True)


@every_sample
def test_shape_rule_agrees_with_the_meaning(primitive: Primitive, sample: Sample) -> None:
    aval = primitive.shape(*(aval_of(x) for x in sample.inputs), **sample.params)
    assert aval_of(np.asarray(primitive.numpy(*sample.inputs, **sample.params))) == aval


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@every_sample
def test_compiled_agrees_with_the_meaning(primitive: Primitive, sample: Sample, dtype: str) -> None:
    arrays = with_floats(sample.inputs, dtype)
    graph = traced(primitive, arrays, sample.params).graph
    wanted = evaluate(graph, arrays)
    agree(Executable(graph)(*arrays), wanted, TOLERANCE[dtype])
    if graph.inputs and graph.inputs[0].aval.ndim and graph.inputs[0].aval.shape[0] >= 3:
        agree(Executable(graph, graph.inputs[:1])(*arrays), wanted, TOLERANCE[dtype])


@every_primitive
def test_compiled_agrees_around_the_width_of_a_vector(primitive: Primitive) -> None:
    """One element, one short of a vector, a vector, one more: tails are computed like the rest."""
    sample = next(iter(primitive.samples(np.random.default_rng(6))))
    if not isinstance(primitive.lower, Pointwise):
        pytest.skip("its samples have sizes of their own; the random graphs vary them")
    stretched = [np.resize(x, 17) for x in sample.inputs]
    sizes = (1, 15, 16, 17)

    def function(*xs: Tensor) -> list[Tensor]:
        return [bind(primitive, *xs[k :: len(sizes)], **sample.params) for k in range(len(sizes))]

    arrays = [x[:n] for x in stretched for n in sizes]
    graph = trace(function, [(f"x{k}", aval_of(x)) for k, x in enumerate(arrays)]).graph
    agree(Executable(graph)(*arrays), evaluate(graph, arrays), TOLERANCE["float64"])


# derivatives


def differentiable(primitive: Primitive, sample: Sample) -> list[int]:
    """The inputs that have a derivative; skips the test, saying why, where there is none."""
    output = primitive.shape(*(aval_of(x) for x in sample.inputs), **sample.params)
    if not output.is_float:
        pytest.skip(f"its values are {output.dtype}: they have no derivative")
    if output.dtype != "float64" or any(x.dtype == "float32" for x in sample.inputs):
        pytest.skip("float32 is too coarse for finite differences")
    found = [k for k, x in enumerate(sample.inputs) if x.dtype.kind == "f" and primitive.vjp[k] is not None]
    return found or pytest.skip("no input has a derivative, by definition")


class Weighted:
    """f(x) = sum(weights * primitive(x)), a function of the differentiable inputs alone, and its derivatives."""

    def __init__(self, primitive: Primitive, sample: Sample):
        self.primitive, self.sample = primitive, sample
        self.places = differentiable(primitive, sample)
        self.point = [sample.inputs[k] for k in self.places]
        rng = np.random.default_rng(7)
        shape = primitive.shape(*(aval_of(x) for x in sample.inputs), **sample.params).shape
        self.weights = rng.uniform(0.5, 1.5, shape)
        self.direction = [rng.uniform(-1, 1, x.shape) for x in self.point]
        self.again = [rng.uniform(-1, 1, x.shape) for x in self.point]

    def __call__(self, *point: Tensor) -> Tensor:
        inputs = [Tensor(x) for x in self.sample.inputs]
        for k, x in zip(self.places, point, strict=True):
            inputs[k] = x
        return (bind(self.primitive, *inputs, **self.sample.params) * self.weights).sum()

    def slope(self, *point: Tensor) -> Tensor:
        """The directional derivative: sum(gradient * direction)."""
        gradients = grad(self, tuple(range(len(point))))(*point)
        terms = [(g * d).sum() for g, d in zip(gradients, self.direction, strict=True)]
        return sum(terms[1:], terms[0])


def along(function: Any, point: list[np.ndarray], direction: list[np.ndarray]) -> float:
    """(f(x + h d) - f(x - h d)) / 2h"""
    ahead, behind = (
        function(*(Tensor(np.asarray(x + sign * STEP * d)) for x, d in zip(point, direction, strict=True))).numpy()
        for sign in (1, -1)
    )
    return (ahead - behind) / (2 * STEP)


@every_sample
def test_derivative_agrees_with_differences(primitive: Primitive, sample: Sample) -> None:
    f = Weighted(primitive, sample)
    np.testing.assert_allclose(f.slope(*map(Tensor, f.point)).numpy(), along(f, f.point, f.direction), 2e-6, 2e-6)


@every_sample
def test_second_derivative_agrees_with_differences(primitive: Primitive, sample: Sample) -> None:
    """The gradient of the gradient, by differences of the gradient."""
    f = Weighted(primitive, sample)
    second = grad(f.slope, tuple(range(len(f.point))))(*map(Tensor, f.point))
    got = sum((g.numpy() * d).sum() for g, d in zip(second, f.again, strict=True))
    np.testing.assert_allclose(got, along(f.slope, f.point, f.again), 2e-6, 2e-6)


@every_sample
def test_gradient_compiled_agrees_with_gradient_interpreted(primitive: Primitive, sample: Sample) -> None:
    """Value, gradient and second derivative in one graph."""
    f = Weighted(primitive, sample)

    def function(*point: Tensor) -> list[Tensor]:
        with GradientTape() as tape:
            tape.watch(list(point))
            slope = f.slope(*point)
        return [f(*point), slope, *tape.gradient(slope, list(point), unconnected_gradients="zero")]

    wanted = [x.numpy() for x in function(*map(Tensor, f.point))]
    graph = trace(function, [(f"x{k}", aval_of(x)) for k, x in enumerate(f.point)], primitive.name).graph
    agree(Executable(graph)(*f.point), wanted, 1e-11)
    if graph.inputs[0].aval.ndim and graph.inputs[0].aval.shape[0] >= 3:
        agree(Executable(graph, graph.inputs[:1])(*f.point), wanted, 1e-11)
