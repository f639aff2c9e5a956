"""Regular expressions that take time linear in the text, whatever the pattern: Google's RE2."""

from importlib import import_module
from typing import Any, Protocol


class Pattern(Protocol):
    def search(self, text: str) -> object | None: ...


def safe_pattern(pattern: str) -> Pattern:
    """Compile a pattern in RE2's syntax. Raises ValueError, saying what is wrong with it."""
    re2: Any = import_module("re2")  # untyped, and 10 ms to import: only where a rule needs it
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode() if isinstance(reason, bytes) else reason) from None
    return compiled
