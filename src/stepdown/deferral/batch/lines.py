"""Reads a batch's input: JSONL, each line within bounds of size and depth, named by its number.

Source: platform.openai.com/docs/api-reference/batch/request-input
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from stepdown.deferral.batch.interface import BatchError

MOST_DEPTH = 64
"""Levels of arrays and objects in a line."""
LONGEST_ID = 512
"""Characters of a ``custom_id``."""


class _Given(Struct):
    custom_id: str
    url: str
    body: Raw
    method: str = "POST"


class _Body(Struct):
    model: str


class InputLine(Struct, frozen=True):
    """A line that can be understood. ``body`` is the chat request as it came."""

    number: int
    custom_id: str
    model: str
    body: bytes


_given = json.Decoder(_Given).decode
_body = json.Decoder(_Body).decode
# Takes each byte once, also where a string does not end: a line is the client's.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class Splitter:
    """Cuts pieces of a file into lines, numbered from 1; blank ones are counted and left out.

    A line of more than ``longest`` bytes comes as None, and is not held.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._rest: list[bytes] = []
        self._held = 0
        self._number = 0
        self._too_long = False

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes | None]]:
        """The lines that this piece completes."""
        *whole, rest = piece.split(b"\n")
        for part in whole:
            self._keep(part)
            yield from self._line()
        self._keep(rest)

    def end(self) -> Iterator[tuple[int, bytes | None]]:
        """The last line, where the file does not end with a line break."""
        yield from self._line()

    def _keep(self, part: bytes) -> None:
        self._held += len(part)
        if self._held > self._longest:
            self._too_long = True
            self._rest.clear()
        elif part:
            self._rest.append(part)

    def _line(self) -> Iterator[tuple[int, bytes | None]]:
        line = None if self._too_long else b"".join(self._rest).strip()
        self._rest.clear()
        self._held, self._too_long = 0, False
        self._number += 1
        if line is None or line:
            yield self._number, line


def read_line(number: int, text: bytes | None, endpoint: str) -> InputLine | BatchError:
    """What a line says, or what is wrong with it. None stands for a line that is too long."""
    if text is None:
        return BatchError("line_too_long", "This line is longer than is allowed.", number)
    if depth(text) > MOST_DEPTH:
        said = f"This line is nested more than {MOST_DEPTH} levels deep."
        return BatchError("invalid_json_line", said, number)
    try:
        given = _given(text)
        model = _body(given.body).model
    except ValidationError as error:
        return BatchError("invalid_request", f"This line is no request: {error}.", number)
    except (DecodeError, RecursionError, UnicodeDecodeError):
        return BatchError("invalid_json_line", "This line is not valid JSON.", number)
    return _checked(number, given, model, endpoint)


def _checked(number: int, given: _Given, model: str, endpoint: str) -> InputLine | BatchError:
    if not 0 < len(given.custom_id) <= LONGEST_ID:
        said = f"custom_id: expected 1 to {LONGEST_ID} characters, got {len(given.custom_id)}."
        return BatchError("invalid_custom_id", said, number, "custom_id")
    if "\0" in given.custom_id:  # which PostgreSQL does not store
        said = "custom_id: expected characters other than NUL."
        return BatchError("invalid_custom_id", said, number, "custom_id")
    if given.method != "POST":
        said = f"method: expected POST, got {given.method[:40]!r}."
        return BatchError("invalid_method", said, number, "method")
    if given.url != endpoint:
        said = f"url: expected the batch's endpoint, {endpoint}, got {given.url[:80]!r}."
        return BatchError("invalid_url", said, number, "url")
    return InputLine(number, given.custom_id, model, bytes(given.body))


def depth(text: bytes) -> int:
    """How deep arrays and objects are nested; a line with fewer brackets is not looked at."""
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return 0
    deepest = level = 0
    for found in _BRACKETS.finditer(_STRINGS.sub(b"", text)):
        level += 1 if found.group() in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def twice(lines: Iterable[InputLine], seen: dict[str, int]) -> Iterator[BatchError]:
    """An error for each ``custom_id`` that is among ``seen``, to which the others are added."""
    for line in lines:
        first = seen.setdefault(line.custom_id, line.number)
        if first != line.number:
            said = f"custom_id: {line.custom_id[:80]!r} is that of line {first} already."
            yield BatchError("duplicate_custom_id", said, line.number, "custom_id")
