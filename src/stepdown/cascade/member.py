"""Finds where the value of one top-level member stands in a JSON object that comes in parts."""

import re
from re import Pattern

from msgspec import DecodeError, json

_IN_QUOTES = re.compile(r'[^"\\]+')
_PLAIN = re.compile(r'[^"{}\[\],:]+')
_LONGEST_ESCAPE = 12
"""Characters that JSON may take for one: two escapes of six."""


class MemberFinder:
    """Reads the parts in their order and says which of them carry the value.

    A text's quotes carry nothing, save the closing one of an empty text. What stands before the
    first brace is passed over, and of two members of one name the first is meant. Takes time in
    proportion to the parts' length and a fixed amount of memory, whatever is in them.
    """

    # fmt: off
    __slots__ = (
        "_at_name", "_carried", "_depth", "_empty", "_escaped", "_inside", "_longest", "_name",
        "_quoted", "_read", "_same", "ended",
    )
    # fmt: on

    def __init__(self, name: str) -> None:
        self.ended = False
        """Whether the value, or the object without one, is at its end."""
        self._name = name
        self._longest = len(name) * _LONGEST_ESCAPE
        self._read = ""
        self._depth = 0
        self._quoted = self._escaped = False
        self._at_name = self._same = False
        self._inside = False
        self._empty = True
        self._carried = False

    @property
    def found(self) -> bool:
        return self._inside

    def carries(self, part: str) -> bool:
        """Whether the next part carries some of the value."""
        self._carried = False
        at = 0
        while at < len(part) and not self.ended:
            if self._quoted:
                at = self._read_quoted(part, at)
            elif self._depth:
                at = self._read_structure(part, at)
            else:
                at = part.find("{", at) + 1 or len(part)
                if part[at - 1] == "{":
                    self._depth, self._at_name = 1, True
        return self._carried

    def _read_quoted(self, part: str, at: int) -> int:
        end = at + 1
        if self._escaped:
            self._escaped = False
        elif part[at] == '"':
            self._close_quotes()
            return end
        elif part[at] == "\\":
            self._escaped = True
        else:
            end = _end_of(_IN_QUOTES, part, at)
        if self._inside:
            self._carried, self._empty = True, False
        elif self._depth == 1 and self._at_name and len(self._read) <= self._longest:
            self._read += part[at : min(end, at + self._longest + 1)]
        return end

    def _close_quotes(self) -> None:
        self._quoted = False
        if self._inside:
            self._carried = self._carried or self._empty or self._depth > 1
            self.ended = self._depth == 1
        elif self._depth == 1 and self._at_name:
            self._same = self._is_name(self._read)

    def _is_name(self, read: str) -> bool:
        if "\\" not in read:
            return read == self._name
        try:
            return json.decode(f'"{read}"', type=str) == self._name
        except DecodeError:
            return False

    def _read_structure(self, part: str, at: int) -> int:
        char, end, nested = part[at], at + 1, self._depth > 1
        match char:
            case '"':
                self._quoted, self._read = True, ""
            case "{" | "[":
                self._depth += 1
                nested = True
            case "}" | "]":
                self._depth -= 1
                self.ended = self._depth == 0 or (self._inside and self._depth == 1)
            case "," if not nested:
                self.ended, self._at_name, self._same = self._inside, True, False
            case ":" if not nested:
                self._inside, self._at_name = self._same and self._at_name, False
            case "," | ":":
                pass
            case _:
                end = _end_of(_PLAIN, part, at)
                nested = nested or not part[at:end].isspace()
        if self._inside and nested:
            self._carried = True
        return end


def _end_of(run: Pattern[str], part: str, at: int) -> int:
    found = run.match(part, at)
    assert found is not None
    return found.end()
