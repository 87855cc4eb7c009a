"""Laws of losses: what holds for every loss that `losses.get` knows, and their formulas in NumPy."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from ebbflow import losses
from ebbflow.autodiff import grad, value_and_grad
from ebbflow.core.aval import Aval
from ebbflow.core.errors import ArgumentError, ShapeError
from ebbflow.core.graph import evaluate
from ebbflow.core.tensor import trace
from ebbflow.functions import array

BATCH, CLASSES = 6, 4
RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(BATCH, CLASSES))
NUMBERS = RNG.integers(0, CLASSES, BATCH)
ONE_HOT = np.eye(CLASSES)[NUMBERS]
BINARY = RNG.integers(0, 2, (BATCH, CLASSES)).astype(float)
REAL = RNG.normal(size=(BATCH, CLASSES))


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def crossentropy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -(y * np.log(p)).sum(-1)


def binary_crossentropy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(-1)


def sparse(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return -np.log(p[np.arange(len(y)), y])


Formula = Callable[[np.ndarray, np.ndarray], np.ndarray]
Case = tuple[losses.Loss, np.ndarray, np.ndarray, Formula]

# loss, targets, predictions, the loss of each sample
CASES: dict[str, Case] = {
    "mse": (losses.MeanSquaredError(), REAL, LOGITS, lambda y, p: ((y - p) ** 2).mean(-1)),
    "mae": (losses.MeanAbsoluteError(), REAL, LOGITS, lambda y, p: np.abs(y - p).mean(-1)),
    "binary": (losses.BinaryCrossentropy(), BINARY, sigmoid(LOGITS), binary_crossentropy),
    "binary logits": (
        losses.BinaryCrossentropy(from_logits=True),
        BINARY,
        LOGITS,
        lambda y, z: binary_crossentropy(y, sigmoid(z)),
    ),
    "binary smoothed": (
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
        BINARY,
        LOGITS,
        lambda y, z: binary_crossentropy(y * 0.8 + 0.1, sigmoid(z)),
    ),
    "categorical": (losses.CategoricalCrossentropy(), ONE_HOT, softmax(LOGITS), crossentropy),
    "categorical logits": (
        losses.CategoricalCrossentropy(from_logits=True),
        ONE_HOT,
        LOGITS,
        lambda y, z: crossentropy(y, softmax(z)),
    ),
    "categorical smoothed": (
        losses.CategoricalCrossentropy(label_smoothing=0.2),
        ONE_HOT,
        softmax(LOGITS),
        lambda y, p: crossentropy(y * 0.8 + 0.2 / CLASSES, p),
    ),
    "sparse": (losses.SparseCategoricalCrossentropy(), NUMBERS, softmax(LOGITS), sparse),
    "sparse logits": (
        losses.SparseCategoricalCrossentropy(from_logits=True),
        NUMBERS,
        LOGITS,
        lambda y, z: sparse(y, softmax(z)),
    ),
}
ON_LOGITS = [name for name in CASES if "logits" in name or "smoothed" in name and "binary" in name]
case = pytest.mark.parametrize("name", CASES)


@case
def test_the_loss_is_the_mean_of_its_formula_over_the_samples(name: str) -> None:
    loss, y, p, formula = CASES[name]
    np.testing.assert_allclose(loss(y, p).numpy(), formula(y, p).mean(), rtol=1e-12)


@case
def test_weights_multiply_the_samples_losses(name: str) -> None:
    loss, y, p, formula = CASES[name]
    weights = np.arange(1.0, BATCH + 1)
    expected = (weights * formula(y, p)).mean()
    np.testing.assert_allclose(loss(y, p, sample_weight=weights).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(loss(y, p, sample_weight=weights[:, None]).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(loss(y, p, sample_weight=2.0).numpy(), 2 * formula(y, p).mean(), rtol=1e-12)


@case
@pytest.mark.parametrize("reduction", ["sum", "mean_with_sample_weight", None])
def test_other_reductions(name: str, reduction: str | None) -> None:
    given, y, p, formula = CASES[name]
    loss = type(given).from_config(given.get_config() | {"reduction": reduction})
    weights = np.arange(1.0, BATCH + 1)
    each = weights * formula(y, p)
    expected = {"sum": each.sum(), "mean_with_sample_weight": each.sum() / weights.sum(), None: each}[reduction]
    np.testing.assert_allclose(loss(y, p, sample_weight=weights).numpy(), expected, rtol=1e-12)


@case
def test_float32_predictions_give_a_float32_loss(name: str) -> None:
    loss, y, p, formula = CASES[name]
    result = loss(y, p.astype(np.float32))
    assert str(result.aval) == "float32[]"
    np.testing.assert_allclose(result.numpy(), formula(y, p).mean(), rtol=2e-6)


@case
def test_the_gradient_is_the_difference_quotient(name: str) -> None:
    loss, y, p, formula = CASES[name]
    direction, h = np.random.default_rng(1).normal(size=p.shape), 1e-6
    if "categorical" in name or "sparse" in name:  # keep probabilities summing to 1, as the formula here assumes
        direction -= direction.mean(-1, keepdims=True)
    slope = (formula(y, p + h * direction).mean() - formula(y, p - h * direction).mean()) / (2 * h)
    gradient = grad(lambda z: loss(y, z))(p).numpy()
    np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)


@case
def test_traced_and_eager_losses_are_equal(name: str) -> None:
    loss, y, p, _ = CASES[name]
    y = y.astype(np.int32) if y.ndim == 1 else y
    traced = trace(loss, [("y", Aval(y.shape, y.dtype)), ("p", Aval(p.shape, p.dtype))])
    np.testing.assert_array_equal(evaluate(traced.graph, [y, p])[0], loss(y, p).numpy())


@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("size", [1e4, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_on_logits_are_finite_for_any_finite_logit_and_so_are_gradients(
    name: str, size: float, dtype: str
) -> None:
    loss, y, p, _ = CASES[name]
    logits = (np.sign(p) * size).astype(dtype)
    value, gradient = value_and_grad(lambda z: loss(y, z))(logits)
    assert np.isfinite(value.numpy()) and np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("name", ["binary", "categorical", "sparse"])
def test_losses_on_probabilities_are_finite_at_0_and_1(name: str) -> None:
    loss, y, p, _ = CASES[name]
    certain = np.eye(CLASSES)[(NUMBERS + 1) % CLASSES].astype(np.float32)
    value, gradient = value_and_grad(lambda q: loss(y, q))(certain)
    assert np.isfinite(value.numpy()) and np.isfinite(gradient.numpy()).all()


def test_the_gradient_of_binary_crossentropy_at_logit_zero_is_a_half_minus_the_target() -> None:
    loss = losses.BinaryCrossentropy(from_logits=True)
    gradient = grad(lambda z: loss(np.array([[0.0], [1.0]]), z))(np.zeros((2, 1))).numpy()
    np.testing.assert_allclose(gradient, [[0.25], [-0.25]])


@case
def test_configurations_survive_a_file(name: str) -> None:
    loss, y, p, _ = CASES[name]
    again = losses.get(json.loads(json.dumps(losses.serialize(loss))))
    assert again is not None and type(again) is type(loss)
    np.testing.assert_array_equal(again(y, p).numpy(), loss(y, p).numpy())


@pytest.mark.parametrize("name", ["mse", "mae", "binary_crossentropy", "CategoricalCrossentropy"])
def test_names_give_losses(name: str) -> None:
    assert isinstance(losses.get(name), losses.Loss)


def test_functions_are_losses() -> None:
    assert isinstance(losses.get(losses.mean_squared_error), losses.MeanSquaredError)
    own = losses.get(lambda y, p: array.mean(array.square(y - p), -1))
    assert own is not None
    np.testing.assert_allclose(own(REAL, LOGITS).numpy(), ((REAL - LOGITS) ** 2).mean())
    with pytest.raises(ArgumentError, match="a function cannot be written to a file"):
        losses.serialize(own)


def test_a_loss_of_ones_own_defines_the_loss_of_each_sample() -> None:
    class Quartic(losses.Loss):
        def call(self, y_true, y_pred):
            return array.mean((y_true - y_pred) ** 4, axis=-1)

    np.testing.assert_allclose(Quartic()(REAL, LOGITS).numpy(), ((REAL - LOGITS) ** 4).mean())
    assert losses.get(Quartic).name == "quartic"


@pytest.mark.parametrize("name", ["mse", "mae", "binary_crossentropy"])
def test_targets_without_an_axis_fit_predictions_of_one_output(name: str) -> None:
    loss, p, y = losses.get(name), sigmoid(LOGITS[:, :1]), BINARY[:, 0]
    assert loss is not None
    column = loss(y[:, None], p).numpy()
    np.testing.assert_array_equal(loss(y, p).numpy(), column)
    np.testing.assert_array_equal(loss(y[:, None], p[:, 0]).numpy(), column)
    weights = np.arange(1.0, BATCH + 1)
    both = [loss(y, q, sample_weight=weights).numpy() for q in (p, p[:, 0])]
    np.testing.assert_allclose(both[0], both[1])


def test_a_function_of_ones_own_sees_targets_and_predictions_of_one_shape() -> None:
    own = losses.get(lambda y, p: array.mean(array.square(y - p), -1))
    assert own is not None
    np.testing.assert_allclose(own(REAL[:, 0], LOGITS[:, :1]).numpy(), ((REAL[:, 0] - LOGITS[:, 0]) ** 2).mean())


def test_class_numbers_may_be_a_column() -> None:
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    np.testing.assert_array_equal(loss(NUMBERS[:, None], LOGITS).numpy(), loss(NUMBERS, LOGITS).numpy())


@pytest.mark.parametrize("wrong", [-1, 4, 2**31 - 1])
def test_a_number_that_is_no_class_has_no_loss(wrong: int) -> None:
    values = losses.sparse_categorical_crossentropy(np.array([0, wrong, 3]), LOGITS[:3], from_logits=True).numpy()
    np.testing.assert_array_equal(np.isnan(values), [False, True, False])


def test_other_shapes_are_refused_by_naming_both() -> None:
    with pytest.raises(ShapeError, match=r"expected y_true of the shape of y_pred float64\[6,4\], got int64\[6\]"):
        losses.MeanSquaredError()(NUMBERS, LOGITS)
    with pytest.raises(ShapeError, match=r"got float64\[6\]; for class numbers use the sparse loss"):
        losses.CategoricalCrossentropy()(NUMBERS, LOGITS)
    with pytest.raises(ShapeError, match=r"expected class numbers of shape \(6,\) for the output float64\[6,4\], got"):
        losses.SparseCategoricalCrossentropy()(ONE_HOT, LOGITS)
    with pytest.raises(ShapeError, match=r"expected sample weights of shape \(6,\), got float64\[5\]"):
        losses.MeanSquaredError()(REAL, LOGITS, sample_weight=np.ones(5))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"a Loss, a function or one of .*, got 'msee'; did you mean 'mse'\?"):
        losses.get("msee")
    with pytest.raises(ArgumentError, match=r"MeanSquaredError: expected one of .* for reduction, got 'avg'"):
        losses.MeanSquaredError(reduction="avg")
    with pytest.raises(ArgumentError, match=r"label_smoothing, got 1.5"):
        losses.BinaryCrossentropy(label_smoothing=1.5)
