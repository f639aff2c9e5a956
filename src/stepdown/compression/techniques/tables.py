"""``tables``: JSON written as CSV or TOON, where that is fewer tokens.

An array of flat objects with the same members says their names once for each row; a table says
them once. CSV is written as RFC 4180 has it, with JSON's own ``null``, ``true``, numbers, and
quotes around a string that could be taken for one of those: reading it back gives the same values.
TOON (github.com/toon-format/spec) takes any JSON; it needs the extra ``toon``.
"""

import json
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

import msgspec
from msgspec import Raw

from stepdown.compression.counting import Count, estimated
from stepdown.compression.draft import Draft, Text, mapped
from stepdown.compression.spans import Span
from stepdown.compression.technique import read_options
from stepdown.routing.problems import Problems

LEAST_ROWS = 2
MOST_CHARACTERS = 200_000
"""Of one JSON value; a longer one stays JSON."""
MARGIN = 0.2
"""By so much a form has to be shorter where its tokens are estimated."""

_rows = msgspec.json.Decoder(list[dict[str, Raw]]).decode
_value = msgspec.json.Decoder().decode
_LITERALS = frozenset(["", "null", "true", "false"])
_OPENS = frozenset(b"{[")


class Tables:
    """Implements ``Technique``."""

    name = "tables"
    lossless = False
    by_question = False

    def apply(self, draft: Draft) -> None:
        for text in draft.texts:
            if text.role != "assistant" and any(span.kind == "data" for span in text.pieces):
                _rewrite(draft, text)


def _rewrite(draft: Draft, text: Text) -> None:
    written: list[str] = []
    margin = MARGIN if draft.count is estimated else 0.0

    def shorter(value: str, span: Span) -> str:
        stretch = value[span.start : span.end]
        table = rewritten(stretch, draft.count, margin)
        if table == stretch:
            return stretch
        written.append(table)
        return _placed(value, span, table)

    if draft.change(text, mapped(text, shorter, ("data",))):
        text.wrote(written)


def rewritten(value: str, count: Count, margin: float = 0.0) -> str:
    """The JSON value in the form of the fewest tokens; as it stands where no other has fewer by
    more than the ``margin``, a share of its own."""
    if len(value) > MOST_CHARACTERS:
        return value
    best, fewest = value, count(value) * (1 - margin)
    for write in (csv, toon):
        other = write(value)
        if other is not None and (tokens := count(other)) < fewest:
            best, fewest = other, tokens
    return best


def _placed(value: str, span: Span, written: str) -> str:
    """A table begins a line, and ends one."""
    before = value[: span.start].rstrip(" \t")
    after = value[span.end :].lstrip(" \t")
    opened = "" if not before or before.endswith("\n") else "\n"
    return opened + written + ("" if not after or after.startswith("\n") else "\n")


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────


def csv(value: str) -> str | None:
    """An array of flat objects as CSV; None where it is anything else."""
    try:
        rows = _rows(value)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if len(rows) < LEAST_ROWS or not rows[0]:
        return None
    names = list(rows[0])
    lines = [",".join(map(_text_cell, names))]
    for row in rows:
        if row.keys() != rows[0].keys():
            return None
        raws = [bytes(row[name]) for name in names]
        if any(raw[0] in _OPENS for raw in raws):
            return None
        lines.append(",".join(map(_cell, raws)))
    return "\n".join(lines) if _has_no_twins(value, len(rows) * len(names)) else None


def _has_no_twins(value: str, cells: int) -> bool:
    """Whether no object names a member twice: of twins only one would be written."""
    met = 0

    def pairs(found: list[tuple[str, Any]]) -> None:
        nonlocal met
        met += len(found)

    json.loads(value, object_pairs_hook=pairs)
    return met == cells


def _cell(raw: bytes) -> str:
    return _text_cell(_value(raw)) if raw[:1] == b'"' else raw.decode()


def _text_cell(text: str) -> str:
    if _needs_quotes(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _needs_quotes(text: str) -> bool:
    if text in _LITERALS or text != text.strip() or not text.isprintable():
        return True
    return "," in text or '"' in text or _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# ── TOON ─────────────────────────────────────────────────────────────────────────────────────


def toon(value: str) -> str | None:
    """The JSON value as TOON; None without the extra, and where it would not be the same."""
    library = _toon()
    if library is None:
        return None
    dumps, loads = library
    try:
        data = _value(value)
        written = dumps(data)
        return written if loads(written) == data and _is_whole(value, data) else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


@cache
def _toon() -> tuple[Callable[[Any], str], Callable[[str], Any]] | None:
    try:
        library: Any = import_module("toon_format")
    except ImportError:
        return None
    return library.dumps, library.loads


def _is_whole(value: str, data: Any) -> bool:
    return _has_no_twins(value, sum(_members(data)))


def _members(data: Any) -> Iterator[int]:
    if isinstance(data, dict):
        yield len(data)  # pyright: ignore[reportUnknownArgumentType]
        for each in data.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _members(each)
    elif isinstance(data, list):
        for each in data:  # pyright: ignore[reportUnknownVariableType]
            yield from _members(each)


def build(options: Any, path: str, problems: Problems) -> Tables:
    read_options(options, (), path, problems)
    return Tables()
