"""TableEncoder as a whole: one answer for all table libraries, plain JSON, and tables that do not fit."""

import copy
import datetime
import json
import subprocess
import sys

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbflow.core.errors import ModelFileError, TableError
from ebbflow.tables import TableEncoder, read_table, rows_with_target

number = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e200, 1e200))
word = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
day = st.dates(datetime.date(1700, 1, 1), datetime.date(2200, 1, 1))
instant = st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1))


@st.composite
def tables(draw):
    """Columns of every kind with gaps, as {name: values}, and a target `y` that varies."""
    rows = draw(st.integers(4, 12))

    def column(values):
        return draw(st.lists(st.none() | values, min_size=rows, max_size=rows))

    columns = {"number": column(number), "flag": column(st.booleans()), "word": column(word)}
    columns |= {"day": column(day), "instant": column(instant), "row": list(range(rows))}
    ends = draw(st.sampled_from([("a", "b"), (0.25, 1e9), (True, False), (3, 7)]))
    return columns | {"y": [*ends, None, *draw(st.lists(st.sampled_from(ends), min_size=rows - 3, max_size=rows - 3))]}


def as_polars(columns):
    typed = {"number": polars.Float64, "flag": polars.Boolean, "word": polars.String}
    typed |= {"day": polars.Date, "instant": polars.Datetime("us")}
    return polars.DataFrame(columns, schema_overrides=typed)


@settings(max_examples=60, deadline=None)
@given(columns=tables())
def test_the_table_library_makes_no_difference(columns):
    reference = as_polars(columns)
    fitted = TableEncoder.fit(reference, "y")
    kept = rows_with_target(reference, "y")
    for frame in (reference.to_arrow(), reference.to_pandas(), pandas.DataFrame(columns, dtype=object)):
        encoder = TableEncoder.fit(frame, "y")
        assert encoder.to_json() == fitted.to_json()
        assert np.array_equal(encoder.encode(frame), fitted.encode(reference))
        assert np.array_equal(rows_with_target(frame, "y"), kept)
        some = frame.filter(pyarrow.array(kept)) if isinstance(frame, pyarrow.Table) else frame[kept]
        assert np.array_equal(encoder.encode_target(some), fitted.encode_target(reference.filter(kept)))


@settings(max_examples=60, deadline=None)
@given(columns=tables())
def test_json_keeps_every_bit(columns):
    frame = as_polars(columns)
    encoder = TableEncoder.fit(frame, "y")
    restored = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    assert restored.to_json() == encoder.to_json() and restored.to_json()["version"] == 1
    assert restored.encode(frame).tobytes() == encoder.encode(frame).tobytes()
    assert np.isfinite(encoder.encode(frame)).all()
    codes = encoder.encode_target(frame.filter(rows_with_target(frame, "y")))
    assert np.array_equal(restored.decode_target(codes), encoder.decode_target(codes))
    for asked in ("task", "reason", "target", "n_outputs", "n_features", "feature_names", "dropped"):
        assert getattr(restored, asked) == getattr(encoder, asked)
    assert restored.describe() == encoder.describe()


@pytest.fixture
def houses():
    return polars.DataFrame(
        {
            "id": [f"h{n}" for n in range(40)],
            "rooms": [3, None, 5, 4] * 10,
            "garden": [True, False] * 20,
            "country": ["NO"] * 40,
            "price": [float(n) + 0.5 for n in range(40)],
        }
    )


def test_describe_tells_what_is_done_with_each_column(houses):
    encoder = TableEncoder.fit(houses, "price")
    assert encoder.describe() == [
        "price: the target; regression, because the target 'price' holds decimal numbers",
        "rooms: number, standardized by mean 4 and standard deviation 0.707107; "
        "missing in 10 rows, filled with 4, plus an indicator",
        "garden: boolean, 0 or 1",
        "id: left out (text with 40 distinct values in 40 rows, as an identifier has)",
        "country: left out (constant, always 'NO')",
    ]
    assert encoder.feature_names == ["rooms", "rooms is missing", "garden"]
    assert encoder.n_features == 3 and list(encoder.dropped) == ["id", "country"]


def test_a_table_to_predict_needs_the_used_columns_only_and_in_any_order(houses):
    encoder = TableEncoder.fit(houses, "price")
    new = houses.select("garden", "rooms").with_columns(more=polars.lit("?"))
    assert np.array_equal(encoder.encode(new), encoder.encode(houses))
    with pytest.raises(TableError) as caught:
        encoder.encode(houses.select(polars.col("rooms").alias("Rooms")))
    assert str(caught.value) == (
        "table: expected the columns used in training, but 'rooms' (did you mean 'Rooms'?), 'garden' not there; "
        "add or rename"
    )


def test_a_file_says_the_same_as_its_frame(houses, tmp_path):
    for write, name in (
        (houses.write_csv, "t.csv"),
        (houses.write_parquet, "t.parquet"),
        (houses.write_ipc, "t.arrow"),
    ):
        write(tmp_path / name)
        assert TableEncoder.fit(read_table(tmp_path / name), "price").to_json() == (
            TableEncoder.fit(houses, "price").to_json()
        )


def test_things_that_are_no_usable_tables(houses):
    def complaint(frame, target="y"):
        with pytest.raises(TableError) as caught:
            TableEncoder.fit(frame, target)
        return str(caught.value)

    expected = "table: expected a table of pandas, polars or pyarrow, got "
    assert complaint([1, 2]) == expected + "builtins.list; convert it"
    assert complaint(houses.lazy()) == expected + "polars.LazyFrame; convert it"
    assert complaint(pandas.DataFrame([[1, 2]])) == (
        "table: expected column names that are texts, got 0; rename that column"
    )
    assert complaint(pandas.DataFrame([[1, 2]], columns=["a", "a"])) == (
        "table: expected distinct column names (Expected unique column names, got: - 'a' 2 times); rename the copies"
    )
    assert complaint(pandas.DataFrame({"x": [1, "a"], "y": [0, 1]})) == (
        "column 'x': expected values of one type, got int and str; convert it or leave it out"
    )
    assert complaint(houses.select("price"), "price") == (
        "table: expected at least one usable feature column, got none (there is only the target); add one"
    )


def test_other_states_are_refused(houses):
    state = TableEncoder.fit(houses, "price").to_json()
    for version in (2, None, "1"):
        with pytest.raises(ModelFileError) as caught:
            TableEncoder.from_json({**state, "version": version})
        assert str(caught.value) == (
            f"table encoding: expected version 1 or older, got {version}; use a newer ebbflow to read it"
        )
    for key in ("task", "reason", "target", "columns", "dropped"):
        with pytest.raises(ModelFileError, match=f"it lacks or alters '{key}'"):
            TableEncoder.from_json({other: value for other, value in state.items() if other != key})
    altered = copy.deepcopy(state)
    altered["columns"][0]["kind"] = "unheard of"
    with pytest.raises(ModelFileError, match="'unheard of'"):
        TableEncoder.from_json(altered)


def test_importing_tables_imports_no_table_library():
    program = "import sys, ebbflow.tables; print({'polars', 'narwhals', 'pandas', 'pyarrow'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
