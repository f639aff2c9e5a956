"""Tells what a user asks from the documents that were pasted with it, by place in the text.

In doubt a stretch counts as asked, and stays: a document that is too short to matter, the ends of
a text, short paragraphs next to them, whatever stands behind ``Question:``. The signals' reader
(``routing/instruction.py``) answers the same question for words; here their places are needed.
"""

import re
from collections.abc import Iterator, Sequence

from stepdown.compression.spans import Span, paragraphs, refine, spans
from stepdown.routing.instruction import MOST_TAGS, SPEAKING_TAGS

LEAST_DOCUMENT = 600
"""Characters from which a text of a user can hold a document that has no marks."""
LEAST_MARKED = 300
"""The same where it stands between tags or triple quotes."""
SHORT = 240
"""Characters of a paragraph up to which it belongs to the request beside it."""
LONG = 1500
"""Of a longer paragraph at an end of the text, only the end counts as asked."""
END = 300
MOST_BESIDE = 3
"""Short paragraphs that belong to the request at either end."""

_ASKS = re.compile(
    r"[ \t#*>]*(?:question|task|instructions?|request|query|answer|output|response|format|labels?"
    r"|category|categories|summary|note|important|rules?|your (?:task|job))\b[^\n:]{0,20}:",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?[\"')\]]*\s*$")
_SENTENCE_END = re.compile(r"[.!?。！？\n][\s\"')\]]*")
_OPENED = re.compile(r'<(?P<name>[A-Za-z][\w-]{0,40})(?:\s[^<>]{0,200})?>|"{3}|\'{3}')

Stretch = tuple[int, int]


def pieces(text: str, role: str) -> list[Span]:
    """The stretches of one message's text; what a user asks is marked ``request``."""
    found = spans(text)
    if role != "user":
        return found
    return refine(found, [Span("request", start, end) for start, end in requests(text)])


def requests(text: str) -> list[Stretch]:
    """Where the user speaks, in order; all of a short text."""
    if len(text) < LEAST_DOCUMENT:
        return [(0, len(text))] if text else []
    documents = list(_marked(text))
    if documents:
        return list(_outside(documents, len(text)))
    units = list(paragraphs(text, 0, len(text)))
    if len(units) == 1:
        units = list(_lines(text))
    return _ends(text, units)


def _marked(text: str) -> Iterator[Stretch]:
    """The insides of tags and of triple quotes that are long enough to matter."""
    at = 0
    for _ in range(MOST_TAGS):
        opened = _OPENED.search(text, at)
        if opened is None:
            return
        at, name = opened.end(), opened["name"]
        closing = opened[0] if name is None else f"</{name}>"
        speaks = name is not None and name.lower() in SPEAKING_TAGS
        end = -1 if speaks else text.find(closing, at)
        if end - at >= LEAST_MARKED:
            yield at, end
        if end >= 0:
            at = end + len(closing)


def _outside(documents: Sequence[Stretch], size: int) -> Iterator[Stretch]:
    at = 0
    for start, end in documents:
        yield at, start
        at = end
    yield at, size


def _lines(text: str) -> Iterator[Stretch]:
    at = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            yield at, at + len(line.rstrip())
        at += len(line)


def _ends(text: str, units: Sequence[Stretch]) -> list[Stretch]:
    """The paragraphs in which the user speaks, where no document is marked."""
    if not units:
        return [(0, len(text))]
    asked = [_asks(text[start:end]) for start, end in units]
    head = _reach(units, range(len(units)), text)
    tail = _reach(units, range(len(units) - 1, -1, -1), text)
    first_asks, last_asks = any(asked[index] for index in head), any(asked[i] for i in tail)
    found = {index: unit for index, unit in enumerate(units) if asked[index]}
    if first_asks or not last_asks or _is_short(units[0]):
        found.update({index: _from_start(text, units[index]) for index in head})
    if last_asks or not first_asks or _is_short(units[-1]):
        for index in tail:
            found[index] = _joined(found.get(index), _to_end(text, units[index]))
    return [found[index] for index in sorted(found)]


def _asks(unit: str) -> bool:
    return _ASKS.match(unit) is not None or (
        len(unit) <= LONG and _QUESTION.search(unit) is not None
    )


def _is_short(unit: Stretch) -> bool:
    return unit[1] - unit[0] <= SHORT


def _reach(units: Sequence[Stretch], order: Sequence[int], text: str) -> list[int]:
    """The unit at one end, with the short ones that stand beside it."""
    reached = [order[0]]
    for index in order[1 : MOST_BESIDE + 1]:
        if not _is_short(units[index]):
            break
        reached.append(index)
    return reached


def _from_start(text: str, unit: Stretch) -> Stretch:
    start, end = unit
    if end - start <= LONG:
        return unit
    found = _SENTENCE_END.search(text, start + END, end)
    return start, found.end() if found is not None else end


def _to_end(text: str, unit: Stretch) -> Stretch:
    start, end = unit
    if end - start <= LONG:
        return unit
    found = _SENTENCE_END.search(text, end - 2 * END, end - END)
    return (found.end() if found is not None else start), end


def _joined(one: Stretch | None, other: Stretch) -> Stretch:
    """Both, and what lies between, where a paragraph is both the first and the last."""
    return other if one is None else (min(one[0], other[0]), max(one[1], other[1]))
