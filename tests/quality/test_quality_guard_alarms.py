"""An alarm is told until the record says that it was, under one id, and not for ever."""

from collections.abc import Iterator

import pytest
from msgspec import structs

from stepdown.quality.guard import alarms as module
from stepdown.quality.guard.alarms import LATE, UNDER_WAY, Teller, id_of, is_alarm
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore, Told
from stepdown.storage.address import parse
from support.guarding import People
from support.pairs import NOON

TRIP = GuardEvent(
    "k" * 64, 1, NOON, "auto", "easy", 1, "active", "tripped", evidence={"cause": "above budget"}
)
NAME = f"guard_{'k' * 16}_1"


@pytest.fixture
def store(database_url: str) -> Iterator[GuardStore]:
    made = GuardStore(parse(database_url))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACE", 0.0)


class Process:
    """One that tells, over a record that outlives it."""

    def __init__(self, store: GuardStore, *names: str, hear: bool = True) -> None:
        self.now = NOON
        self.people = People(*names, hear=hear)
        self.teller = Teller(store, lambda: self.now, self.people)

    def look(self) -> list[tuple[str, str]]:
        """What was told now."""
        before = len(self.people.sent)
        self.teller.collect()
        self.teller.look()
        self.teller.tell_again()
        return self.people.sent[before:]


def write(store: GuardStore, **changes: object) -> GuardEvent:
    event = structs.replace(TRIP, **changes)
    assert store.append_event(event)
    return event


def test_what_was_written_before_a_start_is_told_then_and_once(store: GuardStore) -> None:
    write(store)
    one = Process(store)
    assert one.look() == [(NAME, "ops")]
    assert one.look() == []
    assert Process(store).look() == []


def test_each_target_is_told(store: GuardStore) -> None:
    write(store)
    assert Process(store, "ops").look() == [(NAME, "ops")]
    other = Process(store, "ops", "night")
    other.teller.collect()
    assert other.look() == [(NAME, "ops"), (NAME, "night")], "nobody has noted the first yet"
    assert other.look() == []
    assert Process(store, "ops", "night", "new").look() == [(NAME, "new")]


def test_whoever_does_not_take_it_is_told_again_once_nobody_may_be_at_it(store: GuardStore) -> None:
    one = Process(store, hear=False)
    assert one.look() == []
    event = write(store)
    one.teller.tell(event)
    one.now += UNDER_WAY - 1
    assert one.look() == []
    one.now += 2
    assert one.look() == [(NAME, "ops")]
    assert one.look() == [(NAME, "ops")]
    one.people.hear = True
    assert one.look() == [(NAME, "ops")]
    assert one.look() == []


def test_of_what_is_long_past_nobody_is_told(store: GuardStore) -> None:
    write(store, time=NOON - LATE - 1)
    write(store, seq=2, time=NOON - LATE + 1)
    assert Process(store).look() == [(f"guard_{'k' * 16}_2", "ops")]


@pytest.mark.parametrize(
    ("cause", "alarming"),
    [
        ("above budget", True),
        ("drift", True),
        ("certified", False),
        ("by hand", False),
        ("", False),
    ],
)
def test_which_events_are_alarms(store: GuardStore, cause: str, alarming: bool) -> None:
    event = write(store, evidence={"cause": cause})
    assert is_alarm(event) is alarming
    one = Process(store)
    one.teller.tell(event)
    assert bool(one.people.sent) is alarming
    assert bool(Process(store).look()) is alarming


def test_an_events_id_is_its_own() -> None:
    ids = {id_of(each) for each in (TRIP, structs.replace(TRIP, seq=2))}
    assert ids == {NAME, f"guard_{'k' * 16}_2"}


def test_without_people_nothing_is_looked_for(store: GuardStore) -> None:
    write(store)
    teller = Teller(store, lambda: NOON, None)
    teller.collect()
    teller.look()
    teller.tell_again()
    teller.tell(TRIP)
    assert store.told(0.0) == set()


def test_it_is_not_looked_for_at_every_look(
    store: GuardStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PACE", 3600.0)
    one = Process(store, hear=False)
    assert one.look() == []
    write(store, time=NOON - UNDER_WAY - 1)
    assert one.look() == []


def test_what_was_told_is_kept_while_the_database_is_away(store: GuardStore) -> None:
    one = Process(store)
    one.teller.tell(write(store))
    one.teller.collect()
    away, store._note_told = store._note_told, "INSERT INTO nowhere VALUES (1)"
    with pytest.raises(Exception, match="The guard's evidence"):
        one.teller.look()
    store._note_told = away
    one.teller.look()
    assert store.told(0.0) == {(NAME, "ops")}


def test_the_record_of_what_was_told(store: GuardStore) -> None:
    store.note_told([Told("b", "ops", 2.0), Told("a", "ops", 1.0)])
    store.note_told([Told("a", "ops", 9.0), Told("a", "night", 3.0)])
    assert store.told(0.0) == {("a", "ops"), ("b", "ops"), ("a", "night")}
    assert store.told(1.5) == {("b", "ops"), ("a", "night")}
