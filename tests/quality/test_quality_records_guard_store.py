"""What a guard reads and writes, on both kinds of databases."""

import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec import structs

from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import EXPIRED, GuardStore
from stepdown.quality.records.pair_store import Batch, PairStore
from stepdown.storage.address import DatabaseUnavailable, parse
from support.guarding import add_claimed
from support.pairs import NOON, make_pair, store_pairs

EVENT = GuardEvent("a", 1, NOON, "auto", "rule", 1, "observing", "active", evidence={"pairs": 240})


@pytest.fixture
def guard(database_url: str) -> Iterator[GuardStore]:
    made = GuardStore(parse(database_url))
    yield made
    made.close()


def test_counts_of_several_keys(guard: GuardStore, database_url: str) -> None:
    store_pairs(
        database_url,
        *[make_pair(key="a", stint=1, regret=number < 2) for number in range(7)],
        *[make_pair(key="a", stint=1, propensity=0.2, regret=False) for _ in range(3)],
        make_pair(key="a", stint=2, regret=True),
        make_pair(key="b", stint=4, regret=True),
        make_pair(key="b", stint=4, regret=None),
        make_pair(key="c", stint=1, regret=None),
        make_pair(key="d", stint=1, regret=True),
    )
    assert guard.counts({"a": 1, "b": 4, "c": 1, "new": 1}) == {
        "a": {0.02: (2, 7), 0.2: (0, 3)},
        "b": {0.02: (1, 1)},
        "c": {},
        "new": {},
    }
    assert guard.counts({"a": 2}) == {"a": {0.02: (1, 1)}}
    assert guard.counts({}) == {}


def test_pairs_that_nothing_could_tell(guard: GuardStore, database_url: str) -> None:
    failed = "unscored: the judge's call failed"
    store_pairs(
        database_url,
        *[make_pair(key="a", stint=1, regret=None, why=failed) for _ in range(3)],
        make_pair(key="a", stint=1, propensity=0.2, regret=None, why=failed),
        make_pair(key="a", stint=1, regret=None, why="shadow_failed: 503"),
        make_pair(key="a", stint=1, regret=None, why="unscoredly: odd"),
        make_pair(key="a", stint=2, regret=None, why=failed),
        make_pair(key="b", stint=1, regret=False),
    )
    assert guard.unsettled({"a": 1, "b": 1}) == {"a": {0.02: 3, 0.2: 1}, "b": {}}
    assert guard.unsettled({}) == {}


def test_counts_of_very_many_keys(guard: GuardStore, database_url: str) -> None:
    store_pairs(database_url, make_pair(key="a"))
    counts = guard.counts({"a": 1, **{f"key {number}": number for number in range(1000)}})
    assert len(counts) == 1001
    assert counts["a"] == {0.02: (0, 1)}


def test_requests_that_a_rule_claimed_since_a_moment(guard: GuardStore, database_url: str) -> None:
    assert guard.claimed("auto", "easy", NOON) == 0
    for minute, count in ((-60, 1), (0, 10), (60, 100), (120, 1000)):
        add_claimed(database_url, "easy", count, at=NOON + minute)
    add_claimed(database_url, "hard", 5, at=NOON + 60)
    assert guard.claimed("auto", "easy", NOON + 59.9) == 1100
    assert guard.claimed("auto", "easy", NOON - 0.1) == 1111 - 1
    assert guard.claimed("auto", "hard", 0.0) == 5
    assert guard.claimed("other", "easy", 0.0) == 0


def test_an_index_answers_what_is_asked_often(sqlite_url: str) -> None:
    class Explained(GuardStore):
        def plan(self, statement: str, values: tuple[object, ...]) -> str:
            with self._transaction(writes=False) as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
                return "\n".join(row[3] for row in iter(cursor.fetchone, None))

    from stepdown.quality.records import guard_store as module

    guard = Explained(parse(sqlite_url))
    counts = guard.plan(module._COUNTS.format(wanted="(?, ?), (?, ?)"), ("a", 1, "b", 1))
    assert "pairs USING COVERING INDEX pairs_evidence (key=? AND stint=?)" in counts
    stretches = guard.plan(module._STRETCHES, (300, "a", 1, 0.0))
    assert "INDEX pairs_recent (key=? AND stint=? AND time>?)" in stretches
    guard.close()


def test_stretches_of_time(guard: GuardStore, database_url: str) -> None:
    store_pairs(
        database_url,
        *[make_pair(time=NOON + 60 * number, regret=number == 11) for number in range(12)],
        make_pair(time=NOON + 61, propensity=0.2),
        make_pair(time=NOON + 61, regret=None),
        make_pair(time=NOON + 61, stint=2),
        make_pair(time=NOON + 61, key="other"),
    )
    key = make_pair().key
    found = guard.stretches(key, 1, 300)
    assert list(found) == sorted(found)
    assert abs(min(found) - NOON / 300) <= 1
    assert sum(pairs[0.02][1] for pairs in found.values()) == 12
    assert [number for number, pairs in found.items() if 0.2 in pairs] == [min(found)]
    assert [number for number, pairs in found.items() if pairs[0.02][0]] == [max(found)]
    later = guard.stretches(key, 1, 300, min(found))
    assert later == {number: pairs for number, pairs in found.items() if number > min(found)}
    assert guard.stretches(key, 3, 300) == {}


def test_expired_pairs_are_the_first_stretch(guard: GuardStore, database_url: str) -> None:
    store_pairs(
        database_url,
        *[make_pair(time=NOON - 9999, regret=number == 0) for number in range(3)],
        make_pair(time=NOON),
    )
    store = PairStore(guard.address)
    store.expire_pairs(NOON - 1)
    store.close()
    expired, there = guard.stretches(make_pair().key, 1, 300).items()
    assert expired == (EXPIRED, {0.02: (1, 3)})
    assert there[1] == {0.02: (0, 1)}
    assert guard.stretches(make_pair().key, 1, 300, EXPIRED) == dict([there])


def test_standings_are_the_latest_events(guard: GuardStore) -> None:
    later = structs.replace(EVENT, seq=2, from_state="active", to_state="tripped", time=NOON - 1)
    other = structs.replace(EVENT, key="b", evidence={})
    assert guard.standings() == {}
    for event in (EVENT, other, later):
        assert guard.append_event(event)
    assert guard.standings() == {"a": later, "b": other}


def test_of_two_replicas_one_is_first(guard: GuardStore) -> None:
    won: list[str] = []
    barrier = threading.Barrier(4)

    def append(who: str) -> None:
        replica = GuardStore(guard.address)
        replica.open()
        barrier.wait(20)
        if replica.append_event(structs.replace(EVENT, who=who)):
            won.append(who)
        replica.close()

    replicas = [threading.Thread(target=append, args=(str(number),)) for number in range(4)]
    for replica in replicas:
        replica.start()
    for replica in replicas:
        replica.join()
    assert len(won) == 1
    assert guard.standings()["a"].who == won[0]
    assert not guard.append_event(structs.replace(EVENT, why="too late"))
    assert guard.standings()["a"].why == ""


def test_spent_by_reason(guard: GuardStore) -> None:
    hour = int(NOON)
    store = PairStore(guard.address)
    store.write(
        Batch(
            counters=[
                (hour - 3600, "auto", "paired", 1, 10**12),
                (hour, "auto", "paired", 1, 10**12),
                (hour + 3600, "bot", "paired", 1, 5 * 10**11),
                (hour, "auto", "judge", 1, 1),
                (hour, "auto", "budget", 9, 0),
            ]
        )
    )
    store.close()
    assert guard.spent(NOON + 5) == {"paired": Decimal("1.5"), "judge": Decimal("1e-12")}
    assert guard.spent(NOON - 1) == {"paired": Decimal("2.5"), "judge": Decimal("1e-12")}
    assert guard.spent(NOON + 9999) == {}


def test_a_database_that_is_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("away") / "file"
    file.write_text("")
    guard = GuardStore(parse(str(file / "ledger.db")))
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        guard.counts({"a": 1})
