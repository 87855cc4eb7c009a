"""The target: which task it asks for, its codes and scale, and the targets that cannot be learned."""

import datetime

import numpy as np
import polars
import pytest

from ebbflow.core.errors import ArgumentError, ShapeError, TableError
from ebbflow.tables import TableEncoder, rows_with_target


def table(target, **features):
    return polars.DataFrame({"x": range(len(target)), **features, "y": target}, strict=False)


def fit(target, task=None):
    return TableEncoder.fit(table(target), "y", task)


def complaint(target, task=None):
    with pytest.raises(TableError) as caught:
        fit(target, task)
    return str(caught.value)


ALTERNATE = list(range(3)) * 10


@pytest.mark.parametrize(
    "target, classes, reason",
    [
        (["b", "a", "b", "c"], ["a", "b", "c"], "the target 'y' is text with 3 distinct values"),
        ([True, False, None, True], [False, True], "the target 'y' is true or false"),
        ([1, 0, 1], [0, 1], "the target 'y' holds whole numbers with 2 distinct values in 3 rows"),
        ([7, 3, 5] * 5, [3, 5, 7], "the target 'y' holds whole numbers with 3 distinct values in 15 rows"),
        ([2.0, 1.0, None, 0.0] * 5, [0, 1, 2], "the target 'y' holds whole numbers with 3 distinct values in 15 rows"),
    ],
)
def test_classes_are_told_from_the_values(target, classes, reason):
    encoder = fit(target)
    assert encoder.task == "classification" and encoder.reason.startswith(f"classification, because {reason}")
    assert encoder.classes == classes and encoder.n_outputs == len(classes)
    assert [type(label) for label in encoder.classes] == [type(label) for label in classes]


@pytest.mark.parametrize(
    "target, reason",
    [
        ([0.5, 1, 2], "holds decimal numbers"),
        (list(range(30)) * 10, "holds whole numbers with 30 distinct values in 300 rows (--task classification"),
        ([10, 20, 30, 40], "holds whole numbers with 4 distinct values in 4 rows (--task classification"),
    ],
)
def test_amounts_are_told_from_the_values(target, reason):
    encoder = fit(target)
    assert encoder.task == "regression" and encoder.n_outputs == 1
    assert encoder.reason.startswith(f"regression, because the target 'y' {reason}")
    with pytest.raises(ArgumentError, match="expected a classification to ask classes of, got a regression"):
        _ = encoder.classes


def test_the_task_can_be_chosen():
    assert fit(ALTERNATE, "regression").reason == "regression, as asked"
    assert fit([10, 20, 30, 40], "classification").classes == [10, 20, 30, 40]
    assert fit([True, False, True], "regression").task == "regression"
    with pytest.raises(ArgumentError, match="expected task to be one of classification, regression or None, got 'ran"):
        fit(ALTERNATE, "ranking")


@pytest.mark.parametrize("labels", [["b", "a", "b", "c"], [3, 1, 3, 2] * 5, [True, False, True]])
def test_codes_and_labels_are_inverse(labels):
    encoder = fit(labels)
    codes = encoder.encode_target(table(labels))
    assert codes.dtype == np.int32 and codes.shape == (len(labels),)
    assert encoder.decode_target(codes).tolist() == labels
    assert encoder.classes == sorted(set(labels))


def test_amounts_are_standardized_and_undone():
    amounts = np.random.default_rng(0).normal(1e6, 3e4, 500)
    encoder = fit(amounts)
    z = encoder.encode_target(table(amounts))
    assert z.dtype == np.float32 and z.shape == (500, 1)
    assert abs(z.mean()) < 1e-6 and abs(z.std() - 1) < 1e-6
    back = encoder.decode_target(z)
    assert back.dtype == np.float64 and back.shape == (500,)
    np.testing.assert_allclose(back, amounts, rtol=1e-7)
    assert np.array_equal(back, encoder.decode_target(z[:, 0]))


def test_rows_without_a_target_teach_nothing():
    target = ["a", None, "b", "a"]
    frame = table(target, wild=[1.0, 1e9, 2.0, 3.0], word=["p", "never", "q", "p"])
    rows = rows_with_target(frame, "y")
    assert rows.dtype == bool and rows.tolist() == [True, False, True, True]
    assert TableEncoder.fit(frame, "y").to_json() == TableEncoder.fit(frame.filter(rows), "y").to_json()
    with pytest.raises(TableError, match="expected a target in every row, but it is missing in row 2; leave out"):
        TableEncoder.fit(frame, "y").encode_target(frame)


def test_a_class_that_training_did_not_have():
    with pytest.raises(TableError, match="'y': expected one of the 2 classes seen in training, got 'c'; correct it"):
        fit(["a", "b", "a"]).encode_target(table(["a", "c"]))
    with pytest.raises(TableError, match="got '7.0'"):
        fit([0, 1, 0]).encode_target(table([0, 7]))


def test_outputs_of_the_wrong_shape_are_refused():
    with pytest.raises(ShapeError, match=r"expected integer class codes \(rows,\), got float64\[4, 2\]; take the argm"):
        fit(["a", "b", "a"]).decode_target(np.zeros((4, 2)))
    with pytest.raises(ShapeError, match=r"expected standardized numbers \(rows, 1\), got shape \(4, 2\)"):
        fit([0.5, 1.0, 2.0]).decode_target(np.zeros((4, 2)))


def test_targets_that_cannot_be_learned():
    who = "column 'y': expected "
    one_value = who + "a target that varies, got one value in all rows; choose another column"
    assert complaint(["a", "a", None]) == complaint([0.1, 0.1, 0.1]) == complaint([True, True]) == one_value
    assert complaint([None, None]) == who + "a target, but all its values are missing; choose another column"
    assert complaint([None, 1]) == who + "at least 2 rows with a target, got 1; add rows"
    assert complaint(["a", "b"], "regression") == (
        who + "numbers as the target of a regression, got text; use classification"
    )
    assert complaint([0.5, 1.0, 2.0], "classification") == (
        who + "whole numbers or text as classes, got decimal numbers; use regression"
    )
    assert complaint([1.0, float("-inf"), 2.0]) == (
        who + "finite numbers, got -inf in row 2; replace it or leave it empty"
    )
    for target, largest in ([1e300, 2.5e299], "1e+300"), ([1e-300, 2e-300], "2e-300"):
        assert (
            complaint(target)
            == complaint(target, "regression")
            == (
                who
                + f"a target whose largest number is from 1e-100 to 1e+100 in size, got {largest}; give it in another "
                "unit"
            )
        )
    days = [datetime.date(2024, 1, day) for day in (1, 2)]
    assert complaint(days) == who + "a target of numbers, text or booleans, got date; choose another column"
    assert complaint([f"{n},000" for n in range(30)]) == (
        who + "a target of numbers or of few classes, got text with 30 distinct values in 30 rows, such as '0,000'; "
        "clean it, or set the task to classification"
    )


def test_a_target_that_is_not_there():
    frame = polars.DataFrame({"Price": [1, 2], "prices": [1, 2], "size": [3, 4]})
    message = (
        "table: expected a target column 'price', but there is none (did you mean 'Price' or 'prices'?); "
        "its columns are Price, prices, size"
    )
    for use in (TableEncoder.fit, rows_with_target):
        with pytest.raises(TableError) as caught:
            use(frame, "price")
        assert str(caught.value) == message
    wide = polars.DataFrame({f"column{n}": [1, 2] for n in range(30)})
    with pytest.raises(TableError) as caught:
        TableEncoder.fit(wide, "zzz")
    assert str(caught.value) == "table: expected a target column 'zzz', but there is none"
