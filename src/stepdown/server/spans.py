"""Reads a span of time in a header: 90s, 30m, 24h, 7d."""

import re

from stepdown.errors import InvalidField

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([smhdw])", re.ASCII)


def seconds(header: str, text: str) -> float:
    """A span in seconds, more than none. Raises InvalidField, naming the header."""
    found = _SPAN.fullmatch(text.strip().lower())
    span = float(found[1]) * _UNITS[found[2]] if found is not None else 0.0
    if span <= 0:
        raise InvalidField(f"{header}: expected a span such as 30m, 24h or 7d, got {text!r}.")
    return span
