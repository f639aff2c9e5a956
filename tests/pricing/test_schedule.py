"""Prices that change: on a day, and at an hour of each day."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest

from stepdown.pricing import schedule as module
from stepdown.pricing.price import TokenPrice
from stepdown.pricing.schedule import Period, Schedule
from stepdown.types import Usage

BASE, LATER, PEAK = (TokenPrice(Decimal(rate), Decimal(rate)) for rate in (1, 2, 3))
SCHEDULE = Schedule(
    [
        Period(BASE),
        Period(LATER, since=date(2026, 9, 10)),
        Period(PEAK, hours=(time(1), time(4))),
    ]
)


@pytest.mark.parametrize(
    ("moment", "price"),
    [
        (datetime(2026, 9, 9, 23, 59, tzinfo=UTC), BASE),
        (datetime(2026, 9, 10, 0, 0, tzinfo=UTC), LATER),
        (datetime(2026, 9, 10, 1, 0, tzinfo=UTC), PEAK),
        (datetime(2026, 9, 10, 3, 59, 59, tzinfo=UTC), PEAK),
        (datetime(2026, 9, 10, 4, 0, tzinfo=UTC), LATER),
        (datetime(2026, 9, 10, 1, 0, tzinfo=timezone(timedelta(hours=2))), BASE),
    ],
)
def test_the_last_period_that_holds_decides(moment: datetime, price: TokenPrice) -> None:
    assert SCHEDULE.at(moment) is price


@pytest.mark.parametrize(
    ("hour", "holds"), [(21, False), (22, True), (23, True), (0, True), (6, False)]
)
def test_hours_over_midnight(hour: int, holds: bool) -> None:
    night = Period(BASE, hours=(time(22), time(6)))
    assert night.holds(datetime(2026, 1, 1, hour, tzinfo=UTC)) is holds


def test_a_kept_price_follows_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [datetime(2026, 9, 10, 0, 59, 50, tzinfo=UTC).timestamp()]
    monkeypatch.setattr("time.time", lambda: now[0])
    kept = Schedule(SCHEDULE.periods)
    kept._recheck = 0.0
    assert kept.cost(Usage(input=1)) == 2
    now[0] += module.RECHECK
    assert kept.cost(Usage(input=1)) == 3


def test_an_empty_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^periods: expected at least one"):
        Schedule([])
