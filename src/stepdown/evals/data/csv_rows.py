"""Rows of CSV and TSV: a header, then one record a row, whose cells are all text.

Quotes have to be closed and stand around the whole cell: one that is not may have swallowed rows.
Source: RFC 4180
"""

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager

from stepdown.evals.data.faults import BadDataset, shown
from stepdown.evals.data.files import LONGEST_LINE, BadLine, Lines
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow

MOST_COLUMNS = 10_000
INDEX = "Unnamed: "
"""So pandas names the column of an index that was written without a name, when it reads it."""


class _Texts:
    """The lines as text. ``next`` raises BadLine for one that is none, and goes on after it."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if b"\0" in line:
            raise BadLine("expected text, got a byte of 0")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise BadLine(f"expected UTF-8, got byte {line[error.start]:#04x}") from None


def csv_rows(lines: Lines, delimiter: str) -> Iterator[Record | BadRow]:
    """The records after the header. Raises BadDataset where there is no header to go by."""
    with _long_cells():
        reader = csv.reader(_Texts(lines), delimiter=delimiter, strict=True)
        empty: list[str] = []
        try:
            header = next(reader, empty)
        except (csv.Error, BadLine) as error:
            raise BadDataset(f"line 1: expected the columns' names, got: {error}") from error
        columns = _columns(header)
        while True:
            line = lines.number + 1
            try:
                cells = next(reader, None)
            except (csv.Error, BadLine) as error:
                yield BadRow(line, f"expected CSV, got: {error}")
                continue
            if cells is None:
                return
            if not any(cells):
                continue
            if len(cells) != len(header):
                yield BadRow(line, f"expected {len(header)} cells, got {len(cells)}")
                continue
            yield Record(line, {name: cells[place] for place, name in columns.items()}, cells=True)


def _columns(header: Sequence[str]) -> dict[int, str]:
    """The named columns by their places; an index has no name."""
    if len(header) > MOST_COLUMNS:
        raise BadDataset(f"line 1: expected at most {MOST_COLUMNS:,} columns, got {len(header):,}")
    names = {place: name.strip() for place, name in enumerate(header)}
    columns = {p: name for p, name in names.items() if name and not name.startswith(INDEX)}
    if not columns:
        raise BadDataset("line 1: expected the columns' names, got none")
    seen: set[str] = set()
    for name in columns.values():
        if name in seen:
            raise BadDataset(f"line 1: expected each column once, got {shown(name)} twice")
        seen.add(name)
    return columns


@contextmanager
def _long_cells() -> Generator[None]:
    """The module's own limit, 128 KB, is for all readers of the process."""
    before = csv.field_size_limit(LONGEST_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)
