"""States that people set: which rule is meant, what is written, and who comes in between."""

from collections.abc import Iterator, Sequence

import pytest

from stepdown.quality.guard.recorded import standing_after
from stepdown.quality.guard.wards import Ward
from stepdown.quality.knowledge.by_hand import Conflict, Unknown, by_hand
from stepdown.quality.records.events import GuardEvent
from stepdown.quality.records.guard_store import GuardStore
from stepdown.storage.address import parse
from support.pairs import NOON
from support.recorded import store_events
from support.wards import certified, make_ward, set_by_hand, tripped

FAQ, NEW, BOT = make_ward("faq"), make_ward("new"), make_ward("faq", "bot")


@pytest.fixture
def store(sqlite_url: str) -> Iterator[GuardStore]:
    store = GuardStore(parse(sqlite_url))
    yield store
    store.close()


def set_to(
    store: GuardStore,
    state: str,
    wards: Sequence[Ward] | None,
    rule: str = "faq",
    route: str | None = None,
) -> GuardEvent:
    return by_hand(store, wards, rule, state, "I know it", "ada", NOON, route=route)


def test_the_first_event_of_a_ward(store: GuardStore) -> None:
    event = set_to(store, "trusted", [FAQ, NEW])
    assert store.standings() == {FAQ.key: event}
    assert (event.seq, event.time, event.who, event.why) == (1, NOON, "ada", "I know it")
    assert (event.route, event.rule, event.from_state, event.to_state) == (
        *("auto", "faq"),
        *("observing", "trusted"),
    )


def test_it_follows_what_happened_before(store: GuardStore, sqlite_url: str) -> None:
    store_events(sqlite_url, certified(FAQ))
    event = set_to(store, "tripped", [FAQ])
    assert (event.seq, event.from_state) == (2, "active")
    standing = standing_after(event)
    assert (standing.state, standing.stint, standing.held) == ("tripped", 3, True)


def test_without_wards_it_is_the_rule_that_changed_last(store: GuardStore, sqlite_url: str) -> None:
    before = make_ward("faq", key="the rule as it was")
    store_events(sqlite_url, certified(before, NOON - 9), tripped(FAQ, NOON - 5))
    event = set_to(store, "trusted", None)
    assert (event.key, event.seq, event.from_state) == (FAQ.key, 2, "tripped")


@pytest.mark.parametrize(
    ("rule", "route", "said"),
    [
        ("fqa", None, "No rule 'fqa' is guarded. Did you mean 'faq'?"),
        ("new", "bot", "No rule 'new' of the route 'bot' is guarded. There are 'faq'."),
        ("faq", "bto", "No rule of a route 'bto' is guarded. Did you mean 'bot'?"),
        ("faq", None, "Give --route: 'faq' is a rule of 'auto', 'bot'."),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_which_rule_is_meant(
    store: GuardStore, sqlite_url: str, rule: str, route: str | None, said: str, recorded: bool
) -> None:
    wards = [FAQ, NEW, BOT]
    if recorded:
        store_events(sqlite_url, *[set_by_hand(ward, "trusted") for ward in wards])
    with pytest.raises(Unknown) as told:
        set_to(store, "tripped", None if recorded else wards, rule, route)
    assert str(told.value) == said


def test_the_route_tells_them_apart(store: GuardStore) -> None:
    assert set_to(store, "trusted", [FAQ, BOT], route="bot").key == BOT.key


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("active", "the rule 'faq' is not certified: set it to trusted, or let it observe"),
        ("trussed", "there is no state 'trussed'. Did you mean 'trusted'?"),
    ],
)
def test_a_state_that_cannot_be(store: GuardStore, state: str, said: str) -> None:
    with pytest.raises(ValueError) as told:
        set_to(store, state, [FAQ])
    assert str(told.value) == said
    assert store.standings() == {}


class Contested(GuardStore):
    """Others write first, ``times`` times."""

    times = 1

    def append_event(self, event: GuardEvent) -> bool:
        if self.times:
            self.times -= 1
            seq = event.seq
            assert super().append_event(set_by_hand(FAQ, "tripped", NOON - 1, seq=seq))
        return super().append_event(event)


def test_what_comes_in_between_is_followed(sqlite_url: str) -> None:
    store = Contested(parse(sqlite_url))
    event = set_to(store, "trusted", [FAQ])
    assert (event.seq, event.from_state) == (2, "tripped")
    assert store.standings() == {FAQ.key: event}
    store.close()


def test_whoever_comes_in_between_twice_has_won(sqlite_url: str) -> None:
    store = Contested(parse(sqlite_url))
    store.times = 2
    with pytest.raises(Conflict, match=r"changed by others .*, twice; nothing was written"):
        set_to(store, "trusted", [FAQ])
    assert store.standings()[FAQ.key].to_state == "tripped"
    store.close()
