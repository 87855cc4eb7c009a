"""Laws of losses: what holds for every loss that `losses.get` knows, and their formulas in NumPy."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import sklearn.metrics

import ebbflow as ebb
from ebbflow import losses
from ebbflow.autodiff import grad, value_and_grad
from ebbflow.compile import Executable
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
COUNTS = RNG.poisson(2.0, (BATCH, CLASSES)).astype(float)
SIGNS = 2 * BINARY - 1


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


def normalized(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def pinball(y: np.ndarray, p: np.ndarray, q: float | list[float]) -> np.ndarray:
    return np.where(y >= p, np.multiply(q, y - p), np.subtract(1, q) * (p - y)).mean(-1)


def focal(y: np.ndarray, p: np.ndarray, gamma: float, balance: float | None = None) -> np.ndarray:
    each = -np.log(np.where(y == 1, p, 1 - p)) * np.where(y == 1, 1 - p, p) ** gamma
    return (each if balance is None else each * np.where(y == 1, balance, 1 - balance)).mean(-1)


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
    "sparse ignoring": (
        losses.SparseCategoricalCrossentropy(ignore_class=-1),
        NUMBERS,
        softmax(LOGITS),
        sparse,
    ),
    "categorical focal": (
        losses.CategoricalFocalCrossentropy(alpha=0.4, gamma=1.5),
        ONE_HOT,
        softmax(LOGITS),
        lambda y, p: 0.4 * (-y * np.log(p) * (1 - p) ** 1.5).sum(-1),
    ),
    "categorical focal logits": (
        losses.CategoricalFocalCrossentropy(from_logits=True),
        ONE_HOT,
        LOGITS,
        lambda y, z: 0.25 * (-y * np.log(softmax(z)) * (1 - softmax(z)) ** 2).sum(-1),
    ),
    "binary focal": (
        losses.BinaryFocalCrossentropy(True, alpha=0.5, gamma=0.5),
        BINARY,
        sigmoid(LOGITS),
        lambda y, p: 0.5 * focal(y, p, 0.5),
    ),
    "binary focal logits": (
        losses.BinaryFocalCrossentropy(True, alpha=0.7, from_logits=True),
        BINARY,
        LOGITS,
        lambda y, z: focal(y, sigmoid(z), 2.0, balance=0.7),
    ),
    "generalized": (
        losses.CategoricalGeneralizedCrossEntropy(0.3),
        NUMBERS,
        softmax(LOGITS),
        lambda y, p: (1 - p[np.arange(len(y)), y] ** 0.3) / 0.3,
    ),
    "mape": (
        losses.MeanAbsolutePercentageError(),
        REAL,
        LOGITS,
        lambda y, p: 100 * (np.abs(y - p) / np.abs(y)).mean(-1),
    ),
    "msle": (
        losses.MeanSquaredLogarithmicError(),
        COUNTS,
        np.exp(LOGITS),
        lambda y, p: ((np.log1p(np.maximum(y, 1e-7)) - np.log1p(p)) ** 2).mean(-1),
    ),
    "huber": (losses.Huber(0.3), REAL, LOGITS, lambda y, p: scipy.special.huber(0.3, p - y).mean(-1)),
    "log cosh": (losses.LogCosh(), REAL, LOGITS, lambda y, p: np.log(np.cosh(p - y)).mean(-1)),
    "cosine": (losses.CosineSimilarity(), REAL, LOGITS, lambda y, p: -(normalized(y) * normalized(p)).sum(-1)),
    "poisson": (losses.Poisson(), COUNTS, np.exp(LOGITS), lambda y, p: (p - y * np.log(p + 1e-7)).mean(-1)),
    "kl": (
        losses.KLDivergence(),
        softmax(REAL),
        softmax(LOGITS),
        lambda y, p: (scipy.special.rel_entr(y, p)).sum(-1),
    ),
    "quantile": (losses.Quantile(0.9), REAL, LOGITS, lambda y, p: pinball(y, p, 0.9)),
    "quantiles": (
        losses.Quantile([0.1, 0.4, 0.5, 0.9]),
        REAL[:, :1],
        LOGITS,
        lambda y, p: pinball(y, p, [0.1, 0.4, 0.5, 0.9]),
    ),
    "hinge": (losses.Hinge(), SIGNS, LOGITS, lambda y, p: np.maximum(1 - y * p, 0).mean(-1)),
    "hinge of 0 and 1": (losses.Hinge(), BINARY, LOGITS, lambda y, p: np.maximum(1 - (2 * y - 1) * p, 0).mean(-1)),
    "squared hinge": (losses.SquaredHinge(), SIGNS, LOGITS, lambda y, p: (np.maximum(1 - y * p, 0) ** 2).mean(-1)),
    "categorical hinge": (
        losses.CategoricalHinge(),
        ONE_HOT,
        LOGITS,
        lambda y, p: np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0),
    ),
}
ON_LOGITS = [name for name in CASES if "logits" in name or name == "binary smoothed"]
ON_NUMBERS = [name for name in CASES if CASES[name][2] is LOGITS]
ON_PROBABILITIES = [
    "binary",
    "categorical",
    "sparse",
    "generalized",
    "categorical focal",
    "binary focal",
    "kl",
    "poisson",
    "msle",
]
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
def test_eager_traced_and_compiled_losses_and_gradients_are_equal(name: str) -> None:
    loss, y, p, _ = CASES[name]
    y = y.astype(np.int32) if y.ndim == 1 else y
    function = value_and_grad(lambda p, y: loss(y, p))
    traced = trace(function, [("p", Aval(p.shape, p.dtype)), ("y", Aval(y.shape, y.dtype))])
    inputs = [p, y, *(variable.numpy() for variable in traced.variables)]
    assert set(traced.variables) == set(loss.hyperparameters)  # numbers to search over are inputs of the program
    eager = [tensor.numpy() for tensor in function(p, y)]
    for got, compiled, expected in zip(
        evaluate(traced.graph, inputs), Executable(traced.graph)(*inputs), eager, strict=True
    ):
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_allclose(compiled, expected, rtol=1e-12, atol=1e-15)


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


@pytest.mark.parametrize("name", ON_NUMBERS)
@pytest.mark.parametrize("size", [0.0, 1e4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_are_finite_for_large_and_for_no_outputs_and_so_are_gradients(
    name: str, size: float, dtype: str
) -> None:
    loss, y, p, _ = CASES[name]
    value, gradient = value_and_grad(lambda z: loss(y, z))((np.sign(p) * size).astype(dtype))
    assert np.isfinite(value.numpy()) and np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("name", ON_PROBABILITIES)
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


@pytest.mark.parametrize("name", losses.NAMES)
def test_names_of_functions_give_functions_and_names_of_classes_new_losses(name: str) -> None:
    cls = losses.NAMES[name]
    if name == cls.__name__:
        first, second = losses.get(name), losses.get(name)
        assert type(first) is type(second) is cls and first is not second
    else:
        assert losses.get(name) is cls().fn
    assert type(losses.loss_of(name)) is type(losses.deserialize(name)) is cls


def test_a_function_found_by_its_name_gives_the_loss_of_each_sample() -> None:
    np.testing.assert_allclose(losses.get("mse")(REAL, LOGITS).numpy(), ((REAL - LOGITS) ** 2).mean(-1))
    assert losses.get(abs) is abs and losses.get(None) is losses.loss_of(None) is None


@pytest.mark.parametrize("cls", losses.CLASSES, ids=lambda cls: cls.__name__)
def test_a_function_and_its_class_are_one_loss(cls: type[losses.LossFunctionWrapper]) -> None:
    loss = cls()
    y = NUMBERS if "Sparse" in cls.__name__ or "Generalized" in cls.__name__ else ONE_HOT
    numbers = {"q": 0.5} if "Generalized" in cls.__name__ else {}  # Keras' function has no default
    each = loss.fn(y, softmax(LOGITS), **numbers).numpy()
    np.testing.assert_array_equal(loss(y, softmax(LOGITS)).numpy(), each.mean())
    assert type(losses.loss_of(loss.fn)) is cls and losses.get(loss.fn) is loss.fn
    assert getattr(losses, loss.fn.__name__) is loss.fn


def test_functions_are_losses() -> None:
    assert isinstance(losses.loss_of(losses.mean_squared_error), losses.MeanSquaredError)
    own = losses.loss_of(lambda y, p: array.mean(array.square(y - p), -1))
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
    loss, p, y = losses.loss_of(name), sigmoid(LOGITS[:, :1]), BINARY[:, 0]
    assert loss is not None
    column = loss(y[:, None], p).numpy()
    np.testing.assert_array_equal(loss(y, p).numpy(), column)
    np.testing.assert_array_equal(loss(y[:, None], p[:, 0]).numpy(), column)
    weights = np.arange(1.0, BATCH + 1)
    both = [loss(y, q, sample_weight=weights).numpy() for q in (p, p[:, 0])]
    np.testing.assert_allclose(both[0], both[1])


def test_a_function_of_ones_own_sees_targets_and_predictions_of_one_shape() -> None:
    own = losses.loss_of(lambda y, p: array.mean(array.square(y - p), -1))
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
    with pytest.raises(
        ArgumentError, match=r"SparseCategoricalCrossentropy: expected a whole number for axis, got True"
    ):
        losses.SparseCategoricalCrossentropy(axis=True)
    with pytest.raises(ArgumentError, match=r"Huber: expected a number above 0 for delta, got 0"):
        losses.Huber(0)
    with pytest.raises(
        ArgumentError, match=r"Quantile: expected numbers above 0 and below 1 for quantile, got \[0.5, 1\]"
    ):
        losses.Quantile([0.5, 1])
    with pytest.raises(ArgumentError, match=r"a whole number .* for ignore_class, got 1.5"):
        losses.SparseCategoricalCrossentropy(ignore_class=1.5)
    with pytest.raises(
        ArgumentError, match=r"quantile: expected an output for each of the quantiles .* float64\[6,4\]"
    ):
        losses.Quantile([0.1, 0.9])(REAL[:, 0], LOGITS)
    with pytest.raises(ArgumentError, match="losses.deserialize: expected one of .*, got 'Foo'"):
        losses.deserialize({"class_name": "Foo"})


@case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_is_computed_in_the_type_that_it_was_given(name: str, dtype: str) -> None:
    given, y, p, formula = CASES[name]
    loss = losses.deserialize(losses.serialize(type(given).from_config(given.get_config() | {"dtype": dtype})))
    result = loss(y, p.astype(np.float32))
    assert str(result.aval) == f"{dtype}[]"
    np.testing.assert_allclose(result.numpy(), formula(y, p).mean(), rtol=3e-6)


@case
def test_weights_of_0_alone_give_0(name: str) -> None:
    given, y, p, _ = CASES[name]
    for reduction in ("sum_over_batch_size", "sum", "mean_with_sample_weight"):
        loss = type(given).from_config(given.get_config() | {"reduction": reduction})
        value, gradient = value_and_grad(lambda z, loss=loss: loss(y, z, sample_weight=np.zeros(BATCH)))(p)
        assert value.numpy() == 0 and not gradient.numpy().any()


def test_weights_have_the_axes_of_the_values_or_length_1() -> None:
    y, p = RNG.normal(size=(2, 3, 5, 4))
    each = ((y - p) ** 2).mean(-1)
    for shape in [(3, 5), (3, 1), (1, 5), (3,), (3, 5, 1), ()]:
        weights = RNG.uniform(size=shape)
        spread = weights.reshape(shape[:2] + (1,) * (2 - len(shape)))
        got = losses.MeanSquaredError(reduction="none")(y, p, sample_weight=weights).numpy()
        np.testing.assert_allclose(got, each * spread, rtol=1e-12)


def test_the_pinball_loss_is_scikit_learns() -> None:
    got = losses.Quantile(0.2)(REAL[:, 0], LOGITS[:, 0]).numpy()
    np.testing.assert_allclose(got, sklearn.metrics.mean_pinball_loss(REAL[:, 0], LOGITS[:, 0], alpha=0.2))


def test_ignored_samples_have_no_loss_no_gradient_and_no_part_in_the_mean() -> None:
    y, kept = np.where(np.arange(BATCH) < 2, -1, NUMBERS), slice(2, None)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    plain = losses.SparseCategoricalCrossentropy(from_logits=True)
    value, gradient = value_and_grad(lambda z: loss(y, z))(LOGITS)
    expected, part = value_and_grad(lambda z: plain(NUMBERS[kept], z))(LOGITS[kept])
    np.testing.assert_allclose(value.numpy(), expected.numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradient.numpy()[kept], part.numpy(), rtol=1e-12)
    assert not gradient.numpy()[:2].any()
    assert loss(np.full(BATCH, -1), LOGITS).numpy() == 0


def test_log_cosh_of_small_errors_is_half_their_square() -> None:
    small = np.array([[1e-3]], np.float32)
    np.testing.assert_allclose(losses.log_cosh(0 * small, small).numpy(), 0.5 * small[0] ** 2, rtol=1e-4)


def test_a_direction_may_be_of_any_length() -> None:
    loss, length = losses.CosineSimilarity(), np.float32(1e30)
    p = (LOGITS * length).astype(np.float32)
    value, gradient = value_and_grad(lambda p: loss(REAL, p))(p)
    np.testing.assert_allclose(value.numpy(), loss(REAL, LOGITS).numpy(), rtol=1e-5)
    assert np.isfinite(gradient.numpy()).all()


# numbers to search over


def test_no_smoothing_costs_nothing_and_smoothing_is_read_by_the_program() -> None:
    avals = [("y", Aval((4, 3), np.dtype("float32"))), ("p", Aval((4, 3), np.dtype("float32")))]
    loss = losses.CategoricalCrossentropy(from_logits=True)
    plain = trace(losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0), avals)
    assert not plain.variables and len(plain.graph.nodes) < len(trace(smooth(loss), avals).graph.nodes)
    assert loss.label_smoothing.numpy() == 0.1 and loss.get_config()["label_smoothing"] == 0.1
    loss.label_smoothing = 0.0  # from now on it is a number that the program reads
    assert trace(loss, avals).variables == loss.hyperparameters


def smooth(loss: losses.CategoricalCrossentropy) -> losses.CategoricalCrossentropy:
    assert loss.label_smoothing == 0 and not loss.hyperparameters
    loss.label_smoothing = 0.1
    return loss


@pytest.mark.parametrize("loss, name", [(losses.Huber(0.5), "delta"), (losses.Quantile(0.2), "quantile")])
def test_changing_a_number_of_a_loss_compiles_nothing(loss: losses.Loss, name: str) -> None:
    x, y = RNG.normal(size=(32, 3)).astype(np.float32), RNG.normal(size=32).astype(np.float32)
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(1)])
    model.compile("sgd", loss)
    results = []
    for value in (0.3, 0.8):
        setattr(loss, name, value)
        results.append(model.evaluate(x, y, verbose=0))
        fresh = type(loss)(value)(y, model.predict(x, verbose=0)).numpy()
        np.testing.assert_allclose(results[-1], fresh, rtol=1e-5)
    assert results[0] != results[1] and len(model.programs.known) == 2  # evaluate, predict


def test_smoothing_that_begins_later_is_seen_by_a_compiled_model() -> None:
    x, y = RNG.normal(size=(16, 3)).astype(np.float32), NUMBERS[RNG.integers(0, BATCH, 16)]
    loss = losses.CategoricalCrossentropy(from_logits=True)
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(CLASSES)])
    model.compile("sgd", loss)
    before = model.evaluate(x, np.eye(CLASSES)[y], verbose=0)
    loss.label_smoothing = 0.5
    assert model.evaluate(x, np.eye(CLASSES)[y], verbose=0) != before


def test_a_saved_model_keeps_the_numbers_of_its_loss(tmp_path: Path) -> None:
    model = ebb.Sequential([ebb.Input((3,)), ebb.layers.Dense(1)])
    model.compile("sgd", losses.Huber(0.5), metrics=["AUC", ebb.metrics.LogCoshError()])
    model.loss.delta = 0.25
    model.save(tmp_path / "model.ebb")
    loaded = ebb.load_model(tmp_path / "model.ebb")
    assert loaded.loss.get_config() == model.loss.get_config() and loaded.loss.delta.numpy() == 0.25


def test_quantile_regression_learns_the_quantiles_of_its_targets() -> None:
    y = RNG.exponential(size=2000).astype(np.float32)
    model = ebb.Sequential([ebb.Input((1,)), ebb.layers.Dense(3)])
    model.compile(ebb.optimizers.Adam(0.02), losses.Quantile([0.1, 0.5, 0.9]))
    model.fit(np.ones((2000, 1), np.float32), y, epochs=40, batch_size=200, verbose=0)
    learned = model.predict(np.ones((1, 1), np.float32), verbose=0)[0]
    np.testing.assert_allclose(learned, np.quantile(y, [0.1, 0.5, 0.9]), atol=0.1)
