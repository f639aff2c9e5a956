"""Reads a scorer's options that are true or false, or one of a few words."""

from collections.abc import Mapping, Sequence
from typing import Any

from stepdown.names import nearest
from stepdown.routing.problems import Problems


def read_switch(
    options: Mapping[str, Any], name: str, path: str, problems: Problems, *, default: bool = False
) -> bool:
    """True or false; the default where it is wrong or not given."""
    value = options.get(name, default)
    if isinstance(value, bool):
        return value
    problems.expected(f"{path}.{name}", "true or false", value)
    return default


def read_word(
    options: Mapping[str, Any], name: str, words: Sequence[str], path: str, problems: Problems
) -> str:
    """One of the words; the first of them where it is wrong or not given."""
    value = options.get(name, words[0])
    if value in words:
        return str(value)
    expected = f"{', '.join(words[:-1])} or {words[-1]}"
    hint = f".{nearest(value, words)}" if isinstance(value, str) else ""
    problems.add(f"{path}.{name}", f"expected {expected}, got {value!r:.60}{hint}")
    return words[0]
