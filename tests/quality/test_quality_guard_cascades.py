"""A cascade that tripped is certified again by what its checks let through, and by nothing else.

The models are scripted; requests, shadows, the record and the guard are the real ones.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

import pytest
from msgspec import json

from stepdown.cascade.plan import Cascade, Cascades
from stepdown.cascade.validators.base import Base
from stepdown.pipeline import Pipeline
from stepdown.quality.guard import assessor
from stepdown.quality.guard.recorded import cause_of
from stepdown.quality.records.guard_store import GuardStore
from stepdown.quality.shadow.money import DayBudget
from stepdown.quality.shadow.shadow import Shadow
from stepdown.routing.guarded import Guarded
from stepdown.storage.address import parse
from stepdown.types import Choice, Decision, Request
from support.guarding import HOUR, loose_ward
from support.pairs import NOON, store_pairs
from support.scripted import Book, Ear
from support.shadows import Deciding, Model, Record, asked, fleet_of, run, shadow_of

WARD = loose_ward("cascade", trusted=True)
LOW = Decision("cascade", "cheap", 0)
HELD = Decision("cascade", "strong", 1, held=0)
RIGHT = '{"a": 1}'
WRONG = '{"a": 2}'
WRONG_AND_SHOWS = '{"a": 2, "sure": false}'
"""What the checks can know for wrong."""


class Sure(Base):
    name = "sure"

    def check(self, choice: Choice, request: Request) -> str | None:
        return "unsure" if json.decode(choice.text).get("sure") is False else None


class Town:
    """A route whose requests a cascade claims, its guard, and a cheap model that is wrong on every
    second of them; ``wrong`` is what it then says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.wrong = WRONG
        self.asked = 0
        self.now = NOON
        self.store = GuardStore(parse(url))
        self.assessor = assessor.Assessor(self.store, lambda: self.now)
        self.assessed = self.assessor.assess([WARD])
        self.record = Record()
        self.cheap = Model(lambda body: self.wrong if self.asked % 2 else RIGHT)
        self.fleet = fleet_of(self.cheap, Model(RIGHT))
        self.route = Deciding()

    @property
    def state(self) -> str:
        return assessor.standing_of(WARD, self.assessed.events).state

    def passes(self, requests: int) -> list[str]:
        """So many requests go through, and the guard looks; what it changed."""
        standing = assessor.standing_of(WARD, self.assessed.events)
        held = standing.state in ("observing", "tripped")
        self.route.decision = HELD if held else LOW
        guarded = Guarded(standing.state, WARD.key, standing.stint)
        cascades = {"auto": Cascades(Cascade(validators=(Sure(),)))}
        self.record = Record()

        def standing_of(route: str, rule: str) -> Guarded:
            return guarded

        shadow = shadow_of(self.fleet, self.record, cascades=cascades, standing_of=standing_of)
        run(lambda: self.goes(shadow, cascades, requests))
        assert sum(self.record.counts.get(what, 0) for what in ("paired", "climbed")) == requests
        store_pairs(self.url, *self.record.pairs)
        self.assessed = self.assessor.assess([WARD])
        written, self.assessor.written = self.assessor.written, []
        return [cause_of(event) for event in written]

    async def goes(self, shadow: Shadow, cascades: dict[str, Cascades], requests: int) -> None:
        pipeline = Pipeline({"auto": self.route}, self.fleet, Book(), cascades, shadow)
        for _ in range(requests):
            shadow.start()
            self.asked += 1
            request = asked(self.asked, response_format={"type": "json_object"})
            await pipeline.handle(request, Ear())
            await shadow.aclose(10.0)

    def probation_ends(self) -> None:
        self.now += HOUR + 1
        assert self.passes(0) == ["probation over"]
        assert self.state == "observing"


@pytest.fixture
def town(sqlite_url: str) -> Iterator[Town]:
    made = Town(sqlite_url)
    yield made
    made.store.close()


def trip(town: Town) -> None:
    assert town.state == "trusted"
    assert town.passes(30) == ["above budget"]
    assert {pair.saver for pair in town.record.pairs} == {"cascade"}
    town.probation_ends()


def test_one_whose_checks_catch_all_that_is_wrong_is_certified_again(town: Town) -> None:
    trip(town)
    town.wrong = WRONG_AND_SHOWS
    assert town.passes(80) == ["certified"]
    assert town.state == "active"
    pairs = town.record.pairs
    assert town.record.counts == {"sampled": 80, "paired": 40, "climbed": 40}
    assert {(pair.served, pair.candidate, pair.saver, pair.key) for pair in pairs} == {
        (1, 0, "cascade", WARD.key)
    }
    assert not any(pair.regret for pair in pairs)


def test_it_is_the_same_evidence_once_it_is_at_work(town: Town) -> None:
    trip(town)
    town.wrong = WRONG_AND_SHOWS
    town.passes(80)
    assert town.passes(80) == []
    assert town.record.counts == {"sampled": 80, "paired": 40, "climbed": 40}
    assert {(pair.served, pair.candidate, pair.saver) for pair in town.record.pairs} == {
        (0, 0, "cascade")
    }


def test_one_whose_checks_are_useless_is_not(town: Town) -> None:
    trip(town)
    assert town.passes(80) == ["above budget"]
    town.probation_ends()
    assert town.passes(80) == ["above budget"]
    assert sum(pair.regret is True for pair in town.record.pairs) == 40


def test_the_calls_of_a_climb_are_paid_for_and_may_be_too_dear(town: Town) -> None:
    town.wrong = WRONG_AND_SHOWS
    cascades = {"auto": Cascades(Cascade(validators=(Sure(),), early_drop=False))}
    town.route.decision = HELD
    for limit, reason in (("1000", "climbed"), ("1", "budget")):
        town.asked = 0
        budget = DayBudget(Decimal(limit))
        town.record = Record()
        shadow = shadow_of(town.fleet, town.record, cascades=cascades, budget=budget)
        run(partial(town.goes, shadow, cascades, 1))
        assert town.record.counts == {"sampled": 1, reason: 1}
        assert budget.spent == town.record.costs.get("climbed", 0)
    assert town.record.costs == {"sampled": 0, "budget": 0}
