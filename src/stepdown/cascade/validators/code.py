"""``code``: the answer is code that parses.

    code: python
    code: {language: sql, dialect: postgres, fence: require}

``python`` and ``json`` are built in. ``sql`` and every other language need the extra ``code``; the
others a tree-sitter grammar as well, the package ``tree-sitter-LANGUAGE``. An answer that is one
fenced block is read inside of it (``fence: allow``, the default), has to be one (``require``) or
must not be (``forbid``). Code that parses is well formed; it may still do what nobody asked for.
"""

import re
from collections.abc import Mapping
from typing import Any

from stepdown.cascade.parsers import ALIASES, BUILT_IN, NoParser, Parser, parser_for
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.json import only_calls_tools
from stepdown.cascade.validators.mapping import read_mapping, read_text
from stepdown.names import known_names, nearest
from stepdown.ports import Watch
from stepdown.routing.problems import Problems
from stepdown.types import Choice, Piece, Request

FENCES = ("allow", "forbid", "require")

_OPENING = re.compile(r"(`{3,}|~{3,})[^\n`]*\n")
_NOT_FENCED = "expected the code in one fence, got text around it"


class Code(Base):
    """Passes an answer that parses."""

    name = "code"

    def __init__(self, parser: Parser, fence: str = "allow") -> None:
        self._parser = parser
        self._fence = fence

    def check(self, choice: Choice, request: Request) -> str | None:
        if only_calls_tools(choice):
            return None
        text = choice.text.strip()
        code = unfenced(text)
        if self._fence == "require" and code is None:
            return _NOT_FENCED
        if self._fence == "forbid" and code is not None:
            return "expected code without a fence, got a fence"
        code = text if code is None else code
        return self._parser(code) if code.strip() else "there is no code"

    def watch(self, request: Request) -> Watch | None:
        return FenceWatch() if self._fence == "require" else None


class FenceWatch:
    """Implements ``ports.Watch``: drops what does not begin with a fence."""

    __slots__ = ("_head",)
    settled = False

    def __init__(self) -> None:
        self._head = ""

    def feed(self, piece: Piece) -> str | None:
        if len(self._head) < 3 and piece.text:
            self._head = (self._head + piece.text).lstrip()[:3]
            if not "```".startswith(self._head) and not "~~~".startswith(self._head):
                return _NOT_FENCED
        return None


def unfenced(text: str) -> str | None:
    """What stands in the one fence that a text without space around it is; None where it is none.

    Source: spec.commonmark.org/0.31.2/#fenced-code-blocks
    """
    opening = _OPENING.match(text)
    if opening is None:
        return None
    mark = opening[1]
    *lines, last = text[opening.end() :].split("\n")
    if not _closes(last, mark) or any(_closes(line, mark) for line in lines):
        return None
    return "".join(f"{line}\n" for line in lines)


def _closes(line: str, mark: str) -> bool:
    line = line.strip()
    return len(line) >= len(mark) and line == mark[0] * len(line)


def build(options: Any, path: str, problems: Problems) -> Code | None:
    """A validator from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    given: Mapping[str, Any] = {"language": options}
    at = path
    if not isinstance(options, str):
        given = read_mapping(options or {}, ("language", "dialect", "fence"), path, problems)
        at = f"{path}.language"
    dialect = read_text(given, "dialect", path, problems)
    fence = given.get("fence", "allow")
    if fence not in FENCES:
        problems.add(f"{path}.fence", f"no such choice.{known_names(str(fence), FENCES)}")
    language = given.get("language")
    if not isinstance(language, str) or not language:
        problems.expected(at, "a language (python, json, sql, javascript, …)", language)
        return None
    language = language.lower()
    if dialect is not None and language != "sql":
        problems.add(f"{path}.dialect", "only sql has dialects")
        return None
    try:
        parser = parser_for(language, dialect)
    except NoParser as error:
        where = f"{path}.dialect" if "dialect" in str(error) else at
        problems.add(where, f"{error}{nearest(language, [*BUILT_IN, *ALIASES])}")
        return None
    return Code(parser, fence) if len(problems.lines) == known else None
