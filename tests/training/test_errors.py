"""Mistakes: each has one sentence that says what to do, and leaves the model as it was."""

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import ebbflow as ebb
from ebbflow.core.errors import ArgumentError, ShapeError
from tests.training.conftest import same_bits

X, Y = np.ones((10, 2), np.float32), np.zeros(10, int)


def with_value(value: float, at: tuple[int, int] = (4, 1)) -> np.ndarray:
    x = X.astype(np.float64)
    x[at] = value
    return x


WORDS = np.array([[1, 2], [3, "red"]], dtype=object)


class Batches:
    """What Keras takes as a PyDataset."""

    def __len__(self):
        return 2

    def __getitem__(self, number):
        return X[5 * number : 5 * number + 5], Y[5 * number : 5 * number + 5]


class Loader:
    def __iter__(self):
        return iter([(X, Y)])


MISTAKES = [
    ("lengths", (X, Y[:9]), {}, "fit: expected one row of y for each row of x, got 10 x and 9 y"),
    ("no rows", (X[:0], Y[:0]), {}, r"fit: expected at least one row in x, got none \(shape \(0, 2\)\)"),
    ("no y", (X,), {}, "fit: expected targets y of 10 rows, got None"),
    ("no x", (None, Y), {}, "fit: expected an array of numbers as x, got None"),
    ("nothing", (), {}, "fit: expected an array of numbers as x, got None"),
    (
        "generator",
        ((X for _ in "ab"),),
        {},
        "expected an array of numbers as x, got a generator; collect what it yields",
    ),
    (
        "dataset",
        (Batches(),),
        {},
        "fit: expected an array of numbers as x, got a Batches; give one array, which may be",
    ),
    ("loader", (Loader(), Y), {}, "fit: expected an array of numbers as x, got a Loader; give one array"),
    ("named x", ({"x": X}, Y), {}, "fit: expected an array of numbers as x, got a dict; give one array, which may be"),
    ("named y", (X, {"y": Y}), {}, "fit: expected an array of numbers as y, got a dict; give one array, which may be"),
    ("a number", (3.0, Y), {}, "fit: expected x with one row per sample, got a single number"),
    ("text", (X.astype(str), Y), {}, "fit: expected numbers in x, got text such as '1.0'; .*TableEncoder"),
    ("objects", (WORDS, Y[:2]), {}, "fit: expected numbers in x, got 'red' at row 1, column 1; .*TableEncoder"),
    ("huge", ([[10**400, 1]], [1]), {}, "fit: expected numbers of 64 bits in x, got larger ones; scale them"),
    ("labels as text", (X, ["a"] * 10), {}, "fit: expected numbers in y, got text such as 'a'; .*numpy.unique"),
    ("ragged", ([[1, 2], [3]], Y[:2]), {}, "fit: expected x as one array, got rows of different lengths"),
    ("NaN", (with_value(np.nan), Y), {}, "fit: expected finite numbers in x, got nan at row 4, column 1; fill or drop"),
    ("infinite", (with_value(-np.inf), Y), {}, "fit: expected finite numbers in x, got -inf at row 4, column 1"),
    ("too large", (with_value(1e60), Y), {}, r"got 1e\+60, which is too large for float32, at row 4, column 1"),
    ("NaN in y", (X, with_value(np.nan)[:, 1]), {}, "fit: expected finite numbers in y, got nan at row 4"),
    ("large y", (X, Y + 2**40), {}, "fit: expected whole numbers in y of at most 32 bits"),
    (
        "label",
        (X, Y + 3),
        {},
        r"labels in y from 0 to 2 \(the model has 3 outputs\), got 3 at row 0; number the classes",
    ),
    ("negative label", (X, Y - 1), {}, "labels in y from 0 to 2 .* got -1 at row 0"),
    ("half label", (X, Y + 0.5), {}, "labels in y from 0 to 2 .* got 0.5 at row 0"),
    ("columns", (np.ones((10, 5)), Y), {}, r'InputLayer "input.*": expected inputs of shape \(any, 2\), got float32'),
    ("batch_size", (X, Y), {"batch_size": 0}, "fit: expected batch_size as a whole number of at least 1, got 0"),
    ("fraction", (X, Y), {"batch_size": 1.5}, "fit: expected batch_size as a whole number of at least 1, got 1.5"),
    ("epochs", (X, Y), {"epochs": -1}, "fit: expected epochs as a whole number of at least 0, got -1"),
    ("verbose", (X, Y), {"verbose": 3}, 'fit: expected verbose to be 0, 1, 2 or "auto", got 3'),
    ("split", (X, Y), {"validation_split": 1.0}, "expected validation_split of at least 0 and below 1, got 1.0"),
    ("small split", (X, Y), {"validation_split": 0.99}, "of 10 rows leaves none to train on"),
    ("validation x", (X, Y), {"validation_data": X}, r"validation_data=\(x, y\) or .*, got a ndarray"),
    ("four parts", (X, Y), {"validation_data": (X, Y, Y, Y)}, r"or \(x, y, sample_weight\), got a tuple of 4"),
    ("weights", (X, Y), {"sample_weight": Y[:3]}, "fit: expected one row of sample_weight for each row of x, got 10 x"),
    ("one weight", (X, Y), {"sample_weight": 2.0}, "fit: expected sample_weight with one row per sample, got a single"),
    ("NaN weight", (X, Y), {"sample_weight": with_value(np.nan)[:, 1]}, "finite numbers in sample_weight, got nan at"),
    ("text weight", (X, Y), {"sample_weight": ["a"] * 10}, "numbers in sample_weight, got text .* give one number per"),
    ("validation weights", (X, Y), {"validation_data": (X, Y, Y[:2])}, "fit: validation_data: expected one row of sam"),
    ("class_weight", (X, Y), {"class_weight": [1, 2]}, r"class_weight=\{class: weight\} or \"balanced\", got \[1, 2\]"),
    ("no such class", (X, Y), {"class_weight": {-1: 2}}, "numbers of at least 0 for classes 0, 1, ..., got 2 for -1"),
    ("class weight", (X, Y), {"class_weight": {0: -2}}, "numbers of at least 0 for classes 0, 1, ..., got -2 for 0"),
    ("halves", (X, Y + 0.5), {"class_weight": "balanced"}, "numbers of classes in y to weigh them, got 0.5 at row 0"),
    ("steps", (X, Y), {"steps_per_epoch": 0}, "fit: expected steps_per_epoch as a whole number of at least 1, got 0"),
    ("frequency", (X, Y), {"validation_freq": 0}, "validation_freq as a whole number of at least 1, got 0"),
    ("frequencies", (X, Y), {"validation_freq": [1, 2.5]}, "every epoch of validation_freq as a whole number"),
    ("validation steps", (X, Y), {"validation_steps": 1}, "expected validation_data or validation_split along with"),
    (
        "too many validation steps",
        (X, Y),
        {"validation_split": 0.5, "validation_steps": 3, "batch_size": 4},
        "fit: expected validation_steps of at most 2, the batches of 4 that 5 rows give, got 3",
    ),
    ("validation rows", (X, Y), {"validation_data": (X, Y[:3])}, "fit: validation_data: expected one row of y"),
    ("validation label", (X, Y), {"validation_data": (X, Y + 9)}, "fit: validation_data: expected labels in y from 0"),
    ("validation columns", (X, Y), {"validation_data": (X[:, :1], Y)}, r"expected inputs of shape \(any, 2\)"),
    ("callback", (X, Y), {"callbacks": [print]}, "fit: expected callbacks of type Callback, got <built-in"),
    ("class", (X, Y), {"callbacks": [ebb.callbacks.History]}, r"make one of it by writing it with \(\)"),
]


@pytest.mark.parametrize(("arguments", "options", "message"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_mistake_is_named_and_changes_nothing(classifier, arguments, options, message) -> None:
    model = classifier()
    model.fit(X, Y, verbose=0)
    history, before = model.history, [variable.numpy() for variable in model.training_state()]
    with pytest.raises((ArgumentError, ShapeError), match=message) as error:
        model.fit(*arguments, **{"verbose": 0, **options})
    assert "\n" not in str(error.value)
    assert same_bits(before, [variable.numpy() for variable in model.training_state()])
    assert model.history is history


SAMPLES = pandas.DataFrame({"size": [1, 2, 3], "color": ["red", "blue", "red"], "price": [1.5, 2.0, 2.5]})


@pytest.mark.parametrize("convert", [pandas.DataFrame, pandas.DataFrame.convert_dtypes, lambda frame: frame.to_numpy()])
def test_a_frame_of_numbers_and_booleans_is_an_array_of_numbers(convert) -> None:
    frame = convert(pandas.get_dummies(SAMPLES))  # two columns of numbers, two of booleans
    assert np.asarray(frame).dtype == object
    model = ebb.Sequential([ebb.layers.Dense(2)])
    numbers = np.array([[1, 1.5, 0, 1], [2, 2.0, 1, 0], [3, 2.5, 0, 1]], np.float32)
    assert same_bits([model.predict(frame, verbose=0)], [model.predict(numbers, verbose=0)])


def test_labels_as_objects_are_whole_numbers(classifier) -> None:
    model = classifier()
    of_numbers = model.evaluate(X[:3], np.array([0, 1, 1]), verbose=0)
    for labels in (np.array([0, 1, True], object), pandas.Series([0, 1, 1], dtype="Int64")):
        assert model.evaluate(X[:3], labels, verbose=0) == of_numbers


@pytest.mark.parametrize("convert", [pandas.DataFrame, polars.from_pandas, pyarrow.Table.from_pandas])
def test_the_first_text_column_of_a_frame_is_named(convert) -> None:
    with pytest.raises(ArgumentError, match="got 'red' in column 'color'; turn text .*ebbflow.tables.TableEncoder$"):
        ebb.Sequential([ebb.layers.Dense(1)]).predict(convert(SAMPLES.assign(shape=["round", "flat", "flat"])))


def test_a_missing_value_of_a_nullable_column_is_one_that_is_not_finite() -> None:
    gaps = pandas.DataFrame({"a": [1, None, 3], "b": [True, False, True]}).convert_dtypes()
    with pytest.raises(ArgumentError, match="expected finite numbers in x, got nan at row 1, column 0; fill or drop"):
        ebb.Sequential([ebb.layers.Dense(1)]).predict(gaps)


def test_what_fit_does_not_know_is_refused(classifier) -> None:
    with pytest.raises(TypeError, match="epoch"):
        classifier().fit(X, Y, epoch=3)


def test_evaluate_and_predict_check_their_data_too(classifier) -> None:
    model = classifier()
    with pytest.raises(ShapeError, match="evaluate: expected one row of y"):
        model.evaluate(X, Y[:1])
    with pytest.raises(ArgumentError, match="evaluate: expected labels in y from 0 to 2"):
        model.evaluate(X, Y + 7)
    with pytest.raises(ArgumentError, match="predict: expected finite numbers in x, got nan at row 4, column 1"):
        model.predict(with_value(np.nan))
    with pytest.raises(ArgumentError, match="predict: expected batch_size"):
        model.predict(X, batch_size=-1)
    with pytest.raises(ArgumentError, match="train_on_batch: expected at least one row in x"):
        model.train_on_batch(X[:0], Y[:0])


@pytest.mark.parametrize("use", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_a_model_must_be_compiled_before_it_is_trained_or_measured(use) -> None:
    model = ebb.Sequential([ebb.layers.Dense(1)], name="net")
    with pytest.raises(ArgumentError, match=rf'Sequential "net": call compile\(optimizer, loss\) before {use}'):
        getattr(model, use)(X, Y)
    assert not model.built


def test_compile_names_what_it_does_not_know() -> None:
    model = ebb.Sequential([ebb.layers.Dense(1)])
    for arguments in ({"optimizer": "adamm"}, {"loss": "msee"}, {"loss": "mse", "metrics": ["acuracy"]}):
        with pytest.raises(ArgumentError, match=str(list(arguments.values())[-1]).strip("[]'")):
            model.compile(**arguments)
    assert not model.compiled


def test_a_model_needs_a_loss_to_be_trained(run_eagerly) -> None:
    model = ebb.Sequential([ebb.layers.Dense(1)])
    model.compile(run_eagerly=run_eagerly)
    with pytest.raises(ArgumentError, match="compiled without a loss; give compile a loss, or override compute_loss"):
        model.fit(X, Y, verbose=0)


def test_a_step_must_return_its_loss() -> None:
    class Forgetful(ebb.Sequential):
        def train_step(self, x, y):
            super().train_step(x, y)

    model = Forgetful([ebb.layers.Dense(1)])
    model.compile(loss="mse", run_eagerly=True)
    with pytest.raises(ArgumentError, match="train_step: expected it to return the loss of the batch, .* got None"):
        model.fit(X, Y, verbose=0)


def test_more_epochs_than_memory_could_list_are_refused() -> None:
    model = ebb.Sequential([ebb.Input((2,)), ebb.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="epochs whose losses fit into memory, got 100000000000000"):
        model.fit(np.ones((4, 2)), np.ones(4), epochs=10**14, verbose=0)
