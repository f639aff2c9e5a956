r"""``regex``: the answer, without the space around it, matches a pattern in RE2's syntax.

    regex: 'INV-\d{6}'
    regex: {pattern: '\btotal\b', search: true}

The whole answer has to match, or with ``search`` some part of it.
Source of the syntax: github.com/google/re2/wiki/Syntax
"""

import re
from importlib import import_module
from typing import Any

from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import only_calls_tools
from stepdown.cascade.validators.mapping import read_mapping
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Request

HEAD = 64
"""Bytes of an answer's beginning that a watch compares with the pattern's bounds."""

_MISMATCH = "the answer does not match the pattern"


class Regex(Base):
    """Passes an answer that matches. ``bounds`` are those of all that matches, or None."""

    name = "regex"

    def __init__(
        self, pattern: Any, *, search: bool = False, bounds: tuple[bytes, bytes] | None = None
    ) -> None:
        self._match = pattern.search if search else pattern.fullmatch
        self._reason = "no part of the answer matches the pattern" if search else _MISMATCH
        self._bounds = bounds

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice) or self._match(choice.text.strip()):
            return None
        return self._reason

    def watch(self, request: Request) -> Watch | None:
        return None if self._bounds is None else BoundsWatch(*self._bounds)


class BoundsWatch:
    """Implements ``ports.Watch``: drops a beginning that sorts before or after all that matches.

    Bytes sort as their beginnings do, so what the beginning is compared with stays true of the
    whole. Space at its end is left out, as it may turn out to be the answer's end.
    """

    __slots__ = ("_head", "_high", "_low", "_over")
    settled = False

    def __init__(self, low: bytes, high: bytes) -> None:
        self._low = low
        self._high = high
        self._head = ""
        self._over = False

    def feed(self, piece: Piece) -> str | None:
        if self._over or not piece.text:
            return None
        self._head = (self._head + piece.text).lstrip()[:HEAD]
        self._over = len(self._head) == HEAD
        head = self._head.rstrip().encode("utf-8", "surrogatepass")
        low = self._low
        if head > self._high or (head < low and not low.startswith(head)):
            return _MISMATCH
        return None


def build(options: Any, path: str, problems: Problems) -> Regex | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given = {"pattern": options}
    at = path
    if not isinstance(options, str):
        given = dict(read_mapping(options or {}, ("pattern", "search"), path, problems))
        at = f"{path}.pattern"
    pattern, search = given.get("pattern"), given.get("search", False)
    if not isinstance(search, bool):
        problems.expected(f"{path}.search", "true or false", search)
    if not isinstance(pattern, str) or not pattern:
        problems.expected(at, "a regular expression", pattern)
        return None
    compiled = _compiled(pattern, at, problems)
    if len(problems.lines) > known:
        return None
    return Regex(compiled, search=bool(search), bounds=None if search else _bounds(pattern))


def _compiled(pattern: str, path: str, problems: Problems) -> Any:
    re2: Any = import_module("re2")  # untyped, and 10 ms to import: only where it is named
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        reason = reason.decode() if isinstance(reason, bytes) else reason
        problems.add(path, f"expected an RE2 regular expression, got {pattern!r:.60}: {reason}")
        return None


# A match of the whole begins and ends where the text does: there, these say nothing.
_AT_START = re.compile(r"\A(?:\^|\\A)+")
_AT_END = re.compile(r"(?<!\\)(?:\$|\\z)+\Z")
_ASSERTION = re.compile(r"(?<!\[)\^|\$|\\[bBAzQ]")


def _bounds(pattern: str) -> tuple[bytes, bytes] | None:
    """Bytes that nothing that matches as a whole sorts before or after; None where there are none.

    Anchored, as RE2 tells bounds of what is matched from its beginning only; and not where an
    assertion is left inside, with which RE2's bounds are too narrow (``a\\b.*`` matches ``a/``).
    """
    inside = _AT_END.sub("", _AT_START.sub("", pattern))
    if _ASSERTION.search(inside):
        return None
    re2: Any = import_module("re2")
    options = re2.Options()
    options.log_errors = False
    try:
        low, high = re2.compile(rf"\A(?:{inside})\z", options).possiblematchrange(HEAD)
    except re2.error:
        return None
    return (low, high) if high else None
