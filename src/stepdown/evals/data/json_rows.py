"""Rows of JSON: one object a line, or one document that holds a list of objects."""

from collections.abc import Iterator
from typing import Any

from msgspec import DecodeError, json

from stepdown.evals.data.faults import BadDataset, shown
from stepdown.evals.data.files import BadLine, Lines
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow
from stepdown.routing.shapes import is_list, is_mapping

LARGEST_DOCUMENT = 256 * 1024**2
"""Bytes of a file that has to be held whole."""
LISTS = ("data", "examples", "items", "rows")
"""Under these a document may hold its rows."""
COMMENTS = (b"#", b"//")
"""No JSON begins so: such a line is for people."""

_NOT_JSON = (DecodeError, UnicodeError, RecursionError)
_decode = json.Decoder().decode


def json_lines(lines: Lines) -> Iterator[Record | BadRow]:
    """One object a line; blank lines and comments are passed over."""
    while True:
        try:
            line = next(lines, None)
        except BadLine as error:
            yield BadRow(lines.number, str(error))
            continue
        if line is None:
            return
        text = line.strip()
        if not text or text.startswith(COMMENTS):
            continue
        try:
            row = _decode(text)
        except _NOT_JSON as error:
            yield BadRow(lines.number, f"expected a JSON object, got: {error}")
            continue
        yield _row(row, lines.number)


def json_document(lines: Lines) -> Iterator[Record | BadRow]:
    """The objects of one list, numbered from 1. Raises BadDataset where there is no such list."""
    body = lines.whole(LARGEST_DOCUMENT)
    try:
        document = _decode(body)
    except _NOT_JSON as error:
        raise BadDataset(
            f"expected a JSON list of objects, got: {error}. "
            "(One object a line is read where the name ends in .jsonl.)"
        ) from error
    for number, row in enumerate(_rows(document), 1):
        yield _row(row, number)


def _rows(document: Any) -> Any:
    if is_list(document):
        return document
    if is_mapping(document):
        for name in LISTS:
            if is_list(document.get(name)):
                return document[name]
    names = ", ".join(map(repr, LISTS))
    raise BadDataset(f"expected a list of objects, or one under {names}, got {shown(document)}")


def _row(row: Any, number: int) -> Record | BadRow:
    if is_mapping(row):
        return Record(number, row)
    return BadRow(number, f"expected a JSON object, got {shown(row)}")
