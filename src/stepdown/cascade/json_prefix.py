"""Reads one JSON document that comes in parts, and tells at once when it cannot become one.

Source of the grammar: RFC 8259. A name that an object has twice is allowed, as it is there.
"""

import re
from collections.abc import Collection
from json import loads  # reads lone surrogates, which are JSON, but not for msgspec
from re import Pattern
from typing import Literal

Kind = Literal["object", "array", "string", "number", "boolean", "null"]
KINDS: frozenset[Kind] = frozenset({"object", "array", "string", "number", "boolean", "null"})

MOST_DEEP = 128
"""Objects and arrays within each other; what is nested deeper is no document here."""

LONGEST_KEY = 100
"""Characters of a key that ``JsonPrefix`` can be told to expect."""

_LONGEST_WRITTEN = 12 * LONGEST_KEY + 2
"""The longest of them in quotes, each character as two escapes of six."""

_KIND_OF: dict[str, Kind] = {
    "{": "object",
    "[": "array",
    '"': "string",
    "t": "boolean",
    "f": "boolean",
    "n": "null",
    **dict.fromkeys("-0123456789", "number"),
}
_LITERAL = {"t": "true", "f": "false", "n": "null"}

# Each run takes what it can and gives nothing back, so a text is passed over once.
_SPACE = re.compile(r"[ \t\n\r]*+")
_IN_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+'
_OPEN_STRING = re.compile(_IN_STRING)
_OPEN_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?")
_OPEN_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?(?:(?<=[0-9])[eE][+-]?[0-9]*+)?)?")
_DIGITS = re.compile(r"([0-9])[0-9]++")
_LONGEST_HELD_NUMBER = 16


def _each(member: str, close: str) -> str:
    """Members with commas between them, as far as they are whole, up to what closes them."""
    return rf"(?:{member}{_S}(?:,{_S}(?!\{close})|(?=\{close})))*+"


def _within(value: str) -> str:
    """These values, and objects and arrays of them."""
    items, members = _each(value, "]"), _each(_NAMED + value, "}")
    return rf"(?:{value}|\[{_S}{items}\]|\{{{_S}{members}\}})"


_S = r"[ \t\n\r]*+"
_NAMED = rf'{_IN_STRING}"{_S}:{_S}'
_SCALAR = (
    rf'(?:{_IN_STRING}"|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+'
    "|true|false|null)"
)
_LEVELS = 2
_WHOLE = _within(_within(_SCALAR))
_ITEMS = re.compile(_each(_WHOLE, "]"))
_MEMBERS = re.compile(_each(_NAMED + _WHOLE, "}"))

# ── What may come next ───────────────────────────────────────────────────────────────────────

_VALUE = "a JSON value"
_FIRST_ITEM = "a JSON value or ']'"
_KEY = "a key in quotes"
_FIRST_KEY = "a key in quotes or '}'"
_COLON = "':'"
_NEXT_ITEM = "',' or ']'"
_NEXT_MEMBER = "',' or '}'"
_END = "the end of the answer"


class JsonPrefix:
    """What has come of a document so far.

    ``kinds`` are the kinds of value that the document may be. ``keys`` are the names that it may
    have at its top where it is an object, of at most ``LONGEST_KEY`` characters each; None: any.
    Takes time in proportion to the length of what comes, and a fixed amount of memory.
    """

    __slots__ = (
        "_begun",
        "_held",
        "_keys",
        "_kinds",
        "_open",
        "_problem",
        "_seen",
        "_wanted",
        "kind",
    )

    def __init__(
        self, kinds: Collection[Kind] = KINDS, keys: Collection[str] | None = None
    ) -> None:
        self.kind: Kind | None = None
        """The kind of value that the document is, as soon as its first character is in."""
        self._kinds = kinds
        self._keys = keys
        self._wanted = _VALUE if len(kinds) > 1 else _named(kinds)
        self._open: list[str] = []
        self._held = ""  # the beginning of a token, or a shorter one that goes on in the same ways
        self._seen = 0
        self._begun = 0  # where the text that is being read begins in the whole
        self._problem: str | None = None

    @property
    def complete(self) -> bool:
        """Whether what has come is a whole document."""
        return self.end() is None

    def end(self) -> str | None:
        """Why what has come is no whole document, in words for a log; None where it is one."""
        if self._problem is not None:
            return self._problem
        held = self._held
        if not held:
            return None if self._wanted is _END else f"expected {self._wanted}, got {_END}"
        if held[0] in _LITERAL or held[0] == '"':
            return f"expected the rest of a value, got {_END}"
        if not _is_digit(held[-1]):
            return f"expected a digit, got {_END}"
        return f"expected {self._after_value()}, got {_END}" if self._open else None

    def feed(self, text: str) -> str | None:
        """Why nothing that begins with what has come is a document, or None while something is."""
        if self._problem is None and text:
            held = self._held
            self._begun = self._seen - len(held)
            self._seen += len(text)
            self._held = ""
            self._read(held + text)
        return self._problem

    def _read(self, text: str) -> None:
        at, size = 0, len(text)
        while True:
            at = _end_of(_SPACE, text, at)
            if at == size:
                return
            wanted = self._wanted
            if wanted is _KEY or wanted is _FIRST_KEY:
                at = self._read_key(text, at)
            elif wanted is _COLON:
                at = self._read_colon(text, at)
            elif wanted is _NEXT_ITEM or wanted is _NEXT_MEMBER:
                at = self._read_next(text, at)
            elif wanted is _END:
                at = self._fail(text, at)
            else:
                at = self._read_value(text, at)

    # ── structure ────────────────────────────────────────────────────────────────────────────

    def _read_value(self, text: str, at: int) -> int:
        if not self._open:
            if self._refuses(text[at]):
                return self._fail(text, at)
        elif self._open[-1] == "[":
            run = self._skip(_ITEMS, text, at)
            if run > at:
                self._wanted = _NEXT_ITEM if text[run : run + 1] == "]" else _VALUE
                return run
        char = text[at]
        if char in "{[":
            return self._open_bracket(text, at)
        if char == "]" and self._wanted is _FIRST_ITEM:
            return self._close_bracket(at)
        at = self._read_scalar(text, at)
        if not self._held and self._problem is None:
            self._wanted = self._after_value()
        return at

    def _skip(self, members: Pattern[str], text: str, at: int) -> int:
        """Pass over whole members at once: quicker, and otherwise the same."""
        return _end_of(members, text, at) if len(self._open) <= MOST_DEEP - _LEVELS else at

    def _read_scalar(self, text: str, at: int) -> int:
        char = text[at]
        if char == '"':
            return self._read_string(text, at)
        if char in _LITERAL:
            return self._read_literal(text, at)
        return self._read_number(text, at) if char in _KIND_OF else self._fail(text, at)

    def _refuses(self, first: str) -> bool:
        self.kind = _KIND_OF.get(first)
        return self.kind not in self._kinds

    def _read_key(self, text: str, at: int) -> int:
        checked = self._keys is not None and len(self._open) == 1
        if not checked:
            run = self._skip(_MEMBERS, text, at)
            if run > at:
                self._wanted = _NEXT_MEMBER if text[run : run + 1] == "}" else _KEY
                return run
        if text[at] == "}" and self._wanted is _FIRST_KEY:
            return self._close_bracket(at)
        if text[at] != '"':
            return self._fail(text, at)
        end = self._read_string(text, at, whole=checked)
        if self._problem is None and checked and not self._knows(text[at:end]):
            return self._fail_with(text, "the answer has a key that the schema does not allow")
        if not self._held:
            self._wanted = _COLON
        return end

    def _knows(self, key: str) -> bool:
        """Whether this key, or some key that begins so, may stand in the object."""
        assert self._keys is not None
        if self._held:
            return len(key) <= _LONGEST_WRITTEN
        if "\\" not in key:
            return key[1:-1] in self._keys
        return loads(key) in self._keys

    def _read_colon(self, text: str, at: int) -> int:
        if text[at] != ":":
            return self._fail(text, at)
        self._wanted = _VALUE
        return at + 1

    def _read_next(self, text: str, at: int) -> int:
        in_array = self._wanted is _NEXT_ITEM
        if text[at] == ",":
            self._wanted = _VALUE if in_array else _KEY
            return at + 1
        if text[at] == ("]" if in_array else "}"):
            return self._close_bracket(at)
        return self._fail(text, at)

    def _open_bracket(self, text: str, at: int) -> int:
        if len(self._open) == MOST_DEEP:
            return self._fail_with(text, f"the answer is nested more than {MOST_DEEP} deep")
        self._open.append(text[at])
        self._wanted = _FIRST_ITEM if text[at] == "[" else _FIRST_KEY
        return at + 1

    def _close_bracket(self, at: int) -> int:
        self._open.pop()
        self._wanted = self._after_value()
        return at + 1

    def _after_value(self) -> str:
        if not self._open:
            return _END
        return _NEXT_ITEM if self._open[-1] == "[" else _NEXT_MEMBER

    # ── tokens; one that goes on after the text's end is held ────────────────────────────────

    def _read_string(self, text: str, at: int, *, whole: bool = False) -> int:
        """``whole``: all of it is to be held, where it goes on."""
        end = _end_of(_OPEN_STRING, text, at)
        escape = end
        if end < len(text):
            if text[end] == '"':
                return end + 1
            if text[end] == "\\":
                end = _end_of(_OPEN_ESCAPE, text, end)
            if end < len(text):
                return self._fail(text, end, "the rest of a text in quotes")
        self._held = text[at:] if whole else '"' + text[escape:]
        return end

    def _read_literal(self, text: str, at: int) -> int:
        word = _LITERAL[text[at]]
        if text.startswith(word, at):
            return at + len(word)
        for index, char in enumerate(word):
            if at + index == len(text):
                break
            if text[at + index] != char:
                return self._fail(text, at + index, word)
        self._held = text[at:]
        return len(text)

    def _read_number(self, text: str, at: int) -> int:
        end = _end_of(_OPEN_NUMBER, text, at)
        if end == len(text):
            held = text[at:]
            short = len(held) <= _LONGEST_HELD_NUMBER
            self._held = held if short else _DIGITS.sub(r"\1", held)
        elif not _is_digit(text[end - 1]):
            return self._fail(text, end, "a digit")
        return end

    # ── failure ──────────────────────────────────────────────────────────────────────────────

    def _fail(self, text: str, at: int, expected: str | None = None) -> int:
        place = self._begun + at + 1
        expected = expected or self._wanted
        return self._fail_with(text, f"expected {expected}, got {text[at]!r} at character {place}")

    def _fail_with(self, text: str, problem: str) -> int:
        self._problem = problem
        return len(text)


def _named(kinds: Collection[Kind]) -> str:
    return f"a JSON {next(iter(kinds))}" if kinds else "nothing"


def _is_digit(char: str) -> bool:
    return "0" <= char <= "9"


def _end_of(run: Pattern[str], text: str, at: int) -> int:
    found = run.match(text, at)
    assert found is not None
    return found.end()
