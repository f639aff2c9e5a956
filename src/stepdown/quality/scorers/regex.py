r"""``regex``: the answer, without the space around it, matches a pattern in RE2's syntax.

    regex
    regex: 'INV-\d{6}'
    regex: {pattern: '\btotal\b', search: true}

Without a pattern among the options, the expected text is the pattern; of several any will do. The
whole answer has to match, or with ``search`` some part of it.
Source of the syntax: github.com/google/re2/wiki/Syntax
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from stepdown.cascade.validators.mapping import read_mapping, read_text
from stepdown.quality.scorers.base import Base, references, right
from stepdown.quality.scorers.switches import read_switch
from stepdown.routing.problems import Problems
from stepdown.routing.safe_regex import safe_pattern
from stepdown.types import Choice, Task

CACHED = 256
"""Compiled patterns that are kept: rows of a set mostly have one each."""

Match = Callable[[str], object | None]


class Regex(Base):
    """1 for an answer that matches, else 0. ``pattern`` None: the expected text is the pattern."""

    name = "regex"

    def __init__(self, pattern: str | None = None, *, search: bool = False) -> None:
        self._pattern = pattern
        self._search = search

    def applies(self, task: Task) -> bool:
        return self._pattern is not None or any(references(task.expected))

    def rate(self, choice: Choice, task: Task) -> float:
        """Raises ValueError where an expected text is no pattern."""
        patterns = references(task.expected) if self._pattern is None else (self._pattern,)
        text = choice.text.strip()
        return right(any(compiled(each, self._search)(text) for each in patterns if each))


@lru_cache(CACHED)
def compiled(pattern: str, search: bool) -> Match:
    """What a pattern matches. Raises ValueError, naming the pattern and what is wrong with it."""
    try:
        found: Any = safe_pattern(pattern)
    except ValueError as error:
        reason = f"expected an RE2 regular expression, got {pattern!r:.60}: {error}"
        raise ValueError(reason) from None
    match: Match = found.search if search else found.fullmatch
    return match


def build(options: Any, path: str, problems: Problems) -> Regex | None:
    """A scorer from its options; what is wrong with them goes to ``problems``."""
    known = len(problems.lines)
    at = path
    if isinstance(options, str):
        options = {"pattern": options}
    else:
        at = f"{path}.pattern"
    given = read_mapping(options, ("pattern", "search"), path, problems)
    pattern = read_text(given, "pattern", path, problems)
    search = read_switch(given, "search", path, problems)
    if isinstance(pattern, str):
        try:
            compiled(pattern, search)
        except ValueError as error:
            problems.add(at, str(error))
    return Regex(pattern, search=search) if len(problems.lines) == known else None
