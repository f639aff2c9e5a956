"""Spans of time in headers."""

import pytest

from stepdown.errors import InvalidField
from stepdown.server.spans import seconds


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("24h", 86_400.0),
        (" 30 m ", 1800.0),
        ("90S", 90.0),
        ("1.5h", 5400.0),
        ("7d", 604_800.0),
        ("2w", 1_209_600.0),
    ],
)
def test_spans(text: str, span: float) -> None:
    assert seconds("x-stepdown-defer", text) == span


@pytest.mark.parametrize(
    "text", ["", "24", "h", "true", "-1h", "0h", "0.0d", "1e9h", "24 hours", "٣h", "9" * 10 + "s"]
)
def test_what_is_no_span_is_named(text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        seconds("x-stepdown-defer", text)
    expected = f"x-stepdown-defer: expected a span such as 30m, 24h or 7d, got {text!r}."
    assert caught.value.message == expected
