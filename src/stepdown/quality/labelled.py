"""Reads pairs of answers that people judged, one JSON object a line, to measure a judge by.

    {"prompt": "What is 2+2?", "served": "5", "reference": "4", "better": "reference"}

``messages`` (as in a chat request) may stand in place of ``prompt``; ``id`` and ``expected``, a
right answer as in ``types.Task``, are optional; other fields are not looked at. ``better`` is
``served``, ``reference`` or ``tie``.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from msgspec import DecodeError, MsgspecError, Raw, Struct, json

from stepdown.cascade.shown import answer, turn
from stepdown.names import nearest
from stepdown.routing.shapes import is_mapping
from stepdown.types import Choice, Message, Prompt, Request, Task

MOST_LINES = 100_000
LONGEST_LINE = 1_000_000
"""Bytes of one line."""
LONGEST_SHOWN = 40
Better = Literal["served", "tie", "reference"]
BETTER: tuple[Better, ...] = get_args(Better)


class NotLabelled(ValueError):
    """A file that holds no pair that can be used; says what is wrong with its first rows."""


class LabelledPair(Struct, frozen=True):
    """Two answers to one conversation, and which of them people found better.

    ``messages`` are a chat request's, as JSON objects. ``line`` is the place in the file, from 1.
    """

    id: str
    line: int
    messages: tuple[Mapping[str, Any], ...]
    served: str
    reference: str
    better: Better
    expected: Any = None

    @property
    def key(self) -> str:
        """Equal for a pair of an evaluation that says the same: see ``pair_key``."""
        return key_of(self.task().request, *self.choices())

    def task(self) -> Task:
        """What was asked, as a judge is told of it."""
        messages = json.encode(self.messages)
        prompt = Prompt("", json.decode(messages, type=list[Message]))
        fields = {"model": Raw(b'""'), "messages": Raw(messages)}
        return Task(Request(self.id, prompt, fields, len(messages)), self.expected)

    def choices(self) -> tuple[Choice, Choice]:
        """The answers: the served one, then the reference."""
        return Choice(self.served), Choice(self.reference)


class BadPair(Struct, frozen=True):
    """A row that cannot be used: the field, what was expected, what came."""

    line: int
    why: str


class Labelled(Struct, frozen=True):
    """A file's pairs, and the rows that were left out."""

    pairs: tuple[LabelledPair, ...]
    bad: tuple[BadPair, ...] = ()


# ── Knowing a pair again ─────────────────────────────────────────────────────────────────────


def pair_key(prompt: str, served: str, reference: str) -> str:
    """Tells pairs by what they say, but for space at the edges: 64 hexadecimal digits.

    ``prompt`` is ``prompt_text`` of the conversation; no text is shortened. SHA-256 of the three as
    a JSON array.
    """
    return sha256(json.encode([prompt.strip(), served.strip(), reference.strip()])).hexdigest()


def key_of(request: Request, served: Choice, reference: Choice) -> str:
    """``pair_key`` of two answers to a request."""
    return pair_key(prompt_text(request.prompt.messages), answer(served), answer(reference))


def prompt_text(messages: Sequence[Message]) -> str:
    """A conversation as one text: a sole user turn as it is, several turns with their roles."""
    if len(messages) == 1 and messages[0].role == "user" and messages[0].text:
        return messages[0].text
    return "\n\n".join(map(turn, messages))


# ── Reading ──────────────────────────────────────────────────────────────────────────────────


class _Unusable(ValueError):
    """What is wrong with a row."""


_decode = json.Decoder().decode


def read_labelled(path: Path) -> Labelled:
    """The pairs of a JSONL file, as ``read_pairs`` gives them. Raises NotLabelled or OSError."""
    with path.open("rb") as file:
        return read_pairs(file)


def read_pairs(file: BinaryIO) -> Labelled:
    """The pairs, one JSON object a line; blank lines are passed over, bad rows are listed.

    A pair that stands there twice is bad the second time: it would count as two. Raises
    NotLabelled.
    """
    pairs: list[LabelledPair] = []
    bad: list[BadPair] = []
    seen: dict[str, int] = {}
    for number, line in _lines(file):
        try:
            pair = _read_pair(_read_row(line), number)
            _check_new(pair, seen)
        except _Unusable as error:
            bad.append(BadPair(number, str(error)))
        else:
            pairs.append(pair)
    if not pairs:
        first = "".join(f" line {each.line}: {each.why}." for each in bad[:3])
        raise NotLabelled(f"expected a labelled pair a line, got none.{first}")
    return Labelled(tuple(pairs), tuple(bad))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Lines by their numbers, one byte more than allowed where they are too long: an endless line
    is told, and never held."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if number > MOST_LINES:
            raise NotLabelled(f"expected at most {MOST_LINES:,} lines, got more")
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_LINE + 1)
        if not line.isspace():
            yield number, line


def _read_row(line: bytes) -> Mapping[str, Any]:
    if len(line) > LONGEST_LINE:
        raise _Unusable(f"expected at most {LONGEST_LINE:,} bytes, got more")
    try:
        row = _decode(line)
    except (DecodeError, RecursionError) as error:
        raise _Unusable(f"expected a JSON object, got: {error}") from None
    if not is_mapping(row):
        raise _Unusable(f"expected a JSON object, got {_shown(row)}")
    return row


def _read_pair(row: Mapping[str, Any], line: int) -> LabelledPair:
    return LabelledPair(
        _id(row, line),
        line,
        _messages(row),
        _text(row, "served"),
        _text(row, "reference"),
        _better(row),
        row.get("expected"),
    )


def _check_new(pair: LabelledPair, seen: dict[str, int]) -> None:
    for mark, what in ((f"id {pair.id}", "id"), (pair.key, "pair")):
        first = seen.setdefault(mark, pair.line)
        if first != pair.line:
            raise _Unusable(f"expected another {what} than in line {first}, got the same")


def _id(row: Mapping[str, Any], line: int) -> str:
    given = row.get("id")
    if given is None:
        return str(line)
    if isinstance(given, bool) or not isinstance(given, str | int) or given == "":
        raise _Unusable(f"id: expected a text or a whole number, got {_shown(given)}")
    return str(given)


def _messages(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The conversation, known to be one that a chat request can hold."""
    given = row.get("messages")
    if given is None:
        return ({"role": "user", "content": _text(row, "prompt", or_else=" (or messages)")},)
    if row.get("prompt") is not None:
        raise _Unusable("prompt: expected none beside messages, got one")
    try:
        read = json.decode(json.encode(given), type=list[Message])
    except (MsgspecError, RecursionError) as error:
        raise _Unusable(f"messages: expected a chat request's, got: {error}") from None
    if not read:
        raise _Unusable("messages: expected one or more, got none")
    return tuple(given)


def _text(row: Mapping[str, Any], field: str, or_else: str = "") -> str:
    value = row.get(field)
    if isinstance(value, str):
        return value
    what = f"{field}: expected a text{or_else}"
    if field in row:
        raise _Unusable(f"{what}, got {_shown(value)}")
    raise _Unusable(f"{what}, got no such field.{nearest(field, islice(map(str, row), 100))}")


def _better(row: Mapping[str, Any]) -> Better:
    given = _text(row, "better", or_else=f" ({', '.join(BETTER)})")
    for known in BETTER:
        if given == known:
            return known
    raise _Unusable(
        f"better: expected {', '.join(BETTER)}, got {_shown(given)}.{nearest(given, BETTER)}"
    )


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 1]}…"
