"""Regular expressions that take time linear in the text, whatever the pattern: Google's RE2."""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol


class Pattern(Protocol):
    def search(self, text: str) -> object | None: ...


def safe_pattern(pattern: str) -> Pattern:
    """Compile a pattern in RE2's syntax. Raises ValueError, saying what is wrong with it."""
    re2: Any = import_module("re2")  # untyped, and 10 ms to import: only where a route needs it
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode() if isinstance(reason, bytes) else reason) from None
    return compiled


@lru_cache(maxsize=16)
def literals(texts: tuple[str, ...]) -> Callable[[str], list[int] | None]:
    """A function that says which of these texts stand in another, overlapping or not: a list of
    indices in no order, or None. It passes over the other text once, however many these are.

    The automaton grows as it meets new words (about 3 MB, at most 8 MB): routes whose phrases are
    the same share one.
    """
    re2: Any = import_module("re2")
    options = re2.Options()
    options.literal = True
    options.log_errors = False
    automaton = re2.Set.SearchSet(options)
    for text in texts:
        automaton.Add(text)
    automaton.Compile()
    match: Callable[[str], list[int] | None] = automaton.Match
    return match
