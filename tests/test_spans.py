"""Spans of time are read as people write them."""

from typing import Any

import pytest

from stepdown.spans import seconds_of


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("90s", 90.0),
        ("90", 90.0),
        ("1.5 h", 5400.0),
        (" 7D ", 604_800.0),
        ("250ms", 0.25),
        (2, 2.0),
        (0.5, 0.5),
        ("0s", 0.0),
    ],
)
def test_what_is_a_span(given: Any, seconds: float) -> None:
    assert seconds_of(given) == seconds


@pytest.mark.parametrize(
    "given", ["", "soon", "1 month", "-1s", "1e3s", "١h", True, None, [1], 10**400]
)
def test_what_is_none(given: Any) -> None:
    assert seconds_of(given) is None


@pytest.mark.parametrize("given", [float("nan"), float("inf"), float("-inf"), 10**400])
def test_what_is_beyond_all_bounds_is_none(given: float) -> None:
    assert seconds_of(given) is None
