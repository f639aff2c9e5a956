"""Where guarded rules stand: by a configuration's wards, or by the record alone."""

from pathlib import Path

import pytest
from msgspec import structs

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.recorded import standing_after
from stepdown.quality.guard.wards import Ward
from stepdown.quality.knowledge.positions import Position, in_force, newest, on_record
from stepdown.quality.records.guard_store import GuardStore
from stepdown.storage.address import DatabaseUnavailable, parse
from support.pairs import NOON, make_pair, store_pairs
from support.recorded import store_events
from support.wards import certified, make_ward, set_by_hand

FAQ, NEW, SURE = make_ward("faq"), make_ward("new"), make_ward("sure", trusted=True)


def read(url: str, *wards: Ward) -> list[Position]:
    store = GuardStore(parse(url))
    try:
        return in_force(store, wards) if wards else on_record(store)
    finally:
        store.close()


def test_all_wards_stand_somewhere(database_url: str) -> None:
    event = certified(FAQ)
    store_events(database_url, event)
    store_pairs(
        database_url,
        *[make_pair(key=FAQ.key, stint=1, propensity=0.2) for _ in range(3)],
        make_pair(key=FAQ.key, stint=2, regret=True),
        make_pair(key=FAQ.key, stint=2),
        make_pair(key=FAQ.key, stint=2, regret=None),
        make_pair(key=NEW.key, propensity=0.2),
    )
    faq, new, sure = read(database_url, FAQ, NEW, SURE)
    assert (faq.route, faq.rule, faq.standing, faq.ward) == (
        *("auto", "faq"),
        *(standing_after(event), FAQ),
    )
    assert faq.event is not None
    assert (faq.event.seq, faq.counts) == (1, Counts({0.02: (1, 2)}))
    assert (faq.standing.state, new.standing.state) == ("active", "observing")
    assert (new.event, new.counts) == (None, Counts({0.2: (0, 1)}))
    assert (sure.standing.state, sure.counts.pairs) == ("trusted", 0)


def test_the_terms_are_those_of_the_state(sqlite_url: str) -> None:
    store_events(sqlite_url, certified(FAQ))
    store_pairs(sqlite_url, make_pair(key=NEW.key, propensity=0.1))
    faq, new = read(sqlite_url, FAQ, NEW)
    assert [each.terms and each.terms.least for each in (faq, new)] == [0.02, 0.1]
    seen = new.seen
    assert seen is not None
    assert (seen.limit, seen.counts.pairs) == (0.02, 1)
    assert seen.low == 0.0 < seen.high < 1.0


def test_the_record_alone_knows_what_changed(database_url: str) -> None:
    before = make_ward("faq", key="the rule as it was")
    store_events(
        database_url,
        certified(before, NOON - 100),
        set_by_hand(FAQ, "trusted", NOON),
        set_by_hand(NEW, "tripped", NOON - 50),
        set_by_hand(make_ward("faq", "bot"), "tripped", NOON - 200),
    )
    store_pairs(database_url, make_pair(key=NEW.key, stint=2), make_pair(key=SURE.key))
    found = read(database_url)
    assert [(each.route, each.rule, each.standing.state) for each in found] == [
        ("auto", "faq", "trusted"),
        ("auto", "new", "tripped"),
        ("bot", "faq", "tripped"),
    ]
    assert found[0].standing.key == FAQ.key
    assert (found[1].counts.pairs, found[1].terms, found[1].seen) == (1, None, None)


def test_the_newest_event_of_a_rule_is_that_of_its_latest_key() -> None:
    first = set_by_hand(FAQ, "trusted")
    second = set_by_hand(FAQ, "tripped", before=standing_after(first), seq=2)
    old = structs.replace(first, key="old", time=NOON - 1, seq=9)
    assert newest([second, old, first]) == {("auto", "faq"): second}


def test_nothing_was_ever_changed(sqlite_url: str) -> None:
    assert read(sqlite_url) == []


def test_a_database_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        read(f"sqlite:///{tmp_path}")
