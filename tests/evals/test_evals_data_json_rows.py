"""Rows of JSON: lines with comments between them, and documents that hold a list."""

import json
from io import BytesIO

import pytest

from stepdown.evals.data import json_rows
from stepdown.evals.data.faults import BadDataset
from stepdown.evals.data.files import Lines
from stepdown.evals.data.json_rows import json_document, json_lines
from stepdown.evals.data.records import Record
from stepdown.evals.items import BadRow

ROWS = [{"a": 1}, {"a": [2]}]


def lines(content: bytes) -> Lines:
    return Lines(BytesIO(content))


def test_comments_and_blank_lines_are_passed_over() -> None:
    content = b'# said\n\n{"a": 1}\n  // said\r\n \t\r\n{"a": [2]}'
    assert list(json_lines(lines(content))) == [Record(3, {"a": 1}), Record(6, {"a": [2]})]


@pytest.mark.parametrize("name", [None, "data", "examples", "items", "rows"])
def test_documents(name: str | None) -> None:
    document = ROWS if name is None else {"object": "list", name: ROWS}
    content = json.dumps(document, indent=2).encode()
    assert list(json_document(lines(content))) == [Record(1, {"a": 1}), Record(2, {"a": [2]})]


def test_a_row_of_a_document_that_is_no_object() -> None:
    assert list(json_document(lines(b'[{"a": 1}, null, "b"]'))) == [
        Record(1, {"a": 1}),
        BadRow(2, "expected a JSON object, got nothing"),
        BadRow(3, "expected a JSON object, got 'b'"),
    ]


@pytest.mark.parametrize("content", [b"{", b'{"a": 1}\n{"a": 2}', b"[" * 100_000, b"\xff", b"5"])
def test_no_document(content: bytes) -> None:
    with pytest.raises(BadDataset, match=r"expected a (JSON )?list of objects"):
        list(json_document(lines(content)))


def test_too_large_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "LARGEST_DOCUMENT", 100)
    with pytest.raises(BadDataset, match="at most 100 bytes in one document"):
        list(json_document(lines(b"[" + b" " * 100 + b"]")))
