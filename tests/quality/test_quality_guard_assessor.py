"""What follows from the evidence is written once, whichever replica sees it first."""

import threading
from collections.abc import Iterator

import pytest
from msgspec import structs

from stepdown.quality.evidence import Counts
from stepdown.quality.guard.assessor import Assessor, standing_of
from stepdown.quality.guard.blocks import SETTLED, STRETCH
from stepdown.quality.guard.drift import BLOCK
from stepdown.quality.guard.recorded import cause_of, recorded
from stepdown.quality.guard.states import Standing
from stepdown.quality.guard.terms import Probation
from stepdown.quality.guard.transitions import set_state
from stepdown.quality.guard.wards import Ward
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.records.history import events
from stepdown.storage.address import DatabaseUnavailable, parse
from support.guarding import HOUR, add_claimed, add_pairs, loose_ward
from support.pairs import NOON, make_pair, reading, store_pairs

EASY = loose_ward()


class Clock:
    now = NOON

    def __call__(self) -> float:
        return self.now


class Replica(Assessor):
    """An assessor with a connection and a clock of its own."""

    def __init__(self, url: str, store: type[GuardStore] = GuardStore) -> None:
        self.clock = Clock()
        self.store = store(parse(url))
        super().__init__(self.store, self.clock)

    def look(self, *wards: Ward) -> list[str]:
        """The causes of what it wrote now."""
        self.assessed = self.assess(wards or (EASY,))
        written, self.written = self.written, []
        return [cause_of(event) for event in written]

    def standing(self, ward: Ward = EASY) -> Standing:
        return standing_of(ward, self.assessed.events)


@pytest.fixture
def replica(database_url: str) -> Iterator[Replica]:
    made = Replica(database_url)
    yield made
    made.store.close()


def test_before_there_is_anything(replica: Replica) -> None:
    assert replica.look(EASY, loose_ward("old", trusted=True)) == []
    assert replica.standing() == Standing(EASY.key)
    assert replica.standing(loose_ward("old", trusted=True)).state == "trusted"
    assert replica.assessed.counts == {EASY.key: Counts(), "key of old": Counts()}


def test_what_nothing_could_tell_must_not_help_to_certify(
    replica: Replica, database_url: str
) -> None:
    add_pairs(database_url, EASY, 60)
    failed = {"key": EASY.key, "propensity": 1.0, "regret": None}
    told = [make_pair(**failed, why="unscored: the judge's call failed") for _ in range(30)]
    store_pairs(database_url, *told)
    assert replica.look() == []
    assert replica.standing().state == "observing"
    assert replica.assessed.counts == {EASY.key: Counts({1.0: (0, 60)})}
    add_pairs(database_url, EASY, 400)
    assert replica.look() == ["certified"]


def test_what_nothing_could_tell_may_have_been_sampled_less_than_now(
    replica: Replica, database_url: str
) -> None:
    add_pairs(database_url, EASY, 200)
    store_pairs(
        database_url,
        make_pair(key=EASY.key, propensity=0.5, regret=None, why="unscored: no judge"),
    )
    assert replica.look() == ["certified"]


def test_answers_that_are_missing_are_left_out(replica: Replica, database_url: str) -> None:
    missing = {"key": EASY.key, "propensity": 1.0, "regret": None, "why": "shadow_failed: 503"}
    store_pairs(database_url, *[make_pair(**missing) for _ in range(30)])
    add_pairs(database_url, EASY, 41)
    assert replica.look() == ["certified"]


def test_good_pairs_certify_and_a_stint_has_pairs_of_its_own(
    replica: Replica, database_url: str
) -> None:
    add_pairs(database_url, EASY, 21)
    assert replica.look() == []
    assert replica.assessed.counts == {EASY.key: Counts({1.0: (0, 21)})}
    add_pairs(database_url, EASY, 20)
    assert replica.look() == ["certified"]
    standing = replica.standing()
    assert (standing.state, standing.epoch, standing.stint) == ("active", 1, 2)
    assert replica.look() == []
    assert replica.assessed.counts == {EASY.key: Counts()}
    add_pairs(database_url, EASY, 12, regrets=12, stint=1)  # they come late, from an earlier stint
    assert replica.look() == []
    add_pairs(database_url, EASY, 12, regrets=12, stint=2)
    assert replica.look() == ["above budget"]
    assert replica.standing().state == "tripped"


def test_a_trip_ends_after_its_probation(replica: Replica, database_url: str) -> None:
    trusted = loose_ward(trusted=True)
    add_pairs(database_url, trusted, 12, regrets=12)
    assert replica.look(trusted) == ["above budget"]
    replica.clock.now += HOUR - 1
    assert replica.look(trusted) == []
    replica.clock.now += 2
    assert replica.look(trusted) == ["probation over"]
    standing = replica.standing(trusted)
    assert (standing.state, standing.epoch, standing.stint) == ("observing", 2, 3)


def test_a_probation_counts_the_requests_of_every_replica_since_the_trip(
    replica: Replica, database_url: str
) -> None:
    counted = loose_ward(trusted=True, probation=Probation(requests=10, seconds=HOUR))
    add_pairs(database_url, counted, 12, regrets=12)
    assert replica.look(counted) == ["above budget"]
    add_claimed(database_url, "easy", 500, at=NOON - 60)  # before the trip
    add_claimed(database_url, "other", 500, at=NOON + 60)
    add_claimed(database_url, "easy", 500, at=NOON + 60, route="other")
    add_claimed(database_url, "easy", 6, at=NOON + 60)
    replica.clock.now += HOUR + 1
    assert replica.look(counted) == []
    add_claimed(database_url, "easy", 4, at=NOON + 120)
    restarted = Replica(database_url)
    restarted.clock.now = NOON + HOUR - 1
    assert restarted.look(counted) == []
    restarted.clock.now = NOON + HOUR + 1
    assert restarted.look(counted) == ["probation over"]
    event = restarted.assessed.events[counted.key]
    assert event.why == "probation is over, after 10 requests and 3601 seconds"
    restarted.store.close()


def test_a_probation_of_compression_counts_all_requests_of_its_route(
    replica: Replica, database_url: str
) -> None:
    probation = Probation(requests=10, seconds=HOUR)
    ward = loose_ward("compression", trusted=True, probation=probation)
    ward = structs.replace(ward, saver="compression")
    add_pairs(database_url, ward, 12, regrets=12)
    assert replica.look(ward) == ["above budget"]
    add_claimed(database_url, "easy", 9, at=NOON + 60)
    add_claimed(database_url, "easy", 500, at=NOON + 60, route="other")
    replica.clock.now += HOUR + 1
    assert replica.look(ward) == []
    add_claimed(database_url, "default", 1, at=NOON + 60)
    assert replica.look(ward) == ["probation over"]


def test_without_following_only_what_is_set_by_hand_counts(
    replica: Replica, database_url: str
) -> None:
    add_pairs(database_url, EASY, 60)
    assert replica.assess([EASY], follow=False).events == {}
    assert replica.written == []


def test_what_somebody_sets_by_hand_is_read(replica: Replica) -> None:
    by_hand = set_state(EASY.beginning(), "trusted", "I know it", "ann", NOON)
    assert replica.store.append_event(recorded(by_hand, 1, NOON, "auto", "easy"))
    assert replica.look() == []
    assert replica.standing() == by_hand.after


def test_drift_undoes_what_was_certified(replica: Replica, database_url: str) -> None:
    add_pairs(database_url, EASY, 400)
    assert replica.look() == ["certified"]
    for block in range(1, 31):
        add_pairs(database_url, EASY, BLOCK, stint=2, at=NOON + block * STRETCH)
    replica.clock.now = NOON + 31 * STRETCH + SETTLED
    assert replica.look() == []
    bad = NOON + 32 * STRETCH
    add_pairs(database_url, EASY, BLOCK, regrets=45, stint=2, at=bad)
    replica.clock.now = bad + 1
    assert replica.look() == ["drift"]
    standing = replica.standing()
    assert (standing.state, standing.epoch, standing.certificate) == ("observing", 2, None)


def test_a_new_process_watches_from_the_beginning_of_the_stint(
    replica: Replica, database_url: str
) -> None:
    add_pairs(database_url, EASY, 400)
    assert replica.look() == ["certified"]
    for block in range(1, 11):
        add_pairs(database_url, EASY, BLOCK, stint=2, at=NOON + block * STRETCH)
    add_pairs(database_url, EASY, BLOCK, regrets=45, stint=2, at=NOON + 11 * STRETCH)
    other = Replica(database_url)
    other.clock.now = NOON + 12 * STRETCH
    assert other.look() == ["drift"]
    other.store.close()
    assert replica.look() == []
    assert replica.standing().state == "observing"


def test_a_rate_that_was_raised_in_the_middle_of_a_stint(
    replica: Replica, database_url: str
) -> None:
    seldom = loose_ward(least=0.5)
    add_pairs(database_url, seldom, 20)
    assert replica.look(seldom) == []
    assert replica.look(structs.replace(seldom, observed=1.0)) == []


def test_of_several_replicas_one_is_first(database_url: str) -> None:
    add_pairs(database_url, EASY, 60)
    barrier = threading.Barrier(3)
    found: list[list[str]] = []

    class Together(GuardStore):
        """Writes when all have made up their minds."""

        def append_event(self, event: GuardEvent) -> bool:
            barrier.wait(20)
            return super().append_event(event)

    replicas = [Replica(database_url, Together) for _ in range(3)]
    looks = [lambda each=each: found.append(each.look()) for each in replicas]
    threads = [threading.Thread(target=look) for look in looks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [[], [], ["certified"]]
    assert {replica.standing().state for replica in replicas} == {"active"}
    with reading(database_url) as database:
        assert len(events(database)) == 1
    for replica in replicas:
        replica.store.close()


def test_what_was_written_before_the_database_failed_is_known(
    replica: Replica, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_pairs(database_url, EASY, 60)
    other = loose_ward("other")
    add_pairs(database_url, other, 60)
    append = replica.store.append_event
    written: list[GuardEvent] = []

    def once(event: GuardEvent) -> bool:
        if written:
            raise DatabaseUnavailable("gone")
        written.append(event)
        return append(event)

    monkeypatch.setattr(replica.store, "append_event", once)
    with pytest.raises(DatabaseUnavailable):
        replica.assess([EASY, other])
    assert replica.written == written
