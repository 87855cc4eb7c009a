"""The public functions mean what NumPy's functions of the same name mean, for anything that becomes a tensor."""

import numpy as np
import pytest

import ebbflow.functions  # noqa: F401  (puts the functions into ebbflow.ops)
from ebbflow import ops
from ebbflow.autodiff import grad
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError, TracedValueError
from ebbflow.core.tensor import Tensor, trace
from ebbflow.core.variable import Variable

X = np.random.default_rng(1).normal(size=(3, 4))
Y = np.random.default_rng(2).uniform(0.5, 2.0, size=(4,))
FLAGS = X > 0

ONE = [
    "abs",
    "square",
    "exp",
    "expm1",
    "sign",
    "floor",
    "ceil",
    "negative",
    "isnan",
    "isfinite",
    "isinf",
    "round",
    "sin",
    "cos",
    "array",
    "tanh",
    "flip",
    "ravel",
]
ONE += ["transpose", "argmax", "argmin", "zeros_like", "ones_like"]
POSITIVE = ["log", "log1p", "sqrt", "reciprocal"]
TWO = ["add", "subtract", "multiply", "divide", "maximum", "minimum", "matmul", "dot"]
TWO += ["floor_divide", "mod", "outer"]
TWO += ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]
FOLDS = ["sum", "prod", "mean", "var", "std", "max", "min"]


def same(actual: Tensor, expected: np.ndarray) -> None:
    assert actual.shape == np.shape(expected)
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_array(name: str) -> None:
    same(getattr(ops, name)(X), getattr(np, name)(X))


@pytest.mark.parametrize("name", POSITIVE)
def test_functions_of_positive_numbers(name: str) -> None:
    same(getattr(ops, name)(Y), getattr(np, name)(Y))


@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_arrays_broadcast(name: str) -> None:
    same(getattr(ops, name)(X, Y), getattr(np, name)(X, Y))


def test_power() -> None:
    same(ops.power(Y, 2.5), Y**2.5)
    same(ops.power(2.0, Y), 2.0**Y)
    same(ops.power(X, 3), X**3)


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic(name: str) -> None:
    other = Y > 1
    same(getattr(ops, name)(FLAGS, other), getattr(np, name)(FLAGS, other))
    same(ops.logical_not(FLAGS), ~FLAGS)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_folds(axis: object, keepdims: bool) -> None:
    for name in FOLDS:
        same(getattr(ops, name)(X, axis, keepdims), getattr(np, name)(X, axis=axis, keepdims=keepdims))
    for name in ("any", "all"):
        same(getattr(ops, name)(FLAGS, axis, keepdims), getattr(np, name)(FLAGS, axis=axis, keepdims=keepdims))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_argmax_along_an_axis(axis: int) -> None:
    same(ops.argmax(X, axis, keepdims=True), np.argmax(X, axis, keepdims=True))
    same(ops.argmin(X, axis), np.argmin(X, axis))


def test_changes_of_shape() -> None:
    same(ops.reshape(X, (2, -1)), X.reshape(2, -1))
    same(ops.transpose(X, (1, 0)), X.T)
    same(ops.swapaxes(X, 0, -1), X.T)
    same(ops.expand_dims(X, (0, -1)), np.expand_dims(X, (0, -1)))
    same(ops.squeeze(X[:, :1]), X[:, 0])
    same(ops.squeeze(X[None, :, :1], -1), X[None, :, 0])
    same(ops.broadcast_to(Y, (3, 4)), np.broadcast_to(Y, (3, 4)))
    same(ops.flip(X, 1), X[:, ::-1])


def test_joining() -> None:
    same(ops.concatenate([X, X], axis=1), np.concatenate([X, X], axis=1))
    for axis in (0, 1, 2, -1):
        same(ops.stack([X, X + 1], axis), np.stack([X, X + 1], axis))


def test_padding() -> None:
    widths = ((1, 0), (2, 3))
    same(ops.pad(X, widths), np.pad(X, widths))
    same(ops.pad(X, 1, constant_values=9.0), np.pad(X, 1, constant_values=9.0))


def test_choosing() -> None:
    same(ops.where(FLAGS, X, 0.0), np.where(FLAGS, X, 0.0))
    same(ops.clip(X, -0.5, 0.5), np.clip(X, -0.5, 0.5))
    positions = np.array([[0, 2], [-1, 1]])
    for axis in (0, 1, -1):
        same(ops.take(X, positions, axis), np.take(X, positions, axis))
    same(ops.take(X, [5, 0]), np.take(X, [5, 0]))


@pytest.mark.parametrize("axis", [None, 0, -1])
def test_running_sums(axis: int | None) -> None:
    same(ops.cumsum(X, axis), np.cumsum(X, axis))
    same(ops.cumsum(FLAGS, axis), np.cumsum(FLAGS, axis))


@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(keepdims: bool) -> None:
    for order in (None, 0, 1, 2, 3, 0.5, -1, np.inf, -np.inf):
        same(ops.norm(X, order, 1, keepdims), np.linalg.norm(X, order, 1, keepdims))
    for order in (None, "fro", 1, -1, np.inf, -np.inf):
        same(ops.norm(X, order, keepdims=keepdims), np.linalg.norm(X, order, keepdims=keepdims))
    cube = X * np.arange(1.0, 3.0)[:, None, None]
    same(ops.norm(cube, 1, (0, -1), keepdims), np.linalg.norm(cube, 1, (0, -1), keepdims))
    same(ops.norm(cube), np.linalg.norm(cube))
    with pytest.raises(ArgumentError, match="norm: expected a number as ord for one axis, .* got 'nuc' for 2"):
        ops.norm(X, "nuc")


PRODUCTS = ["ij,kj->ik", "ij,kj,lj->ikl", "ij,kj", "ij,ij", "ij,ij->i", "ij,kl->jl", "ij,kl,mj->mi", "ij->ji", "ij->"]


@pytest.mark.parametrize("subscripts", PRODUCTS)
def test_sums_of_products(subscripts: str) -> None:
    operands = [X] * len(subscripts.split("->")[0].split(","))
    same(ops.einsum(subscripts, *operands), np.einsum(subscripts, *operands))


def test_diagonals_and_whole_numbers_in_sums_of_products() -> None:
    square, whole = X[:, :3], np.arange(6).reshape(2, 3)
    for subscripts in ("ii", "ii->i", "ii,ij->j"):
        operands = [square, X][: subscripts.count(",") + 1]
        same(ops.einsum(subscripts, *operands), np.einsum(subscripts, *operands))
    product = ops.einsum("ij,kj->ik", whole, whole)
    same(product, whole @ whole.T)
    assert product.dtype == whole.dtype
    same(ops.einsum("bij,bjk->bik", X[None], X.T[None]), (X @ X.T)[None])
    for wrong in ("ij", "i...,j->i", "ij,ij->k", "ij,ij->ii", 3):
        with pytest.raises(ShapeError, match="einsum: expected letters for the axes of 2 operands"):
            ops.einsum(wrong, X, X)
    with pytest.raises(ShapeError, match=r"einsum: expected one letter for each axis of float64\[3,4\], got 'ijk'"):
        ops.einsum("ijk->i", X)


def test_cutting_and_repeating() -> None:
    for cuts, axis in ((3, 0), (2, 1), ([1], 0), ([1, 3], -1), ([0, 9], 1)):
        for part, wanted in zip(ops.split(X, cuts, axis), np.split(X, cuts, axis), strict=True):
            same(part, wanted)
    with pytest.raises(ShapeError, match="split: expected a number of parts that divides the 4 of axis 1, got 3"):
        ops.split(X, 3, 1)
    for repeats, axis in ((2, None), (2, 0), (3, -1), ([1, 0, 2], 0), (0, 1)):
        same(ops.repeat(X, repeats, axis), np.repeat(X, repeats, axis))
    with pytest.raises(ShapeError, match="repeat: expected one whole number or 3 of them"):
        ops.repeat(X, [1, 2], 0)
    for times in (2, (2,), (2, 3), (2, 1, 3)):
        same(ops.tile(X, times), np.tile(X, times))
    for name in ("vstack", "hstack"):
        for parts in ([X, X + 1], [Y, Y + 1], [1.0, 2.0]):
            same(getattr(ops, name)(parts), getattr(np, name)(parts))


def test_rounding_to_decimals() -> None:
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 1e300, 0.0])
    same(ops.round(halves), np.round(halves))
    for decimals in (1, 2, -1):
        same(ops.round(X * 30, decimals), np.round(X * 30, decimals))
    same(ops.round(np.array([14, 15, 25]), -1), np.round(np.array([14, 15, 25]), -1))


def test_numbers_at_equal_steps() -> None:
    for arguments in ((X, X + 3, 5), (X, X + 3, 5, False), (X, 2.0, 1)):
        for axis in (0, 1, -1):
            same(ops.linspace(*arguments, axis=axis), np.linspace(*arguments, axis=axis))
    numbers, step = ops.linspace(0, 1, 5, retstep=True)
    assert str(numbers.aval) == "float32[5]" and numbers.numpy().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert step.numpy() == 0.25 and ops.linspace(0, 1, 0).shape == (0,)
    assert float(ops.linspace(0.1, 0.7, 7)[-1]) == np.float32(0.7)


@pytest.mark.parametrize(
    "function",
    [
        *(ops.prod, ops.cumsum, ops.norm, lambda x: ops.norm(x, 3, 0), lambda x: ops.outer(x, x), ops.sin, ops.cos),
        *(lambda x: ops.einsum("ij,kj,ij->k", x, x, x), lambda x: ops.repeat(x, 2, 1), lambda x: ops.tile(x, (2, 3))),
        *(lambda x: ops.mod(x, 0.7), lambda x: x[X[:, 0] > 0], lambda x: ops.linspace(x, x * x, 4)),
        lambda x: ops.einsum("ii->i", x[:, :3]),
    ],
)
def test_derivatives_of_formulas_are_those_of_differences(function) -> None:
    weights = np.random.default_rng(3).normal(size=function(X).shape)

    def value(x):
        return ops.sum(function(x) * weights)

    gradient, h = grad(value)(X).numpy(), 1e-6
    for place in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[place] = h
        difference = (value(X + step).numpy() - value(X - step).numpy()) / (2 * h)
        np.testing.assert_allclose(gradient[place], difference, rtol=1e-5, atol=1e-7)


def test_one_hot_puts_the_classes_where_it_is_told() -> None:
    labels = np.array([[0, 2, 1], [2, 2, 9]])
    expected = (labels[..., None] == np.arange(3)).astype(float)
    same(ops.one_hot(labels, 3), expected)
    same(ops.one_hot(labels, 3, axis=0), np.moveaxis(expected, -1, 0))
    same(ops.one_hot(labels, 3, axis=1), np.moveaxis(expected, -1, 1))


def test_creation_has_the_default_types() -> None:
    assert str(ops.zeros((2, 3)).aval) == str(ops.ones((2, 3)).aval) == "float32[2,3]"
    assert str(ops.full((2,), 7.0, "float64").aval) == "float64[2]"
    same(ops.full((2, 2), 7), np.full((2, 2), 7))
    assert str(ops.arange(5).aval) == "int32[5]"
    for arguments in [(5,), (2, 9), (2, 9, 3), (0.0, 1.0, 0.25), (5, 0, -2)]:
        same(ops.arange(*arguments), np.arange(*arguments))
    same(ops.eye(3), np.eye(3))


def test_a_division_by_zero_can_be_zero() -> None:
    same(ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]), np.array([0.0, 0.5]))


def test_numbers_and_lists_and_integers_are_converted() -> None:
    same(ops.divide([1, 2], 4), np.array([0.25, 0.5]))
    same(ops.sqrt([4, 9]), np.array([2.0, 3.0]))
    assert ops.convert_to_numpy(ops.convert_to_tensor([1, 2], "float64")).dtype == np.float64


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match=r"squeeze: expected axes of length 1 of float64\[3,4\], got axis 1"):
        ops.squeeze(X, 1)
    with pytest.raises(ShapeError, match=r"expand_dims: expected axes between -3 and 2 for float64\[3,4\], got 3"):
        ops.expand_dims(X, 3)
    with pytest.raises(ShapeError, match=r"one_hot: expected integer positions, got float64\[3,4\]"):
        ops.one_hot(X, 3)


def test_numpys_functions_take_tensors() -> None:
    x, v = ops.convert_to_tensor(X), Variable(X)
    for name in ("sum", "mean", "max", "std", "prod", "median"):
        np.testing.assert_array_equal(getattr(np, name)(x, axis=0), getattr(np, name)(X, axis=0))
    np.testing.assert_array_equal(np.sum(x, axis=(0, 1)), X.sum())
    np.testing.assert_array_equal(np.concatenate([x, v, X]), np.concatenate([X, X, X]))
    np.testing.assert_array_equal(np.transpose(x, (1, 0)), X.T)


@pytest.mark.parametrize("function", [np.abs, np.mean, np.sum, np.max, np.std, lambda x: np.stack([x, x])])
def test_numpys_functions_of_a_traced_tensor_name_the_line(function) -> None:
    with pytest.raises(TracedValueError, match=r"was asked for at test_array.py:\d+: it has none until .* ebbflow.ops"):
        trace(lambda x: function(x), [("x", Aval(X.shape, X.dtype))])


def test_a_transpose_takes_axes_as_numpy_does() -> None:
    x, cube = ops.convert_to_tensor(X), np.arange(24.0).reshape(2, 3, 4)
    same(x.transpose(), X.T), same(x.transpose(None), X.T), same(x.transpose((1, 0)), X.T), same(x.transpose(1, 0), X.T)
    same(ops.convert_to_tensor(cube).transpose((0, -1, 1)), cube.transpose((0, -1, 1)))


def test_a_position_outside_takes_the_first_or_last_element() -> None:
    same(ops.take(Y, [9, -9]), Y[[-1, 0]])


def test_every_published_function_is_documented() -> None:
    functions = [getattr(ops, name) for name in ops.__all__ if callable(getattr(ops, name))]
    assert len(functions) > 80
    assert all(function.__doc__ for function in functions)
