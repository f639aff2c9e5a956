"""Reading details back: in order, over many segments, and never a format that is not understood."""

import time

import pytest
from sqlalchemy import update

from stepdown.ledger import history
from stepdown.ledger.history import prompts, requests
from stepdown.ledger.writer import Ledger
from stepdown.storage.address import parse
from stepdown.storage.database import make_engine, open_database
from stepdown.storage.tables import request_log
from stepdown.types import Hit
from support.journeys import make_journey


def test_many_segments_in_order(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SEGMENTS_AT_A_TIME", 2)
    ledger, now = Ledger(database_url, store_prompts=True), time.time()
    journeys = [make_journey(at=now + number) for number in range(10)]
    for journey in journeys:
        ledger.record(journey)
        ledger._flush()
    ledger.close()
    engine = open_database(database_url)
    expected = [journey.request.id for journey in journeys]
    assert [detail.id for detail in requests(engine)] == expected
    assert [detail.id for detail in requests(engine, now + 4)] == expected[4:]
    assert [prompt.id for prompt in prompts(engine, now + 7)] == expected[7:]
    engine.dispose()


def test_what_a_cache_answered_was_decided_by_no_policy(sqlite_url: str) -> None:
    ledger = Ledger(sqlite_url)
    asked, stored = make_journey(), make_journey()
    stored.cache, stored.hit = "exact", Hit("entry", b"{}", "gpt-4o-mini", None, 0.0)
    for journey in (asked, stored):
        ledger.record(journey)
    ledger.close()
    engine = open_database(sqlite_url)
    assert [detail.id for detail in requests(engine)] == [asked.request.id]
    engine.dispose()


def test_an_unknown_format_is_told(sqlite_url: str) -> None:
    ledger = Ledger(sqlite_url)
    ledger.record(make_journey())
    ledger.close()
    writer = make_engine(parse(sqlite_url), writes=True)
    with writer.begin() as connection:
        connection.execute(update(request_log).values(format=9))
    writer.dispose()
    engine = open_database(sqlite_url)
    with pytest.raises(ValueError, match="expected 1, got 9"):
        list(requests(engine))
    engine.dispose()
