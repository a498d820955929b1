"""Text of instruments: encodings, decimal marks, separators, tables; numbers against Python's own reading of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rampion.errors import RefusedError
from rampion.readers import numbers
from rampion.readers.text import decimal_mark, decode, detect_separator, parse_table, read_number, unique_names
from written_files import scientific


def codes(table):
    return [flag.code for flag in table.flags]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_every_encoding_gives_the_same_text(encoding):
    text = "I/µA\tT/°C\n" + "1\t2\n" * 50
    assert decode(text.encode(encoding))[0].removeprefix("\ufeff") == text


def test_cp1252_and_latin_1_are_told_apart_and_said():
    assert decode("5 €µ".encode("cp1252"))[0] == "5 €µ"
    assert decode("5 €µ".encode("cp1252"))[1][0].message.endswith("cp1252.")
    assert decode(b"\x81\xb5")[1][0].message.endswith("latin-1.")


def test_carriage_returns_alone_end_lines():
    assert decode(b"1\t2\r3\t4\r")[0] == "1\t2\n3\t4\n"


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1.5 2.25", "."),
        ("1,5 2,25", ","),
        ("0,258 1,234", ","),
        ("1,2345E+001", ","),
        ("1,234.5 2.0", "."),
        ("1.234,5", ","),
        ("12 34", "."),
        ("1,234,567 8.5", "."),
        ("16.05.2024 12:00:00.5 3,25", ","),
    ],
)
def test_the_decimal_mark_is_decided_from_the_numbers(text, mark):
    assert decimal_mark(text) == mark


def test_a_mark_that_cannot_be_told_is_refused():
    with pytest.raises(RefusedError, match="1,234"):
        decimal_mark("1,234\t2,345\n3,456\t4,567\n")


@pytest.mark.parametrize(
    ("token", "mark", "value"),
    [
        ("1.5", ".", 1.5),
        ("1,5", ".", 1.5),
        ("1,234", ",", 1.234),
        ("1,234", ".", math.nan),
        ("1.234", ",", math.nan),
        ("1.234,5", ",", 1234.5),
        ("1,234,567", ".", 1234567.0),
        ("1.234.567", ".", math.nan),
        ("-1,2E-03", ".", -1.2e-3),
        ("−2.5", ".", -2.5),
        ("abc", ".", math.nan),
        ("1.2.3", ".", math.nan),
        ("12:30", ".", math.nan),
    ],
)
def test_one_number(token, mark, value):
    assert read_number(token, mark) == pytest.approx(value, nan_ok=True, rel=1e-15)


def test_strict_reading_leaves_what_could_be_thousands():
    assert math.isnan(read_number("1,234", ",", strict=True))
    assert read_number("1,2345", ",", strict=True) == 1.2345


LAYOUTS = ("%.7E", "%.15E", "%.5f", "%g", "%.3f", "%d", "%.1e", "%.17g", "%.0e", "%+.3f")
BY = pytest.mark.parametrize("by_polars", [True, False])


@pytest.fixture
def by(by_polars, monkeypatch):
    """How numbers are read: by polars whatever the length, or by Python alone."""
    if by_polars:
        pytest.importorskip("polars", reason="polars is not installed")
    monkeypatch.setattr(numbers, "LONG", 0 if by_polars else math.inf)


def same(table, other):
    assert table.flags == other.flags
    assert table.columns.keys() == other.columns.keys()
    for name, column in table.columns.items():
        np.testing.assert_array_equal(column, other.columns[name])


@BY
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.tuples(st.floats(-1e25, 1e25, allow_subnormal=False), st.sampled_from(LAYOUTS)), min_size=1, max_size=60
    ),
    mark=st.sampled_from([".", ","]),
)
def test_numbers_are_read_as_python_reads_them(by, values, mark):
    tokens = [layout % value for value, layout in values] + [scientific(value) for value, _ in values]
    body = "".join(f"{k}\t{token.replace('.', mark)}\n" for k, token in enumerate(tokens))
    table = parse_table(body, ["k", "v"], mark=mark)
    np.testing.assert_array_equal(table.columns["v"], [float(token) for token in tokens])
    np.testing.assert_array_equal(table.columns["k"], np.arange(len(tokens)))


@BY
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(alphabet="0123456789.,eE+-: /x_naif", max_size=14))
def test_what_is_no_number_is_never_read_as_one(by, token):
    table = parse_table(f"1\t{token}\n2\t5\n", ["a", "b"], mark=".")
    value = table.columns["b"][0]
    if math.isnan(value):
        return
    plain = token.replace(" ", "")
    assert value in {float(plain.replace(",", mark).replace(".", "", plain.count(".") - 1)) for mark in ("", ".")}
    assert "_" not in token


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_polars_and_python_read_the_same(data):
    pytest.importorskip("polars", reason="polars is not installed")
    cell = st.sampled_from(
        ["1", "2.5", "-3e5", "1,5", "1.234", "1,234", "", "n/a", "word", "1_0", "٣", " 7", "8 ", "1e999", "nan", "-inf",
         "+.5", "5.", '"6"', "0x10", "1 020", "1,234.5", "--", "infinity"]
    )  # fmt: skip
    rows = data.draw(st.lists(st.lists(cell, min_size=1, max_size=5), min_size=1, max_size=12))
    body = "\n".join("\t".join(row) for row in rows) + data.draw(st.sampled_from(["", "\n"]))
    mark = data.draw(st.sampled_from([".", ","]))
    found = []
    for length in (0, math.inf):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(numbers, "LONG", length)
            found.append(parse_table(body, ["a", "b", "c"], mark=mark))
    same(*found)


@pytest.mark.parametrize("separator", ["\t", ";", ",", " "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_with_every_separator(separator, end):
    rows = [["1", "2.5", "-3e-2"], ["4", "5.25", "6"]]
    body = end.join([separator.join(row) for row in rows] + [""])
    assert detect_separator(body.splitlines()) == separator
    table = parse_table(body, ["a", "b", "c"], separator=separator)
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "a": [1, 4],
        "b": [2.5, 5.25],
        "c": [-0.03, 6],
    }
    assert table.flags == ()


def test_blanks_around_cells_and_runs_of_blanks_do_not_count():
    assert parse_table("  1   2 \n 3 4\n", ["a", "b"], separator=" ").columns["b"].tolist() == [2, 4]
    assert parse_table("1 , 2.5\n3,   4\n", ["a", "b"], separator=",").columns["b"].tolist() == [2.5, 4]


def test_decimal_commas_and_semicolons():
    table = parse_table("0,5;-1,25E+002\n1;2\n", ["a", "b"], separator=";")
    assert table.columns["b"].tolist() == [-125, 2]


def test_rows_that_do_not_fit_are_dropped_with_a_flag():
    table = parse_table("1\t2\n3\n5\t6\t\t\n7\t8\t9\n\n10\t11\n", ["a", "b"])
    assert table.columns["a"].tolist() == [1, 5, 10]
    assert codes(table) == ["ragged_rows"]
    assert "2 rows" in table.flags[0].message


def test_mixed_marks_are_read_where_they_are_sure_and_left_out_where_not():
    table = parse_table("1,234\t2,5\n0,235\t1.5\n0,3\t1.234\n", ["a", "b"])
    np.testing.assert_array_equal(table.columns["a"], [np.nan, 0.235, 0.3])
    np.testing.assert_array_equal(table.columns["b"], [2.5, 1.5, np.nan])
    assert codes(table) == ["decimal_mixed"]


def test_thousands_are_removed_and_said():
    table = parse_table("1,234.5\t2\n3,235.0\t1.5\n", ["a", "b"])
    assert table.columns["a"].tolist() == [1234.5, 3235]
    assert codes(table) == ["thousands"]


def test_words_are_kept_on_request_and_otherwise_left_out():
    body = "1\tab\t3\n2\tµ\tn/a\n3\tx\toops\n"
    table = parse_table(body, ["a", "w", "c"], words=["w"])
    assert table.words["w"] == ["ab", "µ", "x"]
    assert codes(table) == ["unreadable_cells"]
    assert list(parse_table(body, ["a", "w", "c"]).columns) == ["a", "c"]


@pytest.mark.parametrize(
    ("body", "last"),
    [
        ("1\t0.5\n2\t0.6\n3\t0.7\n4\t-0.8", -0.8),
        ("1\t5.0E-001\n2\t-6.0E-001\n3\t5.0E+001\n4\t-6.0E-001", -0.6),
        ("0\t10\n1\t9\n2\t8 ", 8.0),
        ('0\t10\n1\t9\n2\t"8"', 8.0),
        ("0\t9.25\n1\t9.75\n2\t9.50\r\n3\t10.25", 10.25),
    ],
)
def test_a_whole_last_line_needs_no_line_end(body, last):
    table = parse_table(body, ["a", "b"], mark=".")
    assert table.columns["b"][-1] == last
    assert codes(table) == []


@pytest.mark.parametrize(
    "body",
    [
        "1\t5.01E-001\n2\t6.01E-001\n3\t6.01E-001\n4\t-6.01E-0",
        "1\t0.52\n2\t0.51\n3\t0.53\n4\t0.5",
        "1\t9\n2\t10\n3\t11\n4\t1",
        "1\t7\n2\t8\n3\t9\n4\t1",  # a 10 that lost its 0 among single digits
        "0\t0.25\n1\t0.3\n2\t0.35\n3\t0.4",
        "1\t0.5\n2\t0.6",  # too few above it
    ],
)
def test_a_last_number_that_may_have_lost_digits_is_left_out(body):
    table = parse_table(body, ["a", "b"])
    assert table.columns["a"][-1] == body.count("\n") + float(body[0])
    assert math.isnan(table.columns["b"][-1])
    assert np.isfinite(table.columns["b"][:-1]).all()
    assert codes(table) == ["last_number_doubtful"]


def test_a_last_number_between_blanks_or_quotes_that_may_be_cut():
    table = parse_table("1 7\n2 8\n3 9\n4 1", ["a", "b"], separator=" ")
    assert table.columns["b"].tolist() == [7, 8, 9]
    assert codes(table) == ["last_number_doubtful", "ragged_rows"]
    table = parse_table("1\t7\n2\t8\n3 9\n4\t1", ["a", "b"], separator=" ")
    assert codes(table) == ["last_number_doubtful", "ragged_rows"]
    table = parse_table('"1","7"\n"2","8"\n"3","9"\n"4","1', ["a", "b"], separator=",")
    np.testing.assert_array_equal(table.columns["b"], [7, 8, 9, math.nan])
    assert table.columns["a"].tolist() == [1, 2, 3, 4]
    table = parse_table('"1,5","7,5"\n"2,5","8,5"\n"3,5","9,5"\n"4,5","1,', ["a", "b"], separator=",", mark=",")
    np.testing.assert_array_equal(table.columns["b"], [7.5, 8.5, 9.5, math.nan])


def test_a_last_word_or_clock_that_may_be_cut_is_left_out_too():
    clock = "0\t10:00:05\n1\t10:00:10\n2\t10:00:15\n3\t10:00:2"
    table = parse_table(clock, ["a", "b"], words=["b"])
    assert table.words["b"] == ["10:00:05", "10:00:10", "10:00:15", ""]
    assert codes(table) == ["last_number_doubtful"]
    assert codes(parse_table(clock + "0", ["a", "b"], words=["b"])) == []
    for last, kept in (("Rest", "Rest"), ("CC", ""), ("CC_Chg", "CC_Chg"), ("Re", "")):
        table = parse_table(f"0\tCC_Chg\n1\tRest\n2\tCC_Chg\n3\t{last}", ["a", "b"], words=["b"])
        assert table.words["b"][-1] == kept


def test_no_cut_of_a_table_of_any_layout_gives_another_number():
    """Every cut of tables of integers, of fixed decimals, of shortest numbers and of exponents."""
    counts = [1, 2, 3, 8, 9, 10, 11, 99, 100, 101]
    parts = [count / 7e3 for count in counts]
    for form, values in (("{}", counts), ("{:5d}", counts), ("{:.4f}", parts), ("{:.3E}", parts), ("{:.6g}", parts)):
        written = [form.format(value) for value in values]
        body = "".join(f"{k}\t{cell}\n" for k, cell in enumerate(written))
        for cut in range(len(body)):
            columns = parse_table(body[:cut], ["a", "b"], mark=".").columns
            for k, value in zip(columns.get("a", []), columns.get("b", []), strict=False):
                assert value == float(written[int(k)]) or math.isnan(value), body[:cut]


def test_a_last_line_that_lost_cells_is_dropped_as_cut():
    table = parse_table("1\t2\t3\n4\t5\t6\n7\t8", ["a", "b", "c"])
    assert table.columns["a"].tolist() == [1, 4]
    assert codes(table) == ["cut_line"]


def test_quotes_hold_numbers_with_their_thousands_together():
    table = parse_table('"1,020.00","2"\n"-3,000.5",4\n5,"6.25"\n', ["a", "b"], separator=",")
    assert table.columns["a"].tolist() == [1020, -3000.5, 5]
    assert table.columns["b"].tolist() == [2, 4, 6.25]
    table = parse_table('"0,5","1,25"\n"1,5","2,25"\n', ["a", "b"], separator=",")
    assert table.columns["b"].tolist() == [1.25, 2.25]


def test_rows_that_end_before_their_empty_cells():
    body = "1,2\n3,4,\n5,6,7\n8\n"
    table = parse_table(body, ["a", "b", "c"], separator=",", fewest=2)
    np.testing.assert_array_equal(table.columns["c"], [np.nan, np.nan, 7])
    assert codes(table) == ["ragged_rows"]
    assert "1 rows" in table.flags[0].message


def test_repeated_names_are_numbered():
    names, flags = unique_names(["a", "b", "a", ""])
    assert names == ["a", "b", "a (2)", ""]
    assert "a" in flags[0].message
    assert list(parse_table("1\t2\n", ["a", "a"]).columns) == ["a", "a (2)"]


def test_long_tables_are_read_in_pieces_without_seams():
    count = 60_000
    value = np.random.default_rng(5).standard_normal(count)
    body = "".join(f"{k}\t{scientific(v, 15)}\t.........\n" for k, v in enumerate(value))
    assert len(body) > 2 << 20
    table = parse_table(body, ["k", "v", "w"])
    np.testing.assert_array_equal(table.columns["k"], np.arange(count))
    np.testing.assert_allclose(table.columns["v"], value, rtol=1e-15)
    assert list(table.columns) == ["k", "v"]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_table_cut_anywhere_keeps_only_true_numbers(data):
    rows = [[f"{k * 0.1:.4g}", scientific(math.sin(k) * 10.0 ** (k % 7 - 3)), str(k)] for k in range(12)]
    body = "\r\n".join(["\t".join(row) for row in rows] + [""])
    cut = data.draw(st.integers(0, len(body)))
    table = parse_table(body[:cut], ["a", "b", "c"])
    for place, name in enumerate(["a", "b", "c"]):
        column = table.columns.get(name, np.empty(0))
        expected = np.array([float(row[place]) for row in rows])[: column.size]
        known = np.isfinite(column)
        np.testing.assert_allclose(column[known], expected[known], rtol=1e-15)
    assert table.rows >= body[:cut].count("\n") - 1
