"""A held cascade is climbed in the background: without its last rung, with all of its checks."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from msgspec import json

from stepdown.cascade.plan import Cascade, Patience
from stepdown.cascade.validators.base import Base
from stepdown.cascade.validators.judge import Judge
from stepdown.cascade.validators.self_consistency import SelfConsistency
from stepdown.errors import UpstreamRefused
from stepdown.providers.openai import OpenAIDialect
from stepdown.quality.shadow.climbing import Climb, Climbed, Climber
from stepdown.quality.shadow.money import Calling, Costs
from stepdown.types import Choice, Piece, Request, Usage
from support.scripted import SILENCE, Fleet
from support.shadows import Model, asked, fleet_of

D = Decimal
LADDER = ("cheap", "mid", "strong")
A_CALL = 19 + 7
"""Tokens that ``chat.completion`` says were used."""


class Sure(Base):
    """Turns down every answer that says ``unsure``, as soon as it is said."""

    name = "sure"

    def check(self, choice: Choice, request: Request) -> str | None:
        return "unsure" if "unsure" in choice.text else None

    def watch(self, request: Request) -> "Sure.Ear":
        return self.Ear()

    class Ear:
        settled = False

        def feed(self, piece: Piece) -> str | None:
            return "unsure" if "unsure" in (piece.text or "") else None


class Climbs:
    """One climb, and what was learnt of the calls' use."""

    def __init__(
        self, fleet: Fleet, ladder: tuple[str, ...] = LADDER, start: int = 0, **cascade: Any
    ) -> None:
        self.fleet = fleet
        self.learnt: list[tuple[str, Usage]] = []
        cascade.setdefault("validators", (Sure(),))
        self.climb = Climb(Cascade(**cascade), ladder, start)

    def went(
        self, *, timeout: float = 10.0, reference_seconds: float = 0.0, **fields: Any
    ) -> Climbed:
        climb = Climb(self.climb.cascade, self.climb.ladder, self.climb.start, reference_seconds)

        def learn(model: str, request: Request, usage: Usage) -> None:
            self.learnt.append((model, usage))

        async def go() -> Climbed:
            climber = Climber(self.fleet, OpenAIDialect(), timeout)
            return await climber.climb(climb, asked(**fields), learn)

        return asyncio.run(go())

    def asked(self, model: str) -> int:
        upstream = self.fleet.endpoints[model].upstream
        assert isinstance(upstream, Model)
        return len(upstream.asked)


def models(cheap: Any = "sure", mid: Any = "sure", **more: Model) -> Fleet:
    strong = Model(AssertionError("the last rung is not to be called"))
    return fleet_of(Model(cheap), strong, mid=Model(mid), **more)


@pytest.mark.parametrize("early_drop", [False, True])
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_passes_is_the_candidate(early_drop: bool, stream: bool) -> None:
    climbs = Climbs(models("42"), early_drop=early_drop)
    climbed = climbs.went(stream=stream)
    assert climbed.rung == 0
    assert climbed.told.choice is not None
    assert climbed.told.choice.text == "42"
    [(model, usage)] = climbs.learnt
    assert model == "cheap"
    assert climbed.told.cost == climbed.told.spent == (usage.input + usage.output) * D("0.01")
    assert (climbed.told.error, climbed.told.unknown) == ("", 0)
    assert (climbs.asked("mid"), climbs.asked("strong")) == (0, 0)


def test_one_that_is_turned_down_climbs_and_all_calls_are_paid_for() -> None:
    climbs = Climbs(models("unsure", "42"), early_drop=False)
    climbed = climbs.went()
    assert climbed.rung == 1
    assert climbed.told.cost == A_CALL * D("0.10")
    assert climbed.told.spent == A_CALL * D("0.11")


@pytest.mark.parametrize("early_drop", [False, True])
@pytest.mark.parametrize("best_effort", [False, True])
def test_where_none_passes_nothing_would_have_gone_down(
    early_drop: bool, best_effort: bool
) -> None:
    climbs = Climbs(
        models("unsure", "unsure"), early_drop=early_drop, serve_best_effort=best_effort
    )
    climbed = climbs.went()
    assert (climbed.rung, climbed.told.choice, climbed.told.error) == (None, None, "")
    assert climbed.told.spent > 0
    assert climbs.asked("strong") == 0


def test_it_begins_where_the_rule_would_have() -> None:
    climbs = Climbs(models(), start=1)
    assert climbs.went().rung == 1
    assert climbs.asked("cheap") == 0


def graded(grade: str) -> Model:
    return Model(json.encode({"grade": grade}).decode())


@pytest.mark.parametrize(("grade", "rung"), [("5", 0), ("2", None)])
def test_graders_are_asked_and_paid_for(grade: str, rung: int | None) -> None:
    fleet = models(judge=graded(grade))
    climbs = Climbs(fleet, ("cheap", "strong"), graders=(Judge("judge"),), early_drop=False)
    climbed = climbs.went()
    assert (climbed.rung, climbed.told.error) == (rung, "")
    assert climbed.told.spent == A_CALL * D("0.11")
    assert {model for model, _ in climbs.learnt} == {"cheap", "judge"}


def test_a_rung_that_fails_is_climbed_over() -> None:
    climbs = Climbs(models(UpstreamRefused("Too long."), "42"))
    assert climbs.went().rung == 1


def test_where_no_rung_answers_it_says_so() -> None:
    refusing = UpstreamRefused("Too long.")
    climbed = Climbs(models(refusing, refusing)).went()
    assert climbed.rung is None
    assert climbed.told.error == "upstream_refused: no rung below the last answered"


def test_one_that_fails_behind_one_that_was_turned_down_has_climbed() -> None:
    climbed = Climbs(models("unsure", UpstreamRefused("Too long."))).went()
    assert (climbed.rung, climbed.told.error) == (None, "")


def silent() -> Fleet:
    return fleet_of(Model("42", SILENCE), Model())


def test_a_climb_has_its_time() -> None:
    climbed = Climbs(silent(), ("cheap", "strong")).went(timeout=0.02)
    assert climbed.told.error == "upstream_timeout: no answer within 0.02 s"


def test_a_rung_that_takes_too_long_for_the_cascade_has_climbed() -> None:
    patience = Patience(total=0.02)
    climbed = Climbs(silent(), ("cheap", "strong"), patience=patience).went()
    assert (climbed.rung, climbed.told.error) == (None, "")


def test_beside_a_hedge_the_last_rung_is_there_after_as_long_as_it_took() -> None:
    hedged = Patience(hedge_after=0.0)
    climbed = Climbs(silent(), ("cheap", "strong"), patience=hedged).went(reference_seconds=0.01)
    assert (climbed.rung, climbed.told.error) == (None, "")
    slow = fleet_of(Model("42", 0.01), Model())
    climbed = Climbs(slow, ("cheap", "strong"), patience=hedged).went(reference_seconds=9.0)
    assert climbed.rung == 0


def test_what_a_climb_may_take() -> None:
    checked = Cascade(graders=(Judge("judge"), SelfConsistency(samples=3)))
    assert Climb(checked, LADDER, 0).calls() == [
        Calling("cheap"),
        Calling("mid"),
        Calling("judge", about="cheap"),
        Calling("cheap"),
        Calling("cheap"),
        Calling("judge", about="mid"),
        Calling("mid"),
        Calling("mid"),
    ]
    assert Climb(checked, LADDER, 1).calls() == [
        Calling("mid"),
        Calling("judge", about="mid"),
        Calling("mid"),
        Calling("mid"),
    ]


def test_what_is_set_aside_is_at_least_what_it_costs() -> None:
    fleet = models("unsure", "42", judge=graded("5"))
    climbs = Climbs(fleet, graders=(Judge("judge"),), early_drop=False)
    most = Costs(fleet.price).of_calls(climbs.climb.calls(), asked())
    assert most is not None
    assert most >= climbs.went().told.spent
    assert Costs(lambda model: None).of_calls(climbs.climb.calls(), asked()) is None
