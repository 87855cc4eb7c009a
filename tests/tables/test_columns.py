"""What becomes of each kind of column."""

import datetime

import numpy as np
import polars
import pytest

from ebbflow.core.errors import TableError
from ebbflow.tables import TableEncoder


def table(values, name="x"):
    frame = polars.DataFrame({name: values}, strict=False)
    return frame.with_columns(polars.Series("y", np.arange(len(values)) % 2))


def fit(values, name="x"):
    return TableEncoder.fit(table(values, name), "y")


def encoded(values, new=None):
    """The encoding of a column, or of new values as the column taught, as {name: values}."""
    encoder = fit(values)
    block = encoder.encode(table(values if new is None else new))
    assert block.dtype == np.float32 and block.shape[1] == encoder.n_features
    return dict(zip(encoder.feature_names, block.T.tolist(), strict=True))


def about(values):
    return fit(values).describe()[1]


def why_left_out(values, name="x"):
    with pytest.raises(TableError) as caught:
        fit(values, name)
    message = str(caught.value)
    start, end = f"table: expected at least one usable feature column, got none ('{name}': ", "); add one"
    assert message.startswith(start) and message.endswith(end)
    return message[len(start) : -len(end)]


# Numbers


def test_numbers_are_standardized():
    assert encoded([1, 3]) == {"x": [-1, 1]}
    assert encoded([1, 3], new=[2, 5]) == {"x": [0, 3]}
    assert about([1, 3]) == "x: number, standardized by mean 2 and standard deviation 1"


def test_a_missing_number_is_the_median_and_marked():
    assert encoded([0.0, None, 0.0, 4.0, float("nan"), 0.0]) == {
        "x": pytest.approx([-0.4472136, -0.4472136, -0.4472136, 2.236068, -0.4472136, -0.4472136]),
        "x is missing": [0, 1, 0, 0, 1, 0],
    }
    assert about([0.0, None, 2.0]).endswith("; missing in 1 row, filled with 1, plus an indicator")


def test_a_number_missing_only_later_is_the_median():
    assert encoded([1, 3], new=[None, None]) == {"x": [0, 0]}


def test_a_constant_number_is_left_out_unless_its_gaps_tell_something():
    assert why_left_out([0.1] * 7) == "constant, always 0.1"
    assert why_left_out([None, None]) == "no values"
    assert encoded([5, None, 5]) == {"x": [0, 0, 0], "x is missing": [0, 1, 0]}


def test_wild_numbers_stay_finite():
    extreme = encoded([-1.7e308, 1.7e308, 0.0])["x"]
    assert extreme == pytest.approx([-1.2247449, 1.2247449, 0])
    assert encoded([1, 3], new=[1e300, -1e300]) == {"x": [1e6, -1e6]}


def test_an_infinite_number_is_refused_with_its_row():
    message = "column 'x': expected finite numbers, got inf in row 3; replace it or leave it empty"
    for use in (lambda bad: fit(bad), lambda bad: fit([1, 2]).encode(table(bad))):
        with pytest.raises(TableError) as caught:
            use([1.0, None, float("inf"), 2.0])
        assert str(caught.value) == message


# Booleans


def test_booleans_are_0_and_1():
    assert encoded([True, False]) == {"x": [1, 0]}
    assert encoded([True, False], new=[1, 0]) == {"x": [1, 0]}
    assert encoded([True, None, True, False]) == {"x": [1, 1, 1, 0], "x is missing": [0, 1, 0, 0]}
    assert why_left_out([True, True]) == "constant, always true"
    assert about([True, None, True]) == "x: boolean, 0 or 1; missing in 1 row, filled with 1, plus an indicator"


# Texts


def test_texts_are_one_hot_in_order_of_name():
    assert encoded(["b", "a", "b"]) == {"x = a": [0, 1, 0], "x = b": [1, 0, 1]}


def test_a_missing_text_is_a_category_of_its_own():
    assert encoded(["b", None, "a"]) == {"x = a": [0, 0, 1], "x = b": [1, 0, 0], "x is missing": [0, 1, 0]}
    assert encoded(["a", None]) == {"x = a": [1, 0], "x is missing": [0, 1]}
    assert about(["b", None, "a"]) == ("x: category, 2 values one-hot; missing in 1 row, as a category of its own")


MANY = [f"v{n:02}" for n in range(50)] * 3 + ["rare1", "rare1", "rare2"]


def test_rare_new_and_missing_texts_are_others_where_training_had_rare_ones():
    block = encoded(MANY, new=["rare2", "new", None, "v07"])
    assert len(block) == 51 and list(block)[-1] == "x is other"
    assert block["x is other"] == [1, 1, 1, 0]
    assert block["x = v07"] == [0, 0, 0, 1]
    assert about(MANY) == "x: category, 50 values one-hot; rarer values (3 rows) together as other"


def test_new_and_missing_texts_are_zeros_where_training_had_no_rare_ones():
    assert encoded(["a", "b"], new=["c", None, "a"]) == {"x = a": [0, 0, 1], "x = b": [0, 0, 0]}


def test_whole_numbers_read_as_texts_where_training_had_texts():
    assert encoded(["1", "2", "B"], new=[2, 1]) == encoded(["1", "2", "B"], new=[2.0, 1.0])
    assert encoded(["1", "2", "B"], new=[2, 1])["x = 2"] == [1, 0]


def test_identifiers_and_constant_texts_are_left_out():
    assert why_left_out([f"name {n}" for n in range(40)]) == (
        "text with 40 distinct values in 40 rows, as an identifier has"
    )
    assert why_left_out(["a", "a"]) == "constant, always 'a'"
    assert len(encoded([f"name {n}" for n in range(8)])) == 8


# Dates


def days(*offsets):
    return [None if n is None else datetime.date(2024, 1, 1) + datetime.timedelta(days=n) for n in offsets]


def test_dates_are_a_count_of_days_and_two_circles():
    block = encoded(days(*range(28)))
    assert list(block) == ["x days", "x year sine", "x year cosine", "x week sine", "x week cosine"]
    assert np.ptp(np.diff(block["x days"])) < 1e-6
    assert block["x week sine"][:7] == block["x week sine"][7:14]
    assert len(set(zip(block["x week sine"], block["x week cosine"], strict=True))) == 7
    assert about(days(*range(28))).startswith("x: date, from 2024-01-01 on as days, year sine, year cosine, week sine")


def test_the_hour_counts_only_where_it_varies():
    at = [datetime.datetime(2024, 1, 1, 9, 30) + datetime.timedelta(days=n) for n in range(30)]
    assert not [name for name in encoded(at) if " day " in name]
    block = encoded([instant.replace(hour=n % 24) for n, instant in enumerate(at)])
    assert np.argmax(block["x day cosine"]) in (0, 24, 23)  # nearest to midnight


def test_a_date_and_its_midnight_are_the_same():
    midnights = [datetime.datetime.combine(day, datetime.time()) for day in days(0, 9, 20)]
    assert encoded(midnights) == encoded(days(0, 9, 20))
    assert (
        fit(days(0, 9, 20)).encode(table(midnights)).tolist() == fit(midnights).encode(table(days(0, 9, 20))).tolist()
    )


def test_the_clock_of_a_time_zone_counts():
    naive = [datetime.datetime(2024, 6, day, hour) for day, hour in ((1, 8), (2, 20), (3, 23))]
    zoned = polars.Series(naive).dt.replace_time_zone("America/New_York")
    assert encoded(zoned) == encoded(naive)


def test_a_missing_date_is_marked():
    block = encoded(days(0, None, 8, 16))
    assert block["x is missing"] == [0, 1, 0, 0]
    assert block["x days"][1] == block["x days"][2]
    assert why_left_out(days(4, 4)) == "constant, always the same date"


@pytest.mark.parametrize("convert", [polars.DataFrame, polars.DataFrame.to_pandas, polars.DataFrame.to_arrow])
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y/%m/%d", "%Y-%m-%dT%H:%M"])
def test_a_date_written_as_text_is_that_date(convert, form):
    when = days(0, 9, None, 20)
    dates, written = table(when), convert(table([day and day.strftime(form) for day in when]))
    of_dates, of_text = TableEncoder.fit(dates, "y"), TableEncoder.fit(written, "y")
    assert of_text.to_json() == of_dates.to_json()
    assert of_text.encode(dates).tolist() == of_dates.encode(written).tolist() == of_dates.encode(dates).tolist()


def test_text_that_is_not_all_dates_is_a_category_and_so_is_what_the_table_calls_one():
    dates = ["2024-01-01", "2024-01-02", "2024-01-01"]
    for values in (["2024-01-01", "soon", "soon"], ["01/31/2024", "02/01/2024", "01/31/2024"]):
        assert about(values) == "x: category, 2 values one-hot"
    assert about(polars.Series(dates, dtype=polars.Categorical)) == "x: category, 2 values one-hot"
    assert fit(["2024-01-01", "soon", "soon"]).encode(table(dates)).tolist() == [[1, 0], [0, 0], [1, 0]]


# Columns of another kind than in training, or of no kind


@pytest.mark.parametrize(
    "trained, new, expected",
    [
        ([1, 2], ["1", "two"], "expected numbers as in training, got text ('two' in row 2)"),
        ([True, False], ["1", "no"], "expected numbers as in training, got text ('no' in row 2)"),
        ([True, False], [0, 5], "expected true or false as in training, got 5 in row 2"),
        (["a", "b"], [0.5, 1], "expected text as in training, got number (0.5 in row 1)"),
        (["a", "b"], [None, True], "expected text as in training, got boolean (True in row 2)"),
        (days(0, 5), [1, 2], "expected dates as in training, got number (1 in row 1)"),
        (days(0, 5), ["2024-01-01", "soon"], "expected dates as in training, got text ('soon' in row 2)"),
    ],
)
def test_a_column_must_stay_what_it_was(trained, new, expected):
    with pytest.raises(TableError) as caught:
        fit(trained).encode(table(new))
    assert str(caught.value) == f"column 'x': {expected}; correct it"


@pytest.mark.parametrize("trained", [[1, 2, None], [True, False, True], ["a", "b", None], days(0, 5, 9)])
def test_a_column_without_any_value_fits_every_kind(trained):
    frame = polars.DataFrame({"x": polars.Series([None, None], dtype=polars.Null)})
    assert np.isfinite(fit(trained).encode(frame)).all()
    assert fit(trained).encode(frame.clear()).shape == (0, fit(trained).n_features)


def test_nested_values_and_row_numbers_are_left_out():
    assert why_left_out([[1], [2]]) == "values of type List(Int64) are not supported"
    assert why_left_out([0, 1, 2], name="") == "has no name and counts the rows"
    assert fit([0, 1, 2], name="t").feature_names == ["t"]
