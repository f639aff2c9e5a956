"""The store of pairs, on both kinds of databases: each once, whole flushes, and what expires."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Table, select

from stepdown.quality.pairs import Pair
from stepdown.quality.records import pair_store as module
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.history import pairs
from stepdown.quality.records.pair_rows import row_of
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.storage.address import DatabaseUnavailable, parse
from stepdown.storage.tables import expired_pairs, pair_texts, shadow_counters
from support.pairs import NOON, make_pair, reading


@pytest.fixture
def store(database_url: str) -> Iterator[PairStore]:
    made = PairStore(parse(database_url))
    yield made
    made.close()


def write(store: PairStore, *found: Pair) -> None:
    store.write(Batch(pairs=[row_of(pair) for pair in found]))


def kept(url: str) -> list[Pair]:
    with reading(url) as engine:
        return list(pairs(engine))


def rows(url: str, table: Table) -> list[tuple[object, ...]]:
    with reading(url) as engine, engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))
        ]


def test_a_pair_counts_once(store: PairStore, database_url: str) -> None:
    pair = make_pair()
    write(store, pair, pair)
    write(store, pair, make_pair(id=pair.id, regret=True, candidate_score=0.0))
    assert kept(database_url) == [pair]
    other = make_pair(id=pair.id, saver="cascade")
    write(store, pair, other)
    assert kept(database_url) == [other, pair]


def test_texts_count_once(store: PairStore, database_url: str) -> None:
    row = "req_1", "route", NOON, 1, b"\x00\xff"
    store.write(Batch(texts=[row]))
    store.write(Batch(texts=[row, ("req_1", "route", NOON, 1, b"other")]))
    assert rows(database_url, pair_texts) == [row]


def test_counters_add_up(store: PairStore, database_url: str) -> None:
    store.write(Batch(counters=[(0, "auto", "paired", 1, 7), (0, "auto", "budget", 1, 0)]))
    store.write(Batch(counters=[(0, "auto", "paired", 2, 5), (3600, "auto", "paired", 1, 0)]))
    assert rows(database_url, shadow_counters) == [
        (0, "auto", "budget", 1, 0),
        (0, "auto", "paired", 3, 12),
        (3600, "auto", "paired", 1, 0),
    ]


def test_a_flush_is_written_whole_or_not_at_all(store: PairStore, database_url: str) -> None:
    batch = Batch(pairs=[row_of(make_pair())], counters=[(0, "auto", None, 1, 0)])
    with pytest.raises(DatabaseUnavailable, match=r"^Writing to .* failed"):
        store.write(batch)
    assert kept(database_url) == []


def test_old_pairs_go_and_the_evidence_stays(store: PairStore, database_url: str) -> None:
    sampled = [
        *[make_pair(time=NOON - 9, regret=number < 2) for number in range(5)],
        make_pair(time=NOON - 8, propensity=0.2, regret=True),
        make_pair(time=NOON - 8, stint=2),
        make_pair(time=NOON - 8, regret=None, candidate_score=None),
        make_pair(time=NOON - 8, key=""),
        *[make_pair(time=NOON, regret=number < 1) for number in range(3)],
    ]
    write(store, *sampled)
    guard = GuardStore(store.address)
    key = sampled[0].key
    before = guard.counts({key: 1})
    assert before == {key: {0.02: (3, 8), 0.2: (1, 1)}}
    assert not store.expire_pairs(NOON)
    assert not store.expire_pairs(NOON)
    assert kept(database_url) == sampled[-3:]
    assert guard.counts({key: 1}) == before
    assert guard.counts({key: 2}) == {key: {0.02: (0, 1)}}
    guard.close()
    assert rows(database_url, expired_pairs) == [
        (key, 1, 0.02, 5, 2),
        (key, 1, 0.2, 1, 1),
        (key, 2, 0.02, 1, 0),
    ]


def test_pairs_expire_some_at_a_time(store: PairStore, database_url: str) -> None:
    write(store, *[make_pair(time=NOON - 1) for _ in range(module.AT_A_TIME + 1)])
    assert store.expire_pairs(NOON)
    assert len(kept(database_url)) == 1
    assert not store.expire_pairs(NOON)
    assert kept(database_url) == []
    [(_, _, _, counted, _)] = rows(database_url, expired_pairs)
    assert counted == module.AT_A_TIME + 1


def test_texts_expire_some_at_a_time(store: PairStore, database_url: str) -> None:
    old = [(f"req_{number}", "route", NOON - 1, 1, b"x") for number in range(module.AT_A_TIME)]
    store.write(Batch(texts=[*old, ("new", "route", NOON, 1, b"x"), ("old", "route", 1.0, 1, b"")]))
    assert store.expire_texts(NOON)
    assert not store.expire_texts(NOON)
    assert [row[0] for row in rows(database_url, pair_texts)] == ["new"]


def test_replicas_that_expire_together_count_a_pair_once(
    store: PairStore, database_url: str
) -> None:
    count = 3 * module.AT_A_TIME
    write(store, *[make_pair(time=NOON - 1) for _ in range(count)])
    failures: list[Exception] = []

    def expire() -> None:
        replica = PairStore(store.address)
        try:
            while replica.expire_pairs(NOON):
                pass
        except DatabaseUnavailable as error:
            failures.append(error)
        replica.close()

    replicas = [threading.Thread(target=expire) for _ in range(3)]
    for replica in replicas:
        replica.start()
    for replica in replicas:
        replica.join()
    assert failures == []
    assert kept(database_url) == []
    assert [row[3] for row in rows(database_url, expired_pairs)] == [count]
