"""Splits a text into what may be changed and what may not: code, quotations, examples, data."""

import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

Kind = Literal["text", "data", "code", "quote", "example", "request"]
"""``text`` may be changed; ``data`` (JSON, tables) may be written otherwise or go whole; the rest
stays as it is. ``request`` is what the user asks (``documents.py``)."""

LEAST_JSON = 24
"""Characters from which a JSON value counts as data; a shorter one is text (``[1, 2]``)."""
MOST_TRIES = 64
"""Places in one text at which JSON is looked for."""
LONGEST_QUOTATION = 400

_FENCE = r"(?P<fence>`{3,}|~{3,})"
_QUOTE = (
    rf"(?P<quote>`[^`\n]{{1,{LONGEST_QUOTATION}}}`"
    rf'|"(?!"")[^"\n]{{1,{LONGEST_QUOTATION}}}"'
    rf"|(?<!\w)'(?!'')[^'\n]{{1,{LONGEST_QUOTATION}}}'(?!\w)"
    rf"|“[^”]{{1,{LONGEST_QUOTATION}}}”|„[^“”]{{1,{LONGEST_QUOTATION}}}[“”]"
    rf"|«[^»]{{1,{LONGEST_QUOTATION}}}»|「[^」]{{1,{LONGEST_QUOTATION}}}」)"
)
_JSON = r"(?P<json>\{(?=\s*[\"}])|\[(?=\s*[\[{\"\d\]ntf-]))"
_BEFORE_JSON = frozenset("\n:=>")
"""What may stand before a value, spaces aside."""
_QUOTED_JSON = r"(?P<within>(?P<mark>\"\"\"|'''|[\"'`])(?=\s{0,8}[\[{]))"
_MARK = re.compile(f"{_FENCE}|{_JSON}|{_QUOTED_JSON}|{_QUOTE}")
_FIRST = re.compile("[`~\"'“„«「{\\[]")
"""A mark's first character, which is found several times faster than marks."""

_CODE_LINE = re.compile(
    r"""(?x)
      .*[;{}]\s*$                                          # statements and braces
    | \s*[)\]}]+[,;]?\s*$                                  # what closes them
    | \s*(?:async\s+)?(?:def|class|fn|func|function|interface|struct|enum)\s+\w.*[:({]\s*$
    | \s*(?:if|elif|for|while|with|try|except|else|match|case)\b[^.?!]*:\s*$
    | \s*(?:return|yield|raise|await|assert)\b[^.?!]*[\w)\]]\s*$
    | \s*(?:import|from)\s+[\w.]+(?:\s+import\s+.+)?\s*$
    | \s*(?:const|let|var|final|static|public|private|protected)\s[\w<>\[\],\s]+[=(;].*$
    | \s*[\w.\[\]"']+\s*(?:[-+*/|&]|:|<-)?=\s*[^=\s].*$     # an assignment
    | \s*[\w.]+\([^()]*(?:\([^()]*\)[^()]*)*\)\s*$         # a call
    | (?=.{0,160}$).*(?:=>|->|::|&&|\|\||</\w|/>|!=|==).*$
    | \s*(?:\#include|\#define|\#!|//|/\*|\*/|@\w+|>>>\ |\.\.\.\ |\$\ |Traceback\b)
    | \s*(?:SELECT|INSERT\ INTO|UPDATE|DELETE\ FROM|CREATE|ALTER|FROM|WHERE|JOIN|GROUP\ BY)\b.*$
    | \s*\|.*\|\s*$                                        # a row of a Markdown table
    | \s+[-\w.]+:\s*$                                      # YAML
    | \s*[-\w.]+:\s*(?:[\[{|>"']|\d+\s*$|true\s*$|false\s*$|null\s*$)
    """
)
_CODE_SIGN = re.compile(r"[;{}()=<>|:@$#]|import|return|/")
_DELIMITERS = ((",", 2), ("\t", 1), (";", 1))
LEAST_LINES = 4
"""Of a table."""
CODE_SHARE = 0.5
"""Of a paragraph's characters, by lines; from here on all of it is code."""

_INPUT = (
    r"(?:example|input|question|q|text|sentence|review|query|user|human|problem|source|utterance)"
)
_OUTPUT = (
    r"(?:output|answer|a|label|sentiment|category|class|response|assistant|solution|target|result)"
)
_LEAD = re.compile(
    rf"^[ \t*#-]*(?:{_INPUT}|(?P<output>{_OUTPUT}))(?:[ \t]*\d{{1,3}})?[ \t*]*:",
    re.IGNORECASE | re.MULTILINE,
)
_SHOWN = re.compile(r"[ \t]*\n?\S.*(?:\n[ \t]*\S.*)*")
"""What follows the output's lead, up to an empty line."""
LONGEST_INPUT = 200
"""Lines between an example's first line and its output."""


class Span(Struct, frozen=True, gc=False):
    """A stretch of a text, from ``start`` to before ``end``, and what it is."""

    kind: Kind
    start: int
    end: int

    @property
    def is_kept(self) -> bool:
        """Whether it has to come out as it went in."""
        return self.kind not in ("text", "data")


def spans(text: str) -> list[Span]:
    """The text's stretches, in order and without gaps. Linear in the text."""
    return list(_filled(_merged([*_marked(text), *_examples(text)]), text))


def refine(pieces: Sequence[Span], kept: Sequence[Span]) -> list[Span]:
    """The pieces with further stretches taken out of what is ``text`` in them; both in order."""
    found: list[Span] = []
    first = 0
    for piece in pieces:
        at = piece.start
        while first < len(kept) and kept[first].end <= at:
            first += 1
        if piece.kind == "text":
            for index in range(first, len(kept)):
                each = kept[index]
                if each.start >= piece.end:
                    break
                start, end = max(each.start, at), min(each.end, piece.end)
                if start < end:
                    if at < start:
                        found.append(Span("text", at, start))
                    found.append(Span(each.kind, start, end))
                    at = end
        if at < piece.end:
            found.append(Span(piece.kind, at, piece.end))
    return found


def overlaid(pieces: Sequence[Span], over: Sequence[Span]) -> list[Span]:
    """The pieces, with these stretches in the place of what they cover; both in order."""
    found = list(over)
    for piece in pieces:
        at = piece.start
        for each in over:
            stop = min(each.start, piece.end)
            if at < stop:
                found.append(Span(piece.kind, at, stop))
            at = max(at, each.end)
        if at < piece.end:
            found.append(Span(piece.kind, at, piece.end))
    return sorted(found, key=lambda span: span.start)


def _filled(marked: Sequence[Span], text: str) -> Iterator[Span]:
    """What is marked, with code that is not marked as such, and text between."""
    at = 0
    for span in [*marked, Span("text", len(text), len(text))]:
        if at < span.start:
            yield from _plain(text, at, span.start)
        if span.start < span.end:
            yield span
        at = span.end


# ── What is marked ───────────────────────────────────────────────────────────────────────────


def _marked(text: str) -> Iterator[Span]:
    """Fences, JSON and quotations. One within another belongs to it."""
    at, tries = 0, 0
    while (first := _FIRST.search(text, at)) is not None:
        found = _MARK.match(text, first.start())
        if found is None:
            at = first.end()
            continue
        at = found.end()
        if found.lastgroup == "fence":
            at = _fence_end(text, found)
            yield Span("code", found.start(), at)
        elif found.lastgroup == "quote":
            kind: Kind = "code" if text[found.start()] == "`" else "quote"
            yield Span(kind, found.start(), at)
        elif tries >= MOST_TRIES:
            continue
        elif found.lastgroup == "within":
            tries += 1
            at = _quotation_end(text, found)
            yield Span("quote", found.start(), at)
        elif _may_begin(text, found.start()):
            tries += 1
            start = found.start()
            at = _json_end(text, start)
            if at - start >= LEAST_JSON:
                yield Span("data", start, at)


def _may_begin(text: str, start: int) -> bool:
    """Whether JSON may begin here: at a line's beginning, or behind a colon and the like."""
    before = start - 1
    while before >= 0 and text[before] in " \t":
        before -= 1
    return before < 0 or text[before] in _BEFORE_JSON


def _fence_end(text: str, opened: re.Match[str]) -> int:
    """An open fence reaches to the end."""
    mark = opened["fence"]
    closed = text.find(mark, opened.end())
    if closed < 0:
        return len(text)
    end = closed + len(mark)
    while end < len(text) and text[end] == mark[0]:
        end += 1
    return end


def _quotation_end(text: str, opened: re.Match[str]) -> int:
    """Where quoted JSON ends: at the mark behind a closing bracket; open, it reaches to the end."""
    closed = re.compile(rf"[\]}}]\s{{0,8}}{re.escape(opened['mark'])}").search(text, opened.end())
    return len(text) if closed is None else closed.end()


def _json_end(text: str, start: int) -> int:
    """Where the JSON value that begins here ends; where there is none, how far it was read."""
    try:
        return _DECODER.raw_decode(text, start)[1]
    except json.JSONDecodeError as error:
        return max(start + 1, min(error.pos, len(text)))
    except (ValueError, RecursionError):  # numbers of thousands of digits; nested too deeply
        return start + 1


_DECODER = json.JSONDecoder()


# ── What looks like code or a table ──────────────────────────────────────────────────────────────


def _plain(text: str, start: int, end: int) -> Iterator[Span]:
    """Paragraphs between the marks: code where half of a paragraph looks like it."""
    if _CODE_SIGN.search(text, start, end) is None and text.count("\n", start, end) < LEAST_LINES:
        yield Span("text", start, end)
        return
    begun = start
    for first, last in paragraphs(text, start, end):
        kind = _kind(text[first:last])
        if kind != "text":
            if begun < first:
                yield Span("text", begun, first)
            yield Span(kind, first, last)
            begun = last
    if begun < end:
        yield Span("text", begun, end)


def paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Stretches between empty lines, without the line breaks around them."""
    at = start
    for blank in _BLANK.finditer(text, start, end):
        if at < blank.start():
            yield at, blank.start()
        at = blank.end()
    if at < end:
        yield at, end


_BLANK = re.compile(r"\r?\n(?:[ \t]*\r?\n)+")


def _kind(paragraph: str) -> Kind:
    lines = paragraph.split("\n")
    if _CODE_SIGN.search(paragraph) is not None:
        alike = sum(len(line) for line in lines if _CODE_LINE.match(line))
        if alike and alike >= CODE_SHARE * sum(map(len, lines)):
            return "code"
    return "data" if _is_table(lines) else "text"


def _is_table(lines: Sequence[str]) -> bool:
    """Whether the lines have the same commas, tabs or semicolons: two columns and more."""
    if len(lines) < LEAST_LINES:
        return False
    return any(
        (columns := lines[0].count(mark)) >= least
        and all(line.count(mark) == columns for line in lines)
        for mark, least in _DELIMITERS
    )


# ── Examples ─────────────────────────────────────────────────────────────────────────────────


def _examples(text: str) -> Iterator[Span]:
    """``Input: … Output: …``: an input, and the answer that is shown for it."""
    if ":" not in text:
        return
    inputs: deque[tuple[int, int]] = deque()
    line = at = end = 0
    for lead in _LEAD.finditer(text):
        start = lead.start()
        line, at = line + text.count("\n", at, start), start
        if start < end:
            continue
        if lead["output"] is None:
            inputs.append((line, start))
            continue
        while inputs and line - inputs[0][0] > LONGEST_INPUT + 1:
            inputs.popleft()
        shown = _SHOWN.match(text, lead.end()) if inputs else None
        if shown is not None:
            end = shown.end()
            yield Span("example", inputs[0][1], end)
        inputs.clear()


def _merged(found: Sequence[Span]) -> list[Span]:
    """In order, without overlaps: what is kept wins, and what overlaps it becomes part of it."""
    merged: list[Span] = []
    for span in sorted(found, key=lambda each: (each.start, -each.end)):
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(span)
        elif span.end > last.end or span.is_kept > last.is_kept:
            kind = last.kind if last.is_kept else span.kind
            merged[-1] = Span(kind, last.start, max(last.end, span.end))
    return merged
