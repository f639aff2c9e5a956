"""Reads a span of time in a header: 90s, 30m, 24h, 7d."""

from stepdown.errors import InvalidField
from stepdown.spans import seconds_of


def seconds(header: str, text: str) -> float:
    """A span in seconds, more than none, with its unit. Raises InvalidField, naming the header."""
    span = seconds_of(text) if text.strip()[-1:].isalpha() else None
    if span is None or span <= 0:
        raise InvalidField(f"{header}: expected a span such as 30m, 24h or 7d, got {text!r}.")
    return span
