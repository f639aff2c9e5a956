"""Rows of CSV: cells over several lines, broken quotes, odd headers, bytes that are no text."""

import csv
from io import BytesIO

import pytest

from stepdown.evals.data import csv_rows as module
from stepdown.evals.data.csv_rows import csv_rows
from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.files import Lines
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow


def rows(content: str | bytes, delimiter: str = ",") -> list[Record | BadRow]:
    body = content.encode() if isinstance(content, str) else content
    return list(csv_rows(Lines(BytesIO(body)), delimiter))


def cells(line: int, **fields: str) -> Record:
    return Record(line, fields, cells=True)


def test_rows_know_where_they_begin() -> None:
    content = 'a,b\r\n1,"two\r\nlines, and ""quotes"""\r\n\r\n,\r\n3,4\r\n'
    assert rows(content) == [
        cells(2, a="1", b='two\r\nlines, and "quotes"'),
        cells(6, a="3", b="4"),
    ]


def test_tabs() -> None:
    assert rows("a\tb\n1,5\tx\n", "\t") == [cells(2, a="1,5", b="x")]


def test_an_index_without_a_name_is_passed_over() -> None:
    assert rows(",a,Unnamed: 0\n0,x,0\n") == [cells(2, a="x")]


def test_what_is_wrong_is_told_and_the_rest_is_read() -> None:
    content = b'a,b\n1,2\n1,2,3\n"x"y,2\n1,\xff\n1,\0\n7,8\n'
    assert rows(content) == [
        cells(2, a="1", b="2"),
        BadRow(3, "expected 2 cells, got 3"),
        BadRow(4, "expected CSV, got: ',' expected after '\"'"),
        BadRow(5, "expected CSV, got: expected UTF-8, got byte 0xff"),
        BadRow(6, "expected CSV, got: expected text, got a byte of 0"),
        cells(7, a="7", b="8"),
    ]


def test_a_quote_that_is_never_closed() -> None:
    assert rows('a,b\n1,2\n3,"4\n5,6\n') == [
        cells(2, a="1", b="2"),
        BadRow(3, "expected CSV, got: unexpected end of data"),
    ]


def test_a_cell_may_be_long_but_not_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 200_000
    before = csv.field_size_limit()
    assert rows(f"a\n{long}\n") == [cells(2, a=long)]
    monkeypatch.setattr(module, "LONGEST_LINE", 100)
    assert rows('a\n"' + "x\n" * 100 + '"\nb\n')[0] == BadRow(
        2, "expected CSV, got: field larger than field limit (100)"
    )
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("", "line 1: expected the columns' names, got none"),
        (",,", "line 1: expected the columns' names, got none"),
        ("a,b,a", "line 1: expected each column once, got 'a' twice"),
        ('"a"b', "line 1: expected the columns' names, got: "),
        ("a," * 10_000 + "b", "line 1: expected at most 10,000 columns, got 10,001"),
    ],
)
def test_no_header(header: str, problem: str) -> None:
    with pytest.raises(BadDataset, match=problem):
        rows(f"{header}\n1,2\n")
