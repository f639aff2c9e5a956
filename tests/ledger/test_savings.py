"""Savings, read back from both kinds of databases."""

import time
from decimal import Decimal

import pytest

from stepdown.ledger.savings import By, Report, savings
from stepdown.ledger.writer import Ledger
from stepdown.storage.address import parse
from stepdown.storage.database import open_database
from stepdown.storage.store import Slice, Store
from stepdown.types import Hit, Journey
from support.journeys import make_journey


def write(url: str, *journeys: Journey) -> None:
    ledger = Ledger(url)
    for journey in journeys:
        ledger.record(journey)
    ledger.close()


def report(url: str, since: float | None = None, by: By = "rule") -> Report:
    engine = open_database(url)
    found = savings(engine, since, by)
    engine.dispose()
    return found


def mixed() -> list[Journey]:
    cheap = [make_journey(cost="0.1", reference_cost="1", tags=["a", "b"]) for _ in range(3)]
    strong = make_journey(rule="default", model="gpt-4o", cost="1", reference_cost="1", tags="a")
    unpriced = make_journey(rule="faq", model="local", route="bot", cost=None)
    return [*cheap, strong, unpriced]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("rule", {"short-label": (3, 1.0, "2.7"), "default": (1, 0.0, "0"), "faq": (1, 1.0, "0")}),
        (
            "model",
            {"gpt-4o-mini": (3, 1.0, "2.7"), "gpt-4o": (1, 0.0, "0"), "local": (1, 1.0, "0")},
        ),
        ("route", {"auto": (4, 0.75, "2.7"), "bot": (1, 1.0, "0")}),
        ("tag", {"a": (4, 0.75, "2.7"), "b": (3, 1.0, "2.7"), "(untagged)": (1, 1.0, "0")}),
    ],
)
def test_groups(database_url: str, by: By, expected: dict[str, tuple[int, float, str]]) -> None:
    write(database_url, *mixed())
    found = report(database_url, by=by)
    assert {row.name: (row.requests, row.share_down, row.saved) for row in found.rows} == {
        name: (requests, share, Decimal(saved))
        for name, (requests, share, saved) in expected.items()
    }
    assert [row.requests for row in found.rows] == sorted(
        (row.requests for row in found.rows), reverse=True
    )


def test_the_total(database_url: str) -> None:
    write(database_url, *mixed())
    total = report(database_url, by="tag").total
    assert (total.requests, total.downgraded, total.unpriced) == (5, 4, 1)
    assert (total.cost, total.reference_cost, total.saved) == (
        Decimal("1.3"),
        Decimal(4),
        Decimal("2.7"),
    )
    assert total.share_saved == Decimal("0.675")
    assert (total.input_tokens, total.output_tokens) == (600, 50)


def test_nothing_recorded(database_url: str) -> None:
    found = report(database_url)
    assert found.rows == []
    assert (found.total.requests, found.total.saved, found.dropped) == (0, Decimal(0), 0)
    assert found.total.share_saved is None
    assert found.total.share_down == 0


def test_since_its_minute(database_url: str) -> None:
    now = time.time() // 60 * 60 - 600
    write(database_url, *(make_journey(at=now + seconds) for seconds in (-1.0, 0.0, 61.0)))
    assert report(database_url, now + 59.0).total.requests == 2
    assert report(database_url, now + 60.0).total.requests == 1
    assert report(database_url).total.requests == 3


def test_since_its_hour_once_folded(database_url: str) -> None:
    hour = time.time() // 3600 * 3600 - 20 * 86_400
    write(database_url, *(make_journey(at=hour + seconds) for seconds in (-1.0, 60.0, 3500.0)))
    store = Store(parse(database_url))
    store.fold(int(time.time()))
    store.close()
    assert report(database_url, hour + 1800.0).total.requests == 2


def test_sums_beyond_what_an_integer_holds(database_url: str) -> None:
    """Nine million dollars in picodollars fill 64 bits; a sum over minutes must not stop there."""
    store = Store(parse(database_url))
    amount = 2**63 - 1
    counts, money = (1, 1, 0, 0, 0, 0, 0), (amount, amount, -amount, -amount, 0, 0, 0, 0)
    rows = [(60 * i, "auto", "r", 0, "m", "answered", "", *counts, *money) for i in range(1, 5)]
    store.write(Slice(None, None, rows))
    store.close()
    total = report(database_url).total
    exact = Decimal(4 * amount).scaleb(-12)
    assert (total.cost, total.reference_cost, total.saved) == (exact, exact, -exact)
    assert total.saved_by["exact"] == -exact
    assert total.saved_by["route"] == 0


def saved_by(kind: str, saved: str) -> Journey:
    """A journey that saved so much by one saver alone, or with another."""
    journey = make_journey(cost="1", reference_cost=str(1 + Decimal(saved)))
    match kind:
        case "exact" | "semantic" as cache:
            journey.cache = cache
            journey.hit = Hit("entry", b"{}", "gpt-4o-mini", None, 0.0)
            journey.attempts, journey.usage, journey.cost = [], None, Decimal(0)
            journey.reference_cost = Decimal(saved)
        case "cascade":
            journey.attempts[0].rung = 0
        case "compression":
            journey.compression_discount = Decimal(saved)
        case "batch":
            journey.batch_discount = Decimal(saved)
        case _:
            pass
    return journey


def test_what_is_saved_adds_up_by_saver(database_url: str) -> None:
    amounts = {
        "exact": "0.5",
        "semantic": "0.25",
        "route": "4",
        "cascade": "-0.125",
        "compression": "0.0625",
        "batch": "2",
    }
    write(database_url, *(saved_by(kind, saved) for kind, saved in amounts.items()))
    total = report(database_url).total
    assert {saver: str(saved.normalize()) for saver, saved in total.saved_by.items()} == amounts
    assert sum(total.saved_by.values(), Decimal(0)) == total.saved == Decimal("6.6875")
    assert total.downgraded == 4  # what a cache answered was not sent anywhere
