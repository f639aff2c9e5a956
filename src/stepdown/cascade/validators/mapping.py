"""Reads a validator's options where they are a mapping: its names, numbers and texts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from stepdown.names import known_names
from stepdown.routing.problems import Problems
from stepdown.routing.shapes import is_mapping, is_number


def read_mapping(
    options: Any, names: Sequence[str], path: str, problems: Problems
) -> Mapping[str, Any]:
    """The options under the names that are known; nothing for a bare name."""
    if options is None:
        return {}
    if not is_mapping(options):
        problems.expected(path, f"a mapping of {', '.join(names)}", options)
        return {}
    for name in options:
        if name not in names:
            problems.add(f"{path}.{name}", f"no such option.{known_names(str(name), names)}")
    return options


def read_number(
    options: Mapping[str, Any],
    name: str,
    path: str,
    problems: Problems,
    *,
    low: float = -math.inf,
    high: float = math.inf,
) -> float | None:
    """A number from ``low`` to ``high``, or None where it is wrong or not given."""
    value = options.get(name)
    if name not in options:
        return None
    if is_number(value) and math.isfinite(value) and low <= value <= high:
        return float(value)
    problems.expected(f"{path}.{name}", f"a number{_between(low, high)}", value)
    return None


def read_text(options: Mapping[str, Any], name: str, path: str, problems: Problems) -> str | None:
    """A text that is not empty, or None where it is wrong or not given."""
    value = options.get(name)
    if name not in options or (isinstance(value, str) and value.strip()):
        return value
    problems.expected(f"{path}.{name}", "a text", value)
    return None


def _between(low: float, high: float) -> str:
    if math.isinf(low):
        return "" if math.isinf(high) else f" of at most {high:g}"
    return f" of at least {low:g}" if math.isinf(high) else f" from {low:g} to {high:g}"
