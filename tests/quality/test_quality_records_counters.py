"""Counters: sums by hour, and nothing is lost by what could not be written."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from stepdown.quality.records.counters import HOUR, Counters, rows
from support.pairs import NOON

notes = st.tuples(
    st.integers(0, 3), st.sampled_from("ab"), st.sampled_from("xy"), st.integers(1, 5)
)


def test_by_hour_route_and_reason() -> None:
    counters = Counters()
    counters.add(NOON, "auto", "paired", 1, Decimal("0.25"))
    counters.add(NOON + HOUR - 0.001, "auto", "paired", 2, Decimal("0.5"))
    counters.add(NOON + HOUR, "auto", "paired", 1, Decimal(0))
    counters.add(NOON, "auto", "budget", 1, Decimal(0))
    hour = int(NOON)
    assert rows(counters.take()) == [
        (hour, "auto", "budget", 1, 0),
        (hour, "auto", "paired", 3, 750_000_000_000),
        (hour + HOUR, "auto", "paired", 1, 0),
    ]
    assert rows(counters.take()) == []


@given(st.lists(notes), st.lists(notes))
def test_what_is_put_back_adds_up(
    before: list[tuple[int, str, str, int]], after: list[tuple[int, str, str, int]]
) -> None:
    failing, whole = Counters(), Counters()
    for hour, route, reason, amount in before:
        failing.add(hour * HOUR, route, reason, amount, Decimal(amount) / 8)
    taken = failing.take()
    for hour, route, reason, amount in after:
        failing.add(hour * HOUR, route, reason, amount, Decimal(amount) / 8)
    failing.put_back(taken)
    for hour, route, reason, amount in before + after:
        whole.add(hour * HOUR, route, reason, amount, Decimal(amount) / 8)
    assert rows(failing.take()) == rows(whole.take())
