"""``tables``: the same values in fewer tokens, or the JSON as it was."""

import csv as standard
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepdown.compression.counting import Count, estimated, load
from stepdown.compression.techniques import tables
from stepdown.compression.techniques.tables import Tables, csv, rewritten, toon
from support.prompts_to_shrink import JSON, applied, draft_of, tool, user

ROWS = [{"id": at, "name": f"name {at}", "ok": at % 2 == 0, "price": at * 1.5} for at in range(20)]
CELL = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text('ab ,"\n\té1-.', max_size=6) | st.sampled_from(["null", "true", "1e5", "nan", ""])


def exact() -> Count:
    pytest.importorskip("quicktok")
    return load()


def read_cell(line: str, at: int) -> tuple[Any, int]:
    """One cell by RFC 4180 and the rule for literals, and where the next begins."""
    if line[at : at + 1] != '"':
        ends = [place for place in (line.find(",", at), line.find("\n", at)) if place >= 0]
        end = min(ends, default=len(line))
        word = line[at:end]
        try:
            return json.loads(word), end
        except ValueError:
            return word, end
    text, at = "", at + 1
    while True:
        end = line.index('"', at)
        text += line[at:end]
        if line[end + 1 : end + 2] != '"':
            return text, end + 1
        text, at = text + '"', end + 2


def read(table: str) -> list[list[Any]]:
    rows: list[list[Any]] = [[]]
    at = 0
    while True:
        value, at = read_cell(table, at)
        rows[-1].append(value)
        if at >= len(table):
            return rows
        if table[at] == "\n":
            rows.append([])
        at += 1


@given(
    st.lists(st.fixed_dictionaries({"a b": CELL | TEXT, "c": CELL | TEXT}), min_size=2, max_size=5)
)
def test_csv_says_every_value_with_its_type(rows: list[dict[str, Any]]) -> None:
    written = csv(json.dumps(rows))
    assert written is not None
    head, *body = read(written)
    assert head == list(rows[0])
    assert json.dumps(body) == json.dumps([[row[name] for name in head] for row in rows])


def test_csv_is_the_standard_librarys() -> None:
    written = csv(json.dumps([{"a": 'x, "y"', "b": "two\nlines"}, {"a": "z", "b": ""}])) or ""
    assert list(standard.reader(io.StringIO(written))) == [
        ["a", "b"],
        ['x, "y"', "two\nlines"],
        ["z", ""],
    ]


def test_csv_keeps_the_spelling_of_numbers() -> None:
    assert csv('[{"p":1.10,"q":1E5},{"p":-0.0,"q":12345678901234567890}]') == (
        "p,q\n1.10,1E5\n-0.0,12345678901234567890"
    )


@pytest.mark.parametrize(
    "value",
    [
        '{"a":1}',
        "[1,2,3]",
        '[{"a":1}]',
        '[{"a":1},{"b":1}]',
        '[{"a":1},{"a":1,"b":2}]',
        '[{"a":[1]},{"a":[2]}]',
        '[{"a":{"b":1}},{"a":{"b":2}}]',
        '[{"a":1,"a":2},{"a":3}]',
        "[{},{}]",
        "no JSON",
    ],
)
def test_what_is_no_flat_table_is_no_csv(value: str) -> None:
    assert csv(value) is None


@given(JSON)
def test_toon_reads_back_as_the_same(value: Any) -> None:
    toon_format = pytest.importorskip("toon_format")
    written = toon(json.dumps(value))
    if written is not None:
        assert toon_format.loads(written) == msgspec.json.decode(json.dumps(value))


def test_toon_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_toon", lambda: None)
    assert toon('{"a": 1}') is None


def test_twins_among_members_are_not_lost() -> None:
    assert toon('{"a":1,"a":2}') is None


@given(JSON)
def test_never_more_tokens(value: Any) -> None:
    written = json.dumps(value)
    assert estimated(rewritten(written, estimated)) <= estimated(written)


def test_an_irregular_value_stays_where_no_other_form_is_shorter() -> None:
    value = '{"a":{"b":{"c":1}},"d":[{"e":1},{"f":[2,3]}]}'
    assert rewritten(value, exact()) == value


def test_the_shortest_form_is_taken() -> None:
    count = exact()
    value = msgspec.json.encode(ROWS).decode()
    assert rewritten(value, count) == min((csv(value) or "", toon(value) or value), key=count)
    assert count(rewritten(value, count)) < 0.8 * count(value)


def test_an_estimate_has_to_be_clearly_less() -> None:
    value = msgspec.json.encode([{"a": 1}, {"a": 2}]).decode()
    assert rewritten(value, len, 0.9) == value
    assert rewritten(value, len) == "a\n1\n2"


def test_a_value_of_great_length_stays() -> None:
    value = json.dumps([{"a": "x" * 50, "b": 1} for _ in range(5000)])
    assert rewritten(value, estimated) == value


def test_a_table_stands_on_lines_of_its_own() -> None:
    value = json.dumps(ROWS)
    [after, _] = applied(Tables(), draft_of(tool(f"Found: {value} (20 rows)"), user("Sum?")))
    lines = str(after.content).split("\n")
    assert lines[0] == "Found: "
    assert "name 19" in lines[-2]
    assert lines[-1] == " (20 rows)"


def test_a_written_table_is_cut_by_no_later_technique() -> None:
    draft = draft_of(tool(json.dumps(ROWS)), user("Sum?"))
    applied(Tables(), draft)
    assert {span.kind for span in draft.texts[0].pieces} == {"data"}
