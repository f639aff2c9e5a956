"""The record read back, on both kinds of databases: pairs, texts, counters and events."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import create_engine

from stepdown.quality.records import history as module
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.history import Counter, counters, events, pairs, pairs_with_texts
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.quality.records.pair_texts import Texts
from stepdown.quality.records.selection import Selection
from stepdown.quality.records.writer import Records
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.types import Choice
from support.pairs import NOON, make_pair, reading, store_pairs

TEXTS = Texts(b'{"model":"auto"}', (Choice("no"),), (Choice("yes"),))


@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_pages_give_every_pair_once_in_the_order_of_time(
    database_url: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_A_TIME", size)
    stored = [
        make_pair(id="b", time=NOON + 0.1),
        make_pair(id="a", time=NOON + 0.1, saver="cascade"),
        make_pair(id="a", time=NOON + 0.1),
        make_pair(id="c", time=NOON - 1 / 3),
        make_pair(id="d", time=NOON + 0.2, tags=("x",), readings={"tokens": 3}),
        make_pair(id="e", time=NOON, route="bot"),
    ]
    store_pairs(database_url, *stored)
    with reading(database_url) as engine:
        in_order = sorted(stored, key=lambda pair: (pair.time, pair.id, pair.saver))
        assert list(pairs(engine)) == in_order
        assert [pair.id for pair in pairs(engine, Selection(route="auto"))] == list("caabd")


def test_what_comes_while_they_are_read_blocks_nobody(sqlite_url: str) -> None:
    store_pairs(sqlite_url, *[make_pair(id=str(number), time=NOON) for number in range(600)])
    with reading(sqlite_url) as engine:
        read = pairs(engine)
        first = next(read)
        store_pairs(sqlite_url, make_pair(id="new", time=NOON + 1))
        assert [first.id, *(pair.id for pair in read)][-1] == "new"


def test_texts_where_they_are_kept(database_url: str) -> None:
    records = Records(database_url)
    with_texts, without, cascade = (
        make_pair(id="a"),
        make_pair(id="b"),
        make_pair(id="a", saver="cascade", time=NOON + 1),
    )
    records.put(with_texts, TEXTS)
    records.put(without)
    records.put(cascade)
    records.close()
    with reading(database_url) as engine:
        assert list(pairs_with_texts(engine)) == [
            (with_texts, TEXTS),
            (without, None),
            (cascade, None),
        ]
        assert list(pairs_with_texts(engine, Selection(since=NOON + 1))) == [(cascade, None)]


def test_texts_over_several_pages(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_A_TIME", 20)
    records = Records(sqlite_url)
    for number in range(7):
        records.put(make_pair(time=NOON + number), structs.replace(TEXTS, prompt=b"%d" % number))
    records.close()
    with reading(sqlite_url) as engine:
        found = [texts.prompt for _, texts in pairs_with_texts(engine) if texts is not None]
    assert found == [b"%d" % number for number in range(7)]


def test_damaged_texts_are_named(sqlite_url: str) -> None:
    store_pairs(sqlite_url, make_pair(id="a"))
    store = PairStore(parse(sqlite_url))
    store.write(Batch(texts=[("a", "route", NOON, 1, b"not compressed")]))
    store.close()
    with reading(sqlite_url) as engine:
        with pytest.raises(ValueError, match=r"^pair a: damaged texts: "):
            list(pairs_with_texts(engine))
        assert len(list(pairs(engine))) == 1


def test_counters_are_summed(database_url: str) -> None:
    hour = int(NOON)
    store = PairStore(parse(database_url))
    store.write(
        Batch(
            counters=[
                (hour - 3600, "auto", "paired", 5, 10**12),
                (hour, "auto", "paired", 2, 5 * 10**11),
                (hour, "auto", "budget", 3, 0),
                (hour, "bot", "paired", 1, 1),
            ]
        )
    )
    store.close()
    with reading(database_url) as engine:
        assert counters(engine) == [
            Counter("auto", "budget", 3, Decimal(0)),
            Counter("auto", "paired", 7, Decimal("1.5")),
            Counter("bot", "paired", 1, Decimal("1e-12")),
        ]
        assert [found.amount for found in counters(engine, NOON + 9, "auto")] == [3, 2]


def test_events_of_a_key_a_route_or_a_rule(database_url: str) -> None:
    first = GuardEvent("a", 1, NOON, "auto", "x", 1, "observing", "active", "sure", "ana", {"n": 9})
    second = structs.replace(first, seq=2, time=NOON + 2)
    other = structs.replace(first, key="b", rule="y", time=NOON + 1)
    bot = structs.replace(first, key="c", route="bot", time=NOON + 3)
    guard = GuardStore(parse(database_url))
    for event in (bot, second, first, other):
        guard.append_event(event)
    guard.close()
    with reading(database_url) as engine:
        assert events(engine) == [first, other, second, bot]
        assert events(engine, "a") == [first, second]
        assert events(engine, route="auto", rule="y") == [other]
        assert events(engine, "none") == []


def test_a_database_without_tables_is_told(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    for read in (pairs, pairs_with_texts, counters, events):
        with pytest.raises(DatabaseUnavailable, match=r"^The record of pairs cannot be read: "):
            list(read(engine))
    engine.dispose()
