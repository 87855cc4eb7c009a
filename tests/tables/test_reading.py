"""read_table: what becomes of files, and what a user is told about those that are no tables."""

import datetime

import polars
import pytest

from ebbflow.core.errors import TableError
from ebbflow.tables import read_table


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return to_file


def complaint(path):
    with pytest.raises(TableError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(path), "FILE")


def test_every_column_gets_the_type_that_all_its_fields_read_as(write):
    frame = read_table(
        write(
            "n,x,ok,day,at,name\n"
            "1,2,true,2024-02-29,2024-02-29 12:30:00,Ada\n"
            "-3,2.5e1,FALSE,2024-03-01,2024-03-01 00:00:00.5,2024\n"
        )
    )
    assert frame.rows() == [
        (1, 2.0, True, datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30), "Ada"),
        (-3, 25.0, False, datetime.date(2024, 3, 1), datetime.datetime(2024, 3, 1, 0, 0, 0, 500_000), "2024"),
    ]


@pytest.mark.parametrize("word", ["", "NA", "N/A", "NaN", "null", "?", "  ", " NA "])
def test_words_for_missing_leave_the_type_of_a_column_alone(write, word):
    frame = read_table(write(f"n,name,day\n1,Ada,2024-01-01\n{word},{word},{word}\n2,Bob,2024-01-02\n"))
    assert frame.row(1) == (None, None, None)
    assert frame.dtypes == [polars.Int64, polars.String, polars.Date]


def test_instants_with_an_offset_become_utc(write):
    frame = read_table(write("at\n2024-01-01T12:00:00Z\n2024-01-01T12:00:00+02:00\n"))
    assert [at.hour for at in frame["at"]] == [12, 10]


@pytest.mark.parametrize(
    "text, name",
    [
        ("a,b\n1,x\n", "t.csv"),
        ("a;b\n1;x\n", "t.csv"),
        ("a\tb\n1\tx\n", "t.tsv"),
        ("a|b\n1|x\n", "t.txt"),
        ("\n\ufeffa, b\r\n1, x\r\n".lstrip("\n"), "t.csv"),
        ('"a","b"\n"1","x"', "t.CSV"),
    ],
)
def test_separators_quotes_spaces_and_line_ends_do_not_matter(write, text, name):
    assert read_table(write(text, name)).to_dict(as_series=False) == {"a": [1], "b": ["x"]}


def test_quotes_keep_separators_and_line_ends_in_a_field(write):
    frame = read_table(write('a,b\n1,"x, ""y""\nz"\n2,w\n'))
    assert frame["b"].to_list() == ['x, "y"\nz', "w"]


def test_blank_lines_are_no_rows_but_rows_of_missing_fields_are(write):
    assert read_table(write("a,b\n1,2\n\n,\n3,4\n\n")).rows() == [(1, 2), (None, None), (3, 4)]


@pytest.mark.parametrize("suffix", [".parquet", ".pq", ".arrow", ".feather", ".ipc"])
def test_binary_files_come_back_as_written(tmp_path, suffix):
    frame = polars.DataFrame({"a": [1, None], "b": ["NA", "x"]})
    path = tmp_path / f"tab*le[1]{suffix}"
    (frame.write_parquet if suffix in (".parquet", ".pq") else frame.write_ipc)(path)
    assert read_table(str(path)).equals(frame)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_dates_written_as_text_are_dates_in_binary_files_too(write, tmp_path, suffix):
    fields = {"day": ["2024-02-29", None], "at": ["2024-02-29T12:30:00Z", " 2024-02-29T12:30:00+02:00"]}
    fields |= {"mixed": ["2024-02-29", "soon"], "american": ["01/31/2024", "02/01/2024"]}
    frame, path = polars.DataFrame(fields), tmp_path / f"table{suffix}"
    (frame.write_parquet if suffix == ".parquet" else frame.write_ipc)(path)
    table = read_table(path)
    assert table.dtypes == [polars.Date, polars.Datetime("us", "UTC"), polars.String, polars.String]
    assert table.equals(read_table(write(frame.write_csv())))


def test_a_line_with_too_many_or_too_few_fields_is_named(write):
    text = 'a,b\n1,"two\nlines, one field"\n{}\n3,4\n'
    advice = "; correct it, or put quotes around a field that holds the separator"
    assert complaint(write(text.format("1,2,3"))) == (
        "FILE: expected 2 fields in each line as in the header, got 3 fields in line 4" + advice
    )
    assert complaint(write(text.format("1"))) == (
        "FILE: expected 2 fields in each line as in the header, got 1 field in line 4" + advice
    )


def test_one_field_is_singular(write):
    assert "expected 1 field in each line as in the header, got 2 fields in line 3" in complaint(write("a\n1\n1,2\n"))


def test_an_open_quote_is_named(write):
    assert complaint(write('a,b\n1,2\n3,"4\n5,6\n')) == (
        "FILE: expected well-formed quotes, but in line 3: unexpected end of data; correct it"
    )
    assert complaint(write('a,"b\n1,2\n')) == (
        "FILE: expected well-formed quotes, but in line 1: unexpected end of data; correct it"
    )


def test_files_that_are_no_tables(write, tmp_path):
    assert complaint(tmp_path / "no.csv") == "FILE: expected a file, but there is none; check the path"
    assert complaint(tmp_path / "table.xlsx") == (
        "FILE: expected a table of type .csv .tsv .txt .parquet .pq .arrow .feather .ipc, got '.xlsx'; "
        "convert it to one of these"
    )
    empty = "FILE: expected a header and rows, but the file is empty"
    assert complaint(write("")) == complaint(write("\n\n")) == complaint(write("", "t.parquet")) == empty
    assert complaint(write("a,b\n")) == "FILE: expected rows below the header, but there are none"
    assert complaint(write("a,b,a\n1,2,3\n")) == (
        "FILE: expected distinct column names, got 'a' 2 times; rename the copies"
    )
    assert complaint(write("a,b\r1,2\r")) == (
        r"FILE: expected lines that end in \n or \r\n, got others; save it anew as a text file"
    )
    latin = "FILE: expected UTF-8 text, which this is not; save it as UTF-8"
    assert complaint(write("a,b\n1,é\n", encoding="latin-1")) == latin
    assert complaint(write("a,b\n1,é\n", encoding="utf-16")) == latin
    assert complaint(write("a,b\n1,2\n", "t.parquet")).startswith(
        "FILE: expected a file in Parquet format, which this is not ("
    )
    assert complaint(write("a,b\n1,2\n", "t.arrow")).startswith("FILE: expected a file in Arrow format, which this is")
